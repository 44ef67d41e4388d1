"""Heartbeats of a whole group: epochs, targets, fencing, static members, and what is answered."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.assignors.server import GroupSpec, PartitionAssignorError
from sim.rules.assignors.subscription import Assignment
from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_describe import describe
from sim.rules.groups.consumer_group_heartbeat import Heartbeat, heartbeat
from sim.rules.groups.consumer_group_members import MemberState
from sim.rules.groups.consumer_group_records import EpochRecord, TargetRecord
from sim.rules.groups.consumer_groups import ConsumerGroupState
from sim.rules.protocol.consumer_group import ConsumerGroupHeartbeatRequest, heartbeat_refusal
from tests.rules.consumer_groups import Coordinator, parts, state_of


def test_the_first_member_gets_everything_with_its_first_heartbeat() -> None:
    coordinator = Coordinator(t=6)
    answer = coordinator.join("a")
    assert (answer.member_epoch, answer.assignment) == (1, parts(*range(6)))
    assert answer.heartbeat_interval_ms == 5000
    assert coordinator.group.state is ConsumerGroupState.STABLE


def test_a_second_member_waits_until_the_first_has_given_up() -> None:
    coordinator = Coordinator(t=6)
    coordinator.join("a")
    joined = coordinator.join("b")
    assert (joined.member_epoch, joined.assignment) == (2, frozenset())
    assert coordinator.group.members["b"].state is MemberState.UNRELEASED_PARTITIONS
    told = coordinator.answer("a", 1)
    assert (told.member_epoch, len(told.assignment or ())) == (1, 3)
    assert coordinator.answer("b", 2).assignment is None
    done = coordinator.answer("a", 1, topic_partitions=told.assignment)
    assert (done.member_epoch, done.assignment) == (2, None)
    assert coordinator.answer("b", 2).assignment == parts(*range(6)) - (told.assignment or frozenset())
    assert coordinator.group.state is ConsumerGroupState.STABLE


def test_a_member_that_leaves_raises_the_epoch_and_the_next_heartbeat_computes_the_target() -> None:
    coordinator = Coordinator(t=6)
    for member in ("a", "b"):
        coordinator.join(member)
        coordinator.settle()
    coordinator.answer("b", -1)
    assert coordinator.group.state is ConsumerGroupState.ASSIGNING
    answer = coordinator.answer("a", 2)
    assert (answer.member_epoch, answer.assignment) == (3, parts(*range(6)))
    coordinator.answer("a", -1)
    assert coordinator.group.state.value == "Empty"
    assert coordinator.group.owners == {}


def test_a_steady_heartbeat_writes_nothing() -> None:
    coordinator = Coordinator(t=6)
    coordinator.join("a")
    outcome = coordinator.ask("a", 1)
    assert isinstance(outcome, Heartbeat)
    assert (outcome.records, outcome.response.assignment) == ([], None)


def test_a_full_heartbeat_is_answered_in_full() -> None:
    coordinator = Coordinator(t=2)
    coordinator.join("a")
    said = {"rebalance_timeout_ms": 300_000, "subscribed_topic_names": ("t",), "topic_partitions": parts(0, 1)}
    assert coordinator.answer("a", 1, **said).assignment == parts(0, 1)


def test_epochs_that_do_not_fit_are_fenced() -> None:
    coordinator = Coordinator(t=6)
    assert coordinator.refused("a", 3) is ErrorCode.UNKNOWN_MEMBER_ID
    coordinator.join("a")
    coordinator.join("b")
    coordinator.settle()
    assert coordinator.group.members["a"].member_epoch == 2
    assert coordinator.refused("a", 3) is ErrorCode.FENCED_MEMBER_EPOCH
    assert coordinator.refused("a", 1) is ErrorCode.FENCED_MEMBER_EPOCH
    owned = coordinator.group.members["a"].assigned
    assert coordinator.group.validate_commit("a", 1) is ErrorCode.STALE_MEMBER_EPOCH
    assert coordinator.refused("a", 1, topic_partitions=parts(*range(6))) is ErrorCode.FENCED_MEMBER_EPOCH
    assert coordinator.answer("a", 1, topic_partitions=owned).member_epoch == 2


@pytest.mark.parametrize(
    ("member_id", "epoch", "transactional", "error"),
    [
        ("a", 1, False, None),
        ("a", 2, False, ErrorCode.STALE_MEMBER_EPOCH),
        ("a", 2, True, ErrorCode.ILLEGAL_GENERATION),
        ("b", 1, False, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, False, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, True, None),
    ],
)
def test_commits_are_checked_against_the_member_epoch(
    member_id: str, epoch: int, transactional: bool, error: ErrorCode | None
) -> None:
    coordinator = Coordinator(t=1)
    assert coordinator.group.validate_commit("", -1) is None
    coordinator.join("a")
    assert coordinator.group.validate_commit(member_id, epoch, transactional) is error


def test_more_partitions_raise_the_epoch_when_the_metadata_is_looked_at() -> None:
    coordinator = Coordinator(t=2)
    coordinator.join("a")
    coordinator.topics["t"] = 3
    assert coordinator.answer("a", 1).member_epoch == 1
    coordinator.group.refresh_epoch = None
    answer = coordinator.answer("a", 1)
    assert (answer.member_epoch, answer.assignment) == (2, parts(0, 1, 2))


def test_a_topic_that_is_created_later_is_found() -> None:
    coordinator = Coordinator()
    assert coordinator.join("a").assignment == frozenset()
    coordinator.topics["t"] = 2
    coordinator.group.refresh_epoch = None
    assert coordinator.answer("a", 1).assignment == parts(0, 1)


def test_an_equal_hash_leaves_the_epoch_alone() -> None:
    coordinator = Coordinator(t=2)
    coordinator.join("a")
    coordinator.group.refresh_epoch = None
    outcome = coordinator.ask("a", 1)
    assert isinstance(outcome, Heartbeat)
    assert (outcome.records, outcome.refreshed_epoch) == ([], 1)


def test_another_subscription_drops_topics_at_once_and_takes_others() -> None:
    coordinator = Coordinator(t=2, u=2)
    coordinator.join("a", "t")
    told = coordinator.answer("a", 1, subscribed_topic_names=("u",))
    assert (told.member_epoch, told.assignment) == (1, frozenset())
    done = coordinator.answer("a", 1, topic_partitions=frozenset())
    assert (done.member_epoch, done.assignment) == (2, parts(0, 1, topic="u"))


def test_the_range_assignor_is_used_when_most_members_ask_for_it() -> None:
    coordinator = Coordinator(t=3, u=3)
    coordinator.join("a", "t", "u", server_assignor="range")
    coordinator.join("b", "t", "u", server_assignor="range")
    coordinator.join("c", "t", "u")
    coordinator.settle()
    assert coordinator.assigned() == {"a": [0, 0], "b": [1, 1], "c": [2, 2]}
    assert describe(coordinator.group, "uniform").assignor_name == "range"


def test_a_static_member_leaves_for_a_while_and_its_successor_takes_over() -> None:
    coordinator = Coordinator(t=6)
    for member in ("a", "b"):
        coordinator.join(member, instance_id=member)
        coordinator.settle()
    before, epoch = coordinator.group.members["b"].assigned, coordinator.group.epoch
    refused = {"rebalance_timeout_ms": 1, "subscribed_topic_names": ("t",), "topic_partitions": frozenset()}
    assert coordinator.refused("b2", 0, instance_id="b", **refused) is ErrorCode.UNRELEASED_INSTANCE_ID
    assert coordinator.answer("b", -2, instance_id="b").member_epoch == -2
    assert coordinator.group.epoch == epoch
    assert coordinator.answer("a", 2, topic_partitions=coordinator.group.members["a"].assigned).assignment is None
    back = coordinator.join("b2", instance_id="b")
    assert (back.member_epoch, back.assignment) == (epoch, before)
    assert coordinator.refused("b", epoch, instance_id="b") is ErrorCode.FENCED_INSTANCE_ID
    assert coordinator.refused("b", -1, instance_id="c") is ErrorCode.UNKNOWN_MEMBER_ID
    assert set(coordinator.group.members) == {"a", "b2"}
    assert coordinator.group.state is ConsumerGroupState.STABLE


def test_a_full_group_takes_no_more_members() -> None:
    coordinator = Coordinator(t=6)
    coordinator.max_size = 1
    coordinator.join("a")
    said = {"rebalance_timeout_ms": 1, "subscribed_topic_names": ("t",), "topic_partitions": frozenset()}
    assert coordinator.refused("b", 0, **said) is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert coordinator.answer("a", 0, **said).assignment == parts(*range(6))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"member_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"member_epoch": -3}, ErrorCode.INVALID_REQUEST),
        ({"rebalance_timeout_ms": -1}, ErrorCode.INVALID_REQUEST),
        ({"topic_partitions": None}, ErrorCode.INVALID_REQUEST),
        ({"topic_partitions": parts(1)}, ErrorCode.INVALID_REQUEST),
        ({"subscribed_topic_names": None}, ErrorCode.INVALID_REQUEST),
        ({"subscribed_topic_names": None, "subscribed_topic_regex": ""}, None),
        ({"member_epoch": -2}, ErrorCode.INVALID_REQUEST),
        ({"member_epoch": -2, "instance_id": "i"}, None),
        ({"instance_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"server_assignor": "sticky"}, ErrorCode.UNSUPPORTED_ASSIGNOR),
        ({"server_assignor": "range"}, None),
    ],
)
def test_requests_that_say_too_little_are_invalid(fields: dict[str, object], error: ErrorCode | None) -> None:
    said = {
        "member_id": "m",
        "member_epoch": 0,
        "rebalance_timeout_ms": 5,
        "subscribed_topic_names": ("t",),
        "topic_partitions": frozenset(),
        **fields,
    }
    request = ConsumerGroupHeartbeatRequest("g", **said)  # type: ignore[arg-type]
    assert heartbeat_refusal(request, ("uniform", "range")) is error


def test_only_changed_targets_are_written() -> None:
    coordinator = Coordinator(t=3)
    for member in ("a", "b", "c"):
        coordinator.join(member)
        coordinator.settle()
    coordinator.log.clear()
    coordinator.join("d")
    assert [record.member_id for record in coordinator.log if isinstance(record, TargetRecord)] == ["d"]
    assert [record.epoch for record in coordinator.log if isinstance(record, EpochRecord)] == [4]


def test_an_assignor_that_fails_fails_the_heartbeat_and_nothing_is_written() -> None:
    def fail(group: GroupSpec, partition_counts: Mapping[str, int]) -> Assignment:
        raise PartitionAssignorError(f"{len(group.members)} members, {len(partition_counts)} topics")

    coordinator = Coordinator(t=1)
    said = {"rebalance_timeout_ms": 1, "subscribed_topic_names": ("t",), "topic_partitions": frozenset()}
    request = ConsumerGroupHeartbeatRequest("g", "a", 0, **said)  # type: ignore[arg-type]
    context = replace(coordinator.context, assignors={"uniform": fail})
    assert heartbeat(coordinator.group, request, context) is ErrorCode.UNKNOWN_SERVER_ERROR
    assert coordinator.group.members == {}


STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "fence", "beat", "quiet", "grow"]), st.integers(0, 4)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_happens_nobody_shares_a_partition_and_all_comes_to_rest(steps: list[tuple[str, int]]) -> None:
    """Members report what they were last told; one that is fenced or leaves has nothing any more."""
    coordinator = Coordinator(t=7)
    owned: dict[str, frozenset[object]] = {}
    for what, number in steps:
        member_id = f"m{number}"
        member = coordinator.group.members.get(member_id)
        if what == "grow":
            coordinator.topics["t"] += 1
            coordinator.group.refresh_epoch = None
        elif what == "join" and member is None:
            owned[member_id] = coordinator.join(member_id).assignment or frozenset()
        elif member is not None and what in ("leave", "fence"):
            owned.pop(member_id)
            coordinator.answer(member_id, -1) if what == "leave" else coordinator.fence(member_id)
        elif member is not None and what in ("beat", "quiet"):
            said = {"topic_partitions": owned[member_id]} if what == "beat" else {}
            answer = coordinator.answer(member_id, member.member_epoch, **said)
            owned[member_id] = owned[member_id] if answer.assignment is None else frozenset(answer.assignment)
        everything = [name for held in owned.values() for name in held]
        assert len(everything) == len(set(everything))
    coordinator.settle(8)
    if coordinator.group.members:
        assert coordinator.group.state is ConsumerGroupState.STABLE
        assert sorted(n for held in coordinator.assigned().values() for n in held) == list(
            range(coordinator.topics["t"])
        )
    assert state_of(coordinator.loaded()) == state_of(coordinator.group)
