"""A fork: the same flight until a time, and from then on with other settings or more faults."""

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import AdminError
from sim.machine.clock import format_duration, parse_duration
from sim.observe.journal import line
from sim.rules.errors import ConfigError
from sim.world.faults import ConfigChange, Fault
from sim.world.plan import Plan
from sim.world.settings import Settings, settings_from

if TYPE_CHECKING:
    from sim.run import Run
    from sim.world.flight import Flight

__all__ = ["NewSettings", "fork"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSettings(Fault):
    """Applications are killed and started again with other values of Kafka's keys for their clients.

    An administrator removes the members that they were from their groups, as a graceful stop would.
    """

    kind: str
    values: tuple[tuple[str, object], ...]

    @property
    def subject(self) -> str:
        """What changes."""
        return ", ".join(f"{self.kind}.{key}" for key, _ in self.values)

    @property
    def predicate(self) -> str:
        """What it becomes."""
        return f"becomes {', '.join(str(value) for _, value in self.values)} with a restart"

    def begin(self, flight: "Flight") -> None:
        """Restart those that run and have such a client."""
        left: dict[str, list[str]] = {}
        for app in flight.cluster.apps.values():
            app.reconfigure(self.kind, dict(self.values))
            has_client = app.producers if self.kind == "producer" else app.consumers
            if app.life.alive and has_client:
                for consumer in app.consumers:
                    if consumer.group_id and not consumer.config.group_instance_id:
                        left.setdefault(consumer.group_id, []).append(consumer.consumer_group_metadata().member_id)
                app.stop()
                app.start()
        for group_id, member_ids in left.items():
            flight.visitor(f"admin-of-{group_id}-{self.at}", _removing(group_id, [name for name in member_ids if name]))


def _removing(group_id: str, member_ids: list[str]) -> Behaviour:
    def run(app: App) -> Generator[Event, Any, None]:
        with suppress(AdminError):
            yield from app.admin().remove_members_from_consumer_group(group_id, member_ids)

    return run


def fork(run: "Run", at: str | int, given: Mapping[str, object], more: tuple[Fault, ...] = ()) -> "Run":
    """Fly a run again until a time and then otherwise; what comes before is verified to be equal to the byte.

    Topic settings change by an administrator's request, those of clients with a restart of their applications. Raises
    ConfigError, one line, for a time out of range and for settings that can only hold from the start.
    """
    begins = _checked(run, at)
    changes = _changes(run, f"{begins}ns", given)
    if not (changes or more):
        raise ConfigError("a fork needs something that changes: name a setting, for instance --set max.poll.records=10")
    scenario, settings = run.scenario, run.settings

    def make(wanted: Settings) -> Plan:
        plan = scenario.make(replace(wanted, faults=settings.faults))
        return replace(plan, faults=(*(plan.faults if settings.faults else ()), *changes, *more))

    forked = replace(scenario, make=make, claims=None, cured=None, expect=None)
    other = forked.run(settings.seed, run.given, run.until, True, settings.input, recorded=True)
    if before(run, begins) != before(other, begins):
        raise ConfigError(f"the fork does not equal the run before {format_duration(begins)}: it is not deterministic")
    return other


def before(run: "Run", time: int) -> list[str]:
    """The journal up to a time (ns), as lines."""
    return [line(then, fact) for then, fact in run.facts if then < time]


def _checked(run: "Run", at: str | int) -> int:
    try:
        time = parse_duration(at)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from error
    if not 0 < time < run.flight.now:
        raise ConfigError(f"--at {at}: the run lasts from 0 s to {format_duration(run.flight.now)}; fork in between")
    return time


def _changes(run: "Run", at: str, given: Mapping[str, object]) -> tuple[Fault, ...]:
    for key in given:
        if key.replace("-", "_").replace(".", "_") in run.scenario.knobs:
            raise ConfigError(f"{key} is a knob of {run.scenario.name} and holds from the start; use kafkasim compare")
    overrides = settings_from({}, given).overrides
    for key in overrides["broker"]:
        raise ConfigError(f"{key} is the brokers' and holds from their start; use kafkasim compare with --set-b")
    topics = [
        ConfigChange(topic=topic.name, key=key, value=str(value), at=at)
        for topic in run.flight.plan.topics
        for key, value in overrides["topic"].items()
    ]
    clients = [
        NewSettings(kind=kind, values=tuple(overrides[kind].items()), at=at)
        for kind in ("producer", "consumer")
        if overrides[kind]
    ]
    return (*topics, *clients)
