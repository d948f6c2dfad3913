"""Plays test vectors on the Python code.

Knows: what each kind of case asks, and how an answer is written as JSON.
Must not know: where cases come from. `play.mjs` is the same for JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from time import time
from typing import Any

from byway.errors import Attempt, CarrierLost, ChannelClosed, FrameError
from byway.frames import Decoder, Frame, decode_all
from byway.handshake import Hello
from byway.limits import SessionLimits
from byway.negotiation import Preference, Race, Silence
from byway.negotiation.retry import may_pass
from byway.retry_hint import retry_after
from byway.session import Carrier, Closed, Session, joined
from byway.transports.eventstream import EventDecoder
from byway.transports.http.batches import Abort, Batches, Dead, Flight
from byway.transports.http.polls import After, Polls
from byway.transports.http.upload import Move, Upload

Json = Any

MAX_FRAME = 64 * 1024


def play(kind: str, asked: Json) -> Json:
    """Return the answer to a case."""
    return _PLAYERS[kind](asked)


def _decode(decoder: Decoder | EventDecoder, asked: Json) -> Json:
    """Feed bytes, cut at the places named, and return the frames that came of them."""
    data = bytes.fromhex(asked["bytes"])
    cuts = [0, *asked["cuts"], len(data)]
    frames: list[Frame] = []
    try:
        for start, stop in zip(cuts, cuts[1:], strict=False):
            frames += decoder.feed(data[start:stop])
    except FrameError:
        return "error"
    return [[kind, payload.hex()] for kind, payload in frames]


def _hello(asked: Json) -> Json:
    hello = Hello(**{**asked, "subprotocols": tuple(asked.get("subprotocols", ()))})
    return {"token": hello.token(), "frame": hello.frame()[5:].decode()}


def _silence(asked: Json) -> Json:
    silence = Silence(asked["heartbeat"])
    answers = []
    for lasted, heartbeat in asked["cuts"]:
        learned = silence.cut(lasted, heartbeat)
        answers.append([learned, silence.heartbeat, silence.limit])
    return answers


def _race(asked: Json) -> Json:
    preference = Preference(tuple(asked["order"]), asked.get("patience", {}))
    race = Race(
        preference,
        attempt_timeout=asked["timeout"],
        first=asked.get("first"),
        opened_in=asked.get("openedIn", 0.0),
        retry_better=asked.get("retryBetter", False),
        jitter=lambda low, high: (low + high) / 2,
    )
    answers: list[Json] = []
    for now, what, *more in asked["steps"]:
        if what == "decide":
            actions, again = race.decide(now)
            told = [[type(one).__name__.lower(), *_times(asdict(one))] for one in actions]
            answers.append([told, again if again is None else round(again, 6)])
            answers[-1].append([race.used, race.leaving, race.settled, race.exhausted])
        elif what == "opened":
            race.opened(more[0], now)
        elif what == "proven":
            race.proven(more[0], now)
        elif what == "ended":
            race.ended(more[0], now, served=more[1], blameless=more[2])
        elif what == "offered":
            race.offered(more[0])
        elif what == "busy":
            race.pace.busy(now, closing=more[0])
        elif what == "round":
            race.next_round(now, *more)
        else:
            {
                "doubt": race.doubt,
                "cleared": race.cleared,
                "leave": race.leave,
                "left": race.left,
            }[what](now)
    return answers


def _times(fields: dict[str, Any]) -> list[Json]:
    """Return the transport, and whether it was late; the words are each side's own."""
    return [fields["transport"], *([fields["late"]] if "late" in fields else [])]


def _retry(asked: Json) -> Json:
    headers = tuple((name, value) for name, value in asked["headers"].items())
    attempt = Attempt("poll", 0.0, status=asked["status"], mark=asked["mark"], headers=headers)
    if not may_pass(attempt):
        return None
    return retry_after(asked["headers"].get("retry-after", ""), time()) or 0.0


def _session(asked: Json) -> Json:
    session = Session(SessionLimits())
    carriers: dict[int, Carrier] = {}
    answers: list[Json] = []
    for what, *more in asked["steps"]:
        try:
            answers.append(_step(session, carriers, what, more))
        except FrameError:
            answers.append("error")
        except ChannelClosed:
            answers.append("closed")
    return answers


def _step(session: Session, carriers: dict[int, Carrier], what: str, more: list[Json]) -> Json:
    match what, more:
        case "attach", [number, ordered, batched]:
            carriers[number] = session.attach(number, ordered=ordered, batched=batched)
            session.announce(carriers[number])
        case "detach", [number]:
            session.detach(carriers[number], "lost")
        case "select", [number]:
            session.select(carriers[number])
        case "ping", [number, nonce]:
            session.ping(carriers[number], nonce.encode())
        case "rewind", [number]:
            session.rewind(carriers[number])
        case "beat", [seconds]:
            session.ask_beat(seconds)
        case "acknowledge", [received, room]:
            session.acknowledge(received, room)
        case "send", [text]:
            session.send(text)
        case "bytes", [size]:
            session.send(b"\x07" * size)
        case "close", [code, reason]:
            session.close(code, reason)
        case "settle", []:
            session.settle()
        case "feed", [number, wire]:
            frames = decode_all(bytes.fromhex(wire), max_frame=MAX_FRAME)
            session.feed(carriers[number].intake, frames)
            return [session.inbox.received, carriers[number].proven, carriers[number].leaving]
        case "take", [number, size, beat]:
            frames_up = session.take(carriers[number], size, beat=beat)
            return [shown(joined(frames_up)), session.pending(carriers[number])]
        case "end", []:
            end = session.end
            return [end.code, end.reason] if end else [None, None]
        case "read", []:
            message = session.receive()
            if message is None or isinstance(message, Closed):
                return None
            return message if isinstance(message, str) else {"bytes": shown(message)}
        case _:
            raise AssertionError(f"no such step: {what} {more}")
    return [session.state.value, session.finished]


def shown(data: bytes) -> str:
    """Write bytes as hex; of many, the ends and how many there are."""
    text = data.hex()
    return text if len(text) <= 400 else f"{text[:200]}…{text[-100:]} ({len(data)})"


FRAME = 8005
"""Bytes of each frame in the cases on batches."""


def _batches(asked: Json) -> Json:
    """Let batches leave and come back; say which left, when the next may, and what has ended."""
    batches = Batches(asked["size"], lambda low, high: (low + high) / 2)
    batches.most = asked["most"]
    batches.begin(0.0, asked["opened_in"], asked["heartbeat"])
    first = cursor = 1  # the first frame that is not acknowledged, the next to write
    last = 0
    flights: list[Flight] = []
    ended = False
    answers = []
    for now, what, *more in asked["steps"]:
        if what == "say":
            last += more[0]
        else:
            index, outcome = more
            error = None
            if "acknowledged" in outcome:
                first = max(first, outcome["acknowledged"] + 1)
                cursor = max(cursor, first)
            else:
                error = CarrierLost(
                    "lost", answered=outcome["status"], retry_after=outcome["after"]
                )
                error.other_form = outcome["other"]
            decision = batches.landed(flights[index], error, now, first, cursor)
            ended = ended or isinstance(decision, Dead | Abort)
            if decision is not None:
                cursor = first
        left = []
        wake = None
        while not ended:
            wait = batches.may_start(now)
            if wait is None:
                break
            if wait > 0:
                wake = round(now + wait, 6)
                break
            count = min(last + 1 - cursor, -(-batches.size // FRAME))
            if count <= 0:
                break
            cursor += count
            flights.append(batches.left(cursor, now))
            left.append([cursor, batches.size])
        answers.append([left, wake, ended])
    return answers


def _upload(asked: Json) -> Json:
    """Try an upload, and use it; say what it needs, whether it is used, whether it has lasted."""
    upload = Upload(0.0, asked["round_trip"])
    used = False
    answers: list[Json] = []
    for now, what, *more in asked["steps"]:
        if what == "heard":
            upload.heard()
        elif what == "look":
            flights, cursor = more
            if not used and upload.may_use(flights):
                upload.use(now, cursor)
                used = True
            move = upload.look(now, cursor, asked["silence"])
            if move is Move.PING:
                upload.asked(now)
            answers.append([move.value, used])
        else:
            answers.append(upload.has_lasted(now))
    return answers


def _polls(asked: Json) -> Json:
    """Poll or visit, with or without something to say, and lose responses.

    Say which poll comes next, whether frames go up with it, and what goes up again.
    """
    polls = Polls()
    is_open = False
    answers: list[Json] = []
    for is_visit, outcome, has_words in asked["steps"]:
        poll = polls.next(visiting=is_visit)
        speaks = has_words and (not poll.is_held or polls.may_speak)
        if speaks:
            polls.speaks()
        answers.append([poll.count, poll.renews, speaks])
        if outcome == "came":
            polls.answered()
            is_open = True
            continue
        trouble = "reset" if outcome in ("cut", "blocked") else ""
        status = {"refused": 503, "large": 413}.get(outcome)
        error = CarrierLost(outcome, trouble=trouble, answered=status)
        error.other_form = outcome == "blocked"
        after = polls.failed(error, is_open=is_open)
        answers.append(after.value)
        if after is After.LOST:
            break
    return answers


_PLAYERS: dict[str, Callable[[Json], Json]] = {
    "frames": lambda asked: _decode(Decoder(max_frame=MAX_FRAME), asked),
    "events": lambda asked: _decode(EventDecoder(max_frame=MAX_FRAME), asked),
    "hello": _hello,
    "silence": _silence,
    "race": _race,
    "retry": _retry,
    "session": _session,
    "batches": _batches,
    "upload": _upload,
    "polls": _polls,
}
