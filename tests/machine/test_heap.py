"""Garbage: when a process stops, for how long, and what that does to what it has to answer."""

from math import sqrt
from random import Random
from statistics import fmean

import pytest

from sim.machine.actor import Actor
from sim.machine.clock import MICROSECOND, MILLISECOND
from sim.machine.devices import Heap
from sim.machine.machine import Machine


class Listener(Actor):
    """Each message takes so much memory; notes how late it is heard."""

    def on_start(self) -> None:
        self.heap = Heap(100, MILLISECOND // 10, self.machine.streams["heap"])
        self.late: list[int] = []

    def hear(self, due: int) -> None:
        self.late.append(self.now - due)
        self.allocate(1)


def listener() -> tuple[Machine, Listener]:
    machine = Machine(7)
    actor = Listener(machine, "listener", machine.network.add_host("listener"))
    actor.start()
    return machine, actor


def test_a_process_stops_as_often_as_it_fills_its_young_generation() -> None:
    heap = Heap(1_000, MILLISECOND, Random(1))
    pauses = [heap.allocate(300) for _ in range(100)]
    assert sum(pause > 0 for pause in pauses) == 30
    assert [pause > 0 for pause in pauses[:8]] == [False, False, False, True, False, False, True, False]
    assert heap.allocate(10_000) > 0
    assert heap.allocate(1) == 0


def test_pauses_are_exponential() -> None:
    heap, count = Heap(1, 9_120 * MICROSECOND, Random(2)), 100_000
    pauses = sorted(heap.allocate(1) / 9_120_000 for _ in range(count))
    assert fmean(pauses) == pytest.approx(1, abs=3 / sqrt(count))
    assert fmean(pause**2 for pause in pauses) == pytest.approx(2, abs=3 * sqrt(20 / count))
    assert pauses[count * 9 // 10] * 9.12 == pytest.approx(21, rel=0.02)


def test_pauses_delay_by_half_their_second_moment_for_each_cycle() -> None:
    """A message that comes in a pause waits for its end: E[P^2] / 2 over the time of a cycle, on average."""
    machine, actor = listener()
    gap, count = 10 * MICROSECOND, 60_000
    for number in range(count):
        actor.at(number * gap, actor.hear, number * gap)
    machine.clock.run(count * gap + 10 * MILLISECOND)
    cycles, mean, cycle = count / 100, MILLISECOND / 10, 100 * gap
    theory = mean**2 / cycle
    assert len(actor.late) == count
    assert fmean(actor.late) == pytest.approx(theory, abs=3 * theory * sqrt(5 / cycles))


def test_what_collects_garbage_still_hangs_when_somebody_has_stopped_it() -> None:
    machine, actor = listener()
    actor.allocate(100)
    actor.pause()
    actor.at(0, actor.hear, 0)
    machine.clock.run(5 * MILLISECOND)
    assert actor.late == []
    actor.resume()
    assert actor.late == [machine.clock.now]


def test_a_new_life_does_not_wait_for_the_old_ones_garbage() -> None:
    machine, actor = listener()
    actor.allocate(100)
    actor.stop()
    actor.start()
    actor.at(0, actor.hear, 0)
    assert not actor.life.paused
    machine.clock.run(MICROSECOND)
    assert len(actor.late) == 1
