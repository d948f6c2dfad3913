"""The race: what is tried when, and what is used."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.negotiation import DEFAULT_ORDER, Preference, Race, Start, Stop, Use
from byway.negotiation.beside import LAST_PROMOTION_INTERVAL
from byway.negotiation.pace import QUIET
from byway.negotiation.preference import PATIENCE, PROMOTION_INTERVAL
from byway.negotiation.race import LAST_DELAY, LASTING, LEAVING_INTERVAL
from byway.negotiation.runner import RUNNING, Action, Ask, Phase
from byway.negotiation.standing import LEAVING_PATIENCE, PROMOTION_TIMEOUT

TIMEOUT = 20.0


def race(*order: str) -> Race:
    """Return a race whose jitter is always at its upper end."""
    preference = Preference.of(order) if order else Preference()
    return Race(preference, attempt_timeout=TIMEOUT, jitter=lambda low, high: high)


def started(actions: Sequence[Action]) -> list[str]:
    """Return what is to be tried."""
    return [one.transport for one in actions if isinstance(one, Start)]


def used(actions: Sequence[Action]) -> list[str]:
    """Return what is to be used."""
    return [one.transport for one in actions if isinstance(one, Use)]


def stopped(actions: Sequence[Action]) -> list[str]:
    """Return what is to be given up."""
    return [one.transport for one in actions if isinstance(one, Stop)]


def measure(one: Race, now: float) -> tuple[list[Action], float | None]:
    """Decide, and answer each PING at once, until nothing more is asked.

    Returns:
        What else was to be done, and when to decide again.
    """
    done: list[Action] = []
    until = now + QUIET
    while True:
        actions, again = one.decide(now)
        for action in actions:
            if isinstance(action, Ask):
                one.proven(action.transport, now)
            else:
                done.append(action)
        if not any(isinstance(action, Ask) for action in actions):
            if again is None or again > until:
                return done, again
            now = again


def begun(one: Race, *names: str) -> float:
    """Let these attempts start, each when the one before has had its time."""
    now = 0.0
    for name in names:
        actions, again = one.decide(now)
        assert started(actions) == [name]
        if name != names[-1]:
            assert again is not None
            now = again
    return now


def test_the_best_starts_alone_and_the_next_beside_it_after_its_patience() -> None:
    one = race()
    assert one.decide(0.0) == ([Start("websocket")], PATIENCE)
    assert one.decide(PATIENCE - 0.01) == ([], PATIENCE)
    assert one.decide(PATIENCE) == ([Start("stream")], 2 * PATIENCE)


def test_each_transport_has_the_patience_that_the_preference_gives_it() -> None:
    one = Race(Preference.of("websocket; patience=1.5, poll"), attempt_timeout=TIMEOUT)
    assert one.decide(0.0) == ([Start("websocket")], 1.5)


def test_what_has_failed_is_not_waited_for() -> None:
    one = race()
    one.decide(0.0)
    one.ended("websocket", 0.01)
    assert started(one.decide(0.01)[0]) == ["stream"]


def test_the_first_that_opens_is_used_at_once() -> None:
    one = race()
    now = begun(one, "websocket", "stream")
    one.opened("stream", now)
    actions, _ = one.decide(now)
    assert used(actions) == ["stream"]
    assert stopped(actions) == []  # a carrier that opened may still be deaf


def test_until_a_carrier_is_proven_the_others_go_on() -> None:
    one = race()
    one.decide(0.0)
    one.opened("websocket", 0.1)
    assert used(one.decide(0.1)[0]) == ["websocket"]
    assert started(one.decide(PATIENCE)[0]) == ["stream"]
    one.opened("stream", 0.4)
    one.proven("stream", 0.4)
    actions, _ = one.decide(0.4)
    assert used(actions) == ["stream"]
    assert started(actions) == []


def test_once_the_best_is_proven_the_others_are_given_up() -> None:
    one = race()
    now = begun(one, "websocket", "stream")
    one.opened("websocket", now)
    one.proven("websocket", now)
    actions, again = measure(one, now)
    assert (used(actions), stopped(actions), again) == (["websocket"], ["stream"], None)


def test_a_better_one_that_is_proven_later_takes_its_place() -> None:
    one = race()
    now = begun(one, "websocket", "stream", "sse")
    one.opened("stream", now)
    one.proven("stream", now)
    actions, _ = one.decide(now)
    assert (used(actions), stopped(actions)) == (["stream"], ["sse"])
    one.opened("websocket", now + 1)
    assert measure(one, now + 1)[0] == []  # open is not up
    one.proven("websocket", now + 1.1)
    assert one.decide(now + 1.1)[0] == [Ask("websocket"), Ask("stream")]  # nor is it for its name
    one.proven("stream", now + 1.15)
    one.proven("websocket", now + 1.2)
    actions, _ = measure(one, now + 1.2)
    assert (used(actions), stopped(actions)) == (["websocket"], ["stream"])


@pytest.mark.parametrize(("opens", "what"), [(False, "no OPEN"), (True, "no round trip")])
def test_what_takes_too_long_is_given_up(opens: bool, what: str) -> None:
    one = race("stream")
    one.decide(0.0)
    if opens:
        one.opened("stream", 0.0)
        one.decide(0.0)
    actions, _ = one.decide(TIMEOUT)
    assert actions == [Stop("stream", f"{what} within 20.0 s", late=True)]


def test_beside_a_proven_carrier_an_attempt_has_less_time() -> None:
    one = race("websocket", "poll")
    now = begun(one, "websocket", "poll")
    one.opened("poll", now)
    one.proven("poll", now)
    actions, again = measure(one, now)
    assert (used(actions), again) == (["poll"], PROMOTION_TIMEOUT)
    assert stopped(one.decide(PROMOTION_TIMEOUT)[0]) == ["websocket"]


def test_when_all_have_failed_the_round_is_over_and_the_next_waits() -> None:
    one = race("stream", "poll")
    now = begun(one, "stream", "poll")
    seen = [one.exhausted]
    for name in ("stream", "poll"):
        one.ended(name, now)
        seen.append(one.exhausted)
    assert seen == [False, False, True]
    pauses = []
    for _ in range(8):
        one.next_round(now)
        _, again = one.decide(now)
        assert again is not None
        pauses.append(again - now)
        now = again
        assert started(one.decide(now)[0]) == ["stream"]
        one.ended("stream", now)
        assert started(one.decide(now)[0]) == ["poll"]
        one.ended("poll", now)
    assert pauses == pytest.approx([0.25, 0.5, 1, 2, 4, LAST_DELAY, LAST_DELAY, LAST_DELAY])


def lost(served: bool) -> tuple[Race, float]:
    one = race()
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.decide(0.0)
    one.opened("stream", 0.0)
    one.proven("stream", 0.0)
    one.decide(0.0)
    one.ended("stream", 5.0, served=served)
    assert one.used is None
    return one, 5.0


def test_a_carrier_that_was_of_use_is_followed_at_once_by_its_like() -> None:
    one, now = lost(served=True)
    assert one.decide(now) == ([Start("stream")], now + PATIENCE)
    assert started(one.decide(now + PATIENCE)[0]) == ["websocket"]  # everything may have changed


def test_carriers_that_open_and_end_in_a_loop_make_no_storm() -> None:
    one, now = lost(served=False)
    actions, again = one.decide(now)
    assert actions == []
    assert again is not None
    assert again > now


def test_while_a_worse_one_works_the_better_are_tried_again_now_and_then() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.decide(0.0)
    one.opened("poll", 0.0)
    one.proven("poll", 0.0)
    measure(one, 0.0)
    now, waits = 0.0, []
    for _ in range(8):
        actions, again = one.decide(now)
        assert started(actions) == []
        assert again is not None
        waits.append(again - now)
        now = again
        assert started(one.decide(now)[0]) == ["websocket"]
        one.ended("websocket", now)
    first = PROMOTION_INTERVAL * 1.2
    assert waits[:3] == pytest.approx([first, 2 * first, 4 * first])
    assert waits[-1] == pytest.approx(LAST_PROMOTION_INTERVAL * 1.2)
    actions, again = one.decide(now)
    assert again is not None
    one.decide(again)
    one.opened("websocket", again)
    one.proven("websocket", again)
    actions, _ = measure(one, again)
    assert (used(actions), stopped(actions)) == (["websocket"], ["poll"])


def remembering(first: str, *, opened_in: float = 0.1, retry_better: bool = False) -> Race:
    """Return a race that knows what worked the last time."""
    return Race(
        Preference(),
        attempt_timeout=TIMEOUT,
        first=first,
        opened_in=opened_in,
        retry_better=retry_better,
        jitter=lambda low, high: high,
    )


def works(one: Race, name: str, now: float) -> Sequence[Action]:
    """Let a carrier open and be proven, and be quick; return what is to be done then."""
    one.opened(name, now)
    one.proven(name, now)
    return measure(one, now)[0]


def test_what_worked_the_last_time_starts_first_and_what_is_better_waits_for_its_interval() -> None:
    one = remembering("stream")
    assert one.decide(0.0) == ([Start("stream")], PATIENCE)
    assert used(works(one, "stream", 0.1)) == ["stream"]
    assert not one.settled  # nothing better was tried
    actions, again = measure(one, PATIENCE)
    assert actions == []
    assert again == pytest.approx(0.1 + PROMOTION_INTERVAL * 1.2)
    assert again is not None
    assert started(one.decide(again)[0]) == ["websocket"]
    one.ended("websocket", again)
    assert one.settled


def test_what_is_better_is_tried_at_once_where_that_is_due() -> None:
    one = remembering("stream", retry_better=True)
    one.decide(0.0)
    works(one, "stream", 0.1)
    assert started(one.decide(PATIENCE)[0]) == ["websocket"]


def test_what_worked_the_last_time_and_does_not_now_is_not_waited_for() -> None:
    one = remembering("poll")
    one.decide(0.0)
    assert started(one.decide(PATIENCE)[0]) == ["websocket"]
    one.ended("poll", PATIENCE)
    assert used(works(one, "websocket", PATIENCE)) == ["websocket"]
    assert one.settled


@pytest.mark.parametrize(("opened_in", "patience"), [(0.05, PATIENCE), (0.6, 0.9), (60.0, 3.0)])
def test_patience_grows_with_the_time_that_it_took_the_last_time(
    opened_in: float, patience: float
) -> None:
    one = remembering("websocket", opened_in=opened_in)
    assert one.decide(0.0)[1] == pytest.approx(patience)


def test_a_memory_of_what_is_not_preferred_is_passed_over() -> None:
    one = Race(Preference.of("stream, poll"), attempt_timeout=TIMEOUT, first="websocket")
    assert started(one.decide(0.0)[0]) == ["stream"]


def test_what_opens_and_does_not_last_has_one_more_chance_and_then_comes_last() -> None:
    """A filter that ends each WebSocket after a second must not hold a session for ever."""
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.ended("websocket", 1.0, served=True)
    assert started(one.decide(1.0)[0]) == ["websocket"]
    works(one, "websocket", 1.0)
    one.ended("websocket", 2.0, served=True)
    assert started(one.decide(2.0)[0]) == ["poll"]
    actions = works(one, "poll", 2.0)
    assert used(actions) == ["poll"]


def test_where_two_do_not_last_the_third_has_its_turn() -> None:
    """A path that cuts every endless answer after a second leaves only poll."""
    one, now = race("stream", "sse", "poll"), 0.0
    begun_so_far = []
    for _ in range(8):
        actions, again = one.decide(now)
        while not started(actions):
            assert again is not None
            now = again
            actions, again = one.decide(now)
        (name,) = started(actions)
        begun_so_far.append(name)
        works(one, name, now)
        if name == "poll":
            break
        now += 1
        one.ended(name, now, served=True)
    assert begun_so_far == ["stream", "stream", "sse", "sse", "poll"]
    _, again = measure(one, now)
    assert again == pytest.approx(now + PROMOTION_INTERVAL * 1.2)


def test_where_nothing_lasts_everything_goes_on_in_turn() -> None:
    one, now = race("stream", "poll"), 0.0
    begun_so_far = []
    for _ in range(12):
        actions, again = one.decide(now)
        (name,) = started(actions)
        begun_so_far.append(name)
        works(one, name, now)
        now += 1
        one.ended(name, now, served=True)
    assert (
        begun_so_far[-4:] == ["stream", "poll"] * 2 or begun_so_far[-4:] == ["poll", "stream"] * 2
    )


def test_what_does_not_last_is_tried_less_and_less_often() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.decide(0.0)
    works(one, "poll", 0.0)
    measure(one, 0.0)
    now, waits = 0.0, []
    for _ in range(3):
        _, again = one.decide(now)
        assert again is not None
        waits.append(again - now)
        now = again
        one.decide(now)
        works(one, "websocket", now)
        measure(one, now)
        now += 1
        one.ended("websocket", now, served=True)
        if len(waits) == 1:  # the first time it has its second chance
            one.decide(now)
            works(one, "websocket", now)
            one.ended("websocket", now, served=True)
        one.decide(now)
        works(one, "poll", now)
        measure(one, now)
    first = PROMOTION_INTERVAL * 1.2
    assert waits == pytest.approx([first, 2 * first, 4 * first])


@pytest.mark.parametrize("blameless", [False, True])
def test_what_lasted_or_ended_for_a_known_reason_is_followed_by_its_like(blameless: bool) -> None:
    one = race("websocket", "poll")
    now = 0.0
    for _ in range(5):
        assert started(one.decide(now)[0]) == ["websocket"]
        works(one, "websocket", now)
        now += 1 if blameless else LASTING
        one.ended("websocket", now, blameless=blameless)


def test_in_another_network_everything_is_tried_again_beside_what_is_in_use() -> None:
    one = race("websocket", "stream", "poll")
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.decide(0.0)
    works(one, "stream", 0.0)
    one.doubt(5.0)
    assert (one.used, one.leaving, one.suspect) == (None, "stream", True)
    assert not one.works
    assert one.decide(5.0) == ([], 5.0 + PATIENCE)  # it may well answer at once
    assert started(one.decide(5.0 + PATIENCE)[0]) == ["websocket"]
    # A fresh one of its own transport starts beside the one that may be dead.
    assert started(one.decide(5.0 + 2 * PATIENCE)[0]) == ["stream"]
    assert started(one.decide(5.0 + 3 * PATIENCE)[0]) == ["poll"]
    one.opened("poll", 6.0)
    assert used(one.decide(6.0)[0]) == []  # it may be deaf, and the one before may be alive
    one.proven("poll", 6.0)
    assert used(one.decide(6.0)[0]) == ["poll"]
    assert (one.leaving, one.suspect) == (None, False)


def test_beside_a_suspect_carrier_another_of_its_transport_takes_its_place() -> None:
    one = race("websocket")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.doubt(5.0)
    assert started(one.decide(5.0 + PATIENCE)[0]) == ["websocket"]
    assert used(works(one, "websocket", 6.0)) == ["websocket"]
    assert one.settled


def test_an_attempt_of_the_network_before_is_given_up_for_one_of_this() -> None:
    one = race()
    now = begun(one, "websocket", "stream")
    one.opened("stream", now)
    one.proven("stream", now)
    one.decide(now)  # the WebSocket has not been answered yet
    one.doubt(now + 1)
    assert stopped(one.decide(now + 1)[0]) == ["websocket"]
    one.cleared(now + 1)
    assert one.used == "stream"
    assert started(one.decide(now + 1 + PATIENCE)[0]) == ["websocket"]


def test_the_end_of_an_attempt_of_the_network_before_says_nothing() -> None:
    one = race()
    one.decide(0.0)
    one.doubt(1.0)
    one.ended("websocket", 1.0)
    assert one.decide(1.0) == ([], 1.0 + PATIENCE)
    assert started(one.decide(1.0 + PATIENCE)[0]) == ["websocket"]


def test_what_failed_is_tried_again_beside_what_is_used_where_it_may_work_by_now() -> None:
    one = race("websocket", "stream")
    one.decide(0.0)
    one.ended("websocket", 0.0)
    one.decide(0.0)
    one.opened("stream", 1.0)
    assert used(one.decide(1.0)[0]) == ["stream"]
    one.reconsider(1.0)
    assert one.used == "stream"
    assert started(one.decide(1.0 + PATIENCE)[0]) == ["websocket"]


def test_when_the_suspect_carrier_ends_the_race_is_one_for_a_lost_carrier() -> None:
    one = race("stream", "poll")
    one.decide(0.0)
    works(one, "stream", 0.0)
    one.doubt(5.0)
    one.left(5.1)
    assert (one.leaving, one.suspect) == (None, False)
    assert started(one.decide(5.1)[0]) == ["stream"]


def test_what_the_server_does_not_offer_is_given_up_and_never_tried_again() -> None:
    one = race("websocket", "stream", "sse", "poll")
    now = begun(one, "websocket", "stream", "sse")
    one.opened("stream", now)
    one.proven("stream", now)
    one.offered(["stream", "poll", "carrier-pigeon"])
    actions, again = measure(one, now)
    assert sorted(stopped(actions)) == ["sse", "websocket"]
    assert used(actions) == ["stream"]
    assert again is None  # nothing better is there to be tried
    one.ended("stream", now + 1)
    begun_again = []
    for _ in range(6):
        actions, again = one.decide(now := again if again is not None else now)
        begun_again += started(actions)
    assert set(begun_again) == {"stream", "poll"}


@pytest.mark.parametrize("names", [[], ["carrier-pigeon"], ["websocket"]])
def test_an_offer_that_cannot_be_is_not_believed(names: list[str]) -> None:
    one = race("websocket", "stream")
    now = begun(one, "websocket", "stream")
    works(one, "stream", now)
    one.offered(names)
    assert one.decide(now)[0] == []
    assert one.used == "stream"


def test_in_another_network_what_still_works_is_kept() -> None:
    one = race("websocket", "poll")
    one.decide(0.0)
    works(one, "websocket", 0.0)
    one.doubt(5.0)
    one.cleared(5.1)
    assert measure(one, 5.1) == ([], None)
    assert one.settled
    one.cleared(5.2)  # there is none any more
    assert one.used == "websocket"


HAPPENINGS = (
    *("opened", "proven", "ended", "served", "blameless"),
    *("offered", "doubt", "pass", "decide"),
)


def leaving(*order: str) -> Race:
    """Return a race whose carrier of `stream` has lasted, and ends soon."""
    one = race(*order)
    for name in order:
        if name == "stream":
            break
        one.decide(0.0)
        one.ended(name, 0.0)
    one.decide(0.0)
    works(one, "stream", 0.0)
    one.leave(LASTING)
    assert (one.used, one.leaving) == (None, "stream")
    return one


def test_beside_a_carrier_that_ends_soon_its_like_is_tried_and_used_when_proven() -> None:
    one, now = leaving("stream", "poll"), LASTING
    actions, again = one.decide(now)
    assert actions == [Start("stream")]
    one.opened("stream", now + 1)
    assert one.decide(now + 1)[0] == []  # the one before still carries, this one may be deaf
    one.proven("stream", now + 1.1)
    assert used(one.decide(now + 1.1)[0]) == ["stream"]
    assert (one.used, one.leaving) == ("stream", None)
    one.left(now + 1.2)
    assert measure(one, now + 1.2) == ([], None)


def test_there_is_no_hurry_while_the_carrier_before_still_carries() -> None:
    one, now = leaving("stream", "poll"), LASTING
    assert one.decide(now)[1] == now + TIMEOUT  # and nothing else is asked for
    one.left(now + 1)
    assert started(one.decide(now + 1)[0]) == ["poll"]  # now there is


def test_where_its_like_does_not_come_the_others_are_tried_before_it_ends() -> None:
    one, now = leaving("stream", "poll"), LASTING
    one.decide(now)
    one.ended("stream", now)
    assert one.exhausted
    one.next_round(now)
    _, again = one.decide(now)
    assert again is not None
    assert started(one.decide(again)[0]) == ["stream"]
    actions, later = one.decide(again + LEAVING_PATIENCE)
    assert started(actions) == ["poll"]
    assert used(works(one, "poll", again + LEAVING_PATIENCE)) == ["poll"]
    assert later is not None


def test_what_opened_by_then_is_used_when_it_has_ended() -> None:
    one, now = leaving("stream"), LASTING
    one.decide(now)
    one.opened("stream", now)
    assert used(one.decide(now)[0]) == []
    one.left(now + 1)
    assert used(one.decide(now + 1)[0]) == ["stream"]


def test_an_announced_end_is_no_strike() -> None:
    one, now = race("stream", "poll"), 0.0
    one.decide(now)
    works(one, "stream", now)
    for _ in range(5):
        now += 1
        one.leave(now)
        assert started(one.decide(now)[0]) == ["stream"]
        assert used(works(one, "stream", now)) == ["stream"]
        one.left(now)
    one.ended("stream", now + 1, served=True)
    assert started(one.decide(now + 1)[0]) == ["stream"]  # its first strike


@pytest.mark.parametrize("ends_at_once", [False, True])
def test_a_server_that_ends_each_answer_at_once_does_not_set_the_pace_of_a_storm(
    ends_at_once: bool,
) -> None:
    one, now, starts = leaving("stream"), LASTING, 0
    while now < LASTING + 10:
        actions, again = one.decide(now)
        if started(actions):
            starts += 1
            one.opened("stream", now)
            one.proven("stream", now)
            one.decide(now)
            one.leave(now)
            if ends_at_once:
                one.left(now)
        assert again is not None
        now = max(now + 0.001, again if not started(actions) else now)
    assert starts <= 10 / LEAVING_INTERVAL + 2


def test_the_better_ones_are_tried_now_and_then_though_answers_end_more_often() -> None:
    one, now, tried = leaving("websocket", "stream", "poll"), LASTING, 0
    for _ in range(20):
        actions, _ = one.decide(now)
        if "stream" in started(actions):
            works(one, "stream", now)
            one.left(now)
        now += PROMOTION_INTERVAL / 4
        actions, _ = one.decide(now)
        if started(actions) == ["websocket"]:
            tried += 1
            one.ended("websocket", now)
        one.leave(now)
    assert tried >= 2


events = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *[
                    "opened",
                    "proven",
                    "ended",
                    "served",
                    "blameless",
                    "leave",
                    "left",
                    "doubt",
                    "cleared",
                    "offered",
                    "pass",
                    "decide",
                ]
            ]
        ),
        st.sampled_from(DEFAULT_ORDER),
        st.floats(0, 30),
    ),
    max_size=60,
)


@given(events, st.none() | st.sampled_from(DEFAULT_ORDER), st.booleans())
def test_whatever_happens_the_best_that_is_proven_is_used(
    happened: list[tuple[str, str, float]], first: str | None, retry: bool
) -> None:
    one = remembering(first, retry_better=retry) if first else race()
    now = 0.0
    live: set[str] = set()
    for what, name, seconds in happened:
        if what == "pass":
            now += seconds
        elif what == "offered":
            one.offered([name, DEFAULT_ORDER[int(seconds) % len(DEFAULT_ORDER)]])
        elif what == "doubt":
            live.discard(one.used or "")  # it goes on, beside the race
            one.doubt(now)
        elif what == "leave" and one.used is not None:
            live.discard(one.used)  # it goes on, beside the race
            one.leave(now)
        elif what == "left":
            one.left(now)
        elif what == "cleared":
            if one.suspect and one.leaving is not None:
                live.add(one.leaving)  # it takes the place of the one beside it
            one.cleared(now)
        elif what in ("ended", "served", "blameless") and name in live:
            live.discard(name)
            one.ended(name, now, served=what == "served", blameless=what == "blameless")
        elif what == "opened" and name in live:
            one.opened(name, now)
        elif what == "proven" and name in live:
            one.proven(name, now)
        if one.exhausted:
            one.next_round(now)
        actions, again = one.decide(now)
        for action in actions:
            if isinstance(action, Start):
                assert action.transport not in live, "it runs already"
                live.add(action.transport)
            else:
                assert action.transport in live, "it does not run"
                if isinstance(action, Ask):
                    assert one.works
                if isinstance(action, Stop):
                    live.discard(action.transport)
        phases = {name: runner.phase for name, runner in one._runners.items()}
        assert live == {name for name, phase in phases.items() if phase in RUNNING}
        proven = [name for name in DEFAULT_ORDER if phases.get(name) is Phase.PROVEN]
        usable = [name for name, phase in phases.items() if phase in (Phase.OPEN, Phase.PROVEN)]
        if one.leaving is not None:
            assert one.used is None
            assert not proven
        else:
            # Beside it there may be some that are measured.
            assert one.used in proven if proven else (one.used in usable or not usable)
        # Something runs, or there is a time at which it will.
        assert live or again is not None or one.exhausted
        assert again is None or again >= now
