"""A hundred thousand records a second in large batches: how many consumers keep up?

Covers: batching by linger.ms and batch.size, large fetches, partitions shared out over members, utilisation, lag.

Story: Three collectors send readings of 100 bytes, a hundred thousand a second in all, for a minute. They wait half a
second for batches of up to a megabyte, and readers ask for a megabyte at a time, so there are few requests however many
records they carry. Each reader can take so many records a second, and the partitions are shared out among them.

Watch for: the lag, which stays flat or climbs; the busiest reader, which has its partitions and no others. With twelve
partitions seven readers do no better than six: one of them still has two partitions.

Predict: One reader takes 20,000 records a second, so 100,000 / 20,000 = 5: five readers are enough. Are they
(`--set consumers=5`), and what do six do? `kafkasim sweep bulk-ingest --vary consumers=1..12` draws the whole curve.
"""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "rate": Knob(100_000, "records per second of all collectors together", 10, 1_000_000),
    "duration": Knob("60s", "how long readings come"),
    "partitions": Knob(12, "partitions of the topic", 1, 100),
    "consumers": Knob(6, "readers in the group", 1, 100),
    "consumer_rate": Knob(20_000, "records per second that one reader can take", 10, 1_000_000),
}
COLLECTORS, BEGIN, TICK = 3, 5 * SECOND, 250 * MILLISECOND
PIECE_S = 5
"""About how long a reader works on what one poll gives it; who is later by a tenth of the time, too, falls behind."""
LARGE_BATCHES = {"acks": "all", "linger_ms": 500, "batch_size": 1_000_000}
LARGE_FETCHES = {"fetch_min_bytes": 1_000_000, "max_partition_fetch_bytes": 4_000_000, "max_poll_records": 100_000}
Work = list[tuple[int, int]]


def collector(until: int, rate: float) -> Behaviour:
    """Sends evenly, what is due in a quarter of a second at a time."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**LARGE_BATCHES)
        gap, due = max(1, round(SECOND / rate)), BEGIN + app.random.randrange(TICK)
        while app.now < until:
            yield app.until(app.now + TICK)
            times = range(due, app.now + 1, gap)
            if times:
                yield from producer.send_many("readings", 100, times)
                due = times[-1] + gap
        yield from producer.close()

    return run


def reader(rate: float, work: Work) -> Behaviour:
    """Reads large pieces, and needs its time for each record; notes when it was done with how many."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("readers", ["readings"], auto_offset_reset="earliest", **LARGE_FETCHES)
        while True:
            slices = yield from consumer.poll_slices()
            count = sum(piece.next_offset - piece.first_offset for piece in slices)
            if count:
                yield app.busy(ms=1000 * count / rate)
                work.append((app.now, count))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    until, members = BEGIN + parse_duration(settings["duration"]), settings["consumers"]
    work: list[Work] = [[] for _ in range(members)]
    sources = (
        AppSpec(f"collector-{number + 1}", collector(until, settings["rate"] / COLLECTORS), "collectors", finite=True)
        for number in range(COLLECTORS)
    )
    readers = (
        AppSpec(f"reader-{number + 1}", reader(settings["consumer_rate"], own), "readers")
        for number, own in enumerate(work)
    )
    return Plan(
        duration=None,
        drain=3600 * SECOND,
        cluster=ClusterSpec(broker_config={"offsets.topic.num.partitions": 3, "group.initial.rebalance.delay.ms": 0}),
        topics=(Topic("readings", settings["partitions"], 3, {"min.insync.replicas": 2}),),
        apps=(*sources, *readers),
        groups=(GroupSpec("readers", ("readings",)),),
        stages=(("collectors", "readings"), ("readings", "readers")),
        wrap_up=lambda complete: results(work, settings, until) if complete else {},
    )


def results(work: list[Work], settings: Settings, until: int) -> Mapping[str, object]:
    """What the readers did while readings came, and how long after the last of them all was read."""
    rate, most = settings["rate"], settings["consumer_rate"]
    read = [sum(count for time, count in own if time <= until) for own in work]
    late_s = max([0.0, *((own[-1][0] - until) / SECOND for own in work if own)])
    seconds = max(1, until - BEGIN) / SECOND
    busiest = max(read) / seconds / most
    keeps_up = late_s < PIECE_S + seconds / 10
    return {
        "read_per_s": round(sum(read) / seconds, 1),
        "busiest_utilisation": round(busiest, 3),
        "all_read_after_s": round(late_s, 2),
        "keeps_up": keeps_up,
        "finding": f"{rate:,} records/s, {len(work)} readers: {'they keep up' if keeps_up else 'they fall behind'}; "
        f"the busiest works {busiest:.0%} of the time; all is read {late_s:.1f} s after the last record",
        "sentences": [
            f"{len(work)} readers of at most {most:,} records/s took {sum(read) / seconds:,.0f} records/s "
            f"of {rate:,} while they came."
        ],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """Whole partitions decide: the busiest reader has its share rounded up, and keeps up if it can take that."""
    settings, found = run.settings, run.results
    fullest = -(-settings["partitions"] // settings["consumers"])
    asked = fullest * settings["rate"] / settings["partitions"]
    batches = [
        batch.count for name in run.flight.cluster.partitions() for batch in run.flight.cluster.log(name).batches()
    ]
    return {
        "the group keeps up exactly if its fullest member can take its whole partitions": found["keeps_up"]
        == (asked <= settings["consumer_rate"]),
        "a batch carries thousands of records": sum(batches) > 1000 * len(batches),
        "nothing is lost": run.verdict.ok,
    }


scenario = Scenario(
    name="bulk-ingest",
    summary="100,000 records/s in large batches: few requests, and a group that keeps up in whole partitions.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
