"""The pages of the libraries' tests, with byway.js and the npm packages beside them.

Knows: where the packages were installed, and how a page names them.
Must not know: what a library does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import byway.browser

HERE: Final = Path(__file__).parent

PACKAGES: Final = HERE / "node_modules"
"""Where `make test` installs what package.json names."""

# What a bundler for browsers would take (Node.js, "Conditional exports").
_CONDITIONS: Final = ("browser", "module", "import", "default")


def routes(page: str, *packages: str) -> list[BaseRoute]:
    """Return the routes of a page and of what it loads.

    Args:
        page: the file with it, in this folder; its `{import map}` is filled in.
        packages: the npm packages that it imports by name.
    """

    async def index(request: Request) -> Response:
        return HTMLResponse(fill(page, *packages))

    return [Route("/", index), *scripts()]


def scripts() -> list[BaseRoute]:
    """Return the routes of byway's module, of watch.js and of all npm packages."""

    async def watch(request: Request) -> Response:
        return FileResponse(HERE / "watch.js", media_type="text/javascript")

    return [
        Mount("/byway", byway.browser.app),
        Route("/watch.js", watch),
        Mount("/npm", StaticFiles(directory=PACKAGES, check_dir=False)),
    ]


def fill(page: str, *packages: str) -> str:
    """Return a page with its import map."""
    return (HERE / page).read_text().replace("{import map}", json.dumps(import_map(*packages)))


def import_map(*packages: str) -> dict[str, Any]:
    """Return the import map for packages and what they depend on, as their package.json say."""
    imports: dict[str, str] = {}
    waiting, known = list(packages), set(packages)
    while waiting:
        name = waiting.pop()
        package = _package(name)
        for path, entry in package.get("exports", {".": package.get("module")}).items():
            target = _target(entry)
            if target is not None and "*" not in path:
                imports[name + path.removeprefix(".")] = f"/npm/{name}/{target.removeprefix('./')}"
        more = package.get("dependencies", {}).keys() - known
        waiting += more
        known |= more
    return {"imports": imports}


def version(name: str) -> str:
    """Return the version of a package that is installed."""
    found: str = _package(name)["version"]
    return found


def _package(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGES / name / "package.json").read_text())
    return found


def _target(entry: Any) -> str | None:
    """Return the first file that an entry of `exports` names for browsers."""
    if not isinstance(entry, dict):
        return entry if isinstance(entry, str) else None
    for condition, inner in entry.items():
        if condition in _CONDITIONS and (found := _target(inner)) is not None:
            return found
    return None
