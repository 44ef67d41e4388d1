"""G0 and G1c, on histories made by hand."""

from sim.observe.anomalies import Terms
from sim.observe.anomalies.history import Reader
from tests.observe.anomalies.histories import FAIL, Diary, X, Y, send


def test_two_transactions_write_in_different_orders() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), send("a0", 1, Y))
    diary.transaction("u", send("b0", 1), send("b0", 0, Y))
    found = diary.check()
    assert found.names() == ["G0"]
    assert found.ok, "the writes of transactions are never isolated"
    assert found.cases[0].sentence == "u of 2.000 s wrote behind t of 0.000 s, t of 0.000 s wrote behind u of 2.000 s."
    assert found.cases[0].clients == ("t", "a", "u", "b")


def test_two_transactions_write_in_the_same_order() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), send("a0", 0, Y))
    diary.transaction("u", send("b0", 1), send("b0", 1, Y))
    assert diary.names() == []


def test_a_circle_may_pass_operations_of_one_step() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), send("a0", 1, Y))
    diary.sends(send("c0", 1))
    diary.transaction("u", send("b0", 2), send("b0", 0, Y))
    assert diary.names() == ["G0"]


def test_two_transactions_see_each_other() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), diary.poll((0, "b0"), of=Y, by="t"))
    diary.transaction("u", send("b0", 0, Y), diary.poll((0, "a0"), by="u"))
    found = diary.check()
    assert found.unexpected_names() == ["G1c"]
    (case,) = found.unexpected
    assert case.sentence == "u of 2.000 s polled from t of 0.000 s, t of 0.000 s polled from u of 2.000 s."


def test_one_sees_the_other_alone() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0))
    diary.transaction("u", send("b0", 0, Y), diary.poll((0, "a0"), by="u"))
    diary.polls((0, "b0"), of=Y)
    assert diary.names() == []


def test_a_circle_of_a_poll_and_a_write_order_is_normal() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0, X), send("a0", 2, Y))
    diary.transaction("u", diary.poll((0, "a0")), send("b0", 1, Y))
    diary.polls((1, "b0"), (2, "a0"), of=Y)
    found = diary.check()
    assert found.names() == ["G1c"]
    assert found.ok


def test_no_circle_through_an_aborted_transaction() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), diary.poll((0, "b0"), of=Y, by="t"), outcome=FAIL)
    diary.transaction("u", send("b0", 0, Y), diary.poll((0, "a0"), by="u"))
    assert diary.check().named("G1c") == []


def test_who_reads_uncommitted_may_see_circles_unless_held_to_committed() -> None:
    lax = Reader(read_committed=False)
    diary = Diary(t=lax, u=lax)
    diary.transaction("t", send("a0", 0), diary.poll((0, "b0"), of=Y, by="t"))
    diary.transaction("u", send("b0", 0, Y), diary.poll((0, "a0"), by="u"))
    assert diary.check().ok
    assert diary.check(Terms(expect_committed=True)).unexpected_names() == ["G1c"]
