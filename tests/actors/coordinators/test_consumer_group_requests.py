"""What a coordinator answers to single requests about groups of the consumer protocol (KIP-848)."""

from typing import Any

import pytest

from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.protocol.consumer_group import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from sim.rules.protocol.group import JoinGroupRequest, OffsetCommitRequest
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Probe, Story

HOME = TopicPartition(OFFSETS_TOPIC, partition_for_group("g", 3))


class Desk:
    """A story, a connection to a group's coordinator, and what comes back on it."""

    def __init__(self) -> None:
        config = {"group.consumer.session.timeout.ms": 10_000}
        self.story = Story(1, broker_config=config, more_topics=[Topic("two", 2, 3)])
        self.probe = Probe(self.story)
        self.coordinator = self.story.cluster.controller.image.leader(HOME)

    def ask(self, *bodies: Any, broker: int | None = None) -> list[Any]:
        """Send requests one after the other."""
        return self.probe.ask(self.coordinator if broker is None else broker, *bodies)

    def join(self, member_id: str, topic: str = P.topic) -> ConsumerGroupHeartbeatResponse:
        """Make a member that says nothing more after its first heartbeat."""
        (answer,) = self.ask(first_heartbeat(member_id, topic))
        assert isinstance(answer, ConsumerGroupHeartbeatResponse)
        return answer


def first_heartbeat(member_id: str, topic: str = P.topic) -> ConsumerGroupHeartbeatRequest:
    return ConsumerGroupHeartbeatRequest(
        "g",
        member_id,
        0,
        rebalance_timeout_ms=3000,
        subscribed_topic_names=(topic,),
        topic_partitions=frozenset(),
    )


def classic_join(member_id: str = "") -> JoinGroupRequest:
    return JoinGroupRequest("g", member_id, "c", None, 45_000, 60_000, (("range", Subscription((P.topic,))),))


def test_a_group_is_described_with_what_its_members_have_and_should_have() -> None:
    desk = Desk()
    desk.join("a")
    (found,) = desk.ask(ConsumerGroupDescribeRequest("g"))
    assert isinstance(found, ConsumerGroupDescribeResponse)
    assert (found.group_state, found.group_epoch, found.assignment_epoch) == ("Stable", 1, 1)
    assert found.assignor_name == "uniform"
    (member,) = found.members
    assert (member.member_id, member.assignment, member.target_assignment) == ("a", (P,), (P,))
    (missing,) = desk.ask(ConsumerGroupDescribeRequest("other"))
    assert missing.error in (ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.NOT_COORDINATOR)


def test_only_the_coordinator_answers() -> None:
    desk = Desk()
    elsewhere = next(broker for broker in desk.story.cluster.brokers if broker != desk.coordinator)
    (answer,) = desk.ask(first_heartbeat("a"), broker=elsewhere)
    assert answer.error is ErrorCode.NOT_COORDINATOR


def test_a_heartbeat_of_an_unknown_group_or_member_is_refused() -> None:
    desk = Desk()
    (answer,) = desk.ask(ConsumerGroupHeartbeatRequest("g", "a", 1))
    assert answer.error is ErrorCode.GROUP_ID_NOT_FOUND
    desk.join("a")
    (answer,) = desk.ask(ConsumerGroupHeartbeatRequest("g", "b", 1))
    assert answer.error is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(("epoch", "error"), [(1, ErrorCode.NONE), (0, ErrorCode.STALE_MEMBER_EPOCH)])
def test_commits_need_the_member_epoch(epoch: int, error: ErrorCode) -> None:
    desk = Desk()
    desk.join("a")
    (answer,) = desk.ask(OffsetCommitRequest("g", epoch, "a", {P: 0}))
    assert answer.error is error


def test_members_of_one_protocol_cannot_join_a_group_of_the_other() -> None:
    desk = Desk()
    desk.join("a")
    (answer,) = desk.ask(classic_join())
    assert answer.error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    other = Desk()
    (asked,) = other.ask(classic_join())
    other.ask(classic_join(asked.member_id))
    second = Probe(other.story, "second")
    (refused,) = second.ask(other.coordinator, first_heartbeat("a"))
    assert isinstance(refused, ConsumerGroupHeartbeatResponse)
    assert refused.error is ErrorCode.GROUP_ID_NOT_FOUND


def test_an_empty_group_changes_its_protocol() -> None:
    desk = Desk()
    desk.join("a")
    desk.ask(ConsumerGroupHeartbeatRequest("g", "a", -1))
    (answer,) = desk.ask(classic_join())
    assert answer.error is ErrorCode.MEMBER_ID_REQUIRED
    assert desk.story.these(GroupChanged)[-1].state == "Dead"
    (answer,) = desk.ask(first_heartbeat("a"))
    assert (answer.error, answer.member_epoch) == (ErrorCode.NONE, 1)


def test_a_member_that_is_told_to_revoke_and_says_nothing_is_fenced_after_its_rebalance_time_out() -> None:
    """3 s, although its session of 10 s still lasts."""
    desk = Desk()
    assert len(desk.join("a", "two").assignment or ()) == 2
    assert desk.join("b", "two").assignment == frozenset()
    (told,) = desk.ask(ConsumerGroupHeartbeatRequest("g", "a", 1))
    assert len(told.assignment) == 1
    asked = desk.story.now_s - 1.0
    desk.story.fly(asked + 5.0)
    assert [fact.member_id for fact in desk.story.these(MemberRemoved)] == ["a"]
    assert desk.story.when(MemberRemoved, reason="missed the rebalance") == pytest.approx([asked + 3.0], abs=0.1)
    (answer,) = desk.ask(ConsumerGroupHeartbeatRequest("g", "b", 2))
    assert len(answer.assignment) == 2


def test_silence_for_the_session_time_out_ends_membership() -> None:
    desk = Desk()
    desk.join("a")
    began = desk.story.now_s
    desk.story.fly(began + 10.0)
    assert desk.story.when(MemberRemoved, reason="session timed out") == pytest.approx([began + 9.0], abs=0.1)
    assert desk.story.these(GroupChanged)[-1].state == "Empty"
