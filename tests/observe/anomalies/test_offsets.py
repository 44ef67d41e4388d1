"""inconsistent-offsets and duplicate, on histories made by hand."""

import pytest

from tests.observe.anomalies.histories import FAIL, INFO, Diary, Y, send


def test_two_records_at_one_offset() -> None:
    diary = Diary()
    diary.sends(send("a0", 0))
    diary.sends(send("b0", 0))
    diary.polls((0, "b0"))
    (case,) = diary.check().named("inconsistent-offsets")
    assert (case.partitions, case.offsets, case.records) == (("x-0",), (0,), ("a #0", "b #0"))
    assert case.sentence == "Offset 0 of x-0 held a #0 and b #0."
    assert case.times_s == (1.0, 3.0, 5.0)


def test_an_unproven_send_may_have_come_to_nothing_until_something_of_it_is_read() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), send("a0", partition=Y), outcome=INFO)
    diary.sends(send("b0", 0))
    assert diary.check().named("inconsistent-offsets") == []
    diary.polls((5, "a0"), of=Y)
    (case,) = diary.check().named("inconsistent-offsets")
    assert case.records == ("a #0", "b #0")


def test_one_record_at_two_offsets() -> None:
    diary = Diary()
    diary.sends(send("a0", 1))
    diary.sends(send("b0"), outcome=INFO)
    diary.polls((2, "b0"), (3, "a0"))
    (case,) = diary.check().named("duplicate")
    assert (case.records, case.offsets) == (("a #0",), (1, 3))


def test_the_same_offset_polled_twice_is_no_duplicate() -> None:
    diary = Diary()
    diary.sends(send("a0", 1))
    diary.polls((1, "a0"), by="one")
    diary.polls((1, "a0"), by="other")
    assert diary.names() == []


def test_an_aborted_poll_is_evidence_and_a_failed_send_is_none() -> None:
    diary = Diary()
    diary.sends(send("a0", 1))
    diary.sends(send("a1", 2), outcome=FAIL)
    diary.polls((11, "a0"), (12, "a1"), outcome=FAIL)
    (case,) = diary.check().named("duplicate")
    assert (case.records, case.offsets) == (("a #0",), (1, 11))


@pytest.mark.parametrize("count", [2, 10])
def test_many_records_at_the_same_two_offsets_are_all_told(count: int) -> None:
    diary = Diary()
    for number in range(count):
        diary.sends(send(f"a{number}", 0))
        diary.polls((1, f"a{number}"))
    found = diary.check()
    assert [case.offsets for case in found.named("inconsistent-offsets")] == [(0,), (1,)]
    assert [case.records for case in found.named("duplicate")] == [(f"a #{number}",) for number in range(count)]
