"""poll-skip, nonmonotonic-poll and what is alike within one operation, on histories made by hand."""

import pytest

from sim.observe.anomalies import Terms
from sim.observe.anomalies.history import MarkKind
from sim.rules.topics import TopicPartition
from tests.observe.anomalies.histories import FAIL, INFO, Diary, Pair, X, Y, send

ASSIGN, SUBSCRIBE, SEEK, REBALANCE = MarkKind


def numbered(count: int) -> Diary:
    """a0, a1, … are at offsets 0, 1, …"""
    diary = Diary()
    diary.sends(*(send(f"a{number}", number) for number in range(count)))
    return diary


def pairs(*offsets: int) -> list[Pair]:
    return [(offset, f"a{offset}") for offset in offsets]


def test_a_poll_leaves_out_what_others_prove_to_be_there() -> None:
    diary = Diary()
    diary.sends(*(send(value) for value in ("a1", "a2", "a3", "a4", "a7")), outcome=INFO)
    diary.sends(send("f0", 6))
    diary.polls((1, "a1"), (2, "a2"))
    diary.polls((3, "a3"), by="other")
    diary.polls((4, "a4"))
    diary.polls((7, "a7"))
    cases = diary.check().named("poll-skip")
    assert [case.offsets for case in cases] == [(2, 4), (4, 7)]
    assert cases[1].sentence == "reader polled offset 4 of x-0, then 7, leaving out 1 record."
    assert cases[1].times_s == (9.0, 11.0)


def test_an_offset_that_nobody_knows_is_no_gap() -> None:
    diary = Diary()
    diary.sends(send("a0", 0), send("a1", 2))
    diary.polls((0, "a0"))
    diary.polls((2, "a1"))
    assert diary.names() == []


def test_a_poll_goes_back() -> None:
    diary = numbered(4)
    diary.polls(*pairs(0, 1, 2))
    diary.polls(*pairs(1, 2, 3))
    found = diary.check()
    assert found.names() == ["nonmonotonic-poll"]
    assert found.unexpected[0].offsets == (2, 1)


def test_two_consumers_do_not_go_back_together() -> None:
    diary = numbered(4)
    diary.polls(*pairs(0, 1, 2, 3), by="one")
    diary.polls(*pairs(0, 1, 2, 3), by="other")
    assert diary.names() == []


@pytest.mark.parametrize(
    ("kind", "kept", "forgiven"),
    [(ASSIGN, (X, Y), False), (ASSIGN, (Y,), True), (SEEK, (X,), True), (SEEK, (Y,), False)],
)
def test_an_application_may_move_its_consumer(kind: MarkKind, kept: tuple[TopicPartition, ...], forgiven: bool) -> None:
    diary = numbered(9)
    diary.polls(*pairs(0, 1, 2))
    diary.mark(kind, *kept)
    diary.polls(*pairs(1, 2, 3))
    diary.mark(kind, *kept)
    diary.polls(*pairs(5, 6))
    diary.polls(*pairs(4, 7, 8), by="other")
    found = [name for name in diary.names() if not name.startswith("int-")]
    assert found == ([] if forgiven else ["poll-skip", "nonmonotonic-poll"])


@pytest.mark.parametrize(("topics", "forgiven"), [(("x", "y"), False), (("y",), True), ((), False)])
def test_a_new_subscription_keeps_only_its_topics(topics: tuple[str, ...], forgiven: bool) -> None:
    diary = numbered(3)
    diary.polls(*pairs(0, 1, 2))
    diary.mark(SUBSCRIBE, topics=topics)
    diary.polls(*pairs(1, 2))
    assert diary.names() == ([] if forgiven else ["nonmonotonic-poll"])


def test_a_rebalance_allows_to_go_on_elsewhere_only_if_it_has_taken_the_partition() -> None:
    diary = numbered(5)
    diary.polls(*pairs(0, 1, 2))
    diary.mark(REBALANCE, X, Y)
    diary.polls(*pairs(1, 2, 3, 4))
    assert diary.check().unexpected_names() == ["nonmonotonic-poll"]
    diary = numbered(5)
    diary.polls(*pairs(0, 1, 2))
    diary.mark(REBALANCE)
    diary.mark(REBALANCE, X)
    diary.polls(*pairs(1, 2))
    diary.mark(REBALANCE, Y)
    diary.polls(*pairs(4))
    diary.polls(*pairs(3), by="other")
    found = diary.check()
    assert found.names() == ["poll-skip", "nonmonotonic-poll"]
    assert found.ok
    assert {case.allowed for case in found.cases} == {
        "a rebalance has moved the partition, and the new position is the group's"
    }


def test_after_an_abort_a_consumer_goes_on_where_the_last_good_transaction_ended() -> None:
    diary = numbered(3)
    diary.transaction("t", diary.poll(*pairs(0)))
    for outcome in (FAIL, INFO):
        diary.transaction("t", diary.poll(*pairs(1, 2)), outcome=outcome)
    diary.transaction("t", diary.poll(*pairs(1, 2)))
    assert diary.names() == []


def test_who_goes_on_behind_an_aborted_transaction_skips() -> None:
    diary = numbered(6)
    diary.transaction("t", diary.poll(*pairs(0)))
    diary.transaction("t", diary.poll(*pairs(1, 2)), outcome=FAIL)
    diary.transaction("t", diary.poll(*pairs(3, 4)), outcome=INFO)
    diary.transaction("t", diary.poll(*pairs(5)))
    cases = diary.check().named("poll-skip")
    assert [(case.offsets, case.sentence[-22:]) for case in cases] == [
        ((0, 3), "leaving out 2 records."),
        ((0, 5), "leaving out 4 records."),
    ]


def test_a_gap_within_one_operation() -> None:
    diary = numbered(5)
    diary.polls(*pairs(1, 4))
    diary.transaction("t", diary.poll(*pairs(0), by="b"), diary.poll(*pairs(2), by="b"))
    diary.polls(*pairs(3), by="c")
    assert [case.offsets for case in diary.check().named("int-poll-skip")] == [(1, 4), (0, 2)]


def test_backward_within_one_operation() -> None:
    diary = numbered(4)
    diary.polls(*pairs(0, 1, 2, 3), by="all")
    diary.polls(*pairs(3, 1), by="a")
    diary.transaction("t", diary.poll(*pairs(2, 3), by="b"), diary.poll(*pairs(3), by="b"))
    found = diary.check()
    assert found.names() == ["int-nonmonotonic-poll"]
    assert [case.offsets for case in found.cases] == [(3, 1), (3,)]


@pytest.mark.parametrize("kind", [SEEK, REBALANCE])
def test_within_an_operation_a_partition_that_was_moved_begins_anew(kind: MarkKind) -> None:
    diary = numbered(4)
    diary.polls(*pairs(0, 1, 2, 3), by="all")
    first = diary.poll(*pairs(2, 3))
    diary.mark(kind, *([X] if kind is SEEK else [Y]))
    diary.transaction("t", first, diary.poll(*pairs(0, 1)))
    assert diary.names() == []


def test_a_topic_that_removes_records_leaves_gaps() -> None:
    diary = numbered(4)
    diary.polls(*pairs(0, 1, 2, 3), by="all")
    diary.polls(*pairs(0, 2))
    assert diary.check().unexpected_names() == ["int-poll-skip"]
    assert diary.check(Terms(frozenset({"x"}))).ok
