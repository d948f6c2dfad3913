"""diagnose(): every transport examined at once, and a report of it.

Knows: what a caller may ask for.
Must not know: how a transport is examined, or judged.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite

from byway.channel import header_list
from byway.client.address import endpoint_url, proxy_for, shown, shown_proxy, tls_context
from byway.client.loading import loaded
from byway.doctor.examination import Examination, Tell
from byway.doctor.probing import Way
from byway.errors import UsageError
from byway.handshake import PROBE
from byway.http_library import check_library, httpx, library_name
from byway.limits import ClientLimits
from byway.negotiation import Preference
from byway.negotiation.diagnosis import diagnose as judge
from byway.negotiation.report import Report
from byway.transports.request_head import check_head


async def diagnose(
    url: str,
    *,
    transports: Preference | str | Iterable[str] | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    ssl: ssl_module.SSLContext | None = None,
    proxy: str | bool | None = True,
    timeout: float = 10.0,
    idle: float = 0.0,
    on_progress: Tell | None = None,
) -> Report:
    """Try each transport to an endpoint through the network as it is, and say what is in its way.

    The handler does not run: byway's server answers with an echo of its own. Requests say what a
    page of the URL's own origin would, unless `headers` has an `Origin`. It is safe to
    cancel; nothing stays behind but a probe that the server lets go by itself.

    Args:
        url: of the WebSocket endpoint, as for `connect`.
        transports: those to try; all by default.
        headers: headers to add to every request and handshake.
        ssl: certificates and TLS settings; the system's by default.
        proxy: as for `connect`.
        timeout: seconds that each transport may take, but for the idle watch.
        idle: seconds to watch what works after that, once with a message every second and once
            without a word; 0 for not at all.
        on_progress: called with the name of a transport and what is being done on it. It must
            not block.

    Raises:
        UsageError: an argument is wrong.
    """
    diagnosis = Diagnosis(
        url,
        transports=transports,
        headers=headers,
        ssl=ssl,
        proxy=proxy,
        timeout=timeout,
        idle=idle,
        on_progress=on_progress,
    )
    await diagnosis.examine()
    await diagnosis.watch()
    return diagnosis.report()


class Diagnosis:
    """What `diagnose` does, step by step, so that what was found by then can be had at any time."""

    def __init__(
        self,
        url: str,
        *,
        transports: Preference | str | Iterable[str] | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        ssl: ssl_module.SSLContext | None = None,
        proxy: str | bool | None = True,
        timeout: float = 10.0,
        idle: float = 0.0,
        on_progress: Tell | None = None,
    ) -> None:
        """Prepare; see `diagnose` for the arguments.

        Raises:
            UsageError: an argument is wrong, or `BYWAY_HTTP` names a library that is not installed.
        """
        check_library()
        target = endpoint_url(url)
        names = Preference.of(transports).order
        if not (isfinite(timeout) and timeout > 0):
            raise UsageError("timeout must be more than 0 seconds")
        if not (isfinite(idle) and idle >= 0):
            raise UsageError("idle must be 0 or more seconds")
        through = proxy_for(target, proxy)
        added = header_list(headers)
        check_head(target, added, (PROBE,), ClientLimits())
        as_page = not any(name.lower() == "origin" for name, _ in added)
        way = Way(httpx.URL(str(target)), added, tls_context(target, ssl), through, as_page)
        tell = on_progress or _say_nothing
        self._url, self._proxy = shown(url), shown_proxy(through)
        self._examinations = [
            Examination(name, way, timeout=timeout, idle=idle, tell=tell) for name in names
        ]

    async def examine(self) -> None:
        """Try every transport, all at once, and then measure each that works by itself."""
        await loaded()  # an import in the midst of it would count as time of the network
        async with asyncio.TaskGroup() as group:
            for one in self._examinations:
                group.create_task(one.run())
        for one in self._examinations:
            await one.measure()  # beside another, it would look slower than it is

    async def watch(self) -> None:
        """Watch those that work, where that was asked for."""
        async with asyncio.TaskGroup() as group:
            for one in self._examinations:
                group.create_task(one.watch())

    def report(self) -> Report:
        """Judge what was found."""
        found = [one.evidence for one in self._examinations]
        report = judge(found, url=self._url, proxy=self._proxy)
        return replace(report, http_library=library_name())


def _say_nothing(transport: str, doing: str) -> None:
    pass
