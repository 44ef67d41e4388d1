"""The lag is two million and sixteen consumers come to help: how long until it is gone?

Covers: incident card prodrescue (85,000 records/s, 48 partitions, 12 -> 28 consumers, batches 15 times as slow, lag
2.1 million, catching up at 110,000/s), catch-up time = lag / (capacity - arrivals), partitions per member.

Story: Twelve consumers share 48 partitions. The database behind them becomes fifteen times as slow, the lag grows to
2.1 million, and the team adds consumers until 28 of them can do 110,000 records a second. The formula promises
2.1 million / (110,000 - 85,000) = 84 s. (All rates and counts of records are the card's divided by 2500 here.)

Watch for: how the 48 partitions fall to 28 members: twenty get two, eight get one. Those with one are soon done and
idle; those with two have hardly more capacity than arrivals.

Predict: How long does it take with 28? How long with `--set consumers=24`, which is less, and with 48?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.scenario import Scenario
from sim.world.arrivals import Constant
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

PARTITIONS, FEW = 48, 12
KNOBS = {
    "arrivals_per_s": Knob(34.0, "records that come each second, to one partition after the other", 1, 10_000),
    "each_per_s": Knob(44 / 28, "records that one consumer does each second while the database is slow", 0.1, 10_000),
    "usual_factor": Knob(15.0, "how much faster one was before", 1, 1000),
    "consumers": Knob(28, "how many there are after help has come", FEW, 200),
    "slow_at": Knob(15.0, "when the database becomes slow, in seconds", 0, 1000),
    "lag": Knob(840.0, "how many records wait, by plan, when help comes", 1, 1_000_000),
}


@dataclass(slots=True)
class Notes:
    """What was sent and done so far, and the backlog at each change of either, as time (ns) and records."""

    sent: int = 0
    done: int = 0
    backlog: list[tuple[int, int]] = field(default_factory=list)

    def note(self, now: int) -> None:
        """The backlog has changed."""
        self.backlog.append((now, self.sent - self.done))


def helps_at(settings: Settings) -> int:
    """When the others come: the backlog has grown as planned by then (ns)."""
    growth_per_s = settings["arrivals_per_s"] - FEW * settings["each_per_s"]
    return round(float(settings["slow_at"] + settings["lag"] / growth_per_s) * SECOND)


def feed(rate_per_s: float, duration: int, notes: Notes) -> Behaviour:
    """One record after the other, to one partition after the other."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer()
        for number, time in enumerate(Constant(rate_per_s).arrivals(app.machine.streams.columns("records"), duration)):
            due = yield from app.arrive(time)
            yield from producer.send("records", b"a record", partition=number % PARTITIONS, sent_at=due)
            notes.sent += 1
            notes.note(app.now)
        yield from producer.close()

    return run


def writer(joins_at: int, settings: Settings, notes: Notes) -> Behaviour:
    """Writes what it reads into the database, one record after the other."""
    slow_at = round(settings["slow_at"] * SECOND)
    slow_ms = 1000 / settings["each_per_s"]

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(joins_at)
        consumer = app.consumer("writers", auto_offset_reset="earliest", max_poll_records=2)
        consumer.subscribe(["records"])
        while True:
            for _ in (yield from consumer.poll()):
                yield app.busy(ms=slow_ms if app.now >= slow_at else slow_ms / settings["usual_factor"])
                notes.done += 1
                notes.note(app.now)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, help_at = Notes(), helps_at(settings)
    duration = help_at + round((1.1 * busiest_s(settings, settings["lag"]) + 20) * SECOND)
    joins = [0] * FEW + [help_at] * (settings["consumers"] - FEW)
    return Plan(
        duration=duration,
        drain=600 * SECOND,
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic("records", PARTITIONS),),
        apps=(
            AppSpec("feed", feed(settings["arrivals_per_s"], duration, notes), "feed", finite=True),
            *(
                AppSpec(f"writer-{number}", writer(joins_at, settings, notes), "writers")
                for number, joins_at in enumerate(joins, start=1)
            ),
        ),
        groups=(GroupSpec("writers", ("records",)),),
        stages=(("feed", "records"), ("records", "writers")),
        wrap_up=lambda complete: results(settings, notes, help_at) if complete else {},
    )


def formula_s(settings: Settings, lag: float) -> float:
    """The card's: lag / (capacity of all consumers - arrivals)."""
    return float(lag / (settings["consumers"] * settings["each_per_s"] - settings["arrivals_per_s"]))


def busiest_s(settings: Settings, lag: float) -> float:
    """The same for a member that has most partitions: its share of the lag, its capacity, its arrivals."""
    share = -(-PARTITIONS // settings["consumers"]) / PARTITIONS
    return float(lag * share / (settings["each_per_s"] - settings["arrivals_per_s"] * share))


def results(settings: Settings, notes: Notes, help_at: int) -> Mapping[str, object]:
    """How long it took until less than a record for each partition waited, and what formulas say of it."""
    peak, peak_at = max(((count, time) for time, count in notes.backlog if time >= help_at), default=(0, 0))
    after = (time for time, count in notes.backlog if time > peak_at and count <= PARTITIONS)
    took_s, lag = (next(after, peak_at) - peak_at) / SECOND, max(0, peak - PARTITIONS)
    formula, busiest = formula_s(settings, lag), busiest_s(settings, lag)
    told = (
        f"{settings['consumers']} consumers took {took_s:.0f} s; lag / (capacity - arrivals) says {formula:.0f} s, "
        f"for the busiest member {busiest:.0f} s"
    )
    return {
        "finding": told,
        "peak_lag": peak,
        "took_s": took_s,
        "formula_s": formula,
        "busiest_member_s": busiest,
        "sentences": [told + "."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """The formula is right for a member, and for the group only if partitions divide evenly."""
    took_s, formula, busiest = (run.results[name] for name in ("took_s", "formula_s", "busiest_member_s"))
    return {
        "the formula promises the card's 84 s, to a tenth": abs(formula - 84) < 8.4,
        "the lag is not gone after twice that": took_s > 2 * formula,
        "it takes as long as the formula says for a member with two partitions, to a tenth": abs(took_s - busiest)
        < 0.1 * busiest,
        "all is read in the end": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """A member for each partition: the formula holds."""
    took_s, formula = run.results["took_s"], run.results["formula_s"]
    return {
        "catching up takes lag / (capacity - arrivals), to a tenth and a second": abs(took_s - formula)
        < 0.1 * formula + 1,
        "all is read in the end": run.verdict.ok,
    }


scenario = Scenario(
    name="catch-up",
    summary="A lag of two million, and more consumers come: lag / (capacity - arrivals) says how long, or does it?",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"consumers": 48},
    cured=cured,
)
