"""A time-out that is set again and again."""

from sim.machine.clock import MILLISECOND
from sim.machine.machine import Machine
from sim.machine.timer import Timer
from tests.machine.stage import Listener, host, run_ms


def ticking() -> tuple[Listener, Timer, list[int]]:
    machine = Machine(1)
    actor = Listener(machine, host(machine, "one"))
    rung: list[int] = []
    return actor, Timer(actor, lambda: rung.append(actor.now // MILLISECOND)), rung


def test_only_the_latest_setting_rings() -> None:
    actor, timer, rung = ticking()
    timer.set(10 * MILLISECOND)
    run_ms(actor.machine, 5)
    assert timer.remaining == 5 * MILLISECOND
    timer.set(20 * MILLISECOND)
    run_ms(actor.machine, 50)
    assert (rung, timer.remaining) == ([25], 0)


def test_a_cancelled_one_does_not_ring() -> None:
    actor, timer, rung = ticking()
    timer.set(10 * MILLISECOND)
    timer.cancel()
    run_ms(actor.machine, 50)
    assert rung == []


def test_it_dies_with_the_process() -> None:
    actor, timer, rung = ticking()
    timer.set(10 * MILLISECOND)
    actor.stop()
    actor.start()
    run_ms(actor.machine, 50)
    assert rung == []
