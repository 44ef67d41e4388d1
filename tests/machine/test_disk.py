"""What befalls disks and processors, in nanoseconds."""

import pytest

from sim.machine.clock import MILLISECOND
from sim.machine.devices import FOREVER, Cpu, Disk, DiskError, Hardware

SMALL = Hardware(disk_bytes_per_s=1e6, disk_seek=MILLISECOND, page_cache_bytes=10_000, dirty_limit_bytes=2000)
"""A byte takes a microsecond, an access a millisecond."""


def test_a_flush_waits_for_what_was_written_and_takes_one_access() -> None:
    disk = Disk(SMALL)
    assert disk.flush(7) == 7 + MILLISECOND
    disk.write(2 * MILLISECOND, 500)
    assert disk.flush(2 * MILLISECOND) == 2 * MILLISECOND + MILLISECOND + MILLISECOND // 2
    assert disk.flush(2 * MILLISECOND) == 2 * MILLISECOND + 2 * MILLISECOND + MILLISECOND // 2


def test_a_slow_disk_takes_so_many_times_as_long_for_what_waits_and_what_comes() -> None:
    disk = Disk(SMALL)
    assert disk.write(0, 1000) == 0
    disk.slow_down(0, 10)
    assert disk.flush(0) == 20 * MILLISECOND
    assert disk.read(20 * MILLISECOND, 1000, bytes_behind=20_000) == 40 * MILLISECOND
    disk.slow_down(30 * MILLISECOND, 1)
    assert disk.flush(30 * MILLISECOND) == 32 * MILLISECOND
    assert disk.write(40 * MILLISECOND, 3000) == 41 * MILLISECOND


def test_a_stalled_disk_completes_nothing_until_it_goes_on_and_then_everything_in_order() -> None:
    disk = Disk(SMALL)
    disk.write(0, 1000)
    disk.stall(0, 50 * MILLISECOND)
    assert [disk.is_stalled(at * MILLISECOND) for at in (0, 49, 50)] == [True, True, False]
    assert [disk.write(at * MILLISECOND, 500) for at in (1, 2)] == [50 * MILLISECOND] * 2
    assert disk.write(3 * MILLISECOND, 1000) == 51 * MILLISECOND
    assert disk.flush(4 * MILLISECOND) == 54 * MILLISECOND
    assert disk.read(5 * MILLISECOND, 9, bytes_behind=9) == 5 * MILLISECOND
    assert disk.read(6 * MILLISECOND, 1000, bytes_behind=20_000) == 56 * MILLISECOND
    disk.stall(60 * MILLISECOND, FOREVER)
    assert disk.write(70 * MILLISECOND, 1) == FOREVER


def test_a_disk_that_is_slowed_while_it_stalls_keeps_the_stall_and_stretches_the_rest() -> None:
    disk = Disk(SMALL)
    disk.write(0, 1000)
    disk.stall(0, 50 * MILLISECOND)
    disk.slow_down(10 * MILLISECOND, 2)
    assert disk.flush(10 * MILLISECOND) == 54 * MILLISECOND


def test_a_full_disk_refuses_writes_and_a_failed_one_reads_and_flushes_too() -> None:
    disk = Disk(SMALL)
    disk.full = True
    with pytest.raises(DiskError):
        disk.write(0, 1)
    assert disk.flush(0) == MILLISECOND
    assert disk.read(1, 1000, bytes_behind=20_000) == 3 * MILLISECOND
    disk.full, disk.failed = False, True
    for refused in (lambda: disk.write(0, 1), lambda: disk.flush(0), lambda: disk.read(0, 1, bytes_behind=20_000)):
        with pytest.raises(DiskError):
            refused()
    assert disk.read(3, 1000, bytes_behind=0) == 3
    assert (disk.written_bytes, disk.read_bytes) == (0, 1000)


def test_a_processor_shared_with_others_takes_so_many_times_as_long() -> None:
    cpu = Cpu(2)
    cpu.slowness = 4.0
    assert [cpu.work(0, 10) for _ in range(3)] == [40, 40, 80]
    cpu.slowness = 1.0
    assert cpu.work(100, 10) == 110


def test_a_server_that_waits_for_something_else_serves_nobody() -> None:
    cpu = Cpu(2)
    assert cpu.work(0, 10) == 10
    cpu.hold(100)
    cpu.hold(200)
    assert [cpu.work(20, 5) for _ in range(2)] == [105, 110]
