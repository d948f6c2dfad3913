"""The rows of the matrix: a framework's application on a server.

Knows: their names.
Must not know: how anything is checked, what is expected.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.support.asgi_servers import ALL, Kind
from tests.support.environments import python_of


@dataclass(frozen=True)
class Framework:
    """A framework with an application in `apps`.

    Attributes:
        name: for names of tests.
        title: for people.
        package: whose version says what was tried.
        wrapped: how byway is put around it.
        root_path: whether it routes below a `root_path`; without that it is served without one.
        page: of the documentation, as seen from docs/reference.
        application: of the module, without `_app`, where it is not the name.
        environment: in which it is installed, where that is another one than the checkout's.
    """

    name: str
    title: str
    package: str
    wrapped: str
    root_path: bool = True
    page: str = ""
    application: str = ""
    environment: str = ""

    @property
    def python(self) -> str | Path:
        """Of its environment; skips the test where that was not made."""
        return python_of(self.environment) if self.environment else sys.executable

    @property
    def module(self) -> str:
        """Where its `plain` and `app` are."""
        return f"tests.matrix.apps.{self.application or self.name}_app"

    @property
    def version(self) -> str:
        """What was tried."""
        if not self.environment:
            return f"{self.title} {version(self.package)}"
        ask = f"import importlib.metadata as it; print(it.version({self.package!r}))"
        told = subprocess.run([self.python, "-c", ask], check=True, capture_output=True, text=True)
        return f"{self.title} {told.stdout.strip()}"


@dataclass(frozen=True)
class Row:
    """An application on a server.

    Attributes:
        framework: whose application.
        server: which server.
    """

    framework: Framework
    server: Kind

    @property
    def name(self) -> str:
        """For names of tests."""
        return f"{self.framework.name}-{self.server.name}"

    @property
    def root_path(self) -> str:
        """What the server is told as such."""
        return "/base" if self.framework.root_path else ""


UVICORN: Final = ALL["uvicorn-httptools-websockets-sansio"]
"""What a user gets who says nothing."""

STARLETTE: Final = Framework(
    "starlette", "Starlette", "starlette", "`Middleware(FallbackMiddleware)`, first in the list"
)
BAREASGI: Final = Framework(
    "bareasgi", "bareASGI", "bareASGI", "`FallbackMiddleware(application)`", root_path=False
)
BAREASGI_5: Final = Framework(
    "bareasgi5",
    "bareASGI",
    "bareASGI",
    "`FallbackMiddleware(application)`",
    root_path=False,
    application="bareasgi",
    environment="py312",
)
FASTAPI: Final = Framework(
    "fastapi", "FastAPI", "fastapi", "`app.add_middleware(FallbackMiddleware)`, last"
)
LITESTAR: Final = Framework("litestar", "Litestar", "litestar", "`FallbackMiddleware(application)`")
QUART: Final = Framework(
    "quart", "Quart", "quart", "`app.asgi_app = FallbackMiddleware(app.asgi_app)`"
)
CHANNELS: Final = Framework(
    "channels", "Django Channels", "channels", "`FallbackMiddleware(application)` in `asgi.py`"
)
FALCON: Final = Framework(
    "falcon", "Falcon", "falcon", "`FallbackMiddleware(application)`", root_path=False
)
BLACKSHEEP: Final = Framework(
    "blacksheep", "BlackSheep", "blacksheep", "`FallbackMiddleware(application)`"
)
SANIC: Final = Framework(
    "sanic", "Sanic", "sanic", "`FallbackMiddleware(application)`", root_path=False
)

FRAMEWORKS: Final = (
    STARLETTE,
    BAREASGI,
    BAREASGI_5,
    FASTAPI,
    LITESTAR,
    QUART,
    CHANNELS,
    FALCON,
    BLACKSHEEP,
    SANIC,
)
"""All, in the order of their page; each runs on uvicorn."""

ON_EVERY_SERVER: Final = (STARLETTE, BAREASGI)
"""Those that run on each server, in the order of its page."""

ROWS: Final = (
    *(Row(one, server) for server in ALL.values() for one in ON_EVERY_SERVER),
    *(Row(one, UVICORN) for one in FRAMEWORKS if one not in ON_EVERY_SERVER),
)
"""All of the matrix."""
