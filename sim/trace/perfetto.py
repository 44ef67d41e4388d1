"""A run as a trace: brokers, partitions and clients as tracks, requests, the way of each batch, lag as counters."""

from dataclasses import fields
from itertools import count
from typing import TYPE_CHECKING, Any

from sim.rules.facts.journal import BrokerStarted, BrokerStopped, FaultBegan, FaultEnded, LeaderElected, LogClosed
from sim.rules.topics import TopicPartition
from sim.trace.tracks import Tracks

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["perfetto"]

CLUSTER = "cluster"
SHORTEST = 1_000
"""A piece that takes no time is drawn a microsecond wide, for an arrow needs something to point at."""


def perfetto(run: "Run", begin: int = 0, end: int | None = None) -> dict[str, Any]:
    """The content of a JSON file that ui.perfetto.dev opens; only what began in a window of simulated nanoseconds.

    The run is flown once more if no recorder was aboard.
    """
    window = range(begin, (run.flight.now if end is None else end) + 1)
    tracks = Tracks()
    _leadership(tracks, run, window)
    _requests(tracks, run, window)
    _batches(tracks, run, window)
    _facts(tracks, run, window)
    for sample in run.metrics.samples:
        labels = dict(sample.labels)
        time = round(sample.time_s * 1e9)
        if sample.metric == "records-lag" and time in window:
            tracks.counter(CLUSTER, f"lag of {labels['group']}", time, {labels["partition"]: sample.value})
    return tracks.as_json()


def _leadership(tracks: Tracks, run: "Run", window: range) -> None:
    """Who leads each partition, from when to when, on tracks of the brokers."""
    led: dict[str, tuple[int, int, int]] = {}
    for sample in run.metrics["LeaderId"]:
        led.setdefault(dict(sample.labels)["partition"], (int(sample.value), 0, 0))
    for time, fact in run.facts:
        if isinstance(fact, LeaderElected) and str(fact.partition) in led:
            name = str(fact.partition)
            _close(tracks, name, led[name], time, window)
            led[name] = fact.leader, fact.leader_epoch, time
    for name, since in led.items():
        _close(tracks, name, since, run.flight.now, window)


def _close(tracks: Tracks, name: str, led: tuple[int, int, int], end: int, window: range) -> None:
    leader, epoch, began = led
    shown = max(began, window.start), min(end, window.stop)
    if leader >= 0 and shown[0] < shown[1]:
        tracks.piece(f"broker-{leader}", f"leads {name}", f"leader epoch {epoch}", *shown)


def _requests(tracks: Tracks, run: "Run", window: range) -> None:
    """Each request twice, at the client until its answer is back, and at the broker until it is ready."""
    for request in run.recorded().requests:
        if request.sent_at not in window:
            continue
        about = {"client": request.client_id, "content": request.content, "bytes": request.size_bytes}
        about |= {"answer": request.outcome, "answer bytes": request.response_bytes}
        back = run.flight.now if request.returned_at < 0 else request.returned_at
        tracks.piece(request.client, f"to {request.server}", request.kind, request.sent_at, back, about)
        if request.arrived_at >= 0:
            ready = run.flight.now if request.answered_at < 0 else request.answered_at
            tracks.piece(request.server, f"{request.kind} requests", request.client, request.arrived_at, ready, about)


def _batches(tracks: Tracks, run: "Run", window: range) -> None:
    """Each acknowledged batch at its producer, and an arrow to wherever it was delivered."""
    recorder = run.recorded()
    homes = {request.client_id: request.client for request in recorder.requests}
    targets: dict[tuple[TopicPartition, int], list[tuple[tuple[str, str], int]]] = {}
    for delivery in recorder.deliveries:
        time = delivery.delivered_at
        if time in window:
            told = f"{delivery.partition} {delivery.first_offset} to {delivery.next_offset - 1}"
            process, about = homes.get(delivery.client_id, delivery.client_id), {"group": delivery.group_id}
            lane = tracks.piece(process, "delivered", told, time, time + SHORTEST, about)
            targets.setdefault((delivery.partition, delivery.base_offset), []).append((lane, time))
    arrows = count()
    for batch in recorder.acknowledgements:
        if batch.sent_at in window:
            told = f"{batch.partition} {batch.base_offset} to {batch.base_offset + batch.record_count - 1}"
            process, about = homes.get(batch.client_id, batch.client_id), {"records": str(batch.record_count)}
            lane = tracks.piece(process, "until acknowledged", told, batch.sent_at, batch.acknowledged_at, about)
            for target in targets.get((batch.partition, batch.base_offset), ()):
                tracks.flow(next(arrows), str(batch.partition), [(lane, batch.sent_at), target])


def _facts(tracks: Tracks, run: "Run", window: range) -> None:
    """Faults from begin to end, lives of brokers, and every other fact of the journal as a moment."""
    faults: dict[str, int] = {}
    for time, fact in run.facts:
        if isinstance(fact, FaultBegan):
            faults[fact.fault] = time
        elif isinstance(fact, FaultEnded) and fact.fault in faults:
            tracks.piece(CLUSTER, "faults", fact.fault, faults.pop(fact.fault), time)
        elif time in window and not isinstance(fact, LogClosed):
            about = {field.name: str(getattr(fact, field.name)) for field in fields(fact) if field.repr}
            home = isinstance(fact, (BrokerStarted, BrokerStopped))
            process = f"broker-{fact.broker_id}" if home else CLUSTER
            tracks.moment(process, "facts", type(fact).__name__, time, about)
    for fault, time in faults.items():
        tracks.piece(CLUSTER, "faults", fault, time, run.flight.now)
