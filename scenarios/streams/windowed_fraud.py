"""How long should a window wait? Payments that come late, frauds that are missed, and alerts that take longer.

Covers: event time, tumbling and hopping windows, watermark, late records, grace, missed frauds against delay.

Story: Whoever has stolen a card tries it: several small payments within seconds. A rule counts the small payments of
each card in windows of event time and raises an alert when a window closes with four or more. Some terminals are on
poor lines, and their payments come seconds late. A window closes when the highest timestamp of the partition (its
stream time) has passed its end by the grace; what comes later for it is dropped. That is the rule of Kafka Streams
(KIP-328; KStreamWindowAggregate, with results when a window closes). Three more rules with other graces read along.

Watch for: the payments that are dropped, and that a whole fraud is missed for one of them; what each second of grace
costs everybody, as an alert waits for the end of the window and the grace whether anything is late or not.

Predict: What does no grace at all miss? From which grace on is nothing missed, and which figure of the terminals tells
it? What changes with hopping windows, `--set advance=5s`?
"""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy
from simpy import Event

from scenarios.streams.parts import figures, period_of
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.scenario import Scenario
from sim.world.keys import UniformKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:20", "how small payments are made, per second: poisson:20, constant:20, bursts:…"),
    "frauds": Knob("poisson:1", "how stolen cards are tried, per second, in the same ways"),
    "duration": Knob("40s", "how long stolen cards are tried; honest payments go on until all windows are closed"),
    "window": Knob("10s", "how long a window is"),
    "advance": Knob("10s", "from the beginning of one window to that of the next; they overlap if it is shorter"),
    "grace": Knob("0s", "how long a window waits for late payments"),
    "late_share": Knob(0.3, "which share of the payments comes late", 0.0, 1.0),
    "late_by": Knob("12s", "how late a payment comes at most"),
}
TRIES, CARDS, PARTITIONS = 5, 10_000, 2
SUSPICIOUS = 4
ALSO = ("5s", "15s", "30s")
Pane = tuple[bytes, int]


class Payment(NamedTuple):
    """A small payment: when it comes to the topic, when it was made, and with which card."""

    sent_at: int
    made_at: int
    card: bytes


@dataclass(slots=True)
class Rule:
    """Counts payments by partition, beginning of the window and card; times are nanoseconds.

    `raised` is when each alert came, by card and beginning of the window; `dropped` is how many payments came too late.
    """

    size: int
    advance: int
    grace: int
    counts: dict[int, dict[int, Counter[bytes]]] = field(default_factory=dict)
    stream_time: dict[int, int] = field(default_factory=dict)
    raised: dict[Pane, int] = field(default_factory=dict)
    dropped: int = 0

    def take(self, payment: ConsumerRecord, now: int) -> None:
        """Count a payment in each window that it falls into and that is open; close what its timestamp closes."""
        partition, made_at = payment.partition, payment.timestamp_ms * MILLISECOND
        stream_time = self.stream_time[partition] = max(self.stream_time.get(partition, 0), made_at)
        counts = self.counts.setdefault(partition, {})
        for start in windows(made_at, self.size, self.advance):
            if start + self.size + self.grace <= stream_time:
                self.dropped += 1
            else:
                counts.setdefault(start, Counter())[payment.key or b""] += 1
        for start in [start for start in counts if start + self.size + self.grace <= stream_time]:
            self.raised |= {(card, start): now for card, count in counts.pop(start).items() if count >= SUSPICIOUS}


def windows(time: int, size: int, advance: int) -> Iterator[int]:
    """The beginnings of the windows that a time falls into."""
    first = max(0, (time - size) // advance + 1) * advance
    yield from range(first, time + 1, advance)


def suspicious(payments: Iterable[Payment], size: int, advance: int) -> set[Pane]:
    """What a rule would find that saw all payments: windows of one card with too many of them."""
    counts: Counter[Pane] = Counter()
    for payment in payments:
        made_at = payment.made_at // MILLISECOND * MILLISECOND
        counts.update((payment.card, start) for start in windows(made_at, size, advance))
    return {pane for pane, count in counts.items() if count >= SUSPICIOUS}


def load_of(settings: Settings) -> int:
    """How long payments are made: until the last window of a fraud has closed for the longest grace, and a bit."""
    longest = max(parse_duration(grace) for grace in (settings["grace"], *ALSO))
    return parse_duration(settings["duration"]) + 2 * parse_duration(settings["window"]) + longest


def planned(app: App, honest: Workload, frauds: Workload, settings: Settings) -> list[Payment]:
    """All payments in the order in which they come to the topic; each try of a stolen card is a second or so apart."""
    duration, columns = parse_duration(settings["duration"]), app.machine.streams.columns
    times = honest.arrivals(columns("payments"), load_of(settings))
    made = [(time, key or b"") for time, key in keyed(times, UniformKeys(CARDS), columns("cards"))]
    steps = columns("tries")
    for number, begins in enumerate(frauds.arrivals(columns("frauds"), duration)):
        tries = begins + numpy.cumsum(steps.exponential(0.5 * SECOND, TRIES)).astype(numpy.int64)
        made += [(time, b"stolen-%d" % number) for time in tries.tolist()]
    lines = columns("lines")
    late = numpy.where(lines.random(len(made)) < settings["late_share"], lines.random(len(made)), 0.0)
    delays = (late * parse_duration(settings["late_by"])).astype(numpy.int64).tolist()
    return sorted(Payment(time + delay, time, card) for (time, card), delay in zip(made, delays, strict=True))


def terminals(honest: Workload, frauds: Workload, settings: Settings, made: list[Payment]) -> Behaviour:
    """Send what was paid, when the lines let it through."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        made.extend(planned(app, honest, frauds, settings))
        for payment in made:
            yield app.until(payment.sent_at)
            yield from producer.send("payments", b"", payment.card, timestamp_ms=payment.made_at // MILLISECOND)
        yield from producer.close()

    return run


def detector(rules: Iterable[Rule]) -> Behaviour:
    """Shows each payment to the rules, which differ in their grace."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("fraud", ["payments"], auto_offset_reset="earliest")
        while True:
            for payment in (yield from consumer.poll()):
                for rule in rules:
                    rule.take(payment, app.now)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run. Raises ConfigError for windows that leave gaps."""
    size, advance = period_of(settings, "window"), period_of(settings, "advance")
    if advance > size:
        raise ConfigError(
            f"advance={settings['advance']}: must be at most window={settings['window']}, or windows leave gaps"
        )
    rules = {grace: Rule(size, advance, parse_duration(grace)) for grace in (settings["grace"], *ALSO)}
    made: list[Payment] = []
    honest, frauds = parse_workload(settings["arrivals"]), parse_workload(settings["frauds"])
    return Plan(
        duration=load_of(settings),
        topics=(Topic("payments", PARTITIONS, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("terminals", terminals(honest, frauds, settings, made), "terminals", finite=True),
            AppSpec("detector", detector(rules.values()), "detector"),
        ),
        groups=(GroupSpec("fraud", ("payments",)),),
        stages=(("terminals", "payments"), ("payments", "detector")),
        wrap_up=lambda complete: results(made, rules, settings["grace"]) if complete else {},
    )


def results(made: list[Payment], rules: Mapping[str, Rule], asked: str) -> Mapping[str, object]:
    """For each grace what it has missed, and how long after the end of its window an alert came."""
    found: dict[str, Any] = {}
    for grace, rule in sorted(rules.items(), key=lambda known: known[1].grace):
        real = suspicious(made, rule.size, rule.advance)
        delays_ms = [(at - start - rule.size) / MILLISECOND for (_, start), at in rule.raised.items()]
        missed = len(real - rule.raised.keys())
        found[grace] = {
            "frauds": len(real),
            "missed": missed,
            "false": len(rule.raised.keys() - real),
            "dropped": rule.dropped,
            "delay_ms": figures(delays_ms),
        }
    mine = found[asked]
    return {
        "grace": asked,
        "graces": found,
        "finding": f"With {asked} of grace {mine['missed']:,} of {mine['frauds']:,} frauds are missed; "
        + "; ".join(f"{known['missed']:,} with {grace}" for grace, known in found.items() if grace != asked),
        "sentences": [
            f"With {grace} of grace {known['dropped']:,} payments were dropped and {known['missed']:,} of "
            f"{known['frauds']:,} frauds missed; half of the alerts came within "
            f"{known['delay_ms'].get('median', 0.0) / 1000:.1f} s after the end of the window."
            for grace, known in found.items()
        ],
    }


def common(run: Run) -> dict[str, bool]:
    """More grace misses less and takes longer."""
    graces = list(run.results["graces"].values())
    missed = [known["missed"] for known in graces]
    delays = [known["delay_ms"].get("median", 0.0) for known in graces]
    return {
        "there are frauds to be found": graces[0]["frauds"] > 0,
        "more grace never misses more": missed == sorted(missed, reverse=True),
        "more grace makes every alert later": delays == sorted(delays) and delays[0] < delays[-1],
        "no alert is false": all(known["false"] == 0 for known in graces),
    }


def claims(run: Run) -> Mapping[str, bool]:
    """No grace misses some."""
    mine = run.results["graces"][run.results["grace"]]
    return {
        **common(run),
        "without grace late payments are dropped": mine["dropped"] > 0,
        "without grace frauds are missed": mine["missed"] > 0,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """A grace as long as a payment can be late misses none."""
    mine = run.results["graces"][run.results["grace"]]
    return {
        **common(run),
        "with grace enough no payment is dropped": mine["dropped"] == 0,
        "with grace enough no fraud is missed": mine["missed"] == 0,
    }


scenario = Scenario(
    name="windowed-fraud",
    summary="Payments come late to their windows: without grace frauds are missed, with grace alerts take longer.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"grace": "12s"},
    cured=cured,
)
