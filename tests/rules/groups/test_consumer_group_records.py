"""What is written of a consumer group comes back from the log as it was."""

import json

import pytest

from sim.rules.groups.consumer_group_members import ConsumerGroupMember, MemberState
from sim.rules.groups.consumer_group_records import (
    AssignmentRecord,
    ConsumerGroupRecord,
    EpochRecord,
    MemberRecord,
    RegexRecord,
    ResolvedRegex,
    TargetEpochRecord,
    TargetRecord,
    decode_consumer_group_record,
    encode_consumer_group_record,
    group_tombstones,
)
from sim.rules.groups.consumer_groups import ConsumerGroup
from tests.rules.consumer_groups import parts

SAID = ConsumerGroupMember(
    "m",
    instance_id="i",
    rack_id="r",
    client_id="c",
    rebalance_timeout_ms=9,
    subscribed_topic_names=frozenset({"t", "u"}),
    subscribed_topic_regex="x.*",
    server_assignor="range",
)
DONE = ConsumerGroupMember(
    "m", 4, 3, MemberState.UNREVOKED_PARTITIONS, assigned=parts(1, 2), pending_revocation=parts(3, topic="u")
)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (3, EpochRecord("g", 7, "hash")),
        (5, MemberRecord("g", "m", SAID)),
        (6, TargetEpochRecord("g", 7)),
        (7, TargetRecord("g", "m", parts(2, 1) | parts(0, topic="u"))),
        (8, AssignmentRecord("g", "m", DONE)),
        (16, RegexRecord("g", "x.*", ResolvedRegex(frozenset({"xa", "xb"}), 5, 1000))),
    ],
)
def test_a_record_and_its_tombstone_come_back(kind: int, record: ConsumerGroupRecord) -> None:
    key, value = encode_consumer_group_record(record)
    assert json.loads(key)[0] == kind
    assert decode_consumer_group_record(key, value) == record
    gone = decode_consumer_group_record(key, None)
    assert type(gone) is type(record)
    assert gone is not None
    again, nothing = encode_consumer_group_record(gone)
    assert (again, nothing) == (key, None)


def test_records_of_other_kinds_are_not_taken_for_these() -> None:
    assert decode_consumer_group_record(b'[2,"g"]', b"[]") is None


def test_a_group_ends_with_the_tombstone_of_its_epoch() -> None:
    assert group_tombstones("g") == (TargetEpochRecord("g", None), EpochRecord("g", None))


def test_a_partition_cannot_get_a_second_owner() -> None:
    group = ConsumerGroup("g")
    group.replay(AssignmentRecord("g", "m", DONE))
    with pytest.raises(ValueError, match="t-1 is still owned at epoch 4"):
        group.replay(AssignmentRecord("g", "n", ConsumerGroupMember("n", 4, assigned=parts(1))))
    assert group.owners == dict.fromkeys([*parts(1, 2), *parts(3, topic="u")], 4)
