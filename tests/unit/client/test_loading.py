"""What a client imports, and does, in a thread before it opens anything."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

import byway
from byway.client import loading
from byway.client.loading import in_thread, loaded
from tests.support.process import free_port


async def test_what_a_thread_returns_or_raises_comes_back() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()

    def fails() -> None:
        raise KeyError("what")

    with pytest.raises(KeyError, match="what"):
        await in_thread(fails)


async def test_the_loop_goes_on_meanwhile_and_a_wait_can_be_given_up() -> None:
    begun, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(10)

    waiting = asyncio.create_task(in_thread(work))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()


def test_a_loop_that_is_closed_meanwhile_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    begun, go = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        begun.set()
        assert go.wait(10)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await in_thread(work)

    asyncio.run(give_up())
    assert begun.wait(10)
    go.set()
    threads[0].join(10)
    assert not threads[0].is_alive()
    assert capfd.readouterr().err == ""


async def test_it_is_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    await loaded()
    monkeypatch.setattr(loading, "load", lambda: pytest.fail("it was imported again"))
    await loaded()


async def test_what_cannot_be_imported_is_said_where_the_block_is_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load() -> None:
        raise byway.UsageError("BYWAY_HTTP asks for httpx2, which cannot be imported")

    monkeypatch.setattr(loading, "_loaded", False)
    monkeypatch.setattr(loading, "load", load)
    connecting = byway.connect(f"http://127.0.0.1:{free_port()}/", proxy=None)
    with pytest.raises(byway.UsageError, match="cannot be imported"):
        async with connecting:
            pass


def test_a_program_may_end_while_it_is_imported() -> None:
    """The thread keeps no interpreter alive, and nothing is written."""
    code = (
        "import asyncio, threading, byway.client.loading as one\n"
        "async def main():\n"
        "    asyncio.create_task(one.in_thread(threading.Event().wait))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
