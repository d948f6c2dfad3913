"""The controls of the demonstration's page: they change the network under its socket.

Knows: the restrictive network, and who may command it.
Must not know: what goes through the network, where the controls are served.

They are asked on a port of their own, beside the network: nothing that they do locks them out.
A page of another site can neither read the token nor name an origin that is answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal

from byway.testing import Network

Scope = dict[str, Any]

CUT_INTERVAL = 1.5
"""Seconds between two cuts, where all is cut again and again."""

MAX_BODY: Final = 1024

logger: logging.Logger = logging.getLogger("byway.demo")


@dataclass(frozen=True, slots=True)
class State:
    """What stands in the way.

    Attributes:
        websocket: what becomes of upgrades.
        buffered: whether answers pass only when they are complete.
        slow: whether a round trip takes 100 ms.
        cutting: whether all connections are reset every `CUT_INTERVAL`.
    """

    websocket: Literal["pass", "refuse", "swallow"] = "pass"
    buffered: bool = False
    slow: bool = False
    cutting: bool = False

    def changed(self, asked: Any) -> State:
        """Return the state with what was asked for.

        Raises:
            ValueError: it is nothing that can be asked for.
        """
        if not isinstance(asked, dict) or not asked.keys() <= {one.name for one in fields(self)}:
            raise ValueError("ask for websocket, buffered, slow and cutting")
        for name, value in asked.items():
            if name == "websocket":
                if value not in ("pass", "refuse", "swallow"):
                    raise ValueError("websocket must be pass, refuse or swallow")
            elif not isinstance(value, bool):
                raise ValueError(f"{name} is true or false")
        return replace(self, **asked)

    @property
    def profiles(self) -> list[str]:
        """The names of the profiles that make it."""
        upgrades = {"pass": [], "refuse": ["refuse-403"], "swallow": ["black-hole"]}
        return [
            *upgrades[self.websocket],
            *(["buffer-all"] if self.buffered else []),
            *(["rtt-100"] if self.slow else []),
        ]


class Controls:
    """Changes a network."""

    def __init__(self, network: Network) -> None:
        """Leave it as it is."""
        self.state: State = State()
        self._network = network
        self._cutting: asyncio.Task[None] | None = None

    def change(self, state: State) -> None:
        """Put something else in the way."""
        before, self.state = self.state, state
        self._network.use(*state.profiles)
        # What is open keeps the rules that it began with: a WebSocket would go on, and one that
        # was swallowed be waited for.
        if (state.websocket, state.buffered) != (before.websocket, before.buffered):
            self.cut()
        if state.cutting and self._cutting is None:
            self._cutting = asyncio.create_task(self._cut_again())
        elif not state.cutting:
            self.stop()

    def cut(self) -> int:
        """Reset all connections; return how many there were."""
        return self._network.kill_connections()

    def stop(self) -> None:
        """End what is going on."""
        if self._cutting is not None:
            self._cutting.cancel()
            self._cutting = None

    async def _cut_again(self) -> None:
        while True:
            self.cut()
            await asyncio.sleep(CUT_INTERVAL)


class ControlsApp:
    """The controls as an ASGI application.

    `GET /network` and `POST /network` tell and change the state, `POST /cut` cuts once and `POST
    /heal` puts nothing in the way any more. All answer with the state.
    """

    def __init__(self, controls: Controls, token: str, origins: Iterable[str]) -> None:
        """Serve.

        Args:
            controls: what is changed.
            token: what requests have to bring.
            origins: whose pages may ask.
        """
        self._controls = controls
        self._authorization = f"Bearer {token}".encode()
        self._origins = frozenset(one.encode() for one in origins)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one ASGI call."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            return  # there is nothing to begin or to end
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"")
        local = (scope.get("client") or ("", 0))[0] == "127.0.0.1"
        cors: list[tuple[bytes, bytes]] = [(b"vary", b"origin")]
        if not local or (origin and origin not in self._origins):
            await _answer(send, 403, cors, {"error": "not from there"})
            return
        if origin:
            cors.append((b"access-control-allow-origin", origin))
        if scope["method"] == "OPTIONS":
            cors += [
                (b"access-control-allow-methods", b"GET, POST"),
                (b"access-control-allow-headers", b"authorization, content-type"),
                (b"access-control-max-age", b"600"),
            ]
            await _answer(send, 200, cors, {})
            return
        if not secrets.compare_digest(headers.get(b"authorization", b""), self._authorization):
            await _answer(send, 401, cors, {"error": "the token is missing or wrong"})
            return
        try:
            status, answer = self._do(scope["method"], scope["path"], await _body(receive))
        except ValueError as error:
            status, answer = 400, {"error": str(error)}
        await _answer(send, status, cors, answer)

    def _do(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        cut = 0
        match method, path:
            case "GET", "/network":
                pass
            case "POST", "/network":
                self._controls.change(self._controls.state.changed(json.loads(body)))
            case "POST", "/heal":
                self._controls.change(State())
            case "POST", "/cut":
                cut = self._controls.cut()
            case _:
                return 404, {"error": "this control does not exist"}
        logger.debug("%s %s: %s", method, path, self._controls.state)
        return 200, {**asdict(self._controls.state), "cut": cut}


async def _body(receive: Any) -> bytes:
    """Return the body of a request.

    Raises:
        ValueError: it is too long.
    """
    body: bytes = b""
    while True:
        event = await receive()
        piece: bytes = event.get("body", b"")
        body += piece
        if len(body) > MAX_BODY:
            raise ValueError("the request is too long")
        if not event.get("more_body", False):
            return body


async def _answer(
    send: Any, status: int, cors: list[tuple[bytes, bytes]], answer: dict[str, Any]
) -> None:
    body = json.dumps(answer).encode()
    headers = [
        *cors,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
