"""The command line.

Knows: arguments, the terminal, exit statuses.
Must not know: how what it calls does its work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from byway.doctor import command as doctor_command
from byway.errors import UsageError
from byway.sessions import command as sessions_command

if TYPE_CHECKING:
    from byway.demo.look import Look
    from byway.demo.run import Row

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 failed, 2 wrong use, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_until_signalled(options))
    except UsageError as error:
        print(f"byway: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        # Whoever read has stopped. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nbyway: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="byway",
        description="Carry a WebSocket application through networks that will not carry "
        "WebSockets.",
    )
    parser.add_argument("--version", action="version", version=f"byway {version('byway')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="send a text line by line over every transport: directly, through nginx, and to four "
        "workers",
        description="Start a uvicorn with a bareASGI application, an nginx in front of it that "
        "forwards no WebSockets, and a uvicorn with four workers. Send a text line by line over "
        "each transport, and check that every line comes back. Then check that the page of "
        "--open works. Exit status 1 if anything was lost.",
    )
    demo.add_argument(
        "--file",
        type=Path,
        metavar="PATH",
        help="text to send, UTF-8 (default: the licence texts of this Python)",
    )
    demo.add_argument(
        "--transports",
        metavar="NAMES",
        help="transports to show, separated by commas (all)",
    )
    demo.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )
    demo.add_argument(
        "--open",
        action="store_true",
        help="serve a page instead, whose socket goes through a network that its buttons change. "
        "Print its address, open it in a browser, and run until Ctrl-C",
    )
    demo.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help="with --open: the port of the page on loopback; 0 for a free one (8765)",
    )
    demo.add_argument(
        "--no-browser", action="store_true", help="with --open: print the address only"
    )
    demo.set_defaults(run=_demo)
    proxy = commands.add_parser(
        "proxy",
        help="put a restrictive network in front of a server, to try a browser or client behind it",
        description="Listen on loopback as a proxy in front of a server, and do what a "
        "profile says. Open the printed address instead of the server's, or set it as the HTTP "
        "proxy of a browser.",
    )
    proxy.add_argument("--profile", default="open", metavar="NAME", help="see --list (open)")
    proxy.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        metavar="HOST:PORT",
        help="the address to listen on; port 0 for a free one (127.0.0.1:8080)",
    )
    proxy.add_argument(
        "--origin",
        default="http://127.0.0.1:8000",
        metavar="URL",
        help="the server behind it (http://127.0.0.1:8000)",
    )
    proxy.add_argument("--list", action="store_true", help="list the profiles")
    proxy.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="the seed of random decisions: another one makes others",
    )
    proxy.add_argument("--verbose", action="store_true", help="print what happens to each request")
    proxy.set_defaults(run=_proxy)
    doctor = commands.add_parser(
        "doctor",
        help="show which transports get through to a URL, and what blocks the others",
        description="Try each transport to a URL through the network as it is. Your application's "
        "handler does not run. Exit status 0 if at least one transport carries a session, 1 if "
        "none does, 2 for wrong usage.",
    )
    doctor_command.add_options(doctor)
    doctor.set_defaults(run=_doctor)
    sessions = commands.add_parser(
        "sessions",
        help="list the processes of a server that share sessions, and what each has",
        description="Ask each process for its sessions, carriers, relayed calls, messages and "
        "bytes. Other users can see a URL with a password in the list of processes: set "
        "BYWAY_BACKPLANE instead. Exit status 0 if every process responded (with --session: if "
        "the session was found), 1 if not, 2 for wrong usage, or if there is no process to ask.",
    )
    sessions_command.add_options(sessions)
    sessions.set_defaults(run=_sessions)
    return parser


async def _until_signalled(options: argparse.Namespace) -> int:
    """Run the command; SIGTERM, and the end of the terminal, end it as tidily as Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None
    for name in ("SIGTERM", "SIGHUP"):
        # Windows has neither SIGHUP nor handlers in the event loop.
        with contextlib.suppress(NotImplementedError, AttributeError):
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), task.cancel)
    status: int = await options.run(options)
    return status


async def _doctor(options: argparse.Namespace) -> int:
    works = await doctor_command.run(options, functools.partial(print, flush=True), sys.stderr)
    return 0 if works else EXIT_FAILED


async def _sessions(options: argparse.Namespace) -> int:
    say = functools.partial(print, flush=True)
    well = await sessions_command.run(options, say, terminal=sys.stdout.isatty())
    return 0 if well else EXIT_FAILED


async def _proxy(options: argparse.Namespace) -> int:
    from byway.testing.command import listing, serve

    if options.list:
        print("\n".join(listing()))
        return 0
    try:
        await serve(
            options.profile,
            options.origin,
            options.listen,
            seed=options.seed,
            verbose=options.verbose,
            say=functools.partial(print, flush=True),
        )
    except asyncio.CancelledError:
        pass  # Ctrl-C is the way to end it
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 0 to 65535")
    return int(text)


async def _demo(options: argparse.Namespace) -> int:
    try:
        import bareasgi  # noqa: F401  # only the demo's servers use it, which are other processes

        from byway.demo.look import look
        from byway.demo.run import ProcessFailed, rows
        from byway.demo.show import DEFAULT_PORT, show
    except ImportError as error:
        raise UsageError(
            f"the demo needs more packages: pip install 'byway[demo]' ({error})"
        ) from None
    from byway.demo.text import read_lines
    from byway.negotiation import Preference

    order = Preference.of(options.transports).order
    if options.open:
        if options.file:
            raise UsageError("--file works only without --open")
        try:
            await show(
                DEFAULT_PORT if options.port is None else options.port,
                order,
                browser=not options.no_browser,
                as_json=options.json,
                say=functools.partial(print, flush=True),
            )
        except asyncio.CancelledError:
            pass  # Ctrl-C is the way to end it
        return 0
    if options.port is not None or options.no_browser:
        raise UsageError("--port and --no-browser work only with --open")
    lines = read_lines(options.file)
    table = _Table(quiet=options.json, lines=len(lines))
    done: list[Row] = []
    try:
        async with contextlib.aclosing(rows(lines, order, table.progress)) as running:
            async for row in running:
                done.append(row)
                table.row(row)
    except ProcessFailed as error:
        print(f"byway: {error}", file=sys.stderr)
        return EXIT_FAILED
    page = await look(order)
    failed = any(row.failed for row in done) or bool(page.error)
    if options.json:
        result = {
            "lines": len(lines),
            "failed": failed,
            "rows": [one.as_json() for one in done],
            "page": page.as_json(),
        }
        print(json.dumps(result, indent=2))
    else:
        table.end(failed, page)
    return EXIT_FAILED if failed else 0


class _Table:
    """Prints rows as they come, and on a terminal how far the next one is."""

    HEAD = (
        f"{'transport':<10} {'path':<7} {'opened':>9} {'first echo':>11} {'messages/s':>11} "
        f"{'lines back':>15}  "
    )

    def __init__(self, *, quiet: bool, lines: int) -> None:
        """Print the head, unless quiet."""
        self._quiet = quiet
        self._lines = lines
        self._live = sys.stderr.isatty() and not quiet
        if not quiet:
            print(f"Sending {lines:,} lines over each transport, and comparing what comes back.\n")
            print(self.HEAD.rstrip())

    def progress(self, row: Row) -> None:
        """Show, on a terminal, how far a row is."""
        if self._live:
            text = f"{row.transport:<10} {row.path:<7} {row.returned:,} of {self._lines:,} …"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def row(self, row: Row) -> None:
        """Print a row that is done."""
        if self._quiet:
            return
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        note = row.refused and f"no channel: {row.refused}"
        if row.transport == "any" and row.chosen:
            note = f"connect() chose {row.chosen}"
        if row.note and not row.failed:
            note = row.note
        if row.opened is None or row.echo is None or row.rate is None:
            figures = f"{'-':>9} {'-':>11} {'-':>11} {'-':>15}"
        else:
            figures = (
                f"{row.opened * 1000:>6.1f} ms {row.echo * 1000:>8.1f} ms {row.rate:>11,.0f} "
                f"{f'{row.returned:,}/{row.sent:,}':>15}"
            )
        print(f"{row.transport:<10} {row.path:<7} {figures}  {note}".rstrip(), flush=True)

    def end(self, failed: bool, page: Look) -> None:
        """Print the verdict, and how to see more."""
        if page.error:
            print(f"\nThe page of the demo does not work: {page.error}.")
        elif failed:
            print("\nLines were lost, or a transport that should work did not.")
        else:
            print("\nEvery line came back, in order.")
            print("To block and cut a socket in your browser yourself, run: byway demo --open")


if __name__ == "__main__":
    sys.exit(main())
