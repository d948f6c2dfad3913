"""The chats of examples/frameworks run as they stand, under uvicorn, over every transport."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

import byway
from byway import FallbackMiddleware
from byway.negotiation import DEFAULT_ORDER
from tests.support.process import ROOT
from tests.support.servers import Server, uvicorn

APPLICATIONS = {
    "blacksheep": "examples.frameworks.blacksheep_app:app",
    "django-channels": "examples.frameworks.django_chat.asgi:application",
    "falcon": "examples.frameworks.falcon_app:app",
    "litestar": "examples.frameworks.litestar_app:app",
    "quart": "examples.frameworks.quart_app:app",
    "sanic": "examples.frameworks.sanic_app:app",
}

POST = {"access-control-request-method": "POST"}  # what a browser asks before a page's request
BYWAYS = {**POST, "access-control-request-headers": "byway, content-type"}


async def chat(
    server: Server, transport: str, ann_at: str, bob_at: str, headers: dict[str, str] | None = None
) -> int:
    """Let two visitors hear each other; return the status that a second of one name gets."""

    def enter(path: str, *transports: str) -> byway.connect:
        url = server.url(path)
        return byway.connect(url, transports=list(transports), memory=False, headers=headers)

    async with enter(ann_at, transport) as ann, enter(bob_at, "websocket") as bob:
        assert await ann.receive() == "welcome, ann"
        assert await bob.receive() == "welcome, bob"
        for text in ("hello", "", "two\nlines"):
            await ann.send(text)
            assert await bob.receive() == f"ann: {text}"
            assert await ann.receive() == f"ann: {text}"
        try:
            async with enter(ann_at, transport) as again:
                assert await again.receive() is None
                return again.code or 0
        except byway.Refused as refused:
            return refused.status


@pytest.mark.parametrize("framework", APPLICATIONS)
async def test_visitors_hear_each_other_over_every_transport(framework: str) -> None:
    with uvicorn(APPLICATIONS[framework]) as server:
        # Django's validator wants to be told which page asks, as a browser tells it.
        headers = {"origin": server.url("")} if framework == "django-channels" else None
        for transport in DEFAULT_ORDER:
            status = await chat(server, transport, "/chat/ann", "/chat/bob", headers)
            assert status == (1000 if framework == "sanic" else 403)
    server.assert_quiet()


async def test_django_judges_where_a_page_comes_from_over_every_transport() -> None:
    with uvicorn(APPLICATIONS["django-channels"]) as server:
        url = server.url("/chat/ann")
        for transport in DEFAULT_ORDER:
            with pytest.raises(byway.Refused):  # nobody says where it comes from
                async with byway.connect(url, transports=[transport]):
                    pass


async def test_litestars_own_middleware_is_the_wrong_place_and_the_doctor_says_so() -> None:
    with uvicorn("tests.apps.litestar_inside_app:app") as server:
        report = await byway.diagnose(server.url("/chat"), proxy=None)
    assert report.finding("websocket").verdict is byway.Verdict.WORKS
    for name in ("stream", "sse", "poll"):
        assert report.finding(name).outcome == "refused (405)"
        assert "inside a router" in report.finding(name).why


async def test_the_fastapi_chat_knows_its_visitors_over_every_transport() -> None:
    with uvicorn("examples.frameworks.fastapi_app:app") as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.post(server.url("/login/ann"))
            headers = {"cookie": f"login={http.cookies['login']}"}
            script = await http.get(server.url("/byway/byway.js"))
            assert "BywaySocket" in script.text
        for transport in DEFAULT_ORDER:
            status = await chat(server, transport, "/chat?name=ann", "/chat?name=bob")
            assert status == 403
            url = server.url("/chat")
            async with byway.connect(url, transports=[transport], headers=headers) as channel:
                assert await channel.receive() == "welcome, ann"
            with pytest.raises(byway.Refused) as refused:
                async with byway.connect(url, transports=[transport]):
                    pass
            assert refused.value.status == 401
            assert refused.value.body == b'{"detail":"who are you?"}'
    server.assert_quiet()


async def test_the_fastapi_chat_lets_pages_of_the_other_origin_in_and_no_others() -> None:
    ours, others = {"origin": "https://app.example"}, {"origin": "https://evil.example"}
    with uvicorn("examples.frameworks.fastapi_app:app") as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            for path, asked in (("/chat", BYWAYS), ("/login/ann", POST)):
                response = await http.options(server.url(path), headers={**asked, **ours})
                assert response.is_success
                assert response.headers["access-control-allow-origin"] == ours["origin"]
                response = await http.options(server.url(path), headers={**asked, **others})
                assert response.is_client_error
                assert "access-control-allow-origin" not in response.headers
        for transport in DEFAULT_ORDER:
            url = server.url("/chat?name=ann")
            async with byway.connect(url, transports=[transport], headers=ours) as channel:
                assert await channel.receive() == "welcome, ann"
            with pytest.raises(byway.NoTransport, match=r"evil\.example"):
                async with byway.connect(url, transports=[transport], headers=others):
                    pass
    server.assert_quiet()


async def test_cors_middleware_outside_of_byway_refuses_its_preflights() -> None:
    """As the page says, where it says that byway has to be added last."""
    app = FastAPI()
    app.add_middleware(FallbackMiddleware, origins=["https://app.example"], backplane=False)
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example"])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://chat") as http:
        asked = {**BYWAYS, "origin": "https://app.example"}
        response = await http.options("/chat", headers=asked)
    assert response.status_code == 400
    assert "Disallowed CORS" in response.text


def test_the_test_client_works_as_before() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "examples/frameworks/test_fastapi_app.py"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )
    assert "2 passed" in done.stdout, done.stdout
