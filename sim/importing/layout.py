"""What is known of a real cluster: where the replicas of each partition are, and who reads what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Group", "Layout", "Partition"]


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its leader's id (-1 without one), its replicas in order, and those in sync."""

    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Partitions of each topic in order, settings of topics, and the ids of all brokers that are named anywhere."""

    topics: Mapping[str, tuple[Partition, ...]]
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    brokers: tuple[int, ...] = ()

    def broker_ids(self) -> tuple[int, ...]:
        """The brokers in order: those listed, and those that hold a replica."""
        held = (broker for partitions in self.topics.values() for each in partitions for broker in each.replicas)
        return tuple(sorted(dict.fromkeys((*self.brokers, *held))))

    def under_replicated(self) -> list[str]:
        """The partitions whose replicas are not all in sync, as `topic-0`."""
        return [
            f"{topic}-{number}"
            for topic, partitions in self.topics.items()
            for number, each in enumerate(partitions)
            if len(each.isr) < len(each.replicas)
        ]


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: its topics, how many members it had, its lag (records), and where each topic's log ended.

    `log_ends` sums the partitions of a topic; two looks a known time apart tell its arrival rate.
    """

    group_id: str
    topics: tuple[str, ...]
    members: int
    lag: int
    log_ends: Mapping[str, int] = field(default_factory=dict)
