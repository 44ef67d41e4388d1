"""Queueing theory as oracle: what the devices do must agree with the formulas.

The warm-up is removed; |simulated - theory| is within three standard errors (of batch means), and the standard error
below one percent of the theory. Short runs look at the same laws with a wider standard error; the long ones are slow.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import exp, factorial, log, sqrt

import numpy
import pytest

from sim.machine.actor import Actor
from sim.machine.clock import MICROSECOND, SECOND
from sim.machine.devices import Cpu, Disk, Hardware, Nic, RequestQueue
from sim.machine.devices.fair_lane import FairLane
from sim.machine.machine import Machine
from sim.machine.streams import Streams
from tests.machine.stage import host

SERVICE = 100 * MICROSECOND
WARM_UP = 5_000
BATCHES = 40
SHORT, LONG = 4_000, 60_000
LONG_RUN = pytest.param(LONG, 0.01, marks=pytest.mark.slow, id="long")
SHORT_RUN = pytest.param(SHORT, 0.04, id="short")
RUNS = pytest.mark.parametrize(("batch", "precision"), [SHORT_RUN, LONG_RUN])
Columns = tuple[list[int], list[int]]


def count(batch: int) -> int:
    return WARM_UP + BATCHES * batch


def mean_and_error(samples: "numpy.ndarray | list[int] | list[float]", batch: int) -> tuple[float, float]:
    """The mean after the warm-up, and its standard error from batch means."""
    means = numpy.asarray(samples, dtype=float)[WARM_UP : count(batch)].reshape(BATCHES, batch).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1)) / sqrt(BATCHES)


def agrees(samples: "numpy.ndarray | list[int] | list[float]", theory: float, batch: int, precision: float) -> None:
    mean, error = mean_and_error(samples, batch)
    assert abs(mean - theory) < 3 * error
    assert error < precision * theory


def exponential(name: str, mean: float, number: int) -> numpy.ndarray:
    return Streams(7).columns(name).exponential(mean, number)


def poisson(name: str, gap: float, number: int) -> list[int]:
    """Arrival times with so many nanoseconds between them on average."""
    return numpy.cumsum(exponential(f"{name} arrivals", gap, number)).astype(int).tolist()


def jobs(name: str, servers: int, load: float, batch: int, costs: Callable[[str, int], numpy.ndarray]) -> Columns:
    number = count(batch)
    return poisson(name, SERVICE / (load * servers), number), costs(name, number).astype(int).tolist()


def markov(name: str, number: int) -> numpy.ndarray:
    return exponential(f"{name} costs", SERVICE, number)


def constant(_: str, number: int) -> numpy.ndarray:
    return numpy.full(number, SERVICE)


def two_kinds(name: str, number: int) -> numpy.ndarray:
    """Four in five take half a service time, one in five takes three: one on average."""
    long = Streams(7).columns(f"{name} kinds").random(number) < 0.2
    return numpy.where(long, 3 * SERVICE, SERVICE / 2)


def waits(servers: int, columns: Columns) -> list[int]:
    """Waiting times at one queue before equal servers, in nanoseconds."""
    cpu = Cpu(servers)
    return [cpu.work(now, cost) - cost - now for now, cost in zip(*columns, strict=True)]


def erlang_c(servers: int, load: float) -> float:
    """The share of arrivals that have to wait in M/M/c."""
    offered = servers * load
    all_busy = offered**servers / factorial(servers) / (1 - load)
    return all_busy / (sum(offered**k / factorial(k) for k in range(servers)) + all_busy)


def pollaczek_khinchine(load: float, squared_variation: float) -> float:
    """Mean wait in M/G/1, in service times."""
    return load * (1 + squared_variation) / 2 / (1 - load)


@RUNS
@pytest.mark.parametrize(
    ("costs", "squared_variation"), [(markov, 1.0), (constant, 0.0), (two_kinds, 1.0)], ids=["M/M/1", "M/D/1", "M/G/1"]
)
def test_mean_wait_at_one_server(
    costs: Callable[[str, int], numpy.ndarray], squared_variation: float, batch: int, precision: float
) -> None:
    for load in (0.3, 0.6):
        columns = jobs(f"one server {load}", 1, load, batch, costs)
        agrees(waits(1, columns), SERVICE * pollaczek_khinchine(load, squared_variation), batch, precision)


@RUNS
def test_three_servers_wait_share_and_tail(batch: int, precision: float) -> None:
    samples = numpy.array(waits(3, jobs("M/M/3", 3, 0.7, batch, markov)))
    share = erlang_c(3, 0.7)
    agrees(samples, share * SERVICE / (3 * (1 - 0.7)), batch, precision)
    agrees(samples > 0, share, batch, precision)
    for wait in (SERVICE, 2 * SERVICE):
        theory = share * exp(-3 * (1 - 0.7) * wait / SERVICE)
        agrees(samples > wait, theory, batch, 4 * precision)


@RUNS
def test_percentiles_of_the_time_in_m_m_1(batch: int, precision: float) -> None:
    """The time in the system is exponential: a share 1 - p of the jobs stays longer than the p-th percentile."""
    load = 0.5
    times, costs = jobs("M/M/1 percentiles", 1, load, batch, markov)
    stays = numpy.array(waits(1, (times, costs))) + numpy.array(costs)
    for percentile in (0.5, 0.9, 0.95, 0.99):
        theory = -log(1 - percentile) * SERVICE / (1 - load)
        agrees(stays > theory, 1 - percentile, batch, 5 * precision)


@RUNS
def test_m_m_infinity_has_as_many_inside_as_are_offered(batch: int, precision: float) -> None:
    """Little's law on a box without a queue: enough servers that nobody waits."""
    times, costs = jobs("M/M/infinity", 1, 4.0, batch, markov)
    assert max(waits(64, (times, costs))) == 0
    gap = (times[-1] - times[0]) / len(times)
    agrees(numpy.array(costs) / gap, 4.0, batch, precision)


@RUNS
def test_a_bounded_request_queue_turns_away_as_m_m_1_k(batch: int, precision: float) -> None:
    """One is served and K - 1 wait; who finds no room goes away."""
    load, room = 0.8, 5
    cpu, queue, blocked = Cpu(1), RequestQueue(room - 1), []
    for now, cost in zip(*jobs("M/M/1/K", 1, load, batch, markov), strict=True):
        begin = max(now, cpu.free_at)
        blocked.append(begin > now and queue.has_room_at(now) > now)
        if not blocked[-1]:
            if begin > now:
                queue.enter(begin)
            cpu.work(now, cost)
    theory = (1 - load) * load**room / (1 - load ** (room + 1))
    agrees(blocked, theory, batch, 2 * precision)


@RUNS
def test_batches_arrive_at_a_disk(batch: int, precision: float) -> None:
    """M^[B]/M/1: five pages at a time, each as long as chance will have it, written behind each other."""
    size, load, number = 5, 0.5, count(batch)
    disk = Disk(Hardware(disk_bytes_per_s=1e9, dirty_limit_bytes=1, disk_seek=0))
    times = poisson("batches", SERVICE * size / load, number // size + 1)
    pages = exponential("pages", SERVICE, number).astype(int).tolist()
    stays = [disk.write(times[index // size], page) + 1 - times[index // size] for index, page in enumerate(pages)]
    agrees(stays, SERVICE * (size + 1) / 2 / (1 - load), batch, 2 * precision)


@RUNS
def test_poll_takes_up_to_so_many_at_once(batch: int, precision: float) -> None:
    """Bulk service: polls of exponential length take at most four records; how many wait, by Little's law."""
    rate, most, number = 3.0, 4, count(batch)
    times = poisson("bulk", SERVICE / rate, number)
    lengths = iter(exponential("polls", SERVICE, 4 * number).astype(int).tolist())
    cpu, taken, samples = Cpu(1), 0, []
    while taken < number:
        now = max(cpu.free_at, times[taken])
        here = next((k for k in range(taken, min(taken + most, number)) if times[k] > now), min(taken + most, number))
        samples += [now - times[k] for k in range(taken, here)]
        cpu.work(now, next(lengths))
        taken = here
    root = bulk_root(rate, most)
    waiting = root / (1 - root) ** 2 / (1 / rate + 1 / (1 - root))
    agrees(samples, waiting / rate * SERVICE, batch, 2 * precision)


def bulk_root(rate: float, most: int) -> float:
    """The root between 0 and 1 of r^(B+1) - (λ+1)r + λ = 0, by bisection."""
    low, high = 0.0, 1 - 1e-9
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle ** (most + 1) - (rate + 1) * middle + rate > 0 else (low, middle)
    return low


@RUNS
def test_two_stations_in_a_row_are_independent(batch: int, precision: float) -> None:
    """Burke: what leaves M/M/1 arrives as Poisson at the next; the network card comes after the processor."""
    load, speed = 0.5, 1.25
    times, costs = jobs("tandem", 1, load, batch, markov)
    sizes = exponential("tandem sizes", SERVICE / speed, len(times)).astype(int).tolist()
    cpu, nic = Cpu(1), Nic(1e9)
    stays = [nic.send(cpu.work(now, cost), size) - now for now, cost, size in zip(times, costs, sizes, strict=True)]
    theory = SERVICE / (1 - load) + SERVICE / (speed - load)
    agrees(stays, theory, batch, precision)


@RUNS
def test_utilisation_is_rate_times_service(batch: int, precision: float) -> None:
    columns = jobs("utilisation", 2, 0.6, batch, markov)
    cpu = Cpu(2)
    finish = max(cpu.work(now, cost) for now, cost in zip(*columns, strict=True))
    rate = len(columns[0]) / finish
    assert cpu.busy / finish / 2 == pytest.approx(rate * numpy.mean(columns[1]) / 2, rel=1e-9)
    assert cpu.busy / finish / 2 == pytest.approx(0.6, rel=precision)


@RUNS
def test_fork_and_join_of_followers_takes_the_harmonic_number(batch: int, precision: float) -> None:
    """acks=all without queues: the slowest of k exponential followers needs H_k service times."""
    followers = 3
    draws = [exponential(f"follower {each}", SERVICE, count(batch)).astype(int).tolist() for each in range(followers)]
    slowest = [max(Cpu(1).work(0, cost) for cost in costs) for costs in zip(*draws, strict=True)]
    agrees(slowest, SERVICE * sum(1 / k for k in range(1, followers + 1)), batch, precision)


@RUNS
def test_connections_that_share_a_card_are_processor_sharing(batch: int, precision: float) -> None:
    """M/M/1-PS: the mean stay is that of M/M/1, and it is the same for M/D/1-PS, which a queue would halve."""
    load, number = 0.5, count(batch) // 10
    for sizes in (exponential("shared sizes", SERVICE, number), numpy.full(number, SERVICE)):
        machine, stays = Machine(1), numpy.zeros(number)
        lane = FairLane(machine.clock, 1e9)

        def leave(index: int, arrived: int, machine: Machine = machine, stays: numpy.ndarray = stays) -> None:
            stays[index] = machine.clock._now - arrived

        def arrive(index: int, now: int, size: int, lane: FairLane = lane, leave: Callable = leave) -> None:
            lane.carry(index, size, lambda: leave(index, now))

        for index, now in enumerate(poisson("shared", SERVICE / load, number)):
            machine.clock.call_at(now, arrive, index, now, int(sizes[index]))
        machine.clock.run()
        means = stays[number // 10 :][: BATCHES * (number // 50)].reshape(BATCHES, -1).mean(axis=1)
        error = means.std(ddof=1) / sqrt(BATCHES)
        assert abs(means.mean() - SERVICE / (1 - load)) < 3 * error
        assert error < 4 * precision * SERVICE / (1 - load)


def test_erlang_c_of_one_server_is_its_load() -> None:
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(1, 0.7) * SERVICE / (1 - 0.7) == pytest.approx(SERVICE * pollaczek_khinchine(0.7, 1.0))


def inside(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """How many are inside, and for how long, from their times in and out."""
    changes = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    level = 0
    for (now, by), (after, _) in pairwise(changes):
        level += by
        yield level, after - now


def test_littles_law_on_every_box() -> None:
    """The area under the number of jobs is the sum of their times, for the queue and for the server alike."""
    times, costs = jobs("Little", 1, 0.5, SHORT, markov)
    cpu = Cpu(1)
    ends = [cpu.work(now, cost) for now, cost in zip(times, costs, strict=True)]
    queue = [(now, end - cost) for now, end, cost in zip(times, ends, costs, strict=True)]
    server = [(end - cost, end) for end, cost in zip(ends, costs, strict=True)]
    for spans in (queue, server, list(zip(times, ends, strict=True))):
        area = sum(level * length for level, length in inside(spans))
        assert area == sum(end - begin for begin, end in spans)


def test_littles_law_by_events() -> None:
    """L = λW with the jobs counted by events of an actor; and L itself is what M/M/1 says."""
    machine, load, number = Machine(3), 0.5, 20_000
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

    arrive(number - 1)
    machine.clock.run()
    assert state["inside"] == 0
    assert state["area"] == state["stay"]
    assert state["area"] / actor.now == pytest.approx(load / (1 - load), rel=0.05)


def test_a_burst_of_credits_ends_when_they_are_used_up() -> None:
    """At twice the base rate credits of one second last two seconds; after a rest they have grown again."""
    disk = Disk(
        Hardware(disk_bytes_per_s=1e6, disk_burst_bytes_per_s=2e6, disk_credit_bytes=1_000_000, dirty_limit_bytes=1)
    )
    assert disk.write(0, 2_000_000) == pytest.approx(1 * SECOND, abs=2_000)
    assert disk.write(1 * SECOND, 1_000_000) == pytest.approx(2 * SECOND, abs=2_000)
    assert disk.write(3 * SECOND, 2_000_000) == pytest.approx(4 * SECOND, abs=2_000)
