"""lost-write and unseen, on histories made by hand."""

from sim.observe.anomalies import Terms
from sim.observe.anomalies.history import MarkKind, Reader
from tests.observe.anomalies.histories import FAIL, INFO, Diary, X, Y, send


def written() -> Diary:
    """a0, a1 and a2 at offsets 0, 1 and 3; whether b0 counts is not known."""
    diary = Diary()
    diary.sends(send("a0", 0))
    diary.sends(send("a1", 1), send("a2", 3))
    diary.sends(send("b0"), outcome=INFO)
    return diary


def test_what_lies_before_a_polled_record_must_have_been_polled() -> None:
    diary = written()
    diary.polls((2, "b0"))
    found = diary.check()
    assert [(case.records, case.offsets) for case in found.named("lost-write")] == [
        (("a #0",), (0, 2)),
        (("a #1",), (1, 2)),
    ]
    assert found.named("lost-write")[0].clients == ("writer", "a", "reader")


def test_what_lies_behind_may_come_later() -> None:
    diary = written()
    diary.polls((0, "a0"), (1, "a1"))
    assert diary.check().named("lost-write") == []


def test_an_overwritten_record_is_lost_though_its_offset_was_polled() -> None:
    diary = Diary()
    diary.sends(send("a0", 0))
    diary.sends(send("b0", 0), send("b1", 2))
    diary.polls((0, "b0"), (2, "b1"))
    (case,) = diary.check().named("lost-write")
    assert case.records == ("a #0",)


def test_of_a_transaction_of_which_something_was_read_all_must_be() -> None:
    diary = Diary()
    diary.transaction("t", send("a0"), send("a0", 0, Y), outcome=INFO)
    diary.sends(send("c0", partition=Y), outcome=INFO)
    diary.polls((1, "c0"), of=Y, by="other")
    assert diary.check().named("lost-write") == []
    diary.polls((0, "a0"))
    (case,) = diary.check().named("lost-write")
    assert (case.partitions, case.records, case.offsets) == (("y-0",), ("a #0",), (0, 1))


def test_what_only_an_aborted_transaction_has_polled_is_not_polled() -> None:
    diary = written()
    diary.transaction("t", diary.poll((0, "a0"), (1, "a1")), outcome=FAIL)
    diary.polls((3, "a2"))
    assert [case.records for case in diary.check().named("lost-write")] == [("a #0",), ("a #1",)]


def test_what_a_transaction_of_unknown_outcome_has_polled_may_be_polled() -> None:
    diary = written()
    diary.transaction("t", diary.poll((0, "a0"), (1, "a1")), outcome=INFO)
    diary.polls((3, "a2"))
    assert diary.names() == []


def test_a_consumer_of_what_comes_later_owes_nothing_of_what_was_before() -> None:
    diary = written()
    diary.polls((1, "a1"), (3, "a2"))
    assert [case.records for case in diary.check().named("lost-write")] == [("a #0",)]
    diary.readers["reader"] = Reader(from_beginning=False)
    assert diary.names() == []


def test_a_topic_that_removes_records_loses_none() -> None:
    diary = written()
    diary.polls((3, "a2"))
    found = diary.check(Terms(frozenset({"x"})))
    assert found.names() == ["lost-write", "unseen"]
    assert found.ok
    assert not diary.check(Terms(frozenset({"y"}))).ok


def test_unseen_counts_what_was_acknowledged_and_never_polled() -> None:
    diary = Diary()
    diary.mark(MarkKind.SUBSCRIBE, topics=("x",))
    assert diary.names() == []
    diary.sends(send("a0", 0), send("a1", 1))
    (case,) = diary.check().named("unseen")
    assert case.sentence == "2 records of x-0 acknowledged and never polled, first a #0 to #1."
    diary.polls((0, "a0"))
    (case,) = diary.check().named("unseen")
    assert (case.records, case.offsets) == (("a #1",), (1,))
    diary.polls((1, "a1"))
    assert diary.names() == []


def test_unseen_is_not_what_failed_nor_what_nobody_wanted() -> None:
    diary = Diary()
    diary.mark(MarkKind.ASSIGN, X)
    diary.sends(send("a0", 0, Y))
    diary.sends(send("a0"), outcome=INFO)
    diary.sends(send("a1"), outcome=FAIL)
    assert diary.names() == []
