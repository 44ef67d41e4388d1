"""kafka-lag-exporter's own answers (LookupTableSpec.scala) against the rule."""

from math import inf, isnan

import pytest

from sim.alerts.time_lag import LookupTable, Point

NOW_MS = 10_000
FLAT = [(100, 30), (200, 60), (200, 120), (200, 700), (300, 730), (300, 9000), (400, 9030)]


def table(*points: tuple[int, int], size: int = 60) -> LookupTable:
    made = LookupTable(size)
    for offset, time_ms in points:
        made.add(Point(offset, time_ms))
    return made


def time_ms(made: LookupTable, offset: int) -> float:
    return NOW_MS - 1000 * made.time_lag_s(offset, NOW_MS)


@pytest.mark.parametrize("offset", [150, 190, 110, 10, 0, -100, 300])
def test_between_and_beyond_two_points_it_is_a_line(offset: int) -> None:
    assert time_ms(table((100, 100), (200, 200)), offset) == pytest.approx(offset)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(199, 59.7), (200, 700), (201, 700.3), (250, 715), (299, 729.7), (300, 9000), (301, 9000.3)],
)
def test_of_a_flat_stretch_the_end_counts(offset: int, expected: float) -> None:
    assert len(table(*FLAT[:4]).points) == 3
    assert time_ms(table(*FLAT), offset) == pytest.approx(expected)


def test_a_log_that_does_not_grow_leaves_what_is_behind_infinitely_late() -> None:
    still = table((100, 100), (100, 200), (100, 300), (100, 400))
    assert [point.time_ms for point in still.points] == [100, 400]
    assert (time_ms(still, 99), time_ms(still, 101)) == (-inf, inf)


def test_the_end_itself_has_no_lag_and_one_point_tells_nothing() -> None:
    assert table((0, 0), (0, 100)).time_lag_s(0, NOW_MS) == 0
    assert table((0, 100)).time_lag_s(0, NOW_MS) == 0
    assert isnan(table((100, 100)).time_lag_s(0, NOW_MS))
    assert isnan(table().time_lag_s(0, NOW_MS))


def test_points_that_go_back_are_dropped_and_old_ones_forgotten() -> None:
    assert len(table((100, 100), (110, 90), (90, 110), (0, 0), (110, -1)).points) == 1
    assert [point.offset for point in table((1, 1), (2, 2), (3, 3), size=2).points] == [2, 3]
