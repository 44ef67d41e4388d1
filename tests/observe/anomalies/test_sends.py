"""nonmonotonic-send, int-send-skip and int-nonmonotonic-send, on histories made by hand."""

from tests.observe.anomalies.histories import FAIL, INFO, Diary, Y, send


def test_a_later_operation_stands_before_an_earlier_one() -> None:
    diary = Diary()
    diary.sends(send("a0", 3), send("a1", 4))
    diary.sends(send("a2", 1), send("a3", 2))
    found = diary.check()
    assert found.names() == ["nonmonotonic-send"]
    assert found.unexpected[0].sentence == "a #1 of x-0 is at offset 4, a #2, sent next, at 1, not behind it."


def test_operations_in_order_though_answered_in_another() -> None:
    diary = Diary()
    diary.sends(send("a1", 2))
    diary.sends(send("a0", 1))
    diary.sends(send("b0", 0))
    diary.sends(send("a0", 0, Y))
    assert diary.names() == []


def test_a_failed_send_is_passed_over() -> None:
    diary = Diary()
    diary.sends(send("a0", 0))
    diary.sends(send("a1", 7), outcome=FAIL)
    diary.sends(send("a2", 1))
    assert diary.names() == []


def test_others_come_between_the_records_of_one_operation() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 1), send("a1"))
    diary.sends(send("b0"), outcome=INFO)
    diary.polls((1, "a0"), (2, "b0"), (3, "a1"))
    found = diary.check()
    assert found.names() == ["int-send-skip"]
    assert found.ok, "records of others may always come between"
    assert found.cases[0].offsets == (1, 3)


def test_an_offset_that_nobody_knows_is_not_between() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 1), send("a1", 3))
    diary.polls((1, "a0"), (3, "a1"))
    assert diary.names() == []


def test_backward_within_one_operation() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 3), send("a1", 1))
    diary.transaction("u", send("b0", partition=Y), send("b1", partition=Y), outcome=INFO)
    diary.polls((1, "a1"), (3, "a0"))
    diary.polls((2, "b1"), (3, "b0"), of=Y)
    found = diary.check()
    assert found.names() == ["int-nonmonotonic-send"]
    assert [case.offsets for case in found.unexpected] == [(3, 1), (3, 2)]
