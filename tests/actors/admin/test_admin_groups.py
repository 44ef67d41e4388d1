"""Stories of administrators and consumer groups: described, measured, reset and deleted."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.admin.admin import Admin, PartitionLag
from sim.actors.client.app import App
from sim.actors.client.client_errors import AdminError
from sim.rules.errors import ErrorCode
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.groups.offset_resets import reset_target
from sim.rules.protocol.group import OffsetAndMetadata
from sim.rules.protocol.group_admin import GroupListing
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.admin.test_admin import Administrator, Doing
from tests.actors.flights import P, Sink, Source, Story

OTHER = TopicPartition("other", 0)


def _coordinator_partition(group_id: str) -> TopicPartition:
    return TopicPartition(OFFSETS_TOPIC, partition_for_group(group_id, 3))


class Reader:
    """A member of a group that reads everything until a time and leaves, with what it has read since when."""

    def __init__(self, group_id: str, until_s: float, from_s: float = 0.0, **config: object) -> None:
        self.group_id, self.until_s, self.from_s = group_id, until_s, from_s
        self.config: dict[str, Any] = {"auto_offset_reset": "earliest", "auto_commit_interval_ms": 1700, **config}
        self.got: list[int] = []

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        yield app.busy(ms=self.from_s * 1000)
        consumer = app.consumer(self.group_id, [P.topic], **self.config)
        while app.now < self.until_s * 1e9:
            self.got += [record.offset for record in (yield from consumer.poll(200))]
        yield from consumer.close()


def flight(doing: Doing, at_s: float, reader: Reader, until_s: float, **apps: Any) -> tuple[Any, Story]:
    """What came of an administrator's work beside a group that reads 20 records a second for 10 s."""
    administrator = Administrator(doing, at_s)
    source = Source(every_ms=50, until_s=10)
    story = Story(apps={"source": source, "reader": reader, "admin": administrator, **apps})
    story.fly(until_s)
    assert administrator.done_s > 0, "the administrator has not come to an end"
    return administrator.result, story


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_is_listed_and_described_with_its_members_and_lag(protocol: str) -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        listed = yield from admin.list_consumer_groups()
        stable = yield from admin.list_consumer_groups(states=["Stable"])
        described = yield from admin.describe_consumer_groups(["readers"])
        lag = yield from admin.consumer_group_lag("readers")
        return listed, stable, described["readers"], lag

    reader = Reader("readers", until_s=12, group_protocol=protocol, auto_commit_interval_ms=1000)
    (listed, stable, group, lag), _ = flight(doing, 8, reader, 12)
    assert listed == stable == [GroupListing("readers", "consumer", "Stable", protocol)]
    assert (group.state, group.assignor) == ("Stable", "range" if protocol == "classic" else "uniform")
    (member,) = group.members
    assert member.assignment == (P,)
    assert member.client_id == "reader-consumer-1"
    assert lag[P].member_id == member.member_id
    assert 0 <= lag[P].lag < 45
    assert 110 < lag[P].committed <= lag[P].log_end_offset


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_that_has_gone_is_empty_and_its_lag_grows(protocol: str) -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        group = (yield from admin.describe_consumer_groups(["readers"]))["readers"]
        return group, (yield from admin.consumer_group_lag("readers"))

    reader = Reader("readers", until_s=5, group_protocol=protocol)
    (group, lag), story = flight(doing, 11, reader, 13)
    end = story.cluster.log(P).log_end_offset
    assert group.state == "Empty"
    assert group.members == ()
    assert lag == {P: PartitionLag(len(reader.got), end)}
    assert lag[P].lag == end - len(reader.got) > 80


def test_a_last_commit_is_not_undone_by_an_automatic_one_of_the_same_moment() -> None:
    reader = Reader("readers", until_s=5, group_protocol="consumer", auto_commit_interval_ms=5000)
    lag, _ = flight(lambda admin: admin.consumer_group_lag("readers"), 11, reader, 12)
    assert lag[P].committed == len(reader.got)


def test_who_asks_for_an_unknown_group_is_told_so() -> None:
    reader = Reader("readers", until_s=5)
    refused, _ = flight(lambda admin: admin.describe_consumer_groups(["nobody"]), 6, reader, 11)
    assert refused.code is ErrorCode.GROUP_ID_NOT_FOUND
    refused, _ = flight(lambda admin: admin.delete_consumer_groups(["nobody"]), 6, reader, 11)
    assert refused.code is ErrorCode.GROUP_ID_NOT_FOUND


@pytest.mark.parametrize(
    ("mode", "amount", "target"),
    [
        ("earliest", 0, 0),
        ("latest", 0, 200),
        ("current", 0, 120),
        ("offset", 33, 33),
        ("offset", 5000, 200),
        ("shift_by", -20, 100),
        ("shift_by", -500, 0),
        ("shift_by", 500, 200),
    ],
)
def test_the_target_of_a_reset(mode: Any, amount: int, target: int) -> None:
    assert reset_target(mode, amount, 0, 200, 120, None) == target


def test_without_a_committed_offset_current_means_the_end_and_nothing_can_be_shifted() -> None:
    assert reset_target("current", 0, 5, 200, None, None) == 200
    with pytest.raises(ValueError, match="Cannot shift"):
        reset_target("shift_by", 1, 5, 200, None, None)


@pytest.mark.parametrize(
    ("mode", "amount", "first"),
    [("earliest", 0, 0), ("offset", 33, 33), ("shift_by", -20, None), ("datetime", 4000, 78), ("duration", "8s", 78)],
)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_reset_group_goes_on_where_it_was_put(protocol: str, mode: Any, amount: Any, first: int | None) -> None:
    before = Reader("readers", until_s=6, group_protocol=protocol)
    after = Reader("readers", until_s=20, from_s=14, group_protocol=protocol)

    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        return (yield from admin.reset_offsets("readers", [P.topic], mode, amount))

    targets, story = flight(doing, 12, before, 21, after=after)
    wanted = len(before.got) - 20 if first is None else first
    assert abs(targets[P] - wanted) <= (4 if mode in ("datetime", "duration") else 0)
    assert after.got == list(range(targets[P], story.cluster.log(P).log_end_offset))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_with_members_cannot_be_reset_altered_or_deleted(protocol: str) -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        codes = []
        for attempt in (
            admin.reset_offsets("readers", [P.topic], "earliest"),
            admin.alter_consumer_group_offsets("readers", {P: 0}),
            admin.delete_consumer_groups(["readers"]),
            admin.delete_consumer_group_offsets("readers", [P]),
        ):
            try:
                yield from attempt
            except AdminError as error:
                codes.append(error.code.name)
        return codes

    codes, story = flight(doing, 7, Reader("readers", until_s=12, group_protocol=protocol), 10)
    assert codes == ["NON_EMPTY_GROUP", "UNKNOWN_MEMBER_ID", "NON_EMPTY_GROUP", "GROUP_SUBSCRIBED_TO_TOPIC"]
    assert (story.cluster.committed_offsets("readers") or {}).get(P, 0) > 0


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_deleted_group_is_forgotten_also_by_the_next_coordinator(protocol: str) -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        before = yield from admin.list_consumer_group_offsets("readers")
        yield from admin.delete_consumer_groups(["readers"])
        listed = yield from admin.list_consumer_groups()
        return before, listed, (yield from admin.list_consumer_group_offsets("readers"))

    reader = Reader("readers", until_s=5, group_protocol=protocol)
    (before, listed, after), story = flight(doing, 8, reader, 11)
    assert before == {P: OffsetAndMetadata(len(reader.got))}
    assert listed == []
    assert after == {}
    story.broker(story.cluster.controller.image.leader(_coordinator_partition("readers"))).stop()
    later = Administrator(lambda admin: admin.list_consumer_groups(), at_s=15)
    story.cluster.app("later", later, {}).start()
    story.fly(30)
    assert later.result == []
    assert story.cluster.committed_offsets("readers") == {}


def test_offsets_alone_make_a_group_and_notes_come_back() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.alter_consumer_group_offsets("by-hand", {P: OffsetAndMetadata(7, "why")})
        listed = yield from admin.list_consumer_groups(states=["Empty"])
        described = (yield from admin.describe_consumer_groups(["by-hand"]))["by-hand"]
        offsets = yield from admin.list_consumer_group_offsets("by-hand")
        yield from admin.delete_consumer_group_offsets("by-hand", [P])
        return listed, described.state, offsets, (yield from admin.list_consumer_group_offsets("by-hand"))

    (listed, state, offsets, gone), _ = flight(doing, 8, Reader("readers", until_s=20), 12)
    assert listed == [GroupListing("by-hand", "", "Empty", "classic")]
    assert state == "Empty"
    assert offsets == {P: OffsetAndMetadata(7, "why")}
    assert gone == {}


def test_a_deleted_topic_takes_the_committed_offsets_along() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.alter_consumer_group_offsets("by-hand", {P: 7, OTHER: 9})
        yield from admin.delete_topics([OTHER.topic])
        yield admin._owner.sleep(10**9)
        return (yield from admin.list_consumer_group_offsets("by-hand"))

    administrator = Administrator(doing)
    story = Story(apps={"admin": administrator, "sink": Sink()}, more_topics=[Topic(OTHER.topic, 1, 3)])
    story.fly(5)
    assert administrator.result == {P: OffsetAndMetadata(7)}
