"""`byway doctor`: options, progress on a terminal, and what is printed.

Knows: the command's options, terminals.
Must not know: how anything is examined.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import ssl
from collections.abc import Callable
from typing import Final, TextIO

from byway.doctor.doctor import Diagnosis
from byway.errors import UsageError
from byway.negotiation import DEFAULT_ORDER
from byway.negotiation.report import Report

WIDEST: Final = 100
"""Characters of a printed line at most."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("url", metavar="URL", help="the WebSocket endpoint; ws(s) or http(s)")
    parser.add_argument(
        "--proxy",
        metavar="URL",
        help="the HTTP or SOCKS proxy to use; 'none' for none (default: from the environment)",
    )
    parser.add_argument("--ca", metavar="FILE", help="certificates to trust, PEM")
    parser.add_argument("--cert", metavar="FILE", help="the client's own certificate, PEM")
    parser.add_argument("--key", metavar="FILE", help="its key, where it is in another file")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="do not verify certificates: others on the way can then read the headers of -H",
    )
    parser.add_argument(
        "-H",
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header for every request; you may repeat the option",
    )
    parser.add_argument(
        "--idle",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="then watch what works for that long: with a message every second, and silent",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long each transport may take, without the idle watch (10)",
    )
    parser.add_argument(
        "--transports", metavar="NAMES", help="transports to try, separated by commas (all)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )


async def run(options: argparse.Namespace, say: Callable[[str], None], terminal: TextIO) -> bool:
    """Examine, print the report, and return whether anything works.

    Cancelled during the idle watch it prints what was found so far.

    Args:
        options: of the command line.
        say: prints a line.
        terminal: where progress is shown, if it is a terminal.

    Raises:
        UsageError: an option is wrong.
    """
    progress = _Progress(terminal)
    try:
        diagnosis = Diagnosis(
            options.url,
            transports=options.transports,
            headers=[_header(one) for one in options.header],
            ssl=_certificates(options),
            proxy=_proxy(options.proxy),
            timeout=options.timeout,
            idle=options.idle,
            on_progress=progress.tell,
        )
        await diagnosis.examine()
        try:
            await diagnosis.watch()
        except asyncio.CancelledError:
            progress.clear()
            say(_printed(diagnosis.report(), as_json=options.json))
            raise
    finally:
        progress.clear()
    report = diagnosis.report()
    say(_printed(report, as_json=options.json))
    return report.works


def _printed(report: Report, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(report.as_json(), indent=2)
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    return "\n".join(report.lines(max(width, 40)))


def _proxy(text: str | None) -> str | bool | None:
    if text is None:
        return True
    return None if text.lower() in ("none", "") else text


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError("write a header as -H 'NAME: VALUE'")  # its value may be a secret
    return name.strip(), value.strip()


def _certificates(options: argparse.Namespace) -> ssl.SSLContext | None:
    asked = options.ca or options.cert or options.key or options.insecure
    if not asked:
        return None
    if options.key and not options.cert:
        raise UsageError("--key needs --cert")
    if options.insecure and options.ca:
        raise UsageError("use --ca or --insecure, not both")
    try:
        context = ssl.create_default_context(cafile=options.ca)
        if options.cert:
            context.load_cert_chain(options.cert, options.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificates cannot be read: {error}") from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Progress:
    """A line on a terminal that says what is being done on each transport."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._live = terminal.isatty()
        self._doing: dict[str, str] = {}

    def tell(self, transport: str, doing: str) -> None:
        """Show what is done now."""
        self._doing[transport] = doing
        if self._live:
            names = [name for name in DEFAULT_ORDER if name in self._doing]
            text = " · ".join(f"{name}: {self._doing[name]}" for name in names)
            width = shutil.get_terminal_size().columns
            self._terminal.write(f"\r\x1b[K{text[: width - 1]}")
            self._terminal.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._live:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
