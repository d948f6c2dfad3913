"""The page of `byway demo --open`: pressed through in real browsers, and no message goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.browser.demo_page import BUTTONS, demo_page, press, shown, until
from tests.browser.engines import only
from tests.support.browsers.page import Browser, Page

ENOUGH = 300
"""Messages each way after which a run counts: 15 s of them."""


@pytest.fixture
def served() -> Iterator[tuple[str, str]]:
    """Serve the page."""
    with demo_page() as addresses:
        yield addresses


# Firefox complains of each WebSocket that does not open, which is what the buttons are for.
COMPLAINTS = (
    "connection to .* was interrupted",
    "can.t establish a connection to the server at ws:",
)


async def moved(page: Page, name: str) -> None:
    """Wait until messages go over a transport."""
    await until(page, f"transport() === '{name}' && !shown('since').includes('reconnecting')", 30)
    count = (await shown(page))["counts"][1]
    await received(page, [one + 5 for one in count])


async def received(page: Page, more_than: list[int]) -> None:
    """Wait until both ends have received more messages than so many."""
    await until(
        page,
        "[...document.querySelectorAll('#counts tbody tr:nth-child(2) td')]"
        f".every((cell, i) => Number(cell.textContent.replace(/,/g, '')) > {more_than}[i])",
        45,
    )


@only("chromium", "firefox")
@pytest.mark.timeout(180)
async def test_every_button_and_no_message_lost(browser: Browser, served: tuple[str, str]) -> None:
    url, controls = served
    page = await browser.open(url)
    page.expect(*COMPLAINTS)
    await page.evaluate(
        """() => {
          window.violations = []
          addEventListener("securitypolicyviolation", (e) => violations.push(e.blockedURI))
        }"""
    )
    await moved(page, "websocket")
    await press(page, "refuse")
    await moved(page, "stream")
    assert (await shown(page))["pressed"] == ["refuse"]
    await press(page, "buffered")
    await moved(page, "poll")
    await press(page, "slow")
    await until(page, "shown('network').includes('100 ms there and back')")
    await moved(page, "poll")
    assert (await shown(page))["pressed"] == ["refuse", "buffered", "slow"]
    await press(page, "heal")
    await moved(page, "websocket")
    assert (await shown(page))["pressed"] == []
    await press(page, "swallow")
    await until(page, "['stream', 'sse'].includes(transport())")
    await press(page, "cut")
    await until(page, "shown('network').includes('swallowed')")
    await press(page, "cutting")
    await until(page, "shown('network').includes('cut every 1.5 s')")
    before = await page.evaluate("() => document.getElementById('moves').textContent")
    await until(page, f"shown('moves') !== {json.dumps(before)}")
    await press(page, "heal")
    await until(page, "shown('network') === 'Nothing is in the way.'")
    await moved(page, "websocket")
    await received(page, [ENOUGH, ENOUGH])

    seen = await shown(page)
    sent, came, *wrong = seen["counts"]
    assert min(*sent, *came) > ENOUGH, seen
    assert wrong == [[0, 0]] * 3, seen
    assert seen["wrong"] == [0, 0, 0], seen
    assert await page.evaluate("() => violations") == []
    hosts = await page.evaluate(
        """() => [...new Set(
          performance.getEntriesByType("resource").map((one) => new URL(one.name).origin))]"""
    )
    assert set(hosts) <= {url, controls}, hosts


@only("chromium", "firefox")
async def test_a_phone_has_all_of_it_and_nothing_beside_the_edge(
    browser: Browser, served: tuple[str, str]
) -> None:
    page = await browser.open(served[0], dark=True)
    page.expect(*COMPLAINTS)
    await page.resize(360, 740, phone=True)
    await until(page, "transport() !== ''")
    # Firefox without a screen makes no window narrower than this test asks for, but scrolls.
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    sizes = await page.evaluate(
        """() => [...document.querySelectorAll("button")].map(
          (one) => one.getBoundingClientRect().height)"""
    )
    assert len(sizes) == len(BUTTONS)
    assert min(sizes) >= 44


@only("chromium")
async def test_the_ends_count_what_goes_wrong_alike(
    browser: Browser, served: tuple[str, str]
) -> None:
    from byway.demo.tally import Tally

    page = await browser.open(served[0])
    for numbers, settled in (
        ([1, 2, 3], 3),
        ([1, 3, 2, 2], 5),
        ([2, 2, 1, 1, 7], 9),
        ([], 2),
        ([4, 1, 2, 3], 0),
    ):
        tally = Tally()
        for number in numbers:
            tally.note(number)
        tally.settle(settled)
        assert (
            await page.evaluate(
                """async (numbers, settled) => {
                  const { Tally } = await import("/tally.js")
                  const tally = new Tally()
                  for (const one of numbers) tally.note(one)
                  tally.settle(settled)
                  const { received, lost, doubled, reordered } = tally
                  return { received, lost, doubled, reordered }
                }""",
                numbers,
                settled,
            )
            == tally.as_json()
        )


@only("chromium")
@pytest.mark.timeout(90)
async def test_the_page_says_that_the_demo_has_ended(browser: Browser) -> None:
    with demo_page() as (url, _):
        page = await browser.open(url)
        await until(page, "transport() !== ''")
    await until(page, "shown('transport') === 'closed'")  # its server says so as it stops
    await until(page, "shown('since').includes('(1012)')")
    await press(page, "cut")
    await until(page, "shown('network').includes('has the demo been ended?')")


def test_only_the_page_commands_the_controls(served: tuple[str, str]) -> None:
    url, controls = served
    own = {"origin": url}
    with httpx.Client(trust_env=False) as client:
        token = client.get(f"{url}/settings.json").json()["token"]
        right = {"authorization": f"Bearer {token}"}
        assert client.post(f"{controls}/cut", headers=own | right).status_code == 200
        assert client.post(f"{controls}/cut", headers=own).status_code == 401
        wrong = {"authorization": "Bearer guessed"}
        assert client.post(f"{controls}/cut", headers=own | wrong).status_code == 401
        foreign = client.post(f"{controls}/cut", headers={"origin": "https://evil.example"} | right)
        assert foreign.status_code == 403
        assert "access-control-allow-origin" not in foreign.headers
        # A name of another site that was pointed to the loopback.
        assert (
            client.get(f"{url}/settings.json", headers={"host": "evil.example"}).status_code == 421
        )
        for body in (
            b"",
            b"[]",
            b'{"slow": 1}',
            b'{"websocket": "no"}',
            b'{"x": true}',
            b"[" * 2000,
        ):
            answer = client.post(f"{controls}/network", headers=own | right, content=body)
            assert answer.status_code == 400, body


def test_what_is_served_is_the_pages_alone(served: tuple[str, str]) -> None:
    url, controls = served
    with httpx.Client(trust_env=False) as client:
        page = client.get(url)
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert controls in policy
        assert "style=" not in page.text
        assert client.get(f"{url}/../cli.py").status_code == 404
        assert client.post(url).status_code == 405
        assert client.get(f"{url}/byway/byway.js").status_code == 200
