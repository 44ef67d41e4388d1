"""The same records, read again: other windows by the clock of the reader, the same ones by the time of the event.

Covers: processing time, event time, tumbling windows, replay, record timestamps.

Story: A shop counts its clicks in windows of ten seconds, while they come. Later somebody finds a bug in the report
and runs the same job over the same topic from its beginning. By processing time a click counts in the window in which
the job happens to read it; by event time in that of the timestamp that the producer gave it.

Watch for: how fast the replay reads what took a minute to come; into how many windows it puts it; the clicks that the
live job has put into the next window, as it read them a little later than they were made.

Predict: How many windows does the replay fill by processing time? Does `--set event_time=true` need a clock at all?
What would an outage of the live job do to its windows?
"""

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from scenarios.streams.parts import numbered, partitions_of, period_of
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.run import Run
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:50", "how clicks come, per second: poisson:50, constant:50, bursts:…, daily:…"),
    "duration": Knob("60s", "how long clicks come"),
    "window": Knob("10s", "how long a window is"),
    "event_time": Knob(False, "whether a click counts by its own timestamp, not when it is read"),
    "replay_at": Knob("70s", "when the job is run again from the beginning of the topic"),
}
PARTITIONS = 2


@dataclass(slots=True)
class Notes:
    """Clicks by the number of their window, as each of the two runs of the job has counted them; seconds of replay."""

    live: Counter[int] = field(default_factory=Counter)
    replayed: Counter[int] = field(default_factory=Counter)
    replay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Windows:
    """Tumbling windows, by the one time or the other."""

    size: int
    event_time: bool

    def count(self, app: App, consumer: Consumer, into: Counter[int]) -> Generator[Event, Any, int]:
        """Poll once and count what came; how many clicks."""
        clicks = yield from consumer.poll()
        for click in clicks:
            time = click.timestamp_ms * MILLISECOND if self.event_time else app.now
            into[time // self.size] += 1
            yield app.busy(ms=0.2)
        return len(clicks)


def live_job(windows: Windows, notes: Notes) -> Behaviour:
    """Counts the clicks while they come."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("clicks-live", ["website_clicks"], auto_offset_reset="earliest")
        while True:
            yield from windows.count(app, consumer, notes.live)

    return run


def replay_job(windows: Windows, starts_at: int, notes: Notes) -> Behaviour:
    """The same over the whole topic, when it is there already."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(starts_at)
        consumer = app.consumer()
        consumer.assign(partitions_of("website_clicks", PARTITIONS))
        consumer.seek_to_beginning()
        while (yield from windows.count(app, consumer, notes.replayed)):
            notes.replay_s = (app.now - starts_at) / SECOND
        yield from consumer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    windows = Windows(period_of(settings, "window"), settings["event_time"])
    clicks = numbered("website_clicks", parse_workload(settings["arrivals"]), duration, UniformKeys(1000))
    return Plan(
        duration=duration,
        topics=(Topic("website_clicks", PARTITIONS, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("website", clicks, "website", finite=True),
            AppSpec("live", live_job(windows, notes), "live"),
            AppSpec("replay", replay_job(windows, parse_duration(settings["replay_at"]), notes), "replay", finite=True),
        ),
        groups=(GroupSpec("clicks-live", ("website_clicks",)),),
        stages=(("website", "website_clicks"), ("website_clicks", "live"), ("website_clicks", "replay")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """Windows and clicks of both runs, and how many clicks the replay has put into another window."""
    live, replayed = sorted(notes.live.items()), sorted(notes.replayed.items())
    moved = (notes.live - notes.replayed).total()
    return {
        "live": [list(window) for window in live],
        "replayed": [list(window) for window in replayed],
        "clicks": notes.live.total(),
        "clicks_replayed": notes.replayed.total(),
        "in_another_window": moved,
        "replay_s": notes.replay_s,
        "finding": f"{len(live)} windows live, {len(replayed)} when replayed; {moved:,} clicks in another window",
        "sentences": [
            f"{notes.live.total():,} clicks filled {len(live)} windows live; the replay read them in "
            f"{notes.replay_s:.1f} s and filled {len(replayed)}.",
            f"{moved:,} clicks counted in another window than before.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """By processing time the replay tells something else."""
    found = run.results
    return {
        "the replay reads every click that the live job has read": found["clicks"] == found["clicks_replayed"] > 0,
        "by processing time the replay fills fewer windows": len(found["replayed"]) < len(found["live"]),
        "nearly every click counts in another window": found["in_another_window"] > 0.9 * found["clicks"],
    }


def cured(run: Run) -> Mapping[str, bool]:
    """By event time it tells the same."""
    found = run.results
    return {
        "the replay reads every click that the live job has read": found["clicks"] == found["clicks_replayed"] > 0,
        "by event time every window of the replay is that of the live job": found["live"] == found["replayed"],
    }


scenario = Scenario(
    name="event-time-replay",
    summary="A job that counts in windows reads old records again: the same windows by event time only.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"event_time": True},
    cured=cured,
)
