"""The page of `byway demo --open`, served as a user serves it, and how it is used.

Knows: the command, the elements of the page.
Must not know: which browser shows it, what is asserted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.browsers.page import Page
from tests.support.process import START_TIMEOUT, Program, running

BUTTONS = ("refuse", "swallow", "buffered", "slow", "cutting", "cut", "heal")
"""All of them, by what stands in their attributes, in the order of the Tab key."""

_FIND = """(name) => document.querySelector(
  `button[data-value=${name}], button[data-change=${name}], button[data-act=${name}]`)"""


@contextmanager
def demo_page(*options: str) -> Iterator[tuple[str, str]]:
    """Run the command while the block runs; give the addresses of the page and the controls."""
    command = [sys.executable, "-m", "byway", "demo", "--open", "--no-browser", "--json"]
    with running(Program([*command, "--port", "0", *options])) as program:
        found = program.log.wait(r'^(\{"url": .*\})$', timeout=START_TIMEOUT)
        said: dict[str, str] = json.loads(found[1])
        yield said["url"], said["controls"]
    # Nothing that a page or its connections do is for the terminal, nor is the end.
    assert program.log.lines == [found[1]], program.log.lines


async def press(page: Page, name: str) -> None:
    """Press a button by keyboard: with the Tab key from the top of the page, then Enter."""
    await page.click("h1")  # beyond the last button the key leads into the browser's own windows
    for _ in range(len(BUTTONS)):
        await page.press("Tab")
        if await page.evaluate(f"(name) => document.activeElement === ({_FIND})(name)", name):
            break
    else:
        raise AssertionError(f"the Tab key does not lead to {name}")
    await page.press("Enter")


async def shown(page: Page) -> dict[str, Any]:
    """Return what the page shows: texts of elements by id, the counts, pressed buttons."""
    found: dict[str, Any] = await page.evaluate(
        """() => ({
          transport: document.getElementById("transport").dataset.transport,
          network: document.getElementById("network").textContent,
          wrong: ["lost", "doubled", "reordered"].map(
            (id) => Number(document.getElementById(id).textContent)),
          counts: [...document.querySelectorAll("#counts tbody tr")].map((row) =>
            [...row.querySelectorAll("td")].map(
              (cell) => Number(cell.textContent.replace(/,/g, "")))),
          pressed: [...document.querySelectorAll("button[aria-pressed=true]")].map(
            (one) => one.dataset.value ?? one.dataset.change),
          moves: [...document.querySelectorAll("#moves span")].map((one) => one.textContent),
        })"""
    )
    return found


async def until(page: Page, condition: str, timeout: float = 15.0) -> None:
    """Wait until a JavaScript expression is true; `shown` in it is an element's text."""
    script = """async (timeout) => {
      const shown = (id) => document.getElementById(id).textContent
      const transport = () => document.getElementById("transport").dataset.transport
      const until = performance.now() + timeout * 1000
      while (!(CONDITION)) {
        if (performance.now() > until) return false
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return true
    }""".replace("CONDITION", condition)
    # In steps: a browser's answer to one command has a limit of its own.
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if await page.evaluate(script, min(5.0, timeout)):
            return
    raise AssertionError(f"not within {timeout:g} s: {condition}; {await shown(page)}")
