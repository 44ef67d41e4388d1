"""Ten thousand devices, bursts, and readings that come late: how long to wait for the last one of a window.

Covers: IoT streaming, many keys, event time against processing time, watermark, grace period, late data.

Story: 10,000 devices send a reading now and then, each under its own key and with the time at which it was measured.
Some are out of reach and send a reading up to half a minute later. A stage counts the readings of every ten seconds of
event time. Its watermark is the latest time that it has seen, less the grace period; when the watermark passes the end
of a window, the window is closed and its count is sent on. What comes later than that is dropped.

Watch for: windows that are closed at the first reading of the next, and miss what comes late; the price of waiting for
it: each result is later by the grace period, for all devices, because of some.

Predict: Which share of the readings is dropped without a grace period? With ten seconds (`--set grace=10s`)? How much
older are the results? Does a burst make readings late?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.keys import UniformKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("bursts:200,800,20s,5s", "how readings come, per second: bursts:200,800,20s,5s, poisson:300, …"),
    "duration": Knob("80s", "how long devices send"),
    "devices": Knob(10_000, "how many keys there are", 1, 10_000_000),
    "late": Knob(0.05, "share of the readings that come late", 0.0, 1.0),
    "late_by": Knob("30s", "how late at most"),
    "grace": Knob("0s", "how long a window waits for late readings"),
}
WINDOW_MS = 10_000


@dataclass(slots=True)
class Notes:
    """Readings by window: as measured, and as counted; when windows were closed, and how many came later."""

    truth: dict[int, int] = field(default_factory=dict)
    counted: dict[int, int] = field(default_factory=dict)
    closed_ms: dict[int, int] = field(default_factory=dict)
    late: int = 0
    dropped: int = 0
    devices: set[bytes] = field(default_factory=set)


def devices(workload: Workload, settings: Settings, notes: Notes) -> Behaviour:
    """A gateway that passes readings on as they come, with the time at which they were measured."""
    duration, late_by = parse_duration(settings["duration"]), parse_duration(settings["late_by"]) // 1_000_000

    def run(app: App) -> Generator[Event, Any, None]:
        producer, weather = app.producer(acks="all", linger_ms=20), app.machine.streams["reach"]
        times = workload.arrivals(app.machine.streams.columns("readings"), duration)
        for time, device in keyed(times, UniformKeys(settings["devices"]), app.machine.streams.columns("devices")):
            due = yield from app.arrive(time)
            measured_ms = due // 1_000_000
            if weather.random() < settings["late"]:
                notes.late += 1
                measured_ms = max(0, measured_ms - weather.randint(1, max(1, late_by)))
            window = measured_ms // WINDOW_MS
            notes.truth[window] = notes.truth.get(window, 0) + 1
            yield from producer.send("readings", b"21.5", app.key(device), timestamp_ms=measured_ms, sent_at=due)
        yield from producer.close()

    return run


def counter(grace_ms: int, notes: Notes) -> Behaviour:
    """Counts whole columns of times; nothing is done for a single record but to note its device."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("counter", ["readings"], auto_offset_reset="earliest")
        watermark_ms = 0
        while True:
            for piece in (yield from consumer.poll_slices()):
                columns, first = piece.batch.columns, piece.batch.index_at(piece.first_offset)
                end = piece.batch.index_at(piece.next_offset)
                notes.devices.update(key for key in (columns.keys or ())[first:end] if key)
                for time_ms in columns.timestamps_ms[first:end]:
                    window = time_ms // WINDOW_MS
                    if window in notes.closed_ms:
                        notes.dropped += 1
                    else:
                        notes.counted[window] = notes.counted.get(window, 0) + 1
                    watermark_ms = max(watermark_ms, time_ms - grace_ms)
            for window in sorted(notes.counted.keys() - notes.closed_ms.keys()):
                if (window + 1) * WINDOW_MS <= watermark_ms:
                    notes.closed_ms[window] = app.now // 1_000_000

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes = Notes()
    gateway = devices(parse_workload(settings["arrivals"]), settings, notes)
    return Plan(
        duration=parse_duration(settings["duration"]),
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic("readings", 6, 1),),
        apps=(
            AppSpec("gateway", gateway, "gateway", finite=True),
            AppSpec("counter", counter(parse_duration(settings["grace"]) // 1_000_000, notes), "counter"),
        ),
        groups=(GroupSpec("counter", ("readings",)),),
        stages=(("gateway", "readings"), ("readings", "counter")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """What was counted in time, and how long results took."""
    waits_s = [(closed - (window + 1) * WINDOW_MS) / 1000 for window, closed in sorted(notes.closed_ms.items())]
    slowest_s = max(waits_s, default=0.0)
    wrong = sum(notes.counted[window] != notes.truth[window] for window in notes.closed_ms)
    total = sum(notes.truth.values())
    return {
        "readings": total,
        "devices": len(notes.devices),
        "late": notes.late,
        "dropped": notes.dropped,
        "windows_closed": len(notes.closed_ms),
        "windows_wrong": wrong,
        "slowest_result_s": round(slowest_s, 2),
        "finding": f"{notes.late:,} of {total:,} readings late, {notes.dropped:,} dropped; "
        f"results up to {slowest_s:.1f} s after the window",
        "sentences": [
            f"{len(notes.devices):,} devices sent {total:,} readings; {notes.dropped:,} came after their window was "
            f"closed, so {wrong:,} of {len(notes.closed_ms):,} windows are wrong."
        ],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """Without a grace period late readings are lost to the result."""
    found = run.results
    return {
        "without a grace period late readings are dropped": 0 < found["dropped"] <= found["late"],
        "most windows are wrong": 2 * found["windows_wrong"] > found["windows_closed"],
        "Kafka has delivered all of them": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """A grace period as long as readings can be late, and nothing is missed; the results come later."""
    found, grace_s = run.results, parse_duration(run.settings["grace"]) / SECOND
    return {
        "nothing is dropped and every window is right": found["dropped"] == found["windows_wrong"] == 0,
        "every result is later by the grace period": found["windows_closed"] > 0
        and found["slowest_result_s"] >= grace_s,
    }


scenario = Scenario(
    name="iot-streaming",
    summary="10,000 devices, bursts and late readings: what a window misses, and what it costs to wait for it.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"grace": "31s"},
    cured=cured,
)
