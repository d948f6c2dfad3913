"""htmx and its WebSocket extension over `BywaySocket.install()`: the example as it stands."""

from __future__ import annotations

import byway
from examples.htmx_chat import PAGE
from tests.browser.libraries.conftest import Visit, Way
from tests.browser.libraries.htmx_app import CDN
from tests.browser.libraries.site import version
from tests.support.servers import Server

APP = "tests.browser.libraries.htmx_app:app"

LISTEN = """() => {
  globalThis.events = []
  for (const name of ["wsConnecting", "wsOpen", "wsClose", "wsError"]) {
    document.body.addEventListener(`htmx:${name}`, () => events.push(name))
  }
  globalThis.say = (text) => {
    document.forms[0].text.value = text
    document.forms[0].requestSubmit()
  }
  globalThis.said = () => [...document.querySelectorAll("#said li")].map((one) => one.textContent)
  return until(() => sockets[0]?.socket.readyState === 1)
}"""


def test_the_example_names_the_releases_that_are_tested(packages: None) -> None:
    named = dict(CDN.findall(PAGE))
    assert named == {name: version(name) for name in ("htmx.org", "htmx-ext-ws")}


async def test_a_form_is_sent_and_everybody_hears_it(visit: Visit, way: Way) -> None:
    tabs = [await visit(way.profile), await visit("open")]
    for tab in tabs:
        await tab.page.evaluate(LISTEN)
    for tab, text in zip(tabs, ["<b>hello</b>", "é & co"], strict=True):
        await tab.page.show()
        await tab.page.click("input")
        await tab.page.type(text)
        await tab.page.press("Enter")
        for other in tabs:
            await other.page.evaluate("(text) => until(() => said().includes(text))", text)
        assert await tab.page.evaluate("() => document.querySelector('input').value") == ""
    for tab, transport in zip(tabs, [way.transport, "websocket"], strict=True):
        assert await tab.page.evaluate("said") == ["<b>hello</b>", "é & co"]
        assert await tab.transports() == [transport]


async def test_swaps_go_on_when_they_are_cut(visit: Visit, way: Way, server: Server) -> None:
    tab = await visit(way.profile)
    await tab.page.evaluate(LISTEN)
    count = 150
    async with byway.connect(server.url("/chat")) as other:
        await other.send('{"text": "0"}')
        for number in range(1, count):
            await other.receive()
            await other.send(f'{{"text": "{number}"}}')
            if number % 30 == 10:
                await tab.page.evaluate(f"() => until(() => said().length > {number - 10})")
                assert tab.network.kill_connections() > 0
                # While it is cut, a form is sent too.
                await tab.page.evaluate("say", f"mine {number}")
    await tab.page.evaluate("(count) => until(() => said().length === count)", count + 5)
    said = await tab.page.evaluate("said")
    mine = [one for one in said if one.startswith("mine")]
    assert mine == [f"mine {number}" for number in range(10, count, 30)]
    assert [one for one in said if one not in mine] == [str(number) for number in range(count)]
    # The first may be over before anybody listens.
    assert await tab.page.evaluate("() => events") in ([], ["wsOpen"], ["wsConnecting", "wsOpen"])
    (notes,) = await tab.notes()
    assert not any(one.startswith(("close", "error")) for one in notes)
