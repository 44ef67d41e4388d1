"""What a coordinator answers to single requests of members of classic groups."""

from collections.abc import Callable
from typing import Any

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.classic_groups import ClassicGroups
from sim.machine.connection import Connection
from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.protocol.group import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    OffsetCommitRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)
from sim.rules.protocol.messages import Message
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Probe, Story

HOME = TopicPartition(OFFSETS_TOPIC, partition_for_group("g", 3))


def join(member_id: str = "", session_timeout_ms: int = 45_000, protocol: str = "range") -> JoinGroupRequest:
    protocols = ((protocol, Subscription((P.topic,))),)
    return JoinGroupRequest("g", member_id, "c", None, session_timeout_ms, 60_000, protocols)


def started(**broker_config: object) -> tuple[Story, Probe, int]:
    story = Story(1, broker_config={key.replace("_", "."): value for key, value in broker_config.items()})
    return story, Probe(story), story.cluster.controller.image.leader(HOME)


def joined(story: Story, coordinator: int, name: str) -> tuple[Probe, str, list[Any]]:
    """A second connection on which a member has its id and waits for its generation."""
    other = Probe(story, name)
    (refused,) = other.ask(coordinator, join(), wait_s=0.1)
    member_id: str = refused.member_id  # type: ignore[attr-defined]
    return other, member_id, other.ask(coordinator, join(member_id), wait_s=0.1)


def error_of(answers: list[Any]) -> ErrorCode:
    (answer,) = answers
    error: ErrorCode = answer.error
    return error


def test_the_leader_of_the_groups_part_coordinates_it_and_others_say_so() -> None:
    story, probe, coordinator = started()
    for broker in story.cluster.brokers:
        assert probe.ask(broker, FindCoordinatorRequest("g")) == [FindCoordinatorResponse(ErrorCode.NONE, coordinator)]
        if broker != coordinator:
            assert error_of(probe.ask(broker, join())) is ErrorCode.NOT_COORDINATOR


def test_join_is_refused_for_a_session_out_of_bounds_an_unknown_member_and_a_foreign_protocol() -> None:
    story, probe, coordinator = started()
    assert error_of(probe.ask(coordinator, join(session_timeout_ms=5_999))) is ErrorCode.INVALID_SESSION_TIMEOUT
    assert error_of(probe.ask(coordinator, join(session_timeout_ms=1_800_001))) is ErrorCode.INVALID_SESSION_TIMEOUT
    assert error_of(probe.ask(coordinator, join("nobody"))) is ErrorCode.UNKNOWN_MEMBER_ID
    joined(story, coordinator, "first")
    assert error_of(probe.ask(coordinator, join(protocol="other"))) is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_group_has_no_room_beyond_its_maximal_size() -> None:
    story, probe, coordinator = started(group_max_size=1)
    joined(story, coordinator, "first")
    assert error_of(probe.ask(coordinator, join())) is ErrorCode.GROUP_MAX_SIZE_REACHED


def test_member_that_was_only_given_an_id_may_leave_and_no_longer_holds_a_rebalance_up() -> None:
    """Two members are stable; a third gets an id and does not come back: the next rebalance waits for it in vain."""
    story, probe, coordinator = started(group_initial_rebalance_delay_ms=0)
    first, first_id, answers = joined(story, coordinator, "first")
    assert error_of(answers) is ErrorCode.NONE
    assert error_of(first.ask(coordinator, SyncGroupRequest("g", 1, first_id, {first_id: (P,)}))) is ErrorCode.NONE
    (refused,) = probe.ask(coordinator, join())
    pending_id: str = refused.member_id  # type: ignore[attr-defined]
    second, second_id, waiting = joined(story, coordinator, "second")
    rejoined: list[Any] = first.ask(coordinator, join(first_id), wait_s=1)
    assert waiting == []
    assert rejoined == []
    assert error_of(probe.ask(coordinator, LeaveGroupRequest("g", pending_id))) is ErrorCode.NONE
    assert error_of(waiting) is ErrorCode.NONE
    assert error_of(rejoined) is ErrorCode.NONE
    assert rejoined[0].generation_id == waiting[0].generation_id == 2
    assert set(rejoined[0].members) == {first_id, second_id}
    assert waiting[0].members == {}
    assert error_of(second.ask(coordinator, HeartbeatRequest("g", 1, second_id))) is ErrorCode.ILLEGAL_GENERATION
    assert error_of(probe.ask(coordinator, LeaveGroupRequest("g", pending_id))) is ErrorCode.UNKNOWN_MEMBER_ID


def test_member_that_asks_for_its_assignment_too_late_is_removed() -> None:
    story, _, coordinator = started(group_initial_rebalance_delay_ms=0)
    _, _, answers = joined(story, coordinator, "first")
    assert error_of(answers) is ErrorCode.NONE
    story.fly(story.now_s + 62)
    reasons = [fact.reason for fact in story.these(MemberRemoved)]
    assert reasons in (["session timed out"], ["missed the sync"])
    assert story.these(GroupChanged)[-1].state == "Empty"
    assert story.these(GroupChanged)[-1].generation == 2


def test_initial_rebalance_is_extended_while_members_come() -> None:
    story, _, coordinator = started()
    _, _, first = joined(story, coordinator, "first")
    begun = story.now_s
    story.fly(begun + 2)
    _, _, second = joined(story, coordinator, "second")
    story.fly(begun + 5.7)
    assert first == second == []
    story.fly(begun + 6.1)
    assert error_of(first) is error_of(second) is ErrorCode.NONE


def test_what_a_timer_writes_reaches_the_followers_at_once() -> None:
    """A session runs out on its own, without a request that would wake the followers' parked fetches."""
    story, _, coordinator = started(group_initial_rebalance_delay_ms=0)
    probe = Probe(story, "only")
    (refused,) = probe.ask(coordinator, join(session_timeout_ms=6_250), wait_s=0.1)
    member_id: str = refused.member_id  # type: ignore[attr-defined]
    answers: list[Any] = probe.ask(coordinator, join(member_id, 6_250), wait_s=0.1)
    generation = answers[0].generation_id
    assert error_of(probe.ask(coordinator, SyncGroupRequest("g", generation, member_id, {member_id: (P,)})))
    partition = story.broker(coordinator).replicas.partitions[HOME]
    while not story.these(MemberRemoved):
        story.fly(story.now_s + 0.01)
    story.fly(story.now_s + 0.01)
    assert story.these(GroupChanged)[-1].state == "Empty"
    assert partition.high_watermark.value == partition.log.log_end_offset


def test_group_that_has_moved_away_is_dead_here_whatever_becomes_of_its_last_write() -> None:
    story, _, coordinator = started(group_initial_rebalance_delay_ms=0)
    broker, client = story.broker(coordinator), Probe(story, "client").app
    writes: list[Callable[[ErrorCode], None]] = []
    groups = ClassicGroups(broker, lambda _, then: writes.append(then))
    answers: list[Any] = []

    def request(body: Message) -> ServerRequest:
        return ServerRequest(broker, Connection(client, broker, lambda: None), body, 100, answers.append)

    for member_id in ("", None):
        body = join(answers[0].member_id if member_id is None else member_id)
        groups.join(request(body), body)
        story.fly(story.now_s + 0.1)
    member_id = answers[1].member_id
    sync = SyncGroupRequest("g", 1, member_id, {member_id: (P,)})
    groups.sync(request(sync), sync)
    groups.unload()
    facts = len(story.these(GroupChanged))
    writes[-1](ErrorCode.NOT_COORDINATOR)
    story.fly(story.now_s + 1)
    assert len(story.these(GroupChanged)) == facts
    assert [answer.error for answer in answers[2:]] == [ErrorCode.NOT_COORDINATOR]


def static_join(
    instance_id: str, member_id: str = "", names: tuple[str, ...] = ("range", "roundrobin")
) -> JoinGroupRequest:
    protocols = tuple((name, Subscription((P.topic,), group_instance_id=instance_id)) for name in names)
    return JoinGroupRequest("g", member_id, "c", instance_id, 45_000, 60_000, protocols)


def stable_static_member() -> tuple[Story, Probe, int, str]:
    """A group of one static member, which has been assigned the only partition."""
    story, probe, coordinator = started(group_initial_rebalance_delay_ms=0)
    (first,) = probe.ask(coordinator, static_join("one"))
    assert isinstance(first, JoinGroupResponse)
    assert first.error is ErrorCode.NONE, "a static member gets its id and its generation in one"
    sync = SyncGroupRequest("g", 1, first.member_id, {first.member_id: (P,)}, "one")
    assert error_of(probe.ask(coordinator, sync)) is ErrorCode.NONE
    return story, probe, coordinator, first.member_id


def test_a_static_member_that_comes_again_replaces_its_old_self_and_is_told_to_skip_the_assignment() -> None:
    story, probe, coordinator, old = stable_static_member()
    (again,) = probe.ask(coordinator, static_join("one"))
    assert isinstance(again, JoinGroupResponse)
    assert (again.error, again.generation_id, again.skip_assignment) == (ErrorCode.NONE, 1, True)
    assert again.member_id != old
    assert again.leader == again.member_id
    (synced,) = probe.ask(coordinator, SyncGroupRequest("g", 1, again.member_id, {}, "one"))
    assert isinstance(synced, SyncGroupResponse)
    assert synced.assignment == (P,)
    for request in (
        HeartbeatRequest("g", 1, old, "one"),
        SyncGroupRequest("g", 1, old, {}, "one"),
        OffsetCommitRequest("g", 1, old, {P: 1}, "one"),
        LeaveGroupRequest("g", old, "one"),
        static_join("one", old),
    ):
        assert error_of(probe.ask(coordinator, request)) is ErrorCode.FENCED_INSTANCE_ID
    assert error_of(probe.ask(coordinator, HeartbeatRequest("g", 1, again.member_id, "one"))) is ErrorCode.NONE
    assert story.these(MemberRemoved) == []


def test_who_waits_for_an_answer_under_the_same_name_is_fenced() -> None:
    """The first waits for the initial delay to pass; the second, of the same name, takes its place."""
    story, probe, coordinator = started()
    waiting: list[Any] = probe.ask(coordinator, static_join("one"), wait_s=0.2)
    assert waiting == []
    second = Probe(story, "second")
    answers = second.ask(coordinator, static_join("one"), wait_s=0.2)
    assert error_of(waiting) is ErrorCode.FENCED_INSTANCE_ID
    story.fly(8)
    assert error_of(answers) is ErrorCode.NONE


def test_an_administrator_may_remove_a_static_member_by_its_name() -> None:
    story, probe, coordinator, _ = stable_static_member()
    assert error_of(probe.ask(coordinator, LeaveGroupRequest("g", "", "two"))) is ErrorCode.UNKNOWN_MEMBER_ID
    assert story.these(MemberRemoved) == []
    assert error_of(probe.ask(coordinator, LeaveGroupRequest("g", "", "one"))) is ErrorCode.NONE
    assert [fact.reason for fact in story.these(MemberRemoved)] == ["left"]


def test_a_static_member_that_votes_differently_makes_the_group_rebalance() -> None:
    story, probe, coordinator, _ = stable_static_member()
    (answer,) = probe.ask(coordinator, static_join("one", names=("roundrobin", "range")))
    assert isinstance(answer, JoinGroupResponse)
    assert (answer.error, answer.generation_id, answer.skip_assignment) == (ErrorCode.NONE, 2, False)
    assert answer.protocol_name == "roundrobin"
    assert max(fact.generation for fact in story.these(GroupChanged)) == 2
