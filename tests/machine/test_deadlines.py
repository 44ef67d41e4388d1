"""Many equal time-outs for the price of one timer."""

from hypothesis import given
from hypothesis import strategies as st

from sim.machine.clock import CALL, MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.machine.machine import Machine
from tests.machine.stage import Listener, host, run_ms


def stage(length_ms: int = 10) -> tuple[Machine, Listener, Deadlines]:
    machine = Machine(1)
    actor = Listener(machine, host(machine, "client"))
    return machine, actor, Deadlines(actor, length_ms * MILLISECOND)


def booked_ms(machine: Machine) -> list[int]:
    """The times for which the clock holds a call."""
    return [int(entry[0]) // MILLISECOND for entry in machine.clock._queue if len(entry) == CALL]


def test_any_number_of_deadlines_holds_one_event() -> None:
    machine, actor, deadlines = stage()
    for number in range(1000):
        deadlines.book(actor.hear, number)
    assert booked_ms(machine) == [10]
    run_ms(machine, 11)
    assert actor.heard == [(10 * MILLISECOND, number) for number in range(1000)]
    assert booked_ms(machine) == []


def test_a_cancelled_deadline_is_never_called() -> None:
    machine, actor, deadlines = stage()
    first, second = deadlines.book(actor.hear, 1), deadlines.book(actor.hear, 2)
    first.cancel()
    run_ms(machine, 20)
    assert actor.words() == [2]
    second.cancel()
    run_ms(machine, 40)
    assert actor.words() == [2]


def test_only_the_oldest_that_counts_is_armed_again() -> None:
    machine, actor, deadlines = stage()
    booked: list[Deadline] = []
    for time_ms in range(8):
        run_ms(machine, time_ms + 0.5)
        booked.append(deadlines.book(actor.hear, time_ms))
    for deadline in booked[:7]:
        deadline.cancel()
    assert booked_ms(machine) == [10]
    run_ms(machine, 11)
    assert booked_ms(machine) == [17]
    run_ms(machine, 30)
    assert actor.heard == [(17 * MILLISECOND + MILLISECOND // 2, 7)]
    assert booked_ms(machine) == []


def test_a_deadline_may_book_and_cancel_others() -> None:
    machine, actor, deadlines = stage()

    def ring() -> None:
        actor.hear("first")
        second.cancel()
        deadlines.book(actor.hear, "third")

    deadlines.book(ring)
    second = deadlines.book(actor.hear, "second")
    run_ms(machine, 30)
    assert actor.heard == [(10 * MILLISECOND, "first"), (20 * MILLISECOND, "third")]


def test_a_paused_actors_deadlines_ring_when_it_resumes() -> None:
    machine, actor, deadlines = stage()
    deadlines.book(actor.hear, "one")
    run_ms(machine, 5)
    deadlines.book(actor.hear, "two")
    actor.pause()
    run_ms(machine, 12)
    actor.resume()
    assert actor.heard == [(12 * MILLISECOND, "one")]
    run_ms(machine, 20)
    assert actor.words() == ["one", "two"]


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 15)))))
def test_deadlines_ring_in_time_and_order_unless_cancelled_before(bookings: list[tuple[int, int | None]]) -> None:
    machine, actor, deadlines = stage()
    expected: list[tuple[int, object]] = []
    time_ms = 0

    def book(number: int, cancel_ms: int | None) -> None:
        deadline = deadlines.book(actor.hear, number)
        if cancel_ms is not None:
            actor.after(cancel_ms * MILLISECOND + 1, deadline.cancel)

    for number, (gap_ms, cancel_ms) in enumerate(bookings):
        time_ms += gap_ms
        actor.at(time_ms * MILLISECOND, book, number, cancel_ms)
        if cancel_ms is None or cancel_ms >= 10:
            expected.append(((time_ms + 10) * MILLISECOND, number))
    run_ms(machine, time_ms + 100)
    assert actor.heard == expected
