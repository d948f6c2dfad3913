"""Readers of event streams in Python: each as its own page shows it, and with what it resumes by.

Run as `clients.py LIBRARY alone|helped URL` in the environment of the libraries (`make
environments`). Each event is printed as a line of JSON: name, data (or its length), id.

Knows: the libraries.
Must not know: byway, or anything else of this checkout.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

PAUSE = 0.5
"""Seconds between a cut and the next request."""


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def show(name: str | None, data: str, last_id: str | None) -> bool:
    """Print an event; say whether it is the last."""
    shown = data if len(data) < 1000 else f"{len(data)} characters"
    say(json.dumps([name or "message", shown, last_id or ""]))
    return name == "close"


def httpx_sse(url: str, helped: bool) -> None:
    import httpx

    connect_sse: Any = import_module("httpx_sse").connect_sse
    headers: dict[str, str] = {}
    with httpx.Client(timeout=30) as client:
        while True:
            try:
                with connect_sse(client, "GET", url, headers=headers) as source:
                    source.response.raise_for_status()
                    for event in source.iter_sse():
                        headers = {"Last-Event-ID": event.id}
                        if show(event.event, event.data, event.id) and helped:
                            return
                if not helped:
                    return
            except httpx.HTTPError:
                if not helped:
                    raise
            time.sleep(PAUSE)


def httpx2_sse(url: str, helped: bool) -> None:
    httpx2: Any = import_module("httpx2")
    headers: dict[str, str] = {}
    options = {"max_event_size": None} if helped else {}
    with httpx2.Client(timeout=30) as client:
        while True:
            try:
                with client.sse(url, headers=headers, **options) as source:
                    source.response.raise_for_status()
                    for event in source:
                        headers = {"Last-Event-ID": event.id}
                        if show(event.event, event.data, event.id) and helped:
                            return
                if not helped:
                    return
            except httpx2.HTTPError:
                if not helped:
                    raise
            time.sleep(PAUSE)


def niquests_psse(url: str, helped: bool) -> None:
    niquests: Any = import_module("niquests")
    headers: dict[str, str] = {}
    with niquests.Session() as session:
        while True:
            try:
                response = session.get(url.replace("http:", "psse:"), headers=headers, timeout=30)
                response.raise_for_status()
                while (event := response.extension.next_payload()) is not None:
                    headers = {"Last-Event-ID": event.id}
                    if show(event.event, event.data, event.id) and helped:
                        return
                if not helped:
                    return
            except niquests.RequestException:
                if not helped:
                    raise
            time.sleep(PAUSE)


def requests_sse(url: str, helped: bool) -> None:
    module: Any = import_module("requests_sse")
    requests: Any = import_module("requests")
    last_id = ""
    while True:
        try:
            with module.EventSource(url, latest_event_id=last_id, timeout=30) as source:
                for event in source:
                    last_id = event.last_event_id
                    if show(event.type, event.data, last_id) and helped:
                        return
        except requests.RequestException:
            if not helped:
                raise
        time.sleep(PAUSE)


def aiohttp_sse_client2(url: str, helped: bool) -> None:
    aiohttp: Any = import_module("aiohttp")
    module: Any = import_module("aiohttp_sse_client2.client")

    def start_anew() -> None:
        raise ConnectionError("the response has ended")

    options = {"on_error": start_anew} if helped else {}

    async def read() -> None:
        headers: dict[str, str] = {}
        while True:
            try:
                async with module.EventSource(url, headers=dict(headers), **options) as source:
                    async for event in source:
                        headers = {"Last-Event-ID": event.last_event_id}
                        if show(event.type, event.data, event.last_event_id) and helped:
                            return
                if not helped:
                    return
            except (aiohttp.ClientError, ConnectionError):
                if not helped:
                    raise
            await asyncio.sleep(PAUSE)

    asyncio.run(read())


def sseclient_py(url: str, helped: bool) -> None:
    requests: Any = import_module("requests")
    module: Any = import_module("sseclient")
    headers = {"Accept": "text/event-stream"}
    while True:
        try:
            response = requests.get(url, headers=headers, stream=True, timeout=30)
            response.raise_for_status()
            for event in module.SSEClient(response).events():
                if helped and not event.id:
                    break  # half an event
                headers["Last-Event-ID"] = event.id
                if show(event.event, event.data, event.id) and helped:
                    return
            if not helped:
                return
        except requests.RequestException:
            if not helped:
                raise
        time.sleep(PAUSE)


LIBRARIES: dict[str, Callable[[str, bool], None]] = {
    "httpx-sse": httpx_sse,
    "httpx2": httpx2_sse,
    "niquests": niquests_psse,
    "requests-sse": requests_sse,
    "aiohttp-sse-client2": aiohttp_sse_client2,
    "sseclient-py": sseclient_py,
}

if __name__ == "__main__":
    _, library, mode, address = sys.argv
    try:
        LIBRARIES[library](address, mode == "helped")
    except Exception as error:
        say(f"raised {type(error).__name__}")
    else:
        say("returned")
