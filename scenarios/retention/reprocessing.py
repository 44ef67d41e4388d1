"""A bug in a report, found late: the records are still there, so the corrected program reads them again.

Covers: a log is not a queue, offsets of a group, reset of offsets, a second group, auto.offset.reset.

Story: Tills write sales and refunds to sales_transactions. A report adds them up and has a bug: it adds refunds instead
of taking them off. After 40 s somebody notices and stops it. The corrected report is started in two ways: as the old
group, whose offsets an operator sets back to the earliest; and as a new group that has no offsets yet.

Watch for: the reset, which is refused while the group has members, so the report must stop first; the new group, which
begins at the end of the log, because auto.offset.reset is `latest` unless somebody says otherwise: it never sees what
the old report got wrong.

Predict: Which of the three totals is right in the end? What does `--set auto.offset.reset=earliest` change, and for
which of them? For how long after the bug could the history still be read (`retention.ms`)?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

SALES = "sales_transactions"
KNOBS = {
    "arrivals": Knob("poisson:50", "how sales come, per second: poisson:50, constant:50, bursts:…, daily:…"),
    "duration": Knob("60s", "how long sales come"),
    "found_at": Knob("40s", "when the bug is found and the report is stopped"),
    "refunds": Knob(0.1, "share of the sales that are refunds", 0.0, 1.0),
}


@dataclass(slots=True)
class Report:
    """One total, in cents, and the records that went into it."""

    cents: int = 0
    records: int = 0

    def add(self, cents: int) -> None:
        """One record more."""
        self.cents += cents
        self.records += 1


@dataclass(slots=True)
class Notes:
    """The truth, and what each report says."""

    truth: Report = field(default_factory=Report)
    reports: dict[str, Report] = field(default_factory=lambda: {name: Report() for name in ("buggy", "reset", "new")})


def tills(workload: Workload, duration: int, refunds: float, notes: Notes) -> Behaviour:
    """Sales of 1 to 99 euros; a refund is a negative one."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer, prices = app.producer(acks="all"), app.machine.streams["prices"]
        for time in workload.arrivals(app.machine.streams.columns("sales"), duration):
            due = yield from app.arrive(time)
            cents = prices.randint(100, 9900) * (-1 if prices.random() < refunds else 1)
            notes.truth.add(cents)
            yield from producer.send(SALES, b"%d" % cents, sent_at=due)
        yield from producer.close()

    return run


def buggy_report(until: int, notes: Notes) -> Behaviour:
    """Adds up what should be taken off, until it is stopped."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("report", [SALES], auto_offset_reset="earliest")
        while app.now < until:
            for record in (yield from consumer.poll(min(1000, max(1, (until - app.now) // 1_000_000)))):
                notes.reports["buggy"].add(abs(int(record.value or b"0")))
        yield from consumer.close()

    return run


def corrected_report(name: str, group_id: str, begins: int, notes: Notes) -> Behaviour:
    """Adds up correctly; as the old group it first sets the offsets back."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(begins)
        if name == "reset":
            yield from app.admin().reset_offsets(group_id, [SALES], to="earliest")
        consumer = app.consumer(group_id, [SALES])
        while True:
            for record in (yield from consumer.poll()):
                notes.reports[name].add(int(record.value or b"0"))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    found_at = parse_duration(settings["found_at"])
    sales = tills(parse_workload(settings["arrivals"]), duration, settings["refunds"], notes)
    again = found_at + SECOND
    return Plan(
        duration=duration,
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic(SALES, 3, 1),),
        apps=(
            AppSpec("tills", sales, "tills", finite=True),
            AppSpec("report", buggy_report(found_at, notes), "report"),
            AppSpec("report-reset", corrected_report("reset", "report", again, notes), "report"),
            AppSpec("report-new", corrected_report("new", "report-2", again, notes), "report-2"),
        ),
        groups=(GroupSpec("report", (SALES,)),),
        drain=parse_duration("30s"),
        stages=(("tills", SALES), (SALES, "report"), (SALES, "report-2")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """Totals against the truth."""
    off = {name: abs(report.cents - notes.truth.cents) / 100 for name, report in notes.reports.items()}
    return {
        "truth_cents": notes.truth.cents,
        "records": notes.truth.records,
        "reports": {name: {"cents": each.cents, "records": each.records} for name, each in notes.reports.items()},
        "finding": f"after the reset the report is off by {off['reset']:,.2f}; a new group by {off['new']:,.2f}",
        "sentences": [
            f"The report '{name}' has read {report.records:,} of {notes.truth.records:,} sales and is off by "
            f"{off[name]:,.2f}."
            for name, report in notes.reports.items()
        ],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """The reset mends it; a new group with Kafka's default does not see the past."""
    truth, all_records, reports = run.results["truth_cents"], run.results["records"], run.results["reports"]
    return {
        "the buggy report is wrong": reports["buggy"]["cents"] != truth,
        "after a reset of the offsets every record is read again and the total equals the truth": reports["reset"]
        == {"cents": truth, "records": all_records},
        "a new group that begins at the latest offset misses what came before it": reports["new"]["records"]
        < all_records / 2,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With `earliest` the new group reads everything as well."""
    truth, all_records, reports = run.results["truth_cents"], run.results["records"], run.results["reports"]
    return {
        f"the total of the {name} report equals the truth": reports[name] == {"cents": truth, "records": all_records}
        for name in ("reset", "new")
    }


scenario = Scenario(
    name="reprocessing",
    summary="After a bug the corrected report reads the topic again: by a reset of offsets, or as a new group.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"auto.offset.reset": "earliest"},
    cured=cured,
)
