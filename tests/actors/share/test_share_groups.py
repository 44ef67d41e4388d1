"""Share groups: who gets a record, what becomes of it when nobody says that it is done, and when it is given up."""

from collections.abc import Generator
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.share.share_consumer import AcknowledgeType, ShareRecord
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, PartitionsAssigned
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Source
from tests.actors.sharing import GROUP, Sharer, Sharing

Steps = Generator[Event, Any, Any]
ACCEPT, RELEASE, REJECT, RENEW = (
    AcknowledgeType.ACCEPT,
    AcknowledgeType.RELEASE,
    AcknowledgeType.REJECT,
    AcknowledgeType.RENEW,
)
LOCK_S = 30.0


def accept(_: ShareRecord) -> AcknowledgeType:
    return ACCEPT


def test_several_members_share_one_partition_and_each_record_goes_to_one_of_them() -> None:
    members = {"a": Sharer(work_ms=40), "b": Sharer(work_ms=40)}
    sharing = Sharing(members, Source(10, 8)).fly(10)
    a, b = members["a"], members["b"]
    assert sorted(a.offsets + b.offsets) == list(range(sharing.log_end())) == list(range(800))
    assert len(a.offsets) > 50
    assert len(b.offsets) > 50
    assert sharing.start_offset() == 800
    assert sharing.story.numbers(sharing.story.first_leader) == list(range(800))


def test_partitions_are_assigned_at_the_heartbeat_after_their_state_exists() -> None:
    sharing = Sharing({"a": Sharer(), "b": Sharer()}).fly(8)
    assigned = sharing.story.these(PartitionsAssigned)
    assert [fact.partitions for fact in assigned] == [(P,), (P,)]
    assert all(5 < time < 5.1 for time in sharing.story.when(PartitionsAssigned))
    assert [(fact.state, fact.generation) for fact in sharing.story.these(GroupChanged)] == [
        ("Stable", 1),
        ("Stable", 2),
        ("Stable", 3),
    ]
    assert "__share_group_state" in sharing.story.cluster.controller.image.partition_counts


def test_a_cluster_without_share_groups_has_no_topic_for_their_states() -> None:
    sharing = Sharing({}).fly(8)
    assert "__share_group_state" not in sharing.story.cluster.controller.image.partition_counts


def test_the_order_is_not_kept_when_a_record_comes_back() -> None:
    released: list[int] = []

    def once(record: ShareRecord) -> AcknowledgeType:
        if record.offset % 50 == 7 and record.offset not in released:
            released.append(record.offset)
            return RELEASE
        return ACCEPT

    member = Sharer(decision=once)
    sharing = Sharing({"a": member}, Source(10, 8)).fly(10)
    assert any(later < earlier for earlier, later in pairwise(member.offsets))
    plain = Sharer(decision=accept)
    Sharing({"a": plain}, Source(10, 8)).fly(10)
    assert plain.offsets == sorted(plain.offsets)
    assert sharing.start_offset() == sharing.log_end() == 800
    for offset in released:
        (first, one), (second, two) = member.times_of(offset)
        assert (one, two) == (1, 2)
        assert second - first < 0.6


def test_what_a_killed_member_held_comes_back_at_once_for_its_connection_is_closed() -> None:
    members = {"a": Sharer(work_ms=1000), "b": Sharer(work_ms=1)}
    sharing = Sharing(members, Source(10, 11))
    sharing.story.at(10.5, sharing.app("a").stop)
    sharing.fly(13)
    (came_back_s, fact), *more = sharing.returned("session ended")
    assert more == []
    assert 10.5 < came_back_s < 10.51
    assert fact.count > 0
    offset = fact.spans[0][0]
    assert [count for _, count in members["b"].times_of(offset)] == [2]
    assert members["b"].times_of(offset)[0][0] < 11
    assert sharing.start_offset() == sharing.log_end() == 1100


def test_what_a_hung_member_holds_comes_back_when_its_lock_has_timed_out() -> None:
    members = {"a": Sharer(work_ms=1000), "b": Sharer(work_ms=1)}
    sharing = Sharing(members, Source(10, 11))
    sharing.story.at(10.5, sharing.app("a").pause)
    sharing.fly(38)
    assert sharing.start_offset() < sharing.log_end()
    sharing.fly(45)
    assert sharing.returned("session ended") == []
    (came_back_s, fact), *more = sharing.returned("lock timed out")
    assert more == []
    offset = fact.spans[0][0]
    given_s = members["a"].times_of(offset)[0][0]
    assert came_back_s - given_s == pytest.approx(LOCK_S, abs=0.01)
    assert [count for _, count in members["b"].times_of(offset)] == [2]
    assert sharing.start_offset() == sharing.log_end() == 1100


def test_a_fetch_that_waits_for_a_killed_member_still_locks_what_arrives() -> None:
    source = Source(1000, 11.5)
    members = {"a": Sharer()}
    sharing = Sharing(members, source)
    sharing.story.at(10.8, sharing.app("a").stop)
    sharing.story.at(12, sharing.story.cluster.app("b", Sharer(), {}).start)
    sharing.fly(50)
    (came_back_s, fact), *_ = sharing.returned("lock timed out")
    assert fact.count == 1
    assert came_back_s == pytest.approx(11 + LOCK_S, abs=0.1)
    assert sharing.start_offset() == sharing.log_end()


def test_a_poison_record_is_archived_after_five_deliveries_and_the_others_go_on() -> None:
    member = Sharer(decision=lambda record: RELEASE if record.offset == 13 else ACCEPT)
    sharing = Sharing({"a": member}, Source(10, 8)).fly(10)
    assert [count for _, count in member.times_of(13)] == [1, 2, 3, 4, 5]
    (given_up,) = sharing.archived()
    assert (given_up.cause, given_up.count, given_up.spans) == ("delivery count limit", 1, ((13, 13),))
    assert set(member.offsets) == set(range(800))
    assert sharing.start_offset() == sharing.log_end()


def test_a_rejected_record_is_archived_at_once() -> None:
    member = Sharer(decision=lambda record: REJECT if record.offset == 13 else ACCEPT)
    sharing = Sharing({"a": member}, Source(10, 8)).fly(10)
    assert [count for _, count in member.times_of(13)] == [1]
    assert [(fact.cause, fact.spans) for fact in sharing.archived()] == [("rejected", ((13, 13),))]
    assert sharing.start_offset() == sharing.log_end()


def test_the_limit_of_deliveries_is_the_brokers_configuration() -> None:
    member = Sharer(decision=lambda record: RELEASE if record.offset == 13 else ACCEPT)
    Sharing({"a": member}, Source(10, 8), group_share_delivery_count_limit=2).fly(10)
    assert [count for _, count in member.times_of(13)] == [1, 2]


def test_at_most_so_many_records_are_in_flight_and_others_get_the_rest_when_they_come_back() -> None:
    members = {"a": Sharer(work_ms=60_000, max_poll_records=500), "b": Sharer(work_ms=60_000, max_poll_records=500)}
    limits: dict[str, Any] = {"group_share_partition_max_record_locks": 100}
    few = Sharing(members, Source(2, 2), **limits).fly(20)
    assert len(members["a"].got) + len(members["b"].got) < 200
    assert few.start_offset() == 0
    members = {"a": Sharer(work_ms=60_000, max_poll_records=500), "b": Sharer(work_ms=60_000, max_poll_records=500)}
    Sharing(members, Source(2, 2)).fly(20)
    assert len(members["a"].got) + len(members["b"].got) >= 500


def test_a_group_begins_at_the_end_unless_it_is_told_otherwise() -> None:
    late, early = Sharer(), Sharer()
    Sharing({"a": late}, Source(10, 8), {"share.auto.offset.reset": "latest"}).fly(10)
    Sharing({"a": early}, Source(10, 8)).fly(10)
    assert min(late.offsets) == pytest.approx(500, abs=5)
    assert min(early.offsets) == 0
    assert max(late.offsets) == max(early.offsets) == 799


def test_close_gives_back_what_was_not_acknowledged_and_a_commit_before_keeps_it_done() -> None:
    def take_one_and_close(commits: bool) -> Sharing:
        def once(app: App) -> Steps:
            consumer = app.share_consumer(GROUP, [P.topic])
            while not (yield from consumer.poll(500)):
                pass
            if commits:
                assert (yield from consumer.commit_sync()) == {P: None}
            yield from consumer.close()

        sharing = Sharing({}, Source(10, 1))
        sharing.story.cluster.app("once", once, {}).start()
        return sharing.fly(12)

    assert [fact.count for _, fact in take_one_and_close(commits=False).returned("session ended")] == [100]
    kept = take_one_and_close(commits=True)
    assert kept.returned("session ended") == []
    assert kept.start_offset() == kept.log_end() == 100


def test_an_acknowledgement_after_the_lock_does_not_count_unless_the_lock_was_renewed() -> None:
    def slow(renews: bool) -> tuple[Sharing, list[dict[TopicPartition, ErrorCode | None]]]:
        answers: list[dict[TopicPartition, ErrorCode | None]] = []

        def work(app: App) -> Steps:
            consumer = app.share_consumer(GROUP, [P.topic], share_acknowledgement_mode="explicit")
            while not (records := (yield from consumer.poll(500))):
                pass
            yield app.busy(ms=25_000)
            if renews:
                for record in records:
                    consumer.acknowledge(record, RENEW)
                answers.append((yield from consumer.commit_sync()))
                records = yield from consumer.poll(500)
            yield app.busy(ms=25_000)
            for record in records:
                consumer.acknowledge(record)
            answers.append((yield from consumer.commit_sync()))
            yield app.busy(ms=1e6)

        sharing = Sharing({}, Source(10, 1))
        sharing.story.cluster.app("slow", work, {}).start()
        return sharing.fly(58), answers

    late, answers = slow(renews=False)
    assert answers == [{P: ErrorCode.INVALID_RECORD_STATE}]
    assert late.start_offset() == 0
    in_time, answers = slow(renews=True)
    assert answers == [{P: None}, {P: None}]
    assert in_time.returned("lock timed out") == []
    assert in_time.start_offset() == in_time.log_end() == 100
