"""Metrics for Prometheus: what the processes of a server have done, made when somebody asks.

Knows: prometheus-client, and the numbers that a server keeps anyway.
Must not know: where those are counted, what a request is for.

    metrics = Metrics(app)      # an ASGI application, to be mounted at /metrics
    REGISTRY.register(Collector(app))   # or: this process alone, in a registry that you have

prometheus-client's mode for several processes writes each number into a file that is shared, and
knows no collectors. Here nothing is written while the server works, so nothing is slower for it:
whoever is asked asks the others over links, and a label says whose a number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from byway.backplane import Backplane, BackplaneError
from byway.backplane.asking import Reply, ask_all, read
from byway.backplane.workers import WorkersBackplane
from byway.errors import UsageError
from byway.transports.base import Receive, Scope, Send

try:
    from prometheus_client import CollectorRegistry
    from prometheus_client import Metric as Family
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        InfoMetricFamily,
        SummaryMetricFamily,
    )
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import Collector as _Collector
except ImportError as _error:
    raise ImportError(
        f"byway.metrics needs prometheus-client: pip install 'byway[metrics]' ({_error})"
    ) from None

if TYPE_CHECKING:
    from byway.server import FallbackMiddleware

__all__ = ["Collector", "Metrics"]


class Metrics:
    """An ASGI application that answers GET with the numbers of all processes that it can ask.

    Mount it where Prometheus alone gets: it asks nobody for a password. Those of the workers of
    one server, and of the processes that share a directory, are all in each response. Over Redis
    a response holds those of the process that was asked: let Prometheus find each by itself.
    """

    def __init__(self, app: FallbackMiddleware, *, everyone: bool | None = None) -> None:
        """Show the numbers of an endpoint's process, and of those that share its backplane.

        Args:
            app: the endpoint.
            everyone: whether all processes are asked; None for those of this machine.
        """
        self._app = app
        self._everyone = everyone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        if scope["type"] != "http":
            raise UsageError(f"Metrics serves HTTP, not {scope['type']}")
        if scope["method"] not in ("GET", "HEAD"):
            await _respond(send, 405, [(b"allow", b"GET, HEAD")], b"")
            return
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Made(families(await self._replies())))
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        encode, content_type = choose_encoder(accept)
        body = encode(registry)
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await _respond(send, 200, headers, b"" if scope["method"] == "HEAD" else body)

    async def _replies(self) -> list[Reply]:
        backplane = self._app.backplane
        if backplane is None:
            return []
        everyone = self._everyone
        if everyone is None:
            everyone = isinstance(backplane, WorkersBackplane)
        if not everyone:
            return _own(backplane)
        try:
            return [reply async for reply in ask_all(backplane, {})]
        except BackplaneError:
            return _own(backplane)  # nobody says who else is there


def _own(backplane: Backplane) -> list[Reply]:
    return [] if backplane.tell is None else [read(backplane.name, backplane.tell(b""))]


async def _respond(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Collector(_Collector):
    """A collector of one process' numbers, for a registry that an application has already.

    It may be called in any thread.
    """

    def __init__(self, app: FallbackMiddleware) -> None:
        """Show the numbers of an endpoint's process."""
        self._app = app

    def collect(self) -> Iterable[Family]:
        """Make the numbers of this moment."""
        backplane = self._app.backplane
        return families([] if backplane is None else _own(backplane))

    def describe(self) -> Iterable[Family]:
        """Name what `collect` makes, before there is a process to ask."""
        return families([])


class _Made(_Collector):
    def __init__(self, made: Iterable[Family]) -> None:
        self._made = list(made)

    def collect(self) -> Iterable[Family]:
        return self._made


def families(replies: Iterable[Reply]) -> Iterator[Family]:
    """Make Prometheus' families of what processes have said of themselves."""
    sessions = _gauge("sessions", "Sessions that live in a process")
    carriers = _gauge("carriers", "Carriers attached to sessions, by transport", "transport")
    messages = _counter("messages", "Messages from (in) and to (out) clients", "way")
    volume = _counter("bytes", "Bytes of messages from (in) and to (out) clients", "way")
    relayed = _counter(
        "relayed_calls", "Calls handed over (relay), or taken over from others (owner)", "role"
    )
    links = _gauge("links", "Links to other processes that are open")
    claims = _counter("claims", "Claims of session keys, by what the directory said", "result")
    refusals = _counter("refusals", "Requests that were refused, by status", "status")
    gone = _counter("owner_gone", "How often the owner of a session was found to have ended")
    directory = SummaryMetricFamily(
        "byway_directory_seconds", "Round trips to the directory", labels=["process"]
    )
    conflicts = _counter("conflicts", "Claims that the directory has under another name")
    unheard = GaugeMetricFamily(
        "byway_unheard_processes", "Processes that did not respond when they were asked"
    )
    process = InfoMetricFamily("byway_process", "The processes", labels=["process"])
    mute = 0
    for one in replies:
        if one.error:
            mute += 1
            continue
        said = _Said(one.said)
        name = one.process
        process.add_metric(
            [name],
            {key: str(one.said.get(key, "")) for key in ("host", "pid", "version", "backplane")},
        )
        sessions.add_metric([name], said.number("sessions"))
        links.add_metric([name], said.number("links"))
        gone.add_metric([name], said.number("gone"))
        conflicts.add_metric([name], said.number("conflicts"))
        for family, key in (
            (carriers, "carriers"),
            (messages, "messages"),
            (volume, "bytes"),
            (relayed, "calls"),
            (claims, "claims"),
            (refusals, "refusals"),
        ):
            for label, value in said.numbers(key).items():
                family.add_metric([name, label], value)
        trips = said.numbers("directory")
        directory.add_metric([name], int(trips.get("calls", 0)), trips.get("seconds", 0.0))
    unheard.add_metric([], mute)
    yield from (
        *(process, sessions, carriers, messages, volume, relayed, links, claims, refusals),
        *(gone, directory, conflicts, unheard),
    )


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"byway_{name}", text, labels=["process", *labels])


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"byway_{name}", text, labels=["process", *labels])


class _Said:
    """What a process has said; one of another version may say less, or something else."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    def number(self, key: str) -> float:
        value = self._said.get(key, 0)
        return float(value) if isinstance(value, int | float) else 0.0

    def numbers(self, key: str) -> dict[str, float]:
        value = self._said.get(key)
        if not isinstance(value, dict):
            return {}
        return {
            str(label): float(one) for label, one in value.items() if isinstance(one, int | float)
        }
