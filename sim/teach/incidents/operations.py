"""What somebody on call can do to a running cluster, beside changing a setting: each begins at a time, for good."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.broker.quota_managers import QuotaManagers
from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import AdminError
from sim.rules.topics import TopicPartition
from sim.world.faults import ConfigChange, Fault

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["MoreMembers", "MorePartitions", "MoveReplicas", "NewQuota", "Restart", "SkipRecord", "Stop", "TopicSetting"]

Steps = Generator[Event, Any, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Fault):
    """Something done on purpose to what `name` says."""

    name: str

    @property
    def subject(self) -> str:
        """To what."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreMembers(Operation):
    """A group gets copies of its first member, until it has so many."""

    members: int

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"gets members until there are {self.members}"

    def begin(self, flight: "Flight") -> None:
        """Start them, with the settings that the first one has now."""
        apps = flight.cluster.apps
        first = next(app for app in members_of(flight, self.name))
        for number in range(1, self.members + 1):
            name = f"{self.name}-{number}"
            if name not in apps and len(members_of(flight, self.name)) < self.members:
                copy = flight.visitor(name, first.behaviour)
                for kind, values in first.overrides.items():
                    copy.reconfigure(kind, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class MorePartitions(Operation):
    """A topic gets partitions, until it has so many."""

    partitions: int

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"gets partitions until there are {self.partitions}"

    def begin(self, flight: "Flight") -> None:
        """Ask the cluster for them."""

        def run(app: App) -> Steps:
            with suppress(AdminError):
                yield from app.admin().create_partitions({self.name: self.partitions})

        flight.visitor(f"admin-partitions-{self.at}", run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Operation):
    """A broker is shut down, or an application ends and leaves its groups."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "is stopped"

    def begin(self, flight: "Flight") -> None:
        """A broker hands its leaderships over first, if it still can."""
        broker = broker_of(flight, self.name)
        if broker is not None:
            broker.shut_down()
            return
        app = flight.cluster.apps[self.name]
        app.stop()
        leave(flight, [app], f"{self.name}-{self.at}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Operation):
    """A broker or an application is killed, if it runs or hangs, and started; its old members leave their groups."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "is restarted"

    def begin(self, flight: "Flight") -> None:
        """Kill it and start it."""
        broker = broker_of(flight, self.name)
        if broker is not None:
            if broker.life.alive:
                broker.stop()
            broker.start()
            return
        app = flight.cluster.apps[self.name]
        app.stop()
        leave(flight, [app], f"{self.name}-{self.at}")
        app.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveReplicas(Operation):
    """All replicas of a broker are reassigned to another one."""

    to: str

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"gives its replicas to {self.to}"

    def begin(self, flight: "Flight") -> None:
        """Ask the controller for the reassignment of every partition that the broker has a replica of."""
        old, new = number_of(self.name), number_of(self.to)
        known = flight.cluster.controller.image.partitions
        wanted = {
            name: tuple(new if replica == old else replica for replica in partition.replicas)
            for name, partition in known.items()
            if old in partition.replicas and new not in partition.replicas
        }

        def run(app: App) -> Steps:
            with suppress(AdminError):
                yield from app.admin().alter_partition_reassignments(wanted)

        flight.visitor(f"admin-move-{self.at}", run)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRecord(Operation):
    """A group stops, its offset of a partition moves past the record it has come to, and it starts again."""

    partition: TopicPartition

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"skips a record of {self.partition}"

    def begin(self, flight: "Flight") -> None:
        """As kafka-consumer-groups.sh --reset-offsets --shift-by 1 does, which wants a group without members."""
        apps = members_of(flight, self.name)
        for app in apps:
            app.stop()
        moving = removals(apps)

        def run(app: App) -> Steps:
            for group_id, member_id in moving:
                with suppress(AdminError):
                    yield from app.admin().remove_members_from_consumer_group(group_id, [member_id])
            with suppress(AdminError, ValueError):
                yield from app.admin().reset_offsets(self.name, [self.partition], "shift_by", 1)
            for each in apps:
                each.start()

        flight.visitor(f"admin-skip-{self.at}", run)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewQuota(Operation):
    """A client gets another producer_byte_rate, None for no quota; what it has used so far is forgotten."""

    bytes_per_s: float | None

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "has no quota" if self.bytes_per_s is None else f"may send {self.bytes_per_s:,.0f} bytes a second"

    def begin(self, flight: "Flight") -> None:
        """Tell every broker."""
        mine = [producer.client_id for producer in flight.cluster.apps[self.name].producers]
        for broker in flight.cluster.brokers.values():
            quotas = {entity: bounds for entity, bounds in broker.client_quotas.items() if entity not in mine}
            if self.bytes_per_s is not None:
                quotas |= {client_id: {"producer_byte_rate": self.bytes_per_s} for client_id in mine}
            config = broker.config
            broker.client_quotas = quotas
            broker.quotas = QuotaManagers(quotas, config)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSetting(ConfigChange):
    """An administrator gives a topic another value of a key, whoever has changed it before."""

    @property
    def holds(self) -> tuple[str, ...]:
        """Nothing: it may be changed again."""
        return ()


def broker_of(flight: "Flight", name: str) -> Any:
    """The broker of a name such as broker-2, or None."""
    return flight.cluster.brokers.get(number_of(name)) if name.startswith("broker-") else None


def number_of(broker: str) -> int:
    """The id of `broker-2`."""
    return int(broker.rpartition("-")[2])


def members_of(flight: "Flight", group_id: str) -> list[App]:
    """The applications with a consumer in a group, or that belong to it by name."""
    names = {spec.name for spec in flight.plan.apps if spec.stage == group_id}
    apps = flight.cluster.apps.values()
    return [app for app in apps if app.name in names or any(c.group_id == group_id for c in app.consumers)]


def removals(apps: list[App]) -> list[tuple[str, str]]:
    """Groups and member ids that applications were."""
    found = [(c.group_id, c.consumer_group_metadata().member_id) for app in apps for c in app.consumers if c.group_id]
    return [(group_id, member_id) for group_id, member_id in found if member_id]


def leave(flight: "Flight", apps: list[App], name: str) -> None:
    """An administrator removes the members that applications were."""
    members: Iterator[tuple[str, str]] = iter(removals(apps))

    def run(app: App) -> Steps:
        for group_id, member_id in members:
            with suppress(AdminError):
                yield from app.admin().remove_members_from_consumer_group(group_id, [member_id])

    behaviour: Behaviour = run
    flight.visitor(f"admin-leave-{name}", behaviour)
