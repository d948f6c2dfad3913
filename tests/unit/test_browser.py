"""The browser's module as it is served: what HTTP caches are told, and that it is what it says."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import MutableMapping
from typing import Any

import pytest

import byway.browser
from byway.errors import UsageError
from byway.http_library import httpx

NAMES = byway.browser.FILES


async def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask the application, mounted below /byway, without a server."""
    transport = httpx.ASGITransport(byway.browser.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://byway.test") as client:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, f"/byway/{path}", headers=given)


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_is_served_as_javascript(name: str) -> None:
    answer = await ask(name, accept_encoding="identity")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-length"] == str(len(byway.browser.read(name)))
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in answer.headers
    assert answer.content == byway.browser.read(name)


@pytest.mark.parametrize("accept", ["gzip", "br, GZIP;q=0.5", "gzip; q=1.0"])
async def test_who_takes_gzip_gets_it(accept: str) -> None:
    answer = await ask("byway.js", accept_encoding=accept)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(byway.browser.read("byway.js")) / 2
    assert answer.content == byway.browser.read("byway.js")  # httpx has unpacked it


@pytest.mark.parametrize("accept", ["", "br", "gzip;q=0", "gzip; q=0.000", "notgzip"])
async def test_who_does_not_gets_it_as_it_is(accept: str) -> None:
    assert "content-encoding" not in (await ask("byway.js", accept_encoding=accept)).headers


async def test_each_form_has_its_own_tag() -> None:
    plain = await ask("byway.js", accept_encoding="identity")
    packed = await ask("byway.js", accept_encoding="gzip")
    assert plain.headers["etag"] != packed.headers["etag"]
    for one in (plain, packed):
        assert one.headers["vary"] == "Accept-Encoding"
        assert re.fullmatch(r'"[0-9a-f]{12}(-gzip)?"', one.headers["etag"])


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_who_has_it_is_told_so(encoding: str) -> None:
    first = await ask("byway.js", accept_encoding=encoding)
    tag = first.headers["etag"]
    again = await ask("byway.js", accept_encoding=encoding, if_none_match=f'"other", {tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert again.headers["vary"] == "Accept-Encoding"
    other = "gzip" if encoding == "identity" else "identity"
    assert (await ask("byway.js", accept_encoding=other, if_none_match=tag)).status_code == 200


async def test_head_is_get_without_a_body() -> None:
    got, head = await ask("byway.js"), await ask("byway.js", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize("path", ["", "other.js", "__init__.py", "byway.js/", "../__init__.py"])
async def test_no_other_file_is_served(path: str) -> None:
    answer = await ask(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_a_file_can_only_be_read(method: str) -> None:
    answer = await ask("byway.js", method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_only_an_address_with_the_right_version_is_kept() -> None:
    version = byway.browser.version("byway.js")
    for query in (f"?v={version}", f"?v={version}&install"):
        kept = (await ask(f"byway.js{query}")).headers["cache-control"]
        assert kept == "public, max-age=31536000, immutable"
    for query in ("", "?v=", "?v=000000000000", f"?install&v={version}"):
        assert (await ask(f"byway.js{query}")).headers["cache-control"] == "no-cache"
    other = byway.browser.version("byway.min.js")
    assert (await ask(f"byway.js?v={other}")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", NAMES)
def test_the_integrity_is_that_of_the_bytes(name: str) -> None:
    algorithm, _, digest = byway.browser.integrity(name).partition("-")
    wanted = hashlib.new(algorithm, byway.browser.read(name)).digest()
    assert base64.b64decode(digest, validate=True) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_the_element_says_version_and_integrity(name: str) -> None:
    tag = byway.browser.tag("https://cdn.test/a&b", name=name, install=True)
    version, integrity = byway.browser.version(name), byway.browser.integrity(name)
    assert f'src="https://cdn.test/a&amp;b/{name}?v={version}&amp;install"' in tag
    assert f'integrity="{integrity}" crossorigin="anonymous"' in tag
    assert ('type="module"' in tag) == (name != "byway.global.js")
    assert "install" not in byway.browser.tag()


def test_an_unknown_file_is_an_error() -> None:
    for function in (byway.browser.read, byway.browser.integrity, byway.browser.version):
        with pytest.raises(UsageError, match=r"byway\.js, byway\.min\.js"):
            function("other.js")
    with pytest.raises(UsageError):
        byway.browser.tag(name="other.js")


async def run(scope: dict[str, Any], *events: str) -> list[str]:
    """Run the application with these events, and return those that it sent."""
    waiting, sent = list(events), []

    async def receive() -> dict[str, Any]:
        return {"type": waiting.pop(0)}

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event["type"])

    await byway.browser.app(scope, receive, send)
    return sent


async def test_websockets_are_refused() -> None:
    scope = {"type": "websocket", "path": "/byway/byway.js", "headers": []}
    assert await run(scope, "websocket.connect") == ["websocket.close"]


async def test_it_can_be_served_alone() -> None:
    sent = await run({"type": "lifespan"}, "lifespan.startup", "lifespan.shutdown")
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
