"""The topic has too few partitions, so somebody adds some: is that safe?

Covers: the default partitioner (murmur2 of the key, modulo the partitions), order by key, create_partitions. The
misconception: "adding partitions is safe". No record moves, but keys do: of 6 to 12 partitions about half of all keys,
of 6 to 8 and of 12 to 16 three quarters, of 6 to 7 six of seven. What is new of a key and what is old stand in
different partitions then, and nobody keeps them in order.

Story: Devices send numbered readings with their name as key to 6 partitions. Two readers share them and are some
seconds behind. An operator adds partitions until there are 12.

Watch for: the readings that go to a new partition, which is empty and falls to a reader with time for it, while older
ones of the same device wait in the old partition.

Predict: Which share of the devices changes partition, and which gets its readings out of order? Does a lag of 0 help?
What does `--set partitions=12` do, enough from the beginning?
"""

from collections.abc import Mapping
from typing import Any

from scenarios.misconceptions.parts import ONE_BROKER, Steps, source
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import SECOND
from sim.rules.producer.partitioner import partition_for_key
from sim.run import Run
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {
    "partitions": Knob(6, "partitions of the topic at first", 1, 100),
    "grown_to": Knob(12, "how many partitions there are to be; none are added if there are as many", 1, 200),
    "devices": Knob(100, "how many keys there are", 1, 10_000),
    "work_ms": Knob(60, "a reader's work for each reading, in milliseconds", 1, 1000),
}
GROWTHS = ((6, 12), (6, 8), (12, 16), (6, 7))
MANY_KEYS = 20_000
RATE, GROW_S, END_S = 50, 20, 30
SOON: dict[str, Any] = {"metadata_max_age_ms": 1000}


def share_moved(before: int, after: int) -> float:
    """Of many keys the share that has another partition after the growth."""
    keys = [b"key-%d" % number for number in range(MANY_KEYS)]
    return sum(partition_for_key(key, before) != partition_for_key(key, after) for key in keys) / MANY_KEYS


def operator(grown_to: int) -> Behaviour:
    """Adds partitions, if there are too few."""

    def run(app: App) -> Steps:
        yield app.until(GROW_S * SECOND)
        admin = app.admin()
        known = yield from admin.describe_topics(["readings"])
        if len(known["readings"].partitions) < grown_to:
            yield from admin.create_partitions({"readings": grown_to})

    return run


def reader(work_ms: float, read: list[ConsumerRecord]) -> Behaviour:
    """Reads slowly, a few readings a poll."""

    def run(app: App) -> Steps:
        consumer = app.consumer("dashboard", ["readings"], auto_offset_reset="earliest", max_poll_records=10, **SOON)
        while True:
            for record in (yield from consumer.poll()):
                yield app.busy(ms=work_ms)
                read.append(record)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    read = list[ConsumerRecord]()
    keys = UniformKeys(settings["devices"])
    readings = source("readings", Constant(RATE), END_S * SECOND, keys, **SOON)
    return Plan(
        duration=END_S * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("readings", settings["partitions"], 1),),
        apps=(
            AppSpec("devices", readings, "devices", finite=True),
            *(AppSpec(f"reader-{one}", reader(settings["work_ms"], read), "dashboard") for one in (1, 2)),
            AppSpec("operator", operator(settings["grown_to"]), "operator", finite=True),
        ),
        groups=(GroupSpec("dashboard", ("readings",)),),
        stages=(("devices", "readings"), ("readings", "dashboard"), ("operator", "readings")),
        wrap_up=lambda complete: results(read) if complete else {},
    )


def results(read: list[ConsumerRecord]) -> Mapping[str, object]:
    """Shares of keys that move, by growth; devices in two partitions, and devices whose readings stepped back."""
    shares = {f"{before} to {after}": share_moved(before, after) for before, after in GROWTHS}
    homes: dict[bytes, set[int]] = {}
    latest: dict[bytes, int] = {}
    broken: dict[bytes, int] = {}
    for record in read:
        key, number = record.key or b"", int(record.value or b"")
        homes.setdefault(key, set()).add(record.partition)
        if number < latest.get(key, -1):
            broken[key] = broken.get(key, 0) + 1
        latest[key] = max(number, latest.get(key, -1))
    moved = sum(len(home) > 1 for home in homes.values())
    told = ", ".join(f"{share:.0%} of the keys from {growth}" for growth, share in shares.items())
    return {
        "share_moved": shares,
        "devices": len(homes),
        "devices_moved": moved,
        "devices_out_of_order": len(broken),
        "readings_out_of_order": sum(broken.values()),
        "finding": f"{moved} of {len(homes)} devices changed partition; {len(broken)} got readings out of order",
        "sentences": [
            f"Of {MANY_KEYS:,} keys these change partition: {told}.",
            f"{moved} of {len(homes)} devices changed partition, and {sum(broken.values())} readings of {len(broken)} "
            "devices were read behind a later one.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Keys move as the moduli say, and their order breaks."""
    found = run.results
    partitions = [name for name in run.flight.cluster.partitions() if name.topic == "readings"]
    counted = {growth: round(share, 2) for growth, share in found["share_moved"].items()}
    expected = {f"{before} to {after}": expected_share(before, after) for before, after in GROWTHS}
    return {
        "of many keys the shares that move are those of the moduli": all(
            abs(counted[growth] - share) < 0.02 for growth, share in expected.items()
        ),
        "partitions were added while records came": len(partitions) == run.settings["grown_to"],
        "about half of the devices changed partition": 0.3 < found["devices_moved"] / found["devices"] < 0.7,
        "devices got their readings out of order, and only those that moved": 0
        < found["devices_out_of_order"]
        <= found["devices_moved"],
        "each partition is in order for all that, and nothing is lost": run.verdict.ok,
    }


def expected_share(before: int, after: int) -> float:
    """The share of all numbers that have another remainder modulo the larger of two counts than modulo the smaller."""
    numbers = range(before * after)
    return sum(number % before != number % after for number in numbers) / len(numbers)


def cured(run: Run) -> Mapping[str, bool]:
    """Enough partitions from the beginning."""
    return {
        "no device changed partition": run.results["devices_moved"] == 0,
        "all readings of each device were read in order": run.results["readings_out_of_order"] == 0 and run.verdict.ok,
    }


scenario = Scenario(
    name="adding-partitions-is-safe",
    summary="Added partitions move keys to other partitions, where what is new overtakes what is old.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    level="intermediate",
    claims=claims,
    cure={"partitions": 12},
    cured=cured,
)
