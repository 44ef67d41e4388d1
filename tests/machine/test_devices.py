"""Devices as FIFO servers: the arithmetic, its invariants, and queueing theory as oracle."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.machine.clock import MICROSECOND, MILLISECOND, SECOND
from sim.machine.devices import Cpu, Disk, Hardware, Nic

JOBS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 200)), min_size=1, max_size=60)
"""Times between arrivals, and costs or sizes."""


def arrivals(jobs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    now, found = 0, []
    for gap, cost in jobs:
        now += gap
        found.append((now, cost))
    return found


def test_a_single_server_works_first_in_first_out() -> None:
    cpu = Cpu(1)
    assert [cpu.work(now, cost) for now, cost in ((10, 5), (11, 5), (12, 5), (40, 5))] == [15, 20, 25, 45]
    assert cpu.busy == 20


def test_equal_servers_share_one_queue() -> None:
    cpu = Cpu(2)
    assert [cpu.work(0, cost) for cost in (10, 4, 4, 4)] == [10, 4, 8, 12]


@given(st.integers(1, 4), JOBS)
def test_jobs_start_in_order_and_never_overlap_beyond_the_servers(servers: int, jobs: list[tuple[int, int]]) -> None:
    cpu, spans = Cpu(servers), []
    for now, cost in arrivals(jobs):
        finish = cpu.work(now, cost)
        spans.append((finish - cost, finish))
        assert finish - cost >= now
    assert all(one[0] <= other[0] for one, other in pairwise(spans))
    for start, end in spans:
        if end > start:
            assert sum(begin <= start < finish for begin, finish in spans) <= servers
    assert cpu.busy == sum(cost for _, cost in jobs)


@given(st.integers(2, 4), JOBS)
def test_no_server_idles_while_a_job_waits(servers: int, jobs: list[tuple[int, int]]) -> None:
    cpu, finishes = Cpu(servers), []  # type: tuple[Cpu, list[int]]
    for now, cost in arrivals(jobs):
        finish = cpu.work(now, cost)
        waited_until = finish - cost
        if waited_until > now:
            assert sum(other > waited_until - 1 for other in finishes) >= servers
        finishes.append(finish)


@given(st.sampled_from([1e6, 1.25e8, 1.25e9]), JOBS)
def test_a_nic_never_sends_or_receives_two_messages_at_once(bytes_per_s: float, jobs: list[tuple[int, int]]) -> None:
    nic = Nic(bytes_per_s)
    left = received = 0
    for now, size_bytes in arrivals(jobs):
        cost = int(size_bytes * SECOND / bytes_per_s)
        sent_before, left = left, nic.send(now, size_bytes)
        received_before, received = received, nic.receive(now, size_bytes)
        assert left >= now + cost
        assert left - cost >= sent_before
        assert received >= now
        assert received - cost >= received_before
    assert nic.sent_bytes == nic.received_bytes == sum(size_bytes for _, size_bytes in jobs)


SMALL = Hardware(disk_bytes_per_s=1e6, disk_seek=MILLISECOND, page_cache_bytes=10_000, dirty_limit_bytes=2000)


def test_writes_return_at_once_until_too_many_pages_are_dirty() -> None:
    disk = Disk(SMALL)
    assert [disk.write(0, 1000) for _ in range(4)] == [0, 0, MILLISECOND, 2 * MILLISECOND]
    assert disk.write(10 * MILLISECOND, 1000) == 10 * MILLISECOND
    assert disk.written_bytes == 5000


def test_a_reader_at_the_tail_is_served_from_memory_and_one_far_behind_by_the_disk() -> None:
    disk = Disk(SMALL)
    assert disk.read(7, 5000, bytes_behind=10_000) == 7
    assert disk.read_bytes == 0
    assert disk.read(7, 5000, bytes_behind=10_001) == 7 + 6 * MILLISECOND
    assert disk.read(7, 1000, bytes_behind=10_001) == 7 + 8 * MILLISECOND
    assert disk.read_bytes == 6000


@given(JOBS)
def test_what_is_dirty_when_a_write_returns_is_within_the_limit(jobs: list[tuple[int, int]]) -> None:
    disk, written, slack = Disk(SMALL), 0, len(jobs)
    for now, size_bytes in arrivals([(gap * 1000, size) for gap, size in jobs]):
        returned = disk.write(now, size_bytes)
        written += size_bytes
        drained_at_most = returned / 1000 + slack
        assert returned >= now
        assert written - drained_at_most <= SMALL.dirty_limit_bytes


def test_the_cost_of_a_request_grows_with_its_batches_and_bytes() -> None:
    hardware = Hardware(request_cost=25 * MICROSECOND, batch_cost=4 * MICROSECOND, byte_cost=0.5)
    assert hardware.cost(0, 0) == 25_000
    assert hardware.cost(3, 1001) == 25_000 + 12_000 + 500
    with pytest.raises(AttributeError):
        hardware.request_cost = 2  # type: ignore[misc]
