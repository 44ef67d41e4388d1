"""A consumer group with simulated members that do what they are told: used by the tests of its rules."""

from dataclasses import replace
from typing import Any

from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_heartbeat import Heartbeat, HeartbeatContext, fence_members, heartbeat, leave
from sim.rules.groups.consumer_group_records import (
    ConsumerGroupRecord,
    EpochRecord,
    decode_consumer_group_record,
    encode_consumer_group_record,
)
from sim.rules.groups.consumer_group_regexes import RegexContext, regexes_resolved, resolve_regexes
from sim.rules.groups.consumer_groups import ConsumerGroup
from sim.rules.groups.target_assignment import CONSUMER_GROUP_ASSIGNORS
from sim.rules.protocol.consumer_group import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, Partitions
from sim.rules.topics import TopicPartition


def parts(*numbers: int, topic: str = "t") -> Partitions:
    """Partitions of one topic."""
    return frozenset(TopicPartition(topic, number) for number in numbers)


class Coordinator:
    """One group, its topics and a clock."""

    def __init__(self, **topics: int) -> None:
        self.group = ConsumerGroup("g")
        self.topics = topics
        self.now_ms = 0
        self.max_size = 100
        self.version = 1
        self.log: list[ConsumerGroupRecord] = []

    @property
    def context(self) -> HeartbeatContext:
        return HeartbeatContext(
            CONSUMER_GROUP_ASSIGNORS,
            self.topics,
            lambda topic: f"{topic}{self.topics[topic]}" if topic in self.topics else "",
            self.max_size,
            5000,
            RegexContext(self.now_ms, self.version, 600_000),
        )

    def replay(self, records: list[ConsumerGroupRecord]) -> None:
        """Through bytes, as a log would give them back."""
        for record in records:
            again = decode_consumer_group_record(*encode_consumer_group_record(record))
            assert again is not None
            self.log.append(again)
            self.group.replay(again)

    def ask(self, member_id: str, epoch: int, **fields: Any) -> Heartbeat | ErrorCode:
        """A heartbeat, replayed."""
        request = ConsumerGroupHeartbeatRequest("g", member_id, epoch, **fields)
        outcome = (leave if epoch < 0 else heartbeat)(self.group, request, self.context)
        if isinstance(outcome, Heartbeat):
            if outcome.refreshed_epoch is not None:
                self.group.refresh_epoch = outcome.refreshed_epoch
            self.replay(outcome.records)
            if outcome.resolve_regexes:
                self.resolve(outcome.resolve_regexes)
        return outcome

    def answer(self, member_id: str, epoch: int, **fields: Any) -> ConsumerGroupHeartbeatResponse:
        """The answer of a heartbeat that must not fail."""
        outcome = self.ask(member_id, epoch, **fields)
        assert isinstance(outcome, Heartbeat), outcome
        return outcome.response

    def join(self, member_id: str, *topics: str, **fields: Any) -> ConsumerGroupHeartbeatResponse:
        """The first heartbeat of a member."""
        subscription = {"subscribed_topic_names": topics or ("t",)}
        everything = {"rebalance_timeout_ms": 300_000, "topic_partitions": frozenset(), **subscription, **fields}
        return self.answer(member_id, 0, **everything)

    def refused(self, member_id: str, epoch: int, **fields: Any) -> ErrorCode:
        """The error of a heartbeat that must fail."""
        outcome = self.ask(member_id, epoch, **fields)
        assert isinstance(outcome, ErrorCode), outcome
        return outcome

    def resolve(self, regexes: tuple[str, ...]) -> None:
        """What the coordinator's executor does."""
        found = resolve_regexes(regexes, self.topics, self.version, self.now_ms)
        records = regexes_resolved(self.group, found, self.context.topic_hash)
        if any(isinstance(record, EpochRecord) for record in records):
            self.group.refresh_epoch = self.group.epoch + 1
        self.replay(records)

    def fence(self, member_id: str) -> None:
        """A session has run out."""
        self.replay(fence_members(self.group, [self.group.members[member_id]], self.context))

    def settle(self, rounds: int = 6) -> None:
        """Everybody does what it is told, heartbeat after heartbeat."""
        for _ in range(rounds):
            for member in list(self.group.members.values()):
                if member.member_epoch >= 0:
                    self.answer(member.member_id, member.member_epoch, topic_partitions=member.assigned)

    def assigned(self) -> dict[str, list[int]]:
        """Partition numbers by member."""
        return {
            member_id: sorted(name.partition for name in member.assigned)
            for member_id, member in self.group.members.items()
        }

    def loaded(self) -> ConsumerGroup:
        """The group as another coordinator finds it in the log."""
        group = ConsumerGroup("g")
        for record in self.log:
            group.replay(record)
        group.refresh_epoch = self.group.refresh_epoch
        return group


def state_of(group: ConsumerGroup) -> dict[str, object]:
    """All that counts, to compare two groups."""
    content = {name: getattr(group, name) for name in ConsumerGroup.__slots__}
    return {**content, "members": {key: replace(value) for key, value in group.members.items()}}
