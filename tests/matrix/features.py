"""What the matrix checks: each a small coroutine that fails with what it has seen.

Knows: what the applications in `tests/matrix/apps` serve.
Must not know: frameworks, servers, whose fault a failure is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.matrix.clients import PLAIN, TRANSPORTS, Client, Denied, connect
from tests.support.line import line

NONE: Final = "none"
"""What a check returns where the framework has no such thing."""

MIB: Final = 1 << 20

Check = Callable[["World", str], Awaitable["str | None"]]


@dataclass
class World:
    """An application that is served.

    Attributes:
        port: of the server, on 127.0.0.1.
        tls: settings of a client, where the server wants TLS.
        prefix: what stands in front of each path.
        root_path: what the application should see as such.
        http: a client for ordinary HTTP.
        stop: asks the server to stop.
        plain: whether the application is the one without byway.
    """

    port: int
    http: httpx.AsyncClient
    stop: Callable[[], None]
    tls: ssl.SSLContext | None = None
    prefix: str = ""
    root_path: str = ""
    plain: bool = False
    seen: dict[str, asyncio.Task[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let the server stop once a client over each transport is there."""
        self.all_here = asyncio.Barrier(len(self.ways))

    def url(self, path: str, port: int = 0) -> str:
        """Return an address."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{port or self.port}{self.prefix}{path}"

    def connect(self, way: str, path: str, **options: Any) -> Any:
        """Connect a client; see `clients.connect`."""
        port = options.pop("port", 0)
        return connect(way, self.url(path, port), tls=self.tls, **options)

    @property
    def ways(self) -> tuple[str, ...]:
        """Over what clients come."""
        return (PLAIN,) if self.plain else TRANSPORTS


@dataclass(frozen=True)
class Feature:
    """One thing that is checked.

    Attributes:
        name: in failures and in `expected.py`.
        column: of the pages' tables.
        check: does it.
        each: over each transport by itself; else once.
        limit: seconds that it may take, on a busy machine.
    """

    name: str
    column: str
    check: Check
    each: bool = True
    limit: float = 30.0


def equal(seen: object, wanted: object) -> None:
    """Fail with what was seen."""
    assert seen == wanted, f"{_short(seen)} instead of {_short(wanted)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 160 else f"{text[:150]}… ({len(text)})"


async def echoes(world: World, way: str, *messages: str | bytes) -> None:
    """Send messages and check that they come back."""
    async with world.connect(way, "/echo") as client:
        for one in messages:
            await client.send(one)
        equal([await client.receive() for _ in messages], list(messages))


async def text(world: World, way: str) -> None:
    """Text comes back as text."""
    await echoes(world, way, "hello", "Grüße €😀", "\x00 \r\n\u2028", "x" * 5000)


async def binary(world: World, way: str) -> None:
    """Binary data comes back as such."""
    await echoes(world, way, b"hello", bytes(range(256)), b"\xff\xfe")


async def empties(world: World, way: str, empty: str | bytes, other: str | bytes) -> None:
    """Check that an empty message comes back, alone and among others."""
    async with world.connect(way, "/echo") as client:
        for among in ([empty], [empty], [empty, other, empty, empty], [other]):
            for one in among:
                await client.send(one)
            equal([await client.receive() for _ in among], among)


async def empty_texts(world: World, way: str) -> None:
    """Empty texts are messages."""
    await empties(world, way, "", "other")


async def empty_binaries(world: World, way: str) -> None:
    """So are empty binary ones."""
    await empties(world, way, b"", b"other")


async def large(world: World, way: str) -> None:
    """Messages of 1 MiB come back."""
    await echoes(world, way, "0123456789abcdef" * (MIB // 16), bytes(range(256)) * (MIB // 256))


async def about(world: World, way: str) -> dict[str, Any]:
    """Return what the application sees of a client; asked once for each way."""
    if way not in world.seen:
        world.seen[way] = asyncio.create_task(_about(world, way))
    return await asyncio.shield(world.seen[way])


async def _about(world: World, way: str) -> dict[str, Any]:
    jar = httpx.Cookies()
    login = await world.http.get(world.url("/login?user=alice"))
    jar.update(login.cookies)
    pairs = ["one=1", "two=2%3D2", *(f"{one.name}={one.value}" for one in jar.jar)]
    headers = [
        ("X-Test", "a value"),
        ("Cookie", "; ".join(pairs)),
        ("Authorization", "Bearer bob"),
    ]
    path = "/about/this?a=1&b=%C3%A4%26&c="
    async with world.connect(way, path, headers=headers) as client:
        seen: dict[str, Any] = json.loads(await client.receive()) | {"login": login.status_code}
        await client.send("more")
        equal(await client.receive(), "more")
    return seen


async def path(world: World, way: str) -> None:
    """The handler gets the path's parameter."""
    async with world.connect(way, "/about/gr%C3%BCn%20x") as client:
        equal(json.loads(await client.receive())["item"], "grün x")


async def query(world: World, way: str) -> None:
    """It gets the query; an empty value may be left out."""
    seen = {name: value for name, value in (await about(world, way))["query"].items() if value}
    equal(seen, {"a": "1", "b": "ä&"})


async def cookies(world: World, way: str) -> None:
    """It gets the cookies."""
    seen = (await about(world, way))["cookies"]
    assert seen.get("one") == "1", f"the cookies {seen}"
    assert seen.get("two") in ("2%3D2", "2=2"), f"the cookies {seen}"


async def header(world: World, way: str) -> None:
    """It gets the client's headers."""
    equal((await about(world, way))["header"], "a value")


async def root_path(world: World, way: str) -> str | None:
    """It gets the `root_path`, where the framework routes below one."""
    equal((await about(world, way))["root_path"], world.root_path)
    return None if world.root_path else NONE


async def address(world: World, way: str) -> None:
    """It gets the client's address."""
    equal((await about(world, way))["client"], "127.0.0.1")


async def session(world: World, way: str) -> str | None:
    """The session's middleware knows who logged in over HTTP."""
    seen = await about(world, way)
    assert seen["login"] == 200, f"the login got {seen['login']}"
    if seen["user"] is None:
        return NONE
    equal(seen["user"], "alice")
    return None


async def authentication(world: World, way: str) -> str | None:
    """The middleware for authentication knows the client."""
    if (user := (await about(world, way))["auth"]) is None:
        return NONE
    equal(user, "bob")
    return None


async def subprotocol(world: World, way: str) -> None:
    """The application chooses one of the subprotocols."""
    async with world.connect(way, "/echo", subprotocols=["other.v1", "echo.v1"]) as client:
        equal(client.subprotocol, "echo.v1")


async def refused(world: World, way: str, path: str) -> Denied:
    """Return how a handshake was refused."""
    try:
        async with world.connect(way, path) as client:
            await client.receive()
            raise AssertionError(f"accepted, then closed with {client.code}")
    except Denied as denied:
        return denied


async def refuse(world: World, way: str) -> None:
    """A handshake that the application refuses gets 403."""
    equal((await refused(world, way, "/refuse")).status, 403)


async def deny(world: World, way: str) -> None:
    """One that it refuses with a response gets that."""
    denied = await refused(world, way, "/deny")
    seen = (denied.status, denied.headers.get("x-denied"), denied.body)
    equal(seen, (401, "yes", b"no entry"))


async def closed_by_application(world: World, way: str) -> Client:
    """Return a client that the application has closed."""
    async with world.connect(way, "/echo") as client:
        await client.send("close:4001:enough")
        equal(await client.receive(), None)
        found: Client = client
        return found


async def application_code(world: World, way: str) -> None:
    """The client gets the application's close code."""
    equal((await closed_by_application(world, way)).code, 4001)


async def application_reason(world: World, way: str) -> None:
    """And its reason."""
    equal((await closed_by_application(world, way)).reason, "enough")


async def closed_by_client(world: World, way: str) -> dict[str, Any]:
    """Return how a client's close was told to the application."""
    name = f"{way}-{len(world.seen)}-{id(asyncio.current_task())}"
    async with world.connect(way, f"/last?id={name}") as client:
        await client.close(4002, "farewell")
    while True:
        response = await world.http.get(world.url(f"/last?id={name}"))
        response.raise_for_status()
        seen: dict[str, Any] | None = response.json()
        if seen is not None:
            return seen
        await asyncio.sleep(0.05)  # nothing says when it has been told


async def client_code(world: World, way: str) -> None:
    """The application gets the client's close code."""
    equal((await closed_by_client(world, way))["code"], 4002)


async def client_reason(world: World, way: str) -> None:
    """And its reason."""
    equal((await closed_by_client(world, way))["reason"], "farewell")


async def exception(world: World, way: str) -> None:
    """An exception in the handler ends the session with 1011."""
    async with world.connect(way, "/echo") as client:
        await client.send("raise")
        equal(await client.receive(), None)
        equal(client.code, 1011)


async def until(client: Client, wanted: str) -> None:
    """Read until a text has come."""
    while (seen := await client.receive()) != wanted:
        assert seen is not None, f"closed with {client.code} before {wanted!r} came"


async def join(stack: AsyncExitStack, world: World, way: str, name: str, **options: Any) -> Client:
    """Enter the room: what is said there is heard from then on."""
    client: Client = await stack.enter_async_context(world.connect(way, "/room", **options))
    await client.send(f"{name} is here")
    await until(client, f"{name} is here")
    return client


async def room(world: World, way: str) -> None:
    """Twenty in a room, over all transports, hear what each says, while some of them vanish."""
    async with AsyncExitStack() as stack:
        ways = [one for one in world.ways for _ in range(20 // len(world.ways))]
        names = [f"{one} {number}" for number, one in enumerate(ways)]
        joining = [join(stack, world, one, name) for one, name in zip(ways, names, strict=True)]
        members = await asyncio.gather(*joining)
        await members[0].send("welcome")
        await asyncio.gather(*(until(one, "welcome") for one in members))
        await vanish(world, members)


async def vanish(world: World, members: list[Client]) -> None:
    """One over each transport vanishes while it is sent to: the others hear all of it."""
    async with line(world.port) as wire, AsyncExitStack() as stack:
        for way in world.ways:
            await join(stack, world, way, f"fleeting {way}", port=wire.port, close_timeout=0.1)
        texts = [f"after {number}" for number in range(20)]
        for number, one in enumerate(texts):
            await members[number].send(one)
            if number == 5:
                wire.refusing = True
                wire.rst()

        async def hears(member: Client) -> None:
            missing = set(texts)
            while missing:
                seen = await member.receive()
                assert seen is not None, f"closed with {member.code}, not heard: {missing}"
                missing.discard(str(seen))

        await asyncio.gather(*map(hears, members))


async def stop(world: World, way: str) -> None:
    """A client whose server stops is told so with 1012, or 1001."""
    async with world.connect(way, "/echo") as client:
        await client.send("before")
        equal(await client.receive(), "before")
        if await world.all_here.wait() == 0:
            world.stop()
        while await client.receive() is not None:
            pass
        assert client.code in (1001, 1012), f"closed with {client.code}"


async def hello(world: World, way: str) -> None:
    """A page is served."""
    response = await world.http.get(world.url("/hello"))
    equal((response.status_code, response.text), (200, "hello"))


async def stream(world: World, way: str) -> None:
    """A response comes in pieces."""
    async with world.http.stream("GET", world.url("/stream")) as response:
        pieces = [one async for one in response.aiter_bytes()]
    equal(b"".join(pieces), b"".join(b"chunk %d\n" % number for number in range(5)))
    assert len(pieces) > 1, "all of it came at once"


async def upload(world: World, way: str) -> None:
    """A body without a length arrives whole."""
    piece = bytes(range(256)) * 256

    async def body() -> AsyncIterator[bytes]:
        for _ in range(MIB // len(piece)):
            yield piece

    response = await world.http.post(world.url("/upload"), content=body())
    response.raise_for_status()
    digest = hashlib.sha256(piece * (MIB // len(piece))).hexdigest()
    equal(response.json(), {"size": MIB, "sha256": digest})


async def static(world: World, way: str) -> None:
    """A file is served."""
    response = await world.http.get(world.url("/static/file.txt"))
    equal((response.status_code, response.text.strip()), (200, "a static file"))


async def lifespan(world: World, way: str) -> str | None:
    """The application has been started."""
    if (started := (await world.http.get(world.url("/state"))).json()["started"]) is None:
        return NONE
    equal(started, True)
    return None


FEATURES: Final = (
    Feature("text", "messages", text),
    Feature("binary", "messages", binary),
    Feature("empty texts", "empty messages", empty_texts),
    Feature("empty binaries", "empty messages", empty_binaries),
    Feature("1 MiB", "1 MiB", large, limit=60.0),
    Feature("path", "request", path),
    Feature("query", "request", query),
    Feature("cookies", "request", cookies),
    Feature("header", "request", header),
    Feature("address", "request", address),
    Feature("root_path", "root_path", root_path),
    Feature("session", "session, user", session),
    Feature("authentication", "session, user", authentication),
    Feature("subprotocol", "subprotocol", subprotocol),
    Feature("refuse", "refusal", refuse),
    Feature("deny", "refusal", deny),
    Feature("application's code", "close codes", application_code),
    Feature("application's reason", "close codes", application_reason),
    Feature("client's code", "close codes", client_code),
    Feature("client's reason", "close codes", client_reason),
    Feature("exception", "exception", exception),
    Feature("room", "room of 20", room, each=False),
    Feature("hello", "HTTP", hello, each=False),
    Feature("stream", "HTTP", stream, each=False),
    Feature("upload", "HTTP", upload, each=False),
    Feature("static", "HTTP", static, each=False),
    Feature("lifespan", "HTTP", lifespan, each=False),
)
"""All that are checked while the server runs."""

STOP: Final = Feature("SIGTERM", "SIGTERM", stop, limit=10.0)
"""What is checked last: for it the server stops."""

ONCE: Final = "all"
"""In the place of the transport for what is checked once."""


async def check(world: World, feature: Feature, way: str) -> str:
    """Check one thing; return what was wrong, `NONE`, or "".

    Args:
        world: where.
        feature: what.
        way: over which transport.
    """
    try:
        async with asyncio.timeout(feature.limit):
            return await feature.check(world, way) or ""
    except TimeoutError:
        return f"not within {feature.limit:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}".removeprefix("AssertionError: ")


async def close_quietly(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
