"""How the matrix judges what it has seen, and what its tables say of it."""

from __future__ import annotations

from tests.matrix.clients import TRANSPORTS
from tests.matrix.expected import faults_of, judge
from tests.matrix.features import FEATURES, NONE, ONCE, STOP
from tests.matrix.pages import COLUMNS, Notes, cell
from tests.matrix.rows import BAREASGI, STARLETTE, UVICORN, Row
from tests.matrix.running import Outcome
from tests.support.asgi_servers import ALL

GOOD = Row(STARLETTE, UVICORN)
DAPHNE = Row(STARLETTE, ALL["daphne"])


def outcome(row: Row, *, as_expected: bool = True) -> Outcome:
    """Make what would be seen of a row if all works, or all but what stands for it."""
    seen = Outcome()
    for feature in (*FEATURES, STOP):
        for way in TRANSPORTS if feature.each else (ONCE,):
            mine = [one for one in faults_of(row) if one.covers(feature.name, way)]
            wrong = "broken" if as_expected and mine else ""
            seen.cells[feature.name, way] = wrong
            if wrong and any(one.alike for one in mine):
                seen.plain[feature.name] = "broken too"
    return seen


def test_what_stands_there_passes() -> None:
    """A row that fails where it shall, and without byway too, is right."""
    for row in (GOOD, DAPHNE, Row(BAREASGI, UVICORN)):
        assert judge(row, outcome(row)) == []


def test_a_new_failure_is_told_with_what_is_seen_without_byway() -> None:
    """A cell that fails and does not stand there."""
    seen = outcome(GOOD)
    seen.cells["text", "sse"] = "'x' instead of 'y'"
    assert judge(GOOD, seen) == [
        "starlette-uvicorn-httptools-websockets-sansio: text over sse: 'x' instead of 'y'; without"
        " byway: it works"
    ]


def test_a_failure_that_has_gone_is_told() -> None:
    """A cell that works and stands there, as after a new release of the server."""
    problems = judge(DAPHNE, outcome(DAPHNE, as_expected=False))
    assert {one.partition(" works")[0] for one in problems} == {
        "starlette-daphne: refuse over websocket",
        "starlette-daphne: deny over websocket",
        "starlette-daphne: lifespan over all",
    }


def test_a_failure_that_is_byways_alone_is_told() -> None:
    """A cell that stands there as the server's fault, while the application works without byway."""
    seen = outcome(DAPHNE)
    del seen.plain["lifespan"]
    assert judge(DAPHNE, seen) == [
        "starlette-daphne: lifespan over all: broken, and without byway it works, other than"
        " expected.py says"
    ]


def test_a_table_names_causes_and_transports() -> None:
    """A cell's causes are numbered; transports are named where they are not all."""
    notes = Notes()
    seen = outcome(DAPHNE)
    told = {column: cell(DAPHNE, seen, column, notes) for column in COLUMNS}
    assert told["messages"] == "yes"
    assert told["refusal"] == "see 1 (websocket), see 2 (websocket)"
    assert told["HTTP"] == "see 3"
    assert [one[:10] for one in notes.lines()] == ["1. gunicor", "2. Without", "3. Daphne "]


def test_a_table_says_what_a_framework_does_not_have() -> None:
    """A column of which the framework has nothing has a dash."""
    seen = outcome(GOOD)
    for way in TRANSPORTS:
        seen.cells["session", way] = seen.cells["authentication", way] = NONE
    assert cell(GOOD, seen, "session, user", Notes()) == "–"
