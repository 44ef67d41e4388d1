"""Four groups read the same parcels, each under another rebalance protocol, and meet with the same four occasions.

Covers: eager and cooperative rebalance, static membership, the consumer protocol (KIP-848), session time-out, rejoin.

Story: Parcels are scanned and sent to a topic with twelve partitions. Four groups of three sorters read all of them:
`eager` (range), `cooperative` (cooperative-sticky), `static` (range, with a group.instance.id) and `kip-848`. They
start at the same three moments, which the seed chooses. In each group a fourth sorter joins; the second one is closed
and comes back two seconds later; the third one is killed and comes back four seconds later, within its session; at
last the first one is killed for good.

Watch for: what stops at the join (everything, or only what moves), and how long it stops; who waits for a sorter that
was killed and has come back as a stranger; what a member with a name costs when it returns, and when it does not.
Sessions and heartbeats are the same in all groups, ten and three seconds, so that only the protocols differ (Kafka's
own heartbeat is three seconds in classic groups and five in those of KIP-848). Figures depend on where the heartbeats
fall, so look at another seed, too.

Predict: Which groups are soonest over the join? Which is without readers longest after the kill of a sorter that comes
back? Does any protocol spare a group the session when a sorter is killed for good? The parcels that are sorted twice:
do they depend on the protocol, or on when the dead sorter had committed (every five seconds)?
"""

from bisect import bisect_left
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.basics.rebalance import NEVER, Notes, Scribe, aftermath, scanner
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import AppCrash, Fault
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:60", "how parcels come, per second: poisson:60, constant:60, bursts:…, daily:…"),
    "duration": Knob("84s", "how long parcels come"),
    "partitions": Knob(12, "partitions of the topic parcels", 1, 1000),
    "session": Knob("10s", "session time-out in all groups"),
    "heartbeat": Knob("3s", "time between heartbeats in all groups"),
    "join_at": Knob("12s", "when the fourth sorter joins"),
    "restart_at": Knob("28500ms", "when the second sorter is closed"),
    "restart_takes": Knob("2s", "how long the second sorter is away"),
    "crash_at": Knob("44s", "when the third sorter is killed"),
    "crash_takes": Knob("4s", "how long the third sorter is away"),
    "loss_at": Knob("64s", "when the first sorter is killed for good"),
}
PROTOCOLS: Mapping[str, Mapping[str, object]] = {
    "eager": {"partition_assignment_strategy": "range"},
    "cooperative": {"partition_assignment_strategy": "cooperative-sticky"},
    "static": {"partition_assignment_strategy": "range"},
    "kip-848": {"group_protocol": "consumer"},
}
LOST, RESTARTED, CRASHED, JOINING = 1, 2, 3, 4
HEADINGS = ("stopped", "ownerless", "stable after", "moved", "read twice")
UNITS = ("partitions", "partition-s", "s", "partitions", "parcels")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one occasion has cost one group.

    `stopped` counts the partitions that were without an owner for a while, `ownerless_partition_s` adds up how long,
    `stable_after_s` is the time to the last change of an owner (None: there was none, or a partition never got one),
    `moved` counts the partitions with another owner in the end, `redelivered` the records that were read once more.
    """

    stopped: int
    ownerless_partition_s: float
    stable_after_s: float | None
    moved: int
    redelivered: int


@dataclass(slots=True)
class GroupNotes(Notes):
    """What the sorters of one group write down; `again` are the times at which a record was read once more."""

    seen: set[tuple[int, int]] = field(default_factory=set)
    again: list[int] = field(default_factory=list)

    def note_read(self, time: int, records: Sequence[ConsumerRecord]) -> None:
        """Records were handed out."""
        self.latest = time
        for record in records:
            place = record.partition, record.offset
            if place in self.seen:
                self.again.append(time)
            self.seen.add(place)

    def owners_before(self, time: int) -> dict[TopicPartition, str | None]:
        """Who owned what just before a time."""
        found: dict[TopicPartition, str | None] = {}
        for partition, history in self.owners.items():
            since = bisect_left(history, time, key=lambda change: change[0])
            found[partition] = history[since - 1][1] if since else None
        return found

    def outcome(self, begin: int, end: int) -> Outcome:
        """What an occasion has cost until the next one."""
        after = aftermath(self, begin, end)
        lasted, orphans = after["without_owner_s"], after["never_owned_again"]
        changes = [time for history in self.owners.values() for time, _ in history if begin <= time < end]
        before, now = self.owners_before(begin), self.owners_before(end)
        return Outcome(
            stopped=len({*lasted, *orphans}),
            ownerless_partition_s=sum(lasted.values()),
            stable_after_s=(max(changes) - begin) / SECOND if changes and not orphans else None,
            moved=sum(now[partition] != owner for partition, owner in before.items()),
            redelivered=sum(begin <= time < end for time in self.again),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SortersCrash(Fault):
    """The sorter of one number is killed in every group at once; it may be started again."""

    number: int

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"sorter {self.number} of each group"

    def begin(self, flight: "Flight") -> None:
        """Kill them."""
        for crash in self._crashes():
            crash.begin(flight)

    def end(self, flight: "Flight") -> None:
        """Start their processes again."""
        for crash in self._crashes():
            crash.end(flight)

    def _crashes(self) -> list[AppCrash]:
        return [AppCrash(app=name(group, self.number), at=self.at) for group in PROTOCOLS]


def name(group: str, number: int) -> str:
    """The application of one sorter, which is its group.instance.id in the static group."""
    return f"{group}-{number}"


def config_of(group: str, number: int, settings: Settings) -> dict[str, Any]:
    """What a sorter's consumer is told; of sessions and heartbeats the brokers tell a group of KIP-848."""
    config: dict[str, Any] = {"auto_offset_reset": "earliest", **PROTOCOLS[group]}
    if group == "static":
        config["group_instance_id"] = name(group, number)
    if group != "kip-848":
        config["session_timeout_ms"] = in_ms(settings["session"])
        config["heartbeat_interval_ms"] = in_ms(settings["heartbeat"])
    return config


def in_ms(duration: str) -> int:
    """Milliseconds of a knob."""
    return parse_duration(duration) // MILLISECOND


def sorter(group: str, number: int, settings: Settings, notes: GroupNotes) -> Behaviour:
    """Joins its group and sorts what it gets; one of a group closes its consumer for a while and makes another."""
    config = config_of(group, number, settings)
    heartbeat = parse_duration(settings["heartbeat"])
    leaves_at = parse_duration(settings["restart_at"]) if number == RESTARTED else NEVER

    def run(app: App) -> Generator[Event, Any, None]:
        phase = app.machine.streams.columns(f"sorter {number}").integers(heartbeat)
        yield app.until(parse_duration(settings["join_at"]) if number == JOINING else int(phase))
        for until in (leaves_at, NEVER):
            consumer = app.consumer(group, **config)
            consumer.subscribe(["parcels"], Scribe(app, notes))
            while app.now < until:
                notes.note_read(app.now, (yield from consumer.poll(100)))
                yield app.busy(ms=5)
            yield from consumer.close()
            yield app.busy(ms=in_ms(settings["restart_takes"]))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    duration = parse_duration(settings["duration"])
    notes = {group: GroupNotes() for group in PROTOCOLS}
    session_ms, heartbeat_ms = in_ms(settings["session"]), in_ms(settings["heartbeat"])
    brokers = {"group.consumer.session.timeout.ms": session_ms, "group.consumer.heartbeat.interval.ms": heartbeat_ms}
    scans = scanner(parse_workload(settings["arrivals"]), duration)
    return Plan(
        duration=duration,
        cluster=ClusterSpec(broker_config=brokers),
        topics=(Topic("parcels", settings["partitions"], 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("scanner", scans, "scanner", finite=True),
            *(
                AppSpec(name(group, number), sorter(group, number, settings, notes[group]), group)
                for group in PROTOCOLS
                for number in (LOST, RESTARTED, CRASHED, JOINING)
            ),
        ),
        groups=tuple(GroupSpec(group, ("parcels",)) for group in PROTOCOLS),
        faults=(
            SortersCrash(number=CRASHED, at=settings["crash_at"], lasts=settings["crash_takes"]),
            SortersCrash(number=LOST, at=settings["loss_at"]),
        ),
        stages=(("scanner", "parcels"), *(("parcels", group) for group in PROTOCOLS)),
        wrap_up=lambda complete: results(notes, settings) if complete else {},
    )


def results(notes: Mapping[str, GroupNotes], settings: Settings) -> Mapping[str, object]:
    """What each occasion has cost each group: the same as figures and as the lines of a table."""
    latest = max(of_group.latest for of_group in notes.values())
    killed = {"crash": CRASHED, "loss": LOST} if settings.faults else {}
    times = {occasion: parse_duration(settings[f"{occasion}_at"]) for occasion in ("join", "restart", *killed)}
    times = {occasion: time for occasion, time in times.items() if time <= latest}
    for occasion, number in killed.items():
        for group, of_group in notes.items():
            if occasion in times:
                of_group.bury(times[occasion], name(group, number))
    found: dict[str, dict[str, Outcome]] = {}
    for occasion, begin in sorted(times.items(), key=lambda item: item[1]):
        end = min((time for time in times.values() if time > begin), default=NEVER)
        found[occasion] = {group: of_group.outcome(begin, end) for group, of_group in notes.items()}
    return {
        **{occasion: {group: as_json(one) for group, one in groups.items()} for occasion, groups in found.items()},
        "redelivered": {group: len(of_group.again) for group, of_group in notes.items()},
        "finding": "; ".join(["partition-seconds without an owner", *(cost(*one) for one in found.items())]),
        "sentences": [*(told(occasion, groups) for occasion, groups in found.items()), *table(found)],
    }


def as_json(outcome: Outcome) -> dict[str, float | None]:
    """The figures by their names."""
    return {part.name: getattr(outcome, part.name) for part in fields(outcome)}


def cost(occasion: str, groups: Mapping[str, Outcome]) -> str:
    """What an occasion costs in partition-seconds without an owner, group by group."""
    listed = ", ".join(f"{group} {outcome.ownerless_partition_s:.1f}" for group, outcome in groups.items())
    return f"{occasion}: {listed}"


def told(occasion: str, groups: Mapping[str, Outcome]) -> str:
    """Which group went best through an occasion, and which worst."""
    ownerless = sorted((outcome.ownerless_partition_s, group) for group, outcome in groups.items())
    (least, best), (most, worst) = ownerless[0], ownerless[-1]
    return f"After the {occasion}: {least:.2f} ({best}) to {most:.2f} ({worst}) partition-seconds without an owner."


def table(found: Mapping[str, Mapping[str, Outcome]]) -> list[str]:
    """All outcomes as lines of equal columns."""
    lines = [line("occasion", "group", HEADINGS), line("", "", UNITS)]
    for occasion, groups in found.items():
        for group, outcome in groups.items():
            figures = [getattr(outcome, part.name) for part in fields(outcome)]
            lines.append(line(occasion, group, [shown(figure) for figure in figures]))
    return lines if found else []


def line(occasion: str, group: str, cells: Sequence[str]) -> str:
    """One line of the table."""
    return f"{occasion:<10}{group:<13}" + "".join(f"{cell:>14}" for cell in cells)


def shown(figure: float | None) -> str:
    """A count as it is, seconds with two digits behind the point."""
    if figure is None:
        return "–"
    return f"{figure:.2f}" if isinstance(figure, float) else str(figure)


scenario = Scenario(
    name="rebalance-protocols",
    summary="The same join, restart and crashes under four rebalance protocols: who stops, and for how long.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
)
