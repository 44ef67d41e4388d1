"""Queueing theory as oracle: what the devices do must agree with the formulas, within three standard errors."""

from math import factorial, sqrt

import numpy
import pytest

from sim.machine.actor import Actor
from sim.machine.clock import MICROSECOND
from sim.machine.devices import Cpu
from sim.machine.machine import Machine
from sim.machine.streams import Streams
from tests.machine.stage import host

SERVICE = 100 * MICROSECOND
WARM_UP = 5_000
BATCHES = 40
BATCH = 4_000


def waits(servers: int, load: float, exponential: bool, name: str) -> list[int]:
    """Waiting times of Poisson arrivals at one queue before equal servers, in nanoseconds."""
    count = WARM_UP + BATCHES * BATCH
    rng = Streams(7).columns(name)
    times = numpy.cumsum(rng.exponential(SERVICE / (load * servers), count)).astype(int).tolist()
    costs = rng.exponential(SERVICE, count).astype(int).tolist() if exponential else [SERVICE] * count
    cpu = Cpu(servers)
    return [cpu.work(now, cost) - cost - now for now, cost in zip(times, costs, strict=True)]


def mean_and_error(samples: list[int]) -> tuple[float, float]:
    """The mean after the warm-up, and its standard error from batch means."""
    means = numpy.array(samples[WARM_UP:]).reshape(BATCHES, BATCH).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1)) / sqrt(BATCHES)


def erlang_c(servers: int, load: float) -> float:
    """The share of arrivals that have to wait in M/M/c."""
    offered = servers * load
    all_busy = offered**servers / factorial(servers) / (1 - load)
    return all_busy / (sum(offered**k / factorial(k) for k in range(servers)) + all_busy)


def pollaczek_khinchine(load: float, squared_variation: float) -> float:
    """Mean wait in M/G/1, in service times."""
    return load * (1 + squared_variation) / 2 / (1 - load)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_mean_wait_with_one_server_and_exponential_service(load: float) -> None:
    mean, error = mean_and_error(waits(1, load, True, "M/M/1"))
    theory = SERVICE * pollaczek_khinchine(load, 1.0)
    assert abs(mean - theory) < 3 * error
    assert error < 0.04 * theory


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_mean_wait_with_one_server_and_constant_service(load: float) -> None:
    mean, error = mean_and_error(waits(1, load, False, "M/D/1"))
    theory = SERVICE * pollaczek_khinchine(load, 0.0)
    assert abs(mean - theory) < 3 * error
    assert error < 0.04 * theory


def test_mean_wait_and_share_that_waits_with_three_servers() -> None:
    samples = waits(3, 0.7, True, "M/M/3")
    mean, error = mean_and_error(samples)
    theory = erlang_c(3, 0.7) * SERVICE / (3 * (1 - 0.7))
    assert abs(mean - theory) < 3 * error
    share, share_error = mean_and_error([wait > 0 for wait in samples])
    assert abs(share - erlang_c(3, 0.7)) < 3 * share_error


def test_erlang_c_of_one_server_is_its_load() -> None:
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(1, 0.7) * SERVICE / (1 - 0.7) == pytest.approx(SERVICE * pollaczek_khinchine(0.7, 1.0))


def test_littles_law() -> None:
    """The area under the number of jobs, counted by events, is the sum of their times in the system, to the nanosecond.

    Divided by the time this says L = λW; and L itself is what M/M/1 says.
    """
    machine, load, count = Machine(3), 0.5, 20_000
    actor = Actor(machine, "broker", host(machine, "broker"))
    actor.start()
    cpu, state = Cpu(1), {"inside": 0, "since": 0, "area": 0, "stay": 0}

    def change(by: int) -> None:
        state["area"] += state["inside"] * (actor.now - state["since"])
        state["inside"] += by
        state["since"] = actor.now

    def arrive(left: int) -> None:
        change(+1)
        finish = cpu.work(actor.now, round(actor.random.expovariate(1 / SERVICE)))
        state["stay"] += finish - actor.now
        actor.at(finish, change, -1)
        if left:
            actor.after(round(actor.random.expovariate(load / SERVICE)), arrive, left - 1)

    arrive(count - 1)
    machine.clock.run()
    assert state["inside"] == 0
    assert state["area"] == state["stay"]
    jobs_inside = state["area"] / actor.now
    assert jobs_inside == pytest.approx(load / (1 - load), rel=0.05)
