"""Clicks on a live dashboard: how old is the newest number on it, and what a burst does to that.

Covers: real-time analytics, windowed counts, event time, freshness against completeness, scaling a group out.

Story: A shop's web servers write each click to website_clicks, keyed by the visitor. A dashboard counts clicks by page
in windows of five seconds of event time and repaints itself every second. Now and then there is a sale, and ten times
as many people click. The dashboard needs 4 ms for each click.
Rates are small here: 50 clicks a second and 500 in a sale.

Watch for: the freshness of the picture, the age of the newest click in it: well below a second while it is calm, and
many seconds in and after a sale, while the numbers, once complete, are right all the same; the lag, which is the same
story in records.

Predict: How long after a sale is the dashboard live again? How many dashboards share the work without loss, and how
many at most (`--set dashboards=4`)? What does `--set linger.ms=1000` do to the freshness?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.keys import ZipfKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

CLICKS, PAGES, WINDOW = "website_clicks", (b"/", b"/search", b"/product", b"/cart"), 5
KNOBS = {
    "arrivals": Knob("bursts:50,500,40s,10s", "how clicks come, per second: bursts:50,500,40s,10s, poisson:50, …"),
    "duration": Knob("60s", "how long people click"),
    "dashboards": Knob(1, "members of the dashboard's group", 1, 100),
    "work_ms": Knob(4.0, "milliseconds of work for each click", 0.01, 100),
}
Window = tuple[int, bytes]


@dataclass(slots=True)
class Notes:
    """Clicks by window and page: as they were, and as the dashboard has counted them; and how fresh it was, and when.

    `newest` is the latest click that each member has counted.
    """

    truth: dict[Window, int] = field(default_factory=dict)
    counted: dict[Window, int] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    freshness: list[tuple[int, int]] = field(default_factory=list)


def web_servers(workload: Workload, duration: int, notes: Notes) -> Behaviour:
    """Write down who clicked on what."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer, pages = app.producer(acks="all"), app.machine.streams["pages"]
        times = workload.arrivals(app.machine.streams.columns("clicks"), duration)
        for time, visitor in keyed(times, ZipfKeys(1000, 0.5), app.machine.streams.columns("visitors")):
            due = yield from app.arrive(time)
            window = due // SECOND // WINDOW, pages.choice(PAGES)
            notes.truth[window] = notes.truth.get(window, 0) + 1
            yield from producer.send(CLICKS, window[1], app.key(visitor), sent_at=due, timestamp_ms=due // 1_000_000)
        yield from producer.close()

    return run


def dashboard(work_ms: float, notes: Notes) -> Behaviour:
    """Counts what it reads, in the window in which it happened."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("dashboard", [CLICKS], auto_offset_reset="earliest", max_poll_records=100)
        while True:
            records = yield from consumer.poll()
            yield app.busy(ms=work_ms * len(records))
            for record in records:
                window = record.timestamp_ms // 1000 // WINDOW, record.value or b""
                notes.counted[window] = notes.counted.get(window, 0) + 1
                notes.newest[app.name] = record.timestamp_ms

    return run


def screen(duration: int, notes: Notes) -> Behaviour:
    """Repaints every second, and is as fresh as the member that is furthest behind."""

    def run(app: App) -> Generator[Event, Any, None]:
        while app.now < duration:
            yield app.busy(ms=1000)
            if notes.newest:
                notes.freshness.append((app.now, app.now // 1_000_000 - min(notes.newest.values())))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    clicks = web_servers(parse_workload(settings["arrivals"]), duration, notes)
    return Plan(
        duration=duration,
        cluster=ClusterSpec(brokers=3),
        topics=(Topic(CLICKS, 4, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("web-servers", clicks, "web-servers", finite=True),
            *(
                AppSpec(f"dashboard-{number + 1}", dashboard(settings["work_ms"], notes), "dashboard")
                for number in range(settings["dashboards"])
            ),
            AppSpec("screen", screen(duration, notes), "screen", finite=True),
        ),
        groups=(GroupSpec("dashboard", (CLICKS,)),),
        stages=(("web-servers", CLICKS), (CLICKS, "dashboard"), ("dashboard", "screen")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """How fresh the dashboard was, and whether it was right in the end."""
    ages_ms = sorted(age for _, age in notes.freshness) or [0]
    worst_ms, usual_ms = ages_ms[-1], ages_ms[len(ages_ms) // 4]
    totals = {page.decode(): sum(n for (_, of), n in notes.counted.items() if of == page) for page in PAGES}
    wrong = sum(notes.counted.get(window, 0) != count for window, count in notes.truth.items())
    return {
        "clicks": sum(notes.truth.values()),
        "clicks_by_page": totals,
        "windows": len(notes.truth),
        "windows_wrong": wrong,
        "freshness_ms": {"calm": usual_ms, "worst": worst_ms},
        "stale_s": sum(age > 2000 for age in ages_ms),
        "finding": f"the dashboard is {usual_ms:,} ms old when calm, {worst_ms / 1000:,.1f} s at worst",
        "sentences": [
            f"The newest click on the dashboard was {usual_ms:,} ms old in a calm second and {worst_ms:,} ms at worst; "
            f"{wrong:,} of {len(notes.truth):,} counts were wrong in the end.",
        ],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """A burst makes it stale, not wrong."""
    fresh = run.results["freshness_ms"]
    return {
        "in a calm second the dashboard is less than a second old": fresh["calm"] < 1000,
        "in a burst it falls more than five seconds behind": fresh["worst"] > 5000,
        "in the end every window has the right count": run.results["windows_wrong"] == 0,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Enough members, and it stays live."""
    return {
        "with a member for each partition it is never more than five seconds old": run.results["freshness_ms"]["worst"]
        < 5000,
        "in the end every window has the right count": run.results["windows_wrong"] == 0,
    }


scenario = Scenario(
    name="clickstream",
    summary="Clicks, a live dashboard, and a burst: how old the numbers are, and that they are right in the end.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"dashboards": 4},
    cured=cured,
)
