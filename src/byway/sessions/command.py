"""`byway sessions`: options, asking each process, and what is printed.

Knows: the command's options, terminals.
Must not know: how a process is reached, what it keeps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from byway.backplane import BackplaneError
from byway.backplane.asking import TIMEOUT, Reply, ask_all
from byway.errors import UsageError
from byway.sessions import table
from byway.sessions.backplanes import NamedBackplane, named_backplanes

PAUSE: Final = 2.0
"""Seconds between two looks with --watch."""

SHOWN: Final = 8
"""Digits of a session's hash that logs show."""

_HASH: Final = re.compile(r"[0-9a-fA-F]{4,64}")

_AGAIN: Final = "\x1b[H\x1b[2J"  # to the corner, and clear


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "place",
        nargs="?",
        metavar="URL | unix:DIR",
        help="the backplane of the processes (default: BYWAY_BACKPLANE, else all servers of this "
        "user on this machine)",
    )
    parser.add_argument(
        "--namespace", metavar="NAME", help="with Redis: the namespace of the processes (byway)"
    )
    parser.add_argument(
        "--secret-file",
        type=Path,
        metavar="FILE",
        help="with Redis: a file with the secret of the processes, if they have one",
    )
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="with Redis: certificates (PEM) to trust, if links use TLS",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )
    parser.add_argument(
        "--watch", action="store_true", help=f"look again every {PAUSE:g} s, until Ctrl-C"
    )
    parser.add_argument(
        "--session",
        type=_hash,
        metavar="HASH",
        help="describe one session, by its name in the logs, or the beginning of that name",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"how long each process has to respond ({TIMEOUT:g})",
    )


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a session name: use 4 to 64 hexadecimal digits"
        )
    return text[:SHOWN].lower()


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


async def run(options: argparse.Namespace, say: Callable[[str], None], *, terminal: bool) -> bool:
    """Ask and print; return whether every process responded, and what was asked for is there.

    Cancelled, it prints what was found so far.

    Args:
        options: of the command line.
        say: prints a text.
        terminal: whether what is printed can be cleared.

    Raises:
        UsageError: an option is wrong, or there is nobody to ask.
    """
    found = named_backplanes(
        options.place,
        namespace=options.namespace,
        secret_file=options.secret_file,
        ca=options.ca,
    )
    try:
        if not options.watch:
            return await _once(options, found, say)
        try:
            while True:
                lines: list[str] = []
                await _once(options, found, lines.append)
                say((_AGAIN if terminal and not options.json else "") + "\n".join(lines))
                await asyncio.sleep(PAUSE)
        except asyncio.CancelledError:
            return True  # Ctrl-C is the way to end it
    finally:
        for place in found:
            await place.backplane.aclose()


async def _once(
    options: argparse.Namespace, found: Sequence[NamedBackplane], say: Callable[[str], None]
) -> bool:
    question = {} if options.session is None else {"session": options.session}
    looks = [_Look(place) for place in found]
    try:
        await asyncio.gather(*(look.ask(question, options.timeout) for look in looks))
    finally:
        say(_as_json(looks) if options.json else "\n\n".join(_lines(looks, options.session)))
    if options.session is not None:
        return any(told.said.get("found") for look in looks for told in look.told)
    return all(look.well for look in looks)


class _Look:
    """What was found at one place."""

    def __init__(self, place: NamedBackplane) -> None:
        self.place = place
        self.told: list[Reply] = []
        self.error = ""

    @property
    def well(self) -> bool:
        return not self.error and bool(self.told) and not any(one.error for one in self.told)

    async def ask(self, question: dict[str, Any], timeout: float) -> None:
        try:
            async with aclosing(
                ask_all(self.place.backplane, question, timeout=timeout)
            ) as responses:
                async for told in responses:
                    self.told.append(told)
                    self.told.sort(key=lambda one: one.process)
        except (BackplaneError, UsageError) as error:
            self.error = str(error)


def _lines(looks: Sequence[_Look], session: str | None) -> list[str]:
    return [
        "\n".join(
            [
                look.place.name,
                *([look.error] if look.error else []),
                *(
                    table.processes(look.told)
                    if session is None
                    else table.sessions(look.told, session)
                ),
            ]
        )
        for look in looks
    ]


def _as_json(looks: Sequence[_Look]) -> str:
    return json.dumps(
        {
            "places": [
                {
                    "place": look.place.name,
                    "error": look.error,
                    "processes": [
                        {**one.said, "process": one.process, "error": one.error}
                        for one in look.told
                    ],
                }
                for look in looks
            ]
        }
    )
