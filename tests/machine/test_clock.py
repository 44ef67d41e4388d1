"""Simulated time: order, whole nanoseconds, durations for people."""

from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simpy import Event

from sim.machine.clock import (
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    SECOND,
    Clock,
    format_duration,
    milliseconds,
    parse_duration,
)


def test_equal_times_run_in_booking_order() -> None:
    clock = Clock()
    seen: list[str] = []

    def process(name: str, delay: int) -> Generator[Event, object, None]:
        yield clock.timeout(delay)
        seen.append(name)

    clock.call_at(50, seen.append, "first")
    timeout = clock.timeout(50)
    timeout.callbacks.append(lambda _: seen.append("second"))
    clock.call_at(50, seen.append, "third")
    clock.process(process("fourth", 50))
    clock.call_at(10, lambda: clock.call_at(50, seen.append, "last"))
    clock.run(until=100)
    assert seen == ["first", "second", "third", "fourth", "last"]


def test_a_call_in_the_past_runs_now() -> None:
    clock = Clock()
    seen: list[int] = []
    clock.call_at(30, lambda: clock.call_at(10, lambda: seen.append(int(clock.now))))
    clock.run(until=100)
    assert seen == [30]


def test_what_is_booked_for_the_end_of_the_run_does_not_run() -> None:
    clock = Clock()
    seen: list[int] = []
    clock.call_at(99, seen.append, 99)
    clock.call_at(100, seen.append, 100)
    clock.run(until=100)
    assert seen == [99]
    assert clock.now == 100


def test_ten_ticks_are_exactly_one_second() -> None:
    clock = Clock()
    seen: list[object] = []

    def ticks() -> Generator[Event, object, None]:
        for _ in range(10):
            yield clock.timeout(milliseconds(100))
        seen.append(clock.now)

    clock.process(ticks())
    clock.run(until=2 * SECOND)
    assert seen == [SECOND]
    assert isinstance(seen[0], int)
    assert clock.now_ms == 2000


def test_kafkas_clock_shows_whole_milliseconds() -> None:
    clock = Clock()
    clock.run(until=2 * MILLISECOND - 1)
    assert clock.now_ms == 1
    clock.run(until=2 * MILLISECOND)
    assert clock.now_ms == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5m", 5 * MINUTE),
        ("5min", 5 * MINUTE),
        ("20ms", 20 * MILLISECOND),
        ("1m30s", 90 * SECOND),
        ("1h 30m", 90 * MINUTE),
        (" 1.5s ", 1500 * MILLISECOND),
        ("250us", 250 * MICROSECOND),
        ("250 µs", 250 * MICROSECOND),
        ("7ns", 7),
        ("2d", 48 * 60 * MINUTE),
        ("0s", 0),
        ("4 min 05 s", 245 * SECOND),
        (42, 42),
    ],
)
def test_durations_for_people(text: str | int, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", " ", "5", "m", "5x", "-5s", "5s3", "1e3s", "5m later", "1..5s", ".5s", "s5"])
def test_what_is_no_duration_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it like 20ms") as refusal:
        parse_duration(text)
    assert "\n" not in str(refusal.value)
    assert repr(text) in str(refusal.value)


@given(st.integers(0, 10**18))
def test_nanoseconds_are_read_exactly(nanoseconds: int) -> None:
    assert parse_duration(f"{nanoseconds}ns") == nanoseconds
    seconds, rest = divmod(nanoseconds, SECOND)
    assert parse_duration(f"{seconds}.{rest:09d}s") == nanoseconds


@given(st.integers(0, 10**14))
def test_what_is_printed_can_be_read_again(nanoseconds: int) -> None:
    again = parse_duration(format_duration(nanoseconds))
    assert abs(again - nanoseconds) <= nanoseconds / 100


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (999_999, "1 ms"),
        (3_100_000, "3.1 ms"),
        (999_700_000, "1 s"),
        (41_200_000_000, "41.2 s"),
        (MINUTE, "1 min 00 s"),
        (245 * SECOND, "4 min 05 s"),
        (-3_100_000, "-3.1 ms"),
    ],
)
def test_durations_are_printed_for_people(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text
