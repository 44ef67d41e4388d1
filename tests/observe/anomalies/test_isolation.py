"""G1a and precommitted-read, on histories made by hand."""

import pytest

from sim.observe.anomalies import Terms
from sim.observe.anomalies.history import Outcome, Reader
from tests.observe.anomalies.histories import FAIL, INFO, OK, Diary, Y, send


def test_a_failed_record_that_was_polled() -> None:
    diary = Diary()
    diary.transaction("t", send("a0"), send("a0", partition=Y), outcome=FAIL)
    diary.polls((0, "a0"))
    found = diary.check()
    assert found.names() == ["G1a"]
    (case,) = found.unexpected
    assert case.sentence == "a #0 of x-0 failed, and yet it was polled, by reader."
    assert case.clients == ("t", "a", "reader")


@pytest.mark.parametrize(("written", "polled"), [(OK, OK), (INFO, OK), (FAIL, FAIL), (FAIL, INFO)])
def test_no_aborted_read(written: Outcome, polled: Outcome) -> None:
    diary = Diary()
    diary.transaction("t", send("a0"), outcome=written)
    diary.polls((0, "a0"), outcome=polled)
    assert diary.check().named("G1a") == []


def test_who_reads_uncommitted_may_see_it_unless_all_are_held_to_committed() -> None:
    diary = Diary(reader=Reader(read_committed=False))
    diary.transaction("t", send("a0"), outcome=FAIL)
    diary.polls((0, "a0"))
    assert diary.check().ok
    assert diary.check(Terms(expect_committed=True)).unexpected_names() == ["G1a"]


def test_that_an_aborted_record_is_seen_by_some_does_not_make_others_skip_it() -> None:
    diary = Diary(lax=Reader(read_committed=False))
    diary.sends(send("b0", 0), send("b1", 2))
    diary.transaction("t", send("a0"), outcome=INFO)
    diary.polls((0, "b0"), (1, "a0"), (2, "b1"), by="lax")
    diary.polls((0, "b0"), (2, "b1"), by="strict")
    assert diary.check().unexpected == []
    diary.polls((1, "a0"), by="strict too")
    assert diary.check().unexpected_names() == ["int-poll-skip"]


def test_a_transaction_that_polls_its_own_record() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), diary.poll((0, "a0")))
    found = diary.check()
    assert found.names() == ["precommitted-read"]
    assert found.unexpected[0].sentence == "a #0 of x-0 was polled by the transaction that sent it, by reader."


def test_a_transaction_that_polls_what_an_earlier_one_has_sent() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0))
    diary.transaction("t", send("a1", 1), diary.poll((0, "a0")))
    diary.polls((1, "a1"))
    assert diary.names() == []
