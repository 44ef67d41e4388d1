"""What the coordinator of a share group does on heartbeats, and what it writes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.config import BrokerConfig, GroupConfig, ShareConsumerConfig
from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import MetadataImage, PartitionChange
from sim.rules.errors import ConfigError, ErrorCode
from sim.rules.protocol.share_group import ShareGroupHeartbeatRequest, share_heartbeat_refusal
from sim.rules.share.share_group_config import share_group_settings
from sim.rules.share.share_group_heartbeat import (
    ShareHeartbeat,
    ShareHeartbeatContext,
    fence_share_member,
    share_heartbeat,
)
from sim.rules.share.share_groups import (
    InitializedPartitions,
    ShareGroup,
    ShareGroupRecord,
    StatePartitionsRecord,
    decode_share_group_record,
    encode_share_group_record,
)
from sim.rules.topics import TopicPartition

TWO = [TopicPartition("t", 0), TopicPartition("t", 1)]


def image(partitions: int) -> MetadataImage:
    registration = PartitionRegistration((1,), (1,), 1)
    names = [TopicPartition("t", number) for number in range(partitions)]
    return MetadataImage().applied(1, [PartitionChange(name, registration) for name in names])


class Coordinator:
    """A group, and what it has written."""

    def __init__(self, partitions: int = 2, max_size: int = 200) -> None:
        self.group = ShareGroup("g")
        self.context = ShareHeartbeatContext(image(partitions), str, max_size, 5000, 0)
        self.written: list[ShareGroupRecord] = []

    def hear(self, member_id: str, epoch: int, *topics: str) -> ShareHeartbeat | ErrorCode:
        request = ShareGroupHeartbeatRequest("g", member_id, epoch, subscribed_topic_names=topics or None)
        outcome = share_heartbeat(self.group, request, self.context)
        if isinstance(outcome, ShareHeartbeat):
            self.take(outcome.records)
            if outcome.refreshed_epoch is not None:
                self.group.refresh_epoch = outcome.refreshed_epoch
        return outcome

    def take(self, records: list[ShareGroupRecord]) -> None:
        for record in records:
            self.written.append(record)
            self.group.replay_share(record)

    def initialized(self, partitions: int) -> None:
        names = frozenset(TopicPartition("t", number) for number in range(partitions))
        self.take([StatePartitionsRecord("g", self.group.initialized.initialized(names))])

    def tell(self, member_id: str, epoch: int, *topics: str) -> tuple[int, list[TopicPartition] | None]:
        """The epoch and the assignment of the answer."""
        outcome = self.hear(member_id, epoch, *topics)
        assert isinstance(outcome, ShareHeartbeat)
        assignment = outcome.response.assignment
        return outcome.response.member_epoch, None if assignment is None else sorted(assignment)


def test_a_member_gets_partitions_when_they_have_a_state() -> None:
    coordinator = Coordinator()
    joined = coordinator.hear("a", 0, "t")
    assert isinstance(joined, ShareHeartbeat)
    assert (joined.response.member_epoch, joined.response.assignment) == (1, frozenset())
    assert sorted(joined.to_initialize) == TWO
    quiet = coordinator.hear("a", 1)
    assert isinstance(quiet, ShareHeartbeat)
    assert (quiet.records, quiet.to_initialize, quiet.response.assignment) == ([], frozenset(), None)
    coordinator.initialized(2)
    assert coordinator.tell("a", 1) == (2, TWO)
    assert coordinator.tell("a", 2) == (2, None)


def test_states_are_asked_for_again_after_a_while_and_for_new_partitions() -> None:
    coordinator = Coordinator()
    coordinator.hear("a", 0, "t")
    coordinator.context = replace(coordinator.context, now_ms=29_999)
    later = coordinator.hear("a", 1)
    assert isinstance(later, ShareHeartbeat)
    assert later.to_initialize == frozenset()
    coordinator.context = replace(coordinator.context, now_ms=30_000)
    again = coordinator.hear("a", 1)
    assert isinstance(again, ShareHeartbeat)
    assert sorted(again.to_initialize) == TWO
    coordinator.initialized(2)
    coordinator.context = replace(coordinator.context, image=image(3))
    coordinator.group.refresh_epoch = None
    grown = coordinator.hear("a", 1)
    assert isinstance(grown, ShareHeartbeat)
    assert sorted(grown.to_initialize) == [TopicPartition("t", 2)]


def test_a_partition_goes_to_several_members_and_members_to_several_partitions() -> None:
    coordinator = Coordinator()
    coordinator.initialized(2)
    assert coordinator.tell("a", 0, "t") == (1, TWO)
    epoch, of_b = coordinator.tell("b", 0, "t")
    assert (epoch, len(of_b or ())) == (2, 1)
    epoch, of_a = coordinator.tell("a", 1)
    assert (epoch, len(of_a or ())) == (2, 1)
    shared = [coordinator.tell(member, 0, "t")[1] for member in ("c", "d")]
    assert all(len(given or ()) == 1 for given in shared)
    owners = [name for given in coordinator.group.target.values() for name in given]
    assert {name: owners.count(name) for name in TWO} == {TWO[0]: 2, TWO[1]: 2}


def test_epochs_and_members_that_nobody_knows_are_refused() -> None:
    coordinator = Coordinator(max_size=1)
    coordinator.initialized(2)
    assert coordinator.hear("a", 3) is ErrorCode.UNKNOWN_MEMBER_ID
    coordinator.tell("a", 0, "t")
    assert coordinator.hear("b", 0, "t") is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert coordinator.hear("a", 7) is ErrorCode.FENCED_MEMBER_EPOCH
    assert coordinator.tell("a", 0, "t") == (1, TWO)


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (ShareGroupHeartbeatRequest("g", "a", 0, subscribed_topic_names=("t",)), None),
        (ShareGroupHeartbeatRequest("g", "a", 4), None),
        (ShareGroupHeartbeatRequest("g", "a", -1), None),
        (ShareGroupHeartbeatRequest("g", "a", -2), ErrorCode.INVALID_REQUEST),
        (ShareGroupHeartbeatRequest("g", "a", 0), ErrorCode.INVALID_REQUEST),
        (ShareGroupHeartbeatRequest("g", "", 4), ErrorCode.INVALID_REQUEST),
        (ShareGroupHeartbeatRequest("", "a", 4), ErrorCode.INVALID_REQUEST),
        (ShareGroupHeartbeatRequest("g", "a", 4, rack_id=""), ErrorCode.INVALID_REQUEST),
    ],
)
def test_invalid_heartbeats(request_: ShareGroupHeartbeatRequest, refusal: ErrorCode | None) -> None:
    assert share_heartbeat_refusal(request_) is refusal


def test_who_leaves_is_forgotten_and_the_others_get_its_part() -> None:
    coordinator = Coordinator()
    coordinator.initialized(2)
    coordinator.tell("a", 0, "t")
    coordinator.tell("b", 0, "t")
    assert fence_share_member(coordinator.group, "x", str) is ErrorCode.UNKNOWN_MEMBER_ID
    records = fence_share_member(coordinator.group, "a", str)
    assert isinstance(records, list)
    coordinator.take(records)
    assert list(coordinator.group.members) == ["b"]
    assert coordinator.group.epoch == 3
    assert coordinator.group.is_assignment_pending
    assert coordinator.tell("b", 2) == (4, TWO)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=12), st.integers(0, 3))
def test_a_group_is_the_same_after_reading_its_records(steps: list[tuple[str, bool]], ready: int) -> None:
    coordinator = Coordinator(3)
    for number, (member_id, leaves) in enumerate(steps):
        if number == len(steps) // 2:
            coordinator.initialized(ready)
        if not leaves:
            coordinator.hear(member_id, 0, "t")
        elif member_id in coordinator.group.members:
            records = fence_share_member(coordinator.group, member_id, str)
            assert isinstance(records, list)
            coordinator.take(records)
    read = ShareGroup("g")
    for record in coordinator.written:
        decoded = decode_share_group_record(*encode_share_group_record(record))
        assert decoded is not None
        read.replay_share(decoded)
    known = coordinator.group
    assert (read.epoch, read.target_epoch, read.initialized) == (known.epoch, known.target_epoch, known.initialized)
    assert (read.members, read.target) == (known.members, known.target)


def test_records_of_other_groups_are_not_those_of_share_groups() -> None:
    key, value = encode_share_group_record(StatePartitionsRecord("g", InitializedPartitions((("t", 2),))))
    assert key == b'[15,"g"]'
    assert decode_share_group_record(b'[3,"g"]', value) is None


def test_a_groups_own_configuration_goes_before_the_brokers() -> None:
    broker = BrokerConfig.of({"group.share.session.timeout.ms": 60_000, "group.share.record.lock.duration.ms": 15_000})
    plain = share_group_settings(broker, GroupConfig())
    assert (plain.session_timeout_ms, plain.limits.record_lock_duration_ms) == (60_000, 15_000)
    assert (plain.auto_offset_reset, plain.read_committed, plain.limits.max_delivery_count) == ("latest", False, 5)
    own = share_group_settings(
        broker,
        GroupConfig.of({"share.record.lock.duration.ms": 20_000, "share.isolation.level": "read_committed"}),
    )
    assert (own.session_timeout_ms, own.limits.record_lock_duration_ms, own.read_committed) == (60_000, 20_000, True)


@pytest.mark.parametrize("key", ["auto.offset.reset", "isolation.level", "group.instance.id", "enable.auto.commit"])
def test_a_share_consumer_refuses_what_has_no_meaning_for_it(key: str) -> None:
    value = {"auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.auto.commit": False}
    with pytest.raises(ConfigError, match=f"^{key} cannot be set when using a share group.$"):
        ShareConsumerConfig.of({key: value.get(key, "i")})


def test_a_share_consumer_takes_its_mode() -> None:
    assert ShareConsumerConfig().share_acknowledgement_mode == "implicit"
    explicit = ShareConsumerConfig.of({"share.acknowledgement.mode": "explicit"})
    assert explicit.share_acknowledgement_mode == "explicit"
    assert explicit.ignored() == []
