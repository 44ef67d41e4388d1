"""Hello, topic: one producer, one topic, one consumer, and nothing breaks.

Covers: topic, partition, offset, key; what is in order and what is not; a group's first assignment.

Story: A greeter says hello some twenty times a second, each time in the name of one of a few people. The
person is the record's key, so the producer sends all greetings of a person to the same partition. A reader
subscribes to the topic, reads from the earliest offset on, and counts.

Watch for: offsets that count from 0 in each partition on its own; a reader that gets nothing during the first
three seconds, because a new group waits for more members, and then everything at once, partition by partition.

Predict: Does the reader get the greetings in the order in which they were said? And those of one person? Do all
partitions get the same number of records? What changes with `--set people=0`, which sends null keys?
"""

from collections.abc import Generator, Mapping
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.keys import Keys, NoKeys, UniformKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:20", "how greetings come, per second: poisson:20, constant:20, bursts:…, daily:…"),
    "duration": Knob("60s", "how long the greeter greets"),
    "people": Knob(12, "how many keys there are; 0 sends null keys", 0, 1_000_000),
    "partitions": Knob(3, "partitions of the topic greetings", 1, 1000),
}


def greeter(workload: Workload, keys: Keys, duration: int) -> Behaviour:
    """Says hello at each arrival and numbers the greetings."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        times = workload.arrivals(app.machine.streams.columns("greetings"), duration)
        people = app.machine.streams.columns("people")
        for number, (time, person) in enumerate(keyed(times, keys, people)):
            due = yield from app.arrive(time)
            yield from producer.send("greetings", b"hello %d" % number, app.key(person), sent_at=due)
        yield from producer.close()

    return run


def reader(read: list[tuple[int, ConsumerRecord]]) -> Behaviour:
    """Reads everything and notes when it got it."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("readers", ["greetings"], auto_offset_reset="earliest")
        while True:
            records = yield from consumer.poll()
            read.extend((app.now, record) for record in records)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    duration = parse_duration(settings["duration"])
    keys = UniformKeys(settings["people"]) if settings["people"] else NoKeys()
    read: list[tuple[int, ConsumerRecord]] = []
    return Plan(
        duration=duration,
        drain=parse_duration("30s"),
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic("greetings", settings["partitions"], 1),),
        apps=(
            AppSpec("greeter", greeter(parse_workload(settings["arrivals"]), keys, duration), "greeter", finite=True),
            AppSpec("reader", reader(read), "reader"),
        ),
        groups=(GroupSpec("readers", ("greetings",)),),
        stages=(("greeter", "greetings"), ("greetings", "reader")),
        wrap_up=lambda complete: results(read) if complete else {},
    )


def results(read: list[tuple[int, ConsumerRecord]]) -> Mapping[str, object]:
    """Who went where, and what came in order."""
    records = [record for _, record in read]
    partitions: dict[int, list[ConsumerRecord]] = {}
    homes: dict[bytes, set[int]] = {}
    for record in records:
        partitions.setdefault(record.partition, []).append(record)
        if record.key is not None:
            homes.setdefault(record.key, set()).add(record.partition)
    people = {key: [_number(record) for record in records if record.key == key] for key in sorted(homes)}
    late = _steps_back([_number(record) for record in records])
    return {
        "first_record_read_at_s": read[0][0] / 1e9 if read else None,
        "partitions": {
            f"greetings-{number}": {
                "records": len(own),
                "people": len({record.key for record in own} - {None}),
                "next_offset": own[-1].offset + 1,
                "offsets_without_gap": [record.offset for record in own] == list(range(len(own))),
            }
            for number, own in sorted(partitions.items())
        },
        "people_in_several_partitions": sum(len(home) > 1 for home in homes.values()),
        "people_out_of_order": sum(_steps_back(numbers) > 0 for numbers in people.values()),
        "greetings_out_of_order": late,
        "sentences": [
            f"{late:,} of {len(records):,} greetings were read after a later one.",
            f"Among the greetings of one person it happened {sum(map(_steps_back, people.values())):,} times.",
        ][: 2 if people else 1],
    }


def _number(record: ConsumerRecord) -> int:
    """The number that the greeter gave a greeting."""
    return int((record.value or b"").split()[-1])


def _steps_back(numbers: list[int]) -> int:
    """How many numbers come after a larger one."""
    count, highest = 0, -1
    for number in numbers:
        count += number < highest
        highest = max(highest, number)
    return count


scenario = Scenario(
    name="hello-topic",
    summary="One producer, one topic, one consumer: offsets, keys and partitions, and nothing breaks.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
)
