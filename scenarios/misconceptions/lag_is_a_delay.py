"""Three groups lag by 80 records each: are they equally late?

Covers: lag in records, age of the oldest unread record, time to catch up. The misconception: "consumer lag in records
tells the delay". A lag is a number of records. How old they are depends on when they came; how long they take, on what
the reader can do beyond what comes. Lag over consumption rate and lag over arrival rate are other figures again.

Story: Three readers, each able to read 80 records a second, pause until the thirtieth second. To the first topic come
40 records a second and to the second 4; to the third came a burst, and nothing since. At that second each group lags by
80 records; then all three go on.

Watch for: the one lag of all three; the age of the oldest record that nobody has read; the time until a group has
caught up.

Predict: For each group, how old is the oldest unread record, and how long does it take to catch up? What would an alert
at 100 records have said?
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scenarios.misconceptions.parts import ONE_BROKER, Ledger, Steps, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.run import Run
from sim.scenario import Scenario
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant, Replay, Workload

__all__ = ["scenario"]

KNOBS = {"reads_per_s": Knob(80, "what each reader can read, in records a second", 50, 10_000)}
LOOK_S, END_S, LAG, BURST_S = 30, 40, 80, 22
RATES = {"busy": 40, "quiet": 4, "burst": 0}
READY_S = 8


@dataclass(slots=True)
class Reading:
    """What came to one topic, and when its reader has read one record after the other, in nanoseconds."""

    came: Ledger = field(default_factory=Ledger)
    read: list[int] = field(default_factory=list)

    def figures(self, time: int, reads_per_s: int) -> dict[str, float]:
        """Lag, age of the oldest unread record and time to catch up, as they are; lag over consumption rate."""
        unread = [due for due in self.came.due[sum(moment < time for moment in self.read) :] if due < time]
        pairs = enumerate(self.read, start=1)
        levels = (at for count, at in pairs if at >= time and count >= sum(due <= at for due in self.came.due))
        return {
            "lag": len(unread),
            "oldest_s": (time - min(unread, default=time)) / SECOND,
            "caught_up_after_s": (next(levels, time) - time) / SECOND,
            "lag_over_reads_s": len(unread) / reads_per_s,
        }


def workload(name: str) -> Workload:
    """How records come to a topic."""
    rate = RATES[name]
    return Constant(rate) if rate else Replay(tuple(BURST_S * SECOND + number for number in range(LAG)))


def reader(name: str, reads_per_s: int, reading: Reading) -> Behaviour:
    """Reads one record after the other; from when a lag of 80 can begin until the look at it, it pauses."""
    pauses_at = (LOOK_S - LAG / RATES[name] if RATES[name] else READY_S) * SECOND

    def run(app: App) -> Steps:
        consumer = app.consumer(name, [name], auto_offset_reset="earliest", max_poll_records=1)
        while True:
            if pauses_at <= app.now < LOOK_S * SECOND and consumer.assignment():
                consumer.pause(consumer.assignment())
                while app.now < LOOK_S * SECOND:
                    yield from consumer.poll(100)
                consumer.resume(consumer.assignment())
            for _ in (yield from consumer.poll(100)):
                reading.read.append(app.now)
                yield app.busy(ms=1000 / reads_per_s)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    readings, reads_per_s = {name: Reading() for name in RATES}, settings["reads_per_s"]
    sources = {name: source(name, workload(name), END_S * SECOND, ledger=each.came) for name, each in readings.items()}
    return Plan(
        duration=END_S * SECOND,
        cluster=ONE_BROKER,
        topics=tuple(Topic(name, 1, 1) for name in RATES),
        apps=(
            *(AppSpec(f"to-{name}", behaviour, f"to-{name}", finite=True) for name, behaviour in sources.items()),
            *(AppSpec(f"of-{name}", reader(name, reads_per_s, each), f"of-{name}") for name, each in readings.items()),
        ),
        groups=tuple(GroupSpec(name, (name,)) for name in RATES),
        stages=(*((f"to-{name}", name) for name in RATES), *((name, f"of-{name}") for name in RATES)),
        wrap_up=lambda complete: results(readings, reads_per_s) if complete else {},
    )


def results(readings: Mapping[str, Reading], reads_per_s: int) -> Mapping[str, object]:
    """The figures of each group at the look."""
    found = {name: reading.figures(LOOK_S * SECOND, reads_per_s) for name, reading in readings.items()}
    return {
        "groups": found,
        "finding": "; ".join(
            f"{name} lags by {each['lag']} records, the oldest {each['oldest_s']:.1f} s" for name, each in found.items()
        ),
        "sentences": [
            f"Group {name} lags by {each['lag']} records: the oldest is {each['oldest_s']:.1f} s old, and it takes "
            f"{each['caught_up_after_s']:.1f} s to catch up."
            for name, each in found.items()
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """One lag, three delays, and no order among them."""
    found = run.results["groups"]
    lags, reads = [each["lag"] for each in found.values()], run.settings["reads_per_s"]
    busy, quiet, burst = (found[name] for name in RATES)
    return {
        "all three lag by as many records, give or take one": max(lags) - min(lags) <= 2 and min(lags) >= LAG - 2,
        "the oldest unread record of the quiet one is several times as old as that of the busy one": quiet["oldest_s"]
        > 5 * busy["oldest_s"],
        "the busy one is the least late and takes longest to catch up": busy["caught_up_after_s"]
        > 1.5 * max(quiet["caught_up_after_s"], burst["caught_up_after_s"]),
        "lag over consumption rate says the same of all, and is not the age of any": max(
            each["lag_over_reads_s"] for each in found.values()
        )
        < 0.7 * min(each["oldest_s"] for each in found.values()),
        "the busy one catches up in lag over what it can do beyond what comes": abs(
            busy["caught_up_after_s"] - busy["lag"] / (reads - RATES["busy"])
        )
        < 0.3 * busy["caught_up_after_s"],
    }


scenario = Scenario(
    name="lag-is-a-delay",
    summary="The same lag in records is young in one group and old in another, and does not say when it ends.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
