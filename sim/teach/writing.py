"""One producer, a partition and a steady load: what a configuration is good for, measured."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import BatchFailed, RecordsAcknowledged
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import LatencySpike
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["Writing", "write"]

Note = Callable[[int, RecordsAcknowledged], None]
BEGINS, PATIENCE = SECOND, 30 * SECOND
READINGS = TopicPartition("readings", 0)
KNOBS = {
    "arrivals": Knob("poisson:1000", "records a second"),
    "size_bytes": Knob(1000, "size of a record", 1, 1_000_000),
    "away_ms": Knob(0, "how long a message to the brokers takes longer than in one building", 0, 10_000),
    "seconds": Knob(3, "how long records come", 1, 1000),
}


@dataclass(frozen=True, slots=True)
class Writing:
    """What came of it. Latency is from the moment at which a record was due until it was acknowledged.

    `records_per_s` counts from the first record that was due to the last acknowledgement; `acknowledged` holds when
    that was for each batch (seconds), and the latency of its oldest record (milliseconds).
    """

    records: int
    batches: int
    given_up: int
    records_per_s: float
    p50_ms: float
    p99_ms: float
    acknowledged: tuple[tuple[float, float], ...]


def write(config: Mapping[str, object] | None = None, seed: int = 0, **knobs: object) -> Writing:
    """Fly a producer with this configuration of Kafka's over a load. Raises ConfigError, one line.

    The knobs are `arrivals`, `size_bytes`, `away_ms` and `seconds`.
    """
    found: list[RecordsAcknowledged] = []
    times: list[int] = []

    def note(time: int, fact: RecordsAcknowledged) -> None:
        times.append(time)
        found.append(fact)

    scenario = Scenario("writing", "One producer writes a steady load.", "", make=lambda s: _plan(s, note), knobs=KNOBS)
    run = scenario.run(seed, {**knobs, **{f"producer.{key}": value for key, value in (config or {}).items()}})
    if failure := run.flight.cluster.apps["meter"].failure:
        raise ConfigError(f"the producer has ended with an error: {failure}")
    if not found:
        raise ConfigError("no record was ever acknowledged")
    return _measured(run, times, found)


def _plan(settings: Settings, note: Note) -> Plan:
    seconds, away_ms = settings["seconds"], settings["away_ms"]
    far = LatencySpike(side=("clients",), other=("brokers",), latency=f"{away_ms}ms", at="0s")
    return Plan(
        duration=BEGINS + seconds * SECOND,
        drain=PATIENCE,
        topics=(Topic(READINGS.topic, 1, 3, {"min.insync.replicas": 2}),),
        apps=(AppSpec("meter", _meter(settings, seconds * SECOND, note), "meter", finite=True),),
        faults=(far,) if away_ms else (),
        stages=(("meter", READINGS.topic),),
    )


def _meter(settings: Settings, duration: int, note: Note) -> Behaviour:
    load, size_bytes = parse_workload(settings["arrivals"]), settings["size_bytes"]

    def run(app: App) -> Generator[Any, Any, None]:
        app.machine.facts.listen(RecordsAcknowledged, note)
        producer = app.producer()
        yield from producer.partitions_for(READINGS.topic)
        for time in load.arrivals(app.machine.streams.columns("readings"), duration):
            due = yield from app.arrive(BEGINS + time)
            yield from producer.send_many(READINGS.topic, size_bytes, [due])
        yield from producer.close()

    return run


def _measured(run: Run, times: list[int], found: list[RecordsAcknowledged]) -> Writing:
    records = sum(fact.columns.count for fact in found)
    histogram = run.metrics.histograms["produce-latency-ms", (("topic", READINGS.topic),)].summary()
    oldest = [(time - fact.columns.sent_at[0]) / MILLISECOND for time, fact in zip(times, found, strict=True)]
    took_s = (times[-1] - BEGINS) / SECOND
    acknowledged = tuple((time / SECOND, late_ms) for time, late_ms in zip(times, oldest, strict=True))
    given_up = sum(fact.columns.count for _, fact in run.facts if isinstance(fact, BatchFailed))
    return Writing(records, len(found), given_up, records / took_s, histogram["p50"], histogram["p99"], acknowledged)
