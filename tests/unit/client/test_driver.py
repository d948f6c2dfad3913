"""The driver: what it makes of a session that the server does not have any more."""

from __future__ import annotations

import asyncio

import pytest

from byway.client import record as record_module
from byway.client import steering as steering_module
from byway.client.driver import Driver
from byway.errors import ELSEWHERE, ENDED, UNKNOWN, CarrierLost, NoTransport, Refused
from byway.frames import LEAVE, PING, PONG, decode_all
from byway.http_library import httpx
from byway.keys import name_of
from byway.limits import ClientLimits
from byway.negotiation import Preference
from byway.negotiation.race import LAST_DELAY
from byway.negotiation.retry import MAX_OPENINGS
from byway.runtime import LiveCarrier, LiveSession
from byway.session import Closed, State, joined
from byway.transports import other_processes
from byway.transports.base import Exchange, Transport
from byway.transports.dial import Dial
from byway.transports.other_processes import ELSEWHERE_COUNT, ELSEWHERE_TIME
from tests.unit.clock import settle, timed
from tests.unit.transports.test_dial import opening


class Scripted(Transport):
    """A transport that opens, or fails, as it is told.

    Attributes:
        script: what becomes of each carrier: it fails at once; or it opens, and fails when told.
        tried: the carriers so far.
        fail: lets the carrier that is open fail.
    """

    name = "poll"

    def __init__(self, *script: Exception | None) -> None:
        self.script: list[Exception | None] = list(script)
        self.tried: list[LiveCarrier] = []
        self.fail: asyncio.Future[None] | None = None

    async def serve(self, exchange: Exchange, live: LiveSession, hello: object) -> None:
        raise NotImplementedError

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        self.tried.append(carrier)
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error
        dial.feed(carrier, [opening()], httpx.Headers())
        self.fail = asyncio.get_running_loop().create_future()
        await self.fail


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Put a scripted transport in the place of all."""
    one = Scripted()
    monkeypatch.setattr(steering_module, "REGISTRY", {"poll": one, "sse": one})
    return one


def driving(*transports: str) -> Driver:
    """Return a driver of a new session."""
    live = LiveSession(ClientLimits(), name="test")
    return Driver(
        live,
        Preference.of(transports or ["poll"]),
        lambda on_open, on_plain: Dial(
            url=httpx.URL("http://app.example/"),
            headers=[],
            ssl=None,
            proxy=None,
            key="Kx3vT8qLw2ZrN5yBhE7uJd",
            subprotocols=(),
            limits=ClientLimits(),
            on_open=on_open,
            on_plain=on_plain,
        ),
        open_timeout=20,
    )


class Answering(Scripted):
    """A transport that also brings the PONG which proves it."""

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        dial.feed(carrier, [opening()], httpx.Headers())
        self.tried.append(carrier)
        while wires := await carrier.output(10):
            frames = decode_all(joined(wires), max_frame=1000)
            dial.feed(
                carrier, [(PONG, data) for kind, data in frames if kind == PING], httpx.Headers()
            )


@timed
async def test_a_deaf_carrier_gives_way_to_one_that_is_proven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deaf, proven = Scripted(), Answering()
    monkeypatch.setattr(steering_module, "REGISTRY", {"sse": deaf, "poll": proven})
    driver = driving("sse", "poll")
    await driver.open()
    assert driver.live.transport == "sse"  # it opened first, and may be all there is
    await asyncio.sleep(1)
    assert driver.live.transport == "poll"
    assert driver.live.core.selected is proven.tried[0].core
    assert proven.tried[0].core.proven
    assert [one.core.ended for one in deaf.tried] == [""]  # it is better, and may still answer
    await driver.aclose()
    assert deaf.tried[0].core.ended
    assert deaf.fail is not None
    assert deaf.fail.cancelled()


class Silent(Scripted):
    """A transport that never opens."""

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        self.tried.append(carrier)
        await asyncio.Event().wait()


@timed
async def test_without_forgetting_later_tries_a_long_session_would_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = Silent()
    monkeypatch.setattr(steering_module, "REGISTRY", {"sse": silent, "poll": Answering()})
    driver = driving("sse", "poll")
    await driver.open()
    await asyncio.sleep(20_000)
    assert driver.live.transport == "poll"
    assert len(silent.tried) > 10  # it was tried in vain all the while
    assert driver.record.attempts == []
    await driver.aclose()


@timed
async def test_what_is_proven_ends_the_attempts_of_what_is_worse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, proven = Scripted(), Answering()
    monkeypatch.setattr(steering_module, "REGISTRY", {"sse": proven, "poll": slow})
    driver = driving("sse", "poll")
    await driver.open()
    await asyncio.sleep(25)
    assert driver.live.transport == "sse"
    assert slow.tried == []
    await driver.aclose()


def lose(script: Scripted, error: Exception) -> None:
    """Let the open carrier fail."""
    assert script.fail is not None
    script.fail.set_exception(error)


@timed
async def test_without_taking_410_for_an_acknowledgement_a_close_would_wait_for_ever(
    script: Scripted,
) -> None:
    driver = driving()
    await driver.open()
    await driver.live.send("x")
    driver.live.close(4000, "over")
    lose(script, CarrierLost("answered 410", answered=410, gone=UNKNOWN))
    await driver.live.finished.wait()
    assert driver.live.core.end == Closed(4000, "over")
    assert driver.live.core.state is State.CLOSED
    await driver.aclose()
    assert len(script.tried) == 1


@timed
async def test_a_session_that_the_server_has_forgotten_while_open_is_lost(
    script: Scripted,
) -> None:
    driver = driving()
    await driver.open()
    await driver.live.send("x")
    lose(script, CarrierLost("answered 410", answered=410, gone=UNKNOWN))
    await driver.live.finished.wait()
    assert driver.live.core.end == Closed(1006, "answered 410")
    await driver.aclose()
    assert len(script.tried) == 1


@timed
async def test_a_session_that_belongs_to_another_process_may_still_be_reached(
    script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_processes, "ELSEWHERE_TIME", 10.0)
    driver = driving()
    await driver.open()
    script.script = [CarrierLost("answered 410", answered=410, gone=ELSEWHERE)] * 2
    lose(script, CarrierLost("answered 410", answered=410, gone=ELSEWHERE))
    await asyncio.sleep(9)  # longer than the pauses between three attempts
    assert driver.live.core.state is State.OPEN
    assert len(script.tried) == 4
    assert driver.live.core.selected is script.tried[3].core
    await asyncio.sleep(2)
    lose(script, CarrierLost("answered 410", answered=410, gone=ELSEWHERE))
    await settle()
    assert driver.live.core.state is State.OPEN  # its own process has answered: a new row
    await driver.aclose()


@timed
async def test_when_only_other_processes_answer_for_a_while_the_session_is_lost(
    script: Scripted,
) -> None:
    driver = driving()
    await driver.open()
    loop = asyncio.get_running_loop()
    began = loop.time()
    script.script = [CarrierLost("answered 410", answered=410, gone=ELSEWHERE)] * 100
    lose(script, CarrierLost("answered 410", answered=410, gone=ELSEWHERE))
    await driver.live.finished.wait()
    assert driver.live.core.end == Closed(1006, "answered 410")
    assert len(script.tried) > ELSEWHERE_COUNT
    assert ELSEWHERE_TIME <= loop.time() - began <= ELSEWHERE_TIME + LAST_DELAY
    await driver.aclose()


@timed
async def test_what_has_ended_is_not_looked_for(script: Scripted) -> None:
    driver = driving()
    await driver.open()
    lose(script, CarrierLost("answered 410", answered=410, gone=ENDED))
    await driver.live.finished.wait()
    assert len(script.tried) == 1
    await driver.aclose()


@timed
async def test_a_carrier_that_is_lost_is_followed_by_another_with_a_greater_id(
    script: Scripted,
) -> None:
    driver = driving()
    await driver.open()
    first = script.tried[0].core
    lose(script, CarrierLost("cut"))
    await asyncio.sleep(6)  # on the test's clock: longer than any pause between attempts
    second = script.tried[1].core
    assert (first.id, second.id) == (1, 2)  # ids are the client's, and grow
    assert driver.live.core.selected is second
    assert driver.live.core.state is State.OPEN
    await driver.aclose()


@timed
async def test_a_refusal_ends_the_attempts(script: Scripted) -> None:
    script.script = [CarrierLost("cut"), Refused(401)]
    driver = driving("sse", "poll")
    with pytest.raises(Refused) as caught:
        await driver.open()
    assert [one.transport for one in caught.value.attempts] == ["sse", "poll"]
    await settle()
    assert len(script.tried) == 2


@timed
async def test_where_nothing_gets_through_each_attempt_is_told(script: Scripted) -> None:
    script.script = [CarrierLost("cut"), CarrierLost("answered 403", answered=403)]
    with pytest.raises(NoTransport) as caught:
        await driving("sse", "poll").open()
    assert [(one.transport, one.error, one.status) for one in caught.value.attempts] == [
        ("sse", "cut", None),
        ("poll", "answered 403", 403),
    ]


@timed
async def test_an_attempt_that_stumbles_over_anything_leaves_the_session_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        steering_module,
        "REGISTRY",
        {"sse": Scripted(*[ValueError("what a proxy said")] * 9), "poll": Answering()},
    )
    driver = driving("sse", "poll")
    await driver.open()
    await asyncio.sleep(100)
    assert driver.live.transport == "poll"
    assert driver.live.core.state is State.OPEN
    assert "what a proxy said" in caplog.text
    await driver.aclose()


@timed
@pytest.mark.parametrize("trouble", ["reset", "ended"])
async def test_connections_that_end_unanswered_are_tried_again_for_some_rounds(
    script: Scripted, trouble: str
) -> None:
    script.script = [CarrierLost("cut", trouble=trouble)] * 3
    driver = driving()
    await driver.open()
    assert len(script.tried) == 4
    await driver.aclose()
    script.script = [CarrierLost("cut", trouble=trouble)] * 100
    with pytest.raises(NoTransport) as caught:
        await driving().open()
    assert 4 < len(caught.value.attempts) <= MAX_OPENINGS


def away(after: str = "", status: int = 503, mark: str = "") -> CarrierLost:
    """Return the end of an attempt that somebody answered in the server's place."""
    headers = [("retry-after", after)] if after else []
    return CarrierLost(f"answered {status}", answered=status, headers=headers, mark=mark)


@timed
@pytest.mark.parametrize(
    "answer", [away(), away("2"), away(status=429), away(status=502), away(mark="error")]
)
async def test_what_passes_by_itself_is_tried_again_until_it_has_passed(
    script: Scripted, answer: CarrierLost
) -> None:
    script.script = [answer] * 3
    driver = driving()
    began = asyncio.get_running_loop().time()
    await driver.open()
    took = asyncio.get_running_loop().time() - began
    waits = 6.0 if answer.headers else 0.0
    assert waits <= took <= waits + 0.25 + 0.5 + 1
    assert len(script.tried) == 4
    await driver.aclose()


@timed
async def test_twenty_seconds_of_it_are_a_dozen_rounds_or_so_and_the_error_says_what_to_do(
    script: Scripted,
) -> None:
    script.script = [away()] * 1000
    driver = driving()
    began = asyncio.get_running_loop().time()
    with pytest.raises(NoTransport, match="503 over poll was still the response") as caught:
        await driver.open()
    assert asyncio.get_running_loop().time() - began == pytest.approx(20)
    assert "look at the server behind it" in str(caught.value)
    assert str(caught.value).count("poll: answered 503") == 1
    assert 7 <= len(script.tried) <= 40  # each pause is at most 5 s, and on average half as long


@timed
async def test_who_asks_to_come_back_too_late_is_believed_at_once(script: Scripted) -> None:
    script.script = [away("120")] * 9
    began = asyncio.get_running_loop().time()
    with pytest.raises(NoTransport, match="asks to come back in 120 s, which is later") as caught:
        await driving().open()
    assert asyncio.get_running_loop().time() == began
    assert caught.value.retry_after == 120
    assert len(script.tried) == 1


@timed
@pytest.mark.parametrize("status", [403, 404, 405, 500])
async def test_what_stays_as_it_is_is_asked_once(script: Scripted, status: int) -> None:
    script.script = [away(status=status)] * 9
    with pytest.raises(NoTransport):
        await driving().open()
    assert len(script.tried) == 1


@timed
async def test_the_attempts_of_a_long_opening_are_kept_within_bounds(script: Scripted) -> None:
    script.script = [away()] * 1000
    driver = driving()
    driver._open_timeout, driver._deadline = 1000, driver._deadline + 980
    with pytest.raises(NoTransport) as caught:
        await driver.open()
    assert len(script.tried) > len(caught.value.attempts) == record_module.MAX_ATTEMPTS


@timed
async def test_in_mid_session_a_retry_after_is_honoured_within_reason(script: Scripted) -> None:
    driver = driving()
    await driver.open()
    assert script.fail is not None
    loop = asyncio.get_running_loop()
    times: list[float] = []
    script.script = [away("3"), away("3600"), None]
    script.fail.set_exception(CarrierLost("cut", trouble="reset"))
    while len(script.tried) < 4:
        before = len(script.tried)
        await asyncio.sleep(0.01)
        times += [loop.time()] * (len(script.tried) - before)
    assert 3 <= round(times[1] - times[0], 3) <= 3.6  # a clock of floats
    assert 5 <= round(times[2] - times[1], 3) <= 6.1  # LAST_DELAY, and the race's own pause
    await driver.aclose()


def used_up(seconds: str | None = None) -> CarrierLost:
    """Return the error of a response that says that the session has ended."""
    headers = () if seconds is None else (("retry-after", seconds),)
    asked = None if seconds is None else float(seconds)
    return CarrierLost(
        "answered 410", answered=410, gone=ENDED, mark="error", headers=headers, retry_after=asked
    )


@timed
async def test_an_opening_whose_key_is_used_up_is_tried_with_another(script: Scripted) -> None:
    script.script = [used_up("3"), None]
    driver = driving()
    before, name = driver._dial.key, driver.live.name
    began = asyncio.get_running_loop().time()
    await driver.open()
    assert 3 <= asyncio.get_running_loop().time() - began <= 3.3
    assert driver._dial.key != before
    assert driver.live.name == name_of(driver._dial.key) != name
    await driver.aclose()


@timed
async def test_two_keys_are_tried_and_no_third(script: Scripted) -> None:
    script.script = [used_up()] * 9
    with pytest.raises(NoTransport, match="answered 410"):
        await driving().open()
    assert len(script.tried) == 2


@timed
async def test_a_session_that_is_gone_says_when_to_come_back(script: Scripted) -> None:
    driver = driving()
    await driver.open()
    assert script.fail is not None
    script.script = [used_up("4")]
    script.fail.set_exception(CarrierLost("cut", trouble="reset"))
    async with asyncio.timeout(5):
        await driver.live.finished.wait()
    assert driver.retry_after == 4
    await driver.aclose()


@timed
async def test_what_failed_while_the_server_was_away_is_tried_beside_what_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Away(Answering):
        async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
            if self.script and (error := self.script.pop(0)) is not None:
                raise error
            await super().carry(dial, carrier)

    better, worse = Away(), Away()
    better.script, worse.script = [away(), away(), None], [away(), None]
    monkeypatch.setattr(steering_module, "REGISTRY", {"sse": better, "poll": worse})
    driver = driving("sse", "poll")
    await driver.open()
    assert driver.live.transport == "poll"
    await asyncio.sleep(2)  # and not only after the interval of 30 s
    assert driver.live.transport == "sse"
    await driver.aclose()


class Leaving(Answering):
    """A transport whose carriers say `LEAVE` when told, and end when told."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[asyncio.Event] = []
        self.answers = True
        self.at_once = False  # the end announces itself

    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        end = asyncio.Event()
        self.ends.append(end)
        if self.script and (error := self.script.pop(0)) is not None:
            raise error
        answering = asyncio.ensure_future(
            super().carry(dial, carrier) if self.answers else end.wait()
        )
        ended = asyncio.ensure_future(end.wait())
        try:
            await asyncio.wait({answering, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            ended.cancel()
        if self.at_once:
            carrier.feed([(LEAVE, b"")])
        raise CarrierLost("the server announced the end of this response")

    def leave(self) -> None:
        """Let the newest carrier announce its end."""
        carrier = self.tried[-1]
        carrier.feed([(LEAVE, b"")])


def ended(carrier: LiveCarrier) -> str:
    """Return why a carrier has ended, if it has."""
    return carrier.core.ended


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> Leaving:
    """Put it in the place of two."""
    one = Leaving()
    monkeypatch.setattr(steering_module, "REGISTRY", {"sse": one, "poll": Answering()})
    return one


@timed
async def test_a_carrier_that_ends_soon_carries_until_another_is_proven(
    leaving: Leaving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "byway")
    over: list[str] = []
    driver = driving("sse", "poll")
    driver._on_transport = over.append
    await driver.open()
    await asyncio.sleep(20)
    first = leaving.tried[0]
    leaving.answers = False  # what comes next does not open for a while
    leaving.leave()
    await asyncio.sleep(2)
    assert len(leaving.ends) == 2
    assert driver.live.core.selected is first.core
    leaving.ends[1].set()  # nor ever
    leaving.answers = True
    await asyncio.sleep(5)
    second = leaving.tried[1].core
    assert driver.live.core.selected is second
    assert not ended(first)  # what is on its way down on it is still read
    leaving.ends[0].set()
    await settle()
    assert ended(first) == "it has ended as announced"
    assert over == ["sse"]
    assert "failed: the server announced" in caplog.text  # the attempt in between
    assert driver.report().in_use == "sse"
    await driver.aclose()


@timed
async def test_one_whose_end_the_server_forgets_is_let_go(leaving: Leaving) -> None:
    driver = driving("sse", "poll")
    await driver.open()
    await asyncio.sleep(20)
    leaving.leave()
    await asyncio.sleep(1)
    assert driver.live.core.selected is leaving.tried[1].core
    leaving.leave()  # and at once the next
    await asyncio.sleep(1)
    assert driver.live.core.selected is leaving.tried[2].core
    assert leaving.tried[0].core.ended == "another carrier is leaving too"
    await asyncio.sleep(50)
    assert leaving.tried[1].core.ended == "another carrier has taken its place"
    assert len(leaving.tried) == 3
    assert driver.record.attempt_log._newest == {}
    await driver.aclose()


@timed
async def test_where_its_like_cannot_be_had_in_time_another_transport_follows(
    leaving: Leaving,
) -> None:
    over: list[str] = []
    driver = driving("sse", "poll")
    driver._race._beside._interval = 4.0  # seconds after which what is better is tried again
    driver._on_transport = over.append
    await driver.open()
    await asyncio.sleep(20)
    first = leaving.tried[0]
    leaving.script = [CarrierLost("answered 502", answered=502)] * 2
    leaving.leave()
    await asyncio.sleep(2)
    assert not ended(first)
    assert driver.live.transport == "poll"
    await asyncio.sleep(8)
    assert over == ["sse", "poll", "sse"]  # it came back while the first was not yet gone
    leaving.ends[0].set()
    await settle()
    assert ended(first) == "it has ended as announced"
    await driver.aclose()


@timed
async def test_where_it_ends_before_anything_follows_the_session_goes_on_as_ever(
    leaving: Leaving,
) -> None:
    driver = driving("sse")
    await driver.open()
    await asyncio.sleep(20)
    leaving.script = [CarrierLost("answered 410", answered=410, gone=UNKNOWN)]
    leaving.leave()
    await settle()
    assert driver.live.core.state is State.OPEN  # another process may have answered that
    leaving.ends[0].set()
    await asyncio.sleep(5)
    assert driver.live.core.selected is leaving.tried[1].core
    await driver.aclose()


@timed
async def test_an_announcement_that_comes_together_with_the_end_is_no_failure_either(
    leaving: Leaving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "byway")
    driver = driving("sse", "poll")
    await driver.open()
    await settle()
    leaving.at_once = True
    for _ in range(3):  # more often than a transport may fail to last
        leaving.ends[-1].set()
        await asyncio.sleep(1)
        assert driver.live.transport == "sse"
    assert len(leaving.tried) == 4
    assert "failed" not in caplog.text
    await driver.aclose()


@timed
async def test_last_words_go_over_a_carrier_that_ends_soon(leaving: Leaving) -> None:
    driver = driving("sse")
    await driver.open()
    await asyncio.sleep(20)
    leaving.script = [CarrierLost("answered 502", answered=502)] * 50
    leaving.leave()
    await asyncio.sleep(1)
    driver.live.abort(1006, "over")
    finishing = asyncio.create_task(driver.finish(10))
    await settle()
    leaving.ends[0].set()
    await finishing
    assert leaving.tried[0].core.ended


@timed
async def test_a_callback_that_raises_what_cancels_tasks_cancels_nothing(
    script: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    def raising(_: str) -> None:
        raise asyncio.CancelledError

    driver = driving()
    driver._on_transport = raising
    await driver.open()
    await asyncio.sleep(1)
    assert driver.live.transport == "poll"
    assert "on_transport failed" in caplog.text
    await driver.aclose()
