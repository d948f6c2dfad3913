"""Text that users read says what happens in plain, modern English: retired phrases stay retired.

Knows: which phrases are retired and what to write instead, and which files users read.
Must not know: what a text is about.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Retired:
    """A phrase that no text may hold.

    Attributes:
        pattern: finds it, whatever its case.
        instead: what to write.
    """

    pattern: str
    instead: str


PHRASES: Final = (
    Retired(r"\banswer(s|ed|ing)?\b", "response, respond, reply, or “gets a 403”"),
    Retired(r"\bunanswered\b", "without a response"),
    Retired(r"(^|[.:] )who (runs|reads|attacks|changes)\b", "ask whoever runs …, anyone who"),
    Retired(r"(?<!\bask )(?<!\btell )\bwhoever\b", "anyone who, or name them"),
    Retired(r"\bsomebody\b", "someone, or name what does it: a proxy, the network"),
    Retired(r"\bnobody\b", "no one, no client, or say what does not happen"),
    Retired(r"\b(everybody|anybody)\b", "all clients, anyone, or name them"),
    Retired(r"\banew\b", "again"),
    Retired(r"\bswallow(s|ed|ing)?\b", "drops the request"),
    Retired(r"\bthat cannot be($|[.,;:])", "invalid, not possible"),
    Retired(r"\b(come|came) unread\b", "closed with 5 unread messages"),
    Retired(r"\bon (its|their) way here\b", "in progress"),
    Retired(r"\bat its real end\b", "at its end"),
    Retired(r"\blays\b", "puts, writes"),
    Retired(r"\bbehind it stands\b", "behind it is"),
    Retired(r"\bin (the|its|their) midst\b", "during, in the middle of"),
    Retired(r"\bin the place of\b", "instead of, or: replaces"),
    Retired(r"\bin clear\b", "unencrypted"),
    Retired(r"\bgives? leave\b", "allows"),
    Retired(r"\bwithout a word\b", "silently"),
    Retired(r"\bpassed over\b", "ignored, skipped"),
    Retired(r"\b(are|is) held against\b", "compared with"),
    Retired(r"\bas ever\b", "as always"),
    Retired(r"\bin vain\b", "without success"),
    Retired(r"\bcome(s)? of it\b", "results"),
    Retired(r"\bhow it is wrapped\b", "how to wrap it"),
    Retired(r"\bwhere answers pass only\b", "behind a proxy that buffers whole responses"),
)

ALLOWED: Final = (
    ("docs/how-to/bind-sessions.md", '"nobody"'),  # what an example sends
    ("docs/how-to/test-behind-a-proxy.md", "counters.swallowed"),  # a public name
    (
        "src/byway/demo/controls.py",
        "websocket must be pass, refuse or swallow",
    ),  # values of the demo
    ("src/byway/backplane/scripts.py", "-- "),  # comments in Lua
    ("scripts/make-vectors", "data: passed over"),  # the name of a vector
)
"""Path and part of a line with a phrase that may stay there: names, words on the wire."""

PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
CODE: Final = sorted(
    file
    for folder in ("src", "transports", "negotiation", "examples", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
    if "node_modules" not in file.parts and ".venv" not in file.parts
)
SCRIPTS: Final = sorted(
    file
    for file in (ROOT / "scripts").iterdir()
    if file.is_file() and file.read_bytes().startswith(b"#!/usr/bin/env python")
)
SENTENCES: Final = sorted((ROOT / "browser" / "src").rglob("*.js"))
DEPLOYED: Final = sorted([*ROOT.glob("docs/deploy/*"), *ROOT.glob("tests/proxies/configs/*/*")])


def in_page(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers, without names in `code`."""
    for number, line in enumerate(text.splitlines(), 1):
        yield number, re.sub(r"`[^`]*`", "``", line)


def in_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the strings that may be sentences: log lines, errors, help. Docstrings are none."""
    tree = ast.parse(text)
    documentation: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation.add(id(node.value))  # a docstring, or one below a constant
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in documentation and " " in node.value.strip():
            for offset, line in enumerate(node.value.splitlines()):
                yield node.lineno + offset, re.sub(r"`[^`]*`", "``", line)


def in_script(text: str) -> Iterator[tuple[int, str]]:
    """Yield the quoted strings of a JavaScript module that may be sentences."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("//", "*", "/*")):
            for found in re.finditer(r"\"([^\"]* [^\"]*)\"|'([^']* [^']*)'|`([^`]* [^`]*)`", line):
                yield number, "".join(part or "" for part in found.groups())


def in_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a configuration, and the help in a Makefile."""
    for number, line in enumerate(text.splitlines(), 1):
        if "#" in line:
            yield number, line.partition("#")[2]


def faults(path: str, lines: Iterator[tuple[int, str]]) -> Iterator[str]:
    """Yield a line for each retired phrase: where it is, and what to write instead."""
    for number, line in lines:
        if any(path == at and text in line for at, text in ALLOWED):
            continue
        for one in PHRASES:
            for found in re.finditer(one.pattern, line, re.I):
                yield f"{path}:{number}: “{found[0]}”: write “{one.instead}” ({line.strip()})"


def texts() -> Iterator[tuple[str, Iterator[tuple[int, str]]]]:
    """Yield each file that holds text for users, with its lines."""
    for files, lines in (
        (PAGES, in_page),
        ([*CODE, *SCRIPTS], in_python),
        (SENTENCES, in_script),
        ([*DEPLOYED, ROOT / "Makefile"], in_comments),
    ):
        for file in files:
            yield str(file.relative_to(ROOT)), lines(file.read_text())


def test_no_text_for_users_holds_a_retired_phrase() -> None:
    found = [fault for path, lines in texts() for fault in faults(path, lines)]
    assert not found, "\n" + "\n".join(found)


def test_all_kinds_of_text_are_read() -> None:
    read = {path for path, _ in texts()}
    assert {
        "README.md",
        "docs/protocol.md",
        "src/byway/server/refusals.py",
        "browser/src/sentences.js",
        "scripts/check-wheel",
        "Makefile",
    } <= read


Lines = Callable[[str], Iterator[tuple[int, str]]]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (in_page, "first\nA poll is answered at once; `answer` is a field.\n"),
        (in_python, 'log = print\nlog("a poll is answered, see `answer`")\n'),
        (in_python, 'name = 1\nraise ValueError(f"{name} is answered")\n'),
        (in_script, '// answered\nconst SENTENCE = "The poll is answered."\n'),
        (in_comments, "listen 80;\nroot /; # a poll is answered\n"),
    ],
)
def test_a_retired_phrase_is_reported_with_its_line_and_what_to_write(
    lines: Lines, text: str
) -> None:
    (fault,) = faults("some/file", lines(text))
    assert fault.startswith("some/file:2: “answered”: write “response")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (in_page, "The field `answer` is named in `HELLO`.\n"),
        (in_python, '"""What is answered."""\nfields = {"answer": 1}\n'),
        (in_script, 'const fields = { answer: "stream" }\n'),
    ],
)
def test_names_on_the_wire_and_docstrings_are_not(lines: Lines, text: str) -> None:
    assert not list(faults("some/file", lines(text)))


def test_each_exception_is_needed() -> None:
    """One that no text holds any more would hide the phrase when it comes back."""
    everything = [(path, list(lines)) for path, lines in texts()]
    for at, text in ALLOWED:
        assert any(
            path.startswith(at) and text in line for path, told in everything for _, line in told
        )
