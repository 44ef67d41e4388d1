"""One customer makes most of the events: why does a single partition lag, and what does the usual cure take away?

Covers: incident card oc-g386 (16 partitions, one org_id makes 70 % of the events, lag 6 million on partition 4 only),
keys and partitions, skew, salted keys, order.

Story: Events carry the id of an organisation as their key, so that those of one organisation stay in order. One of the
organisations makes 70 % of all events. Its key belongs to partition 4, and one member of the group must do all its
work. Rates are scaled down: 150 events a second come, a member works 83.

Watch for: the lag of partition 4 next to that of the other fifteen; fifteen members with little to do. With
`--set salts=8` the key gets a number from 0 to 7 behind it, and the events spread.

Predict: Do more members help, or more partitions? What share of the lag is on one partition? With salts: how many
events of the organisation are worked on after a later one of them?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.members import lag_at, peak_lag
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.rules.producer.partitioner import partition_for_key
from sim.scenario import Scenario
from sim.world.keys import UniformKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

GROUP, TOPIC, PARTITIONS, HOT = "activity", "events", 16, 4
HOT_KEY = next(key for key in (b"org-%d" % number for number in count()) if partition_for_key(key, PARTITIONS) == HOT)
KNOBS = {
    "arrivals": Knob("poisson:150", "how events come, per second: poisson:150, constant:150, bursts:…, daily:…"),
    "duration": Knob("30s", "how long events come"),
    "hot_share": Knob(0.7, "share of the events that one organisation makes", 0, 1),
    "salts": Knob(1, "over how many keys the events of that organisation are spread", 1, 1000),
    "work_ms": Knob(12, "milliseconds of work for each event", 1, 60_000),
}


@dataclass(slots=True)
class Notes:
    """The numbers of the hot organisation's events in the order in which they were worked on, and all others'."""

    hot: list[int] = field(default_factory=list)
    others: int = 0

    def inversions(self) -> int:
        """How many events of the organisation were worked on after a later one."""
        latest, found = -1, 0
        for number in self.hot:
            found += number < latest
            latest = max(latest, number)
        return found


def organisations(load: Workload, hot_share: float, salts: int, duration: int) -> Behaviour:
    """Sends the events; those of the hot organisation carry a running number as their value."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer, made = app.producer(acks="all", linger_ms=50), 0
        dice = app.machine.streams.columns("hot or not")
        times = load.arrivals(app.machine.streams.columns("events"), duration)
        for time, key in keyed(times, UniformKeys(5000), app.machine.streams.columns("organisations")):
            due = yield from app.arrive(time)
            if dice.random() < hot_share:
                salted = HOT_KEY if salts == 1 else HOT_KEY + b"#%d" % (made % salts)
                yield from producer.send(TOPIC, b"%d" % made, salted, sent_at=due)
                made += 1
            else:
                yield from producer.send(TOPIC, None, key, sent_at=due)
        yield from producer.close()

    return run


def worker(work_ms: float, notes: Notes) -> Behaviour:
    """Works on one event after the other and commits after each poll."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(
            GROUP, [TOPIC], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=50
        )
        while True:
            records = yield from consumer.poll()
            for record in records:
                yield app.busy(ms=work_ms)
                if record.value is None:
                    notes.others += 1
                else:
                    notes.hot.append(int(record.value))
            if records:
                yield from consumer.commit()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    load = organisations(parse_workload(settings["arrivals"]), settings["hot_share"], settings["salts"], duration)
    return Plan(
        duration=duration,
        drain=30 * SECOND,
        topics=(Topic(TOPIC, PARTITIONS, 3),),
        apps=(
            AppSpec("organisations", load, "organisations", finite=True),
            *(AppSpec(f"worker-{n}", worker(settings["work_ms"], notes), GROUP) for n in range(1, PARTITIONS + 1)),
        ),
        groups=(GroupSpec(GROUP, (TOPIC,)),),
        stages=(("organisations", TOPIC), (TOPIC, GROUP)),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """How many events there were of the hot organisation, and how many of them out of order."""
    hot, inversions = len(notes.hot), notes.inversions()
    told = f"{hot:,} of {hot + notes.others:,} events have one key; {inversions:,} of them worked on out of order"
    return {"finding": told, "hot": hot, "others": notes.others, "out_of_order": inversions, "sentences": [f"{told}."]}


def lags_at_end_of_load(run: "Run") -> list[float]:
    """The lag of each partition in the last second in which events came."""
    end = parse_duration(run.settings["duration"])
    return [lag_at(run, GROUP, end, partition=f"{TOPIC}-{number}") for number in range(PARTITIONS)]


def claims(run: "Run") -> Mapping[str, bool]:
    """One key, one partition, one member."""
    lags, found = lags_at_end_of_load(run), run.results
    most_s = 1000 / run.settings["work_ms"]
    total, could = found["hot"] + found["others"], most_s * parse_duration(run.settings["duration"]) / SECOND
    return {
        "70 % of the events carry one key, to two hundredths": abs(found["hot"] - 0.7 * total) < 0.02 * total,
        "nine tenths of the lag and more are on partition 4": lags[HOT] > 0.9 * sum(lags),
        "more comes to partition 4 than one member can do": found["hot"] > could,
        "the lag on no other partition comes near a second's events": max(lags[:HOT] + lags[HOT + 1 :]) < most_s,
        "no event of the organisation is worked on out of order": found["out_of_order"] == 0,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Salted keys spread the work and give up the order."""
    lags = lags_at_end_of_load(run)
    return {
        "no partition has more lag than two seconds of one member's work": max(lags) < 2000 / run.settings["work_ms"],
        "the group keeps up from beginning to end": peak_lag(run, GROUP, 10) < 2 * 150,
        "the price: events of the organisation are worked on out of order": run.results["out_of_order"] > 100,
        "nothing is lost": run.verdict.ok,
    }


scenario = Scenario(
    name="hot-key",
    summary="One key makes 70 % of the events: one partition of 16 lags, and salting the key trades order for it.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"salts": 8},
    cured=cured,
)
