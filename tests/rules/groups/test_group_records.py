"""What a coordinator writes for classic groups comes back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from sim.rules.groups.coordinator import (
    GroupMemberRecord,
    GroupRecord,
    OffsetRecord,
    decode_record,
    encode_group,
    encode_offset,
)
from sim.rules.topics import TopicPartition

names = st.text(max_size=5)
partitions = st.lists(st.builds(TopicPartition, st.sampled_from(["a", "b"]), st.integers(0, 9)), unique=True)
by_topic = partitions.map(lambda found: tuple(sorted(found)))
members = st.builds(
    GroupMemberRecord,
    names,
    st.none() | names,
    names,
    st.integers(1, 1000),
    st.integers(1, 1000),
    by_topic,
    st.lists(names).map(tuple),
    by_topic,
    st.integers(-1, 9),
)
groups = st.builds(
    GroupRecord, names, st.integers(0, 99), st.none() | names, st.none() | names, st.lists(members).map(tuple)
)


@given(groups)
def test_a_generation_comes_back(record: GroupRecord) -> None:
    assert decode_record(*encode_group(record)) == record


@given(st.builds(OffsetRecord, names, st.builds(TopicPartition, names, st.integers(0, 9)), st.integers(0, 99), names))
def test_an_offset_comes_back_with_its_note(record: OffsetRecord) -> None:
    assert decode_record(*encode_offset(record)) == record


def test_a_static_member_keeps_its_name() -> None:
    member = GroupMemberRecord("one-1", "one", "c", 6000, 9000, (TopicPartition("a", 1),), ("a",))
    decoded = decode_record(*encode_group(GroupRecord("g", 3, "one-1", "range", (member,))))
    assert isinstance(decoded, GroupRecord)
    assert decoded.members[0].group_instance_id == "one"
    assert decoded.members[0].assignment == (TopicPartition("a", 1),)
