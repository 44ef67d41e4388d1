"""The statistics of replications against tables, closed forms and series whose warm-up is known."""

from math import inf, sqrt

import numpy
import pytest

from sim.machine.streams import Streams
from sim.plan.statistics import Interval, batch_means, interval, paired, steady_mean, warm_up


def chance(name: str) -> numpy.random.Generator:
    return Streams(3).columns(name)


def test_interval_is_that_of_students_table() -> None:
    """Law & Kelton's example 4.27: ten observations, 90 %, t = 1.833."""
    values = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]
    found = interval(values, 0.90)
    assert found.mean == pytest.approx(1.343)
    assert found.half_width == pytest.approx(0.24, abs=0.005)
    assert (found.low, found.high) == (found.mean - found.half_width, found.mean + found.half_width)
    assert found.count == 10


def test_one_value_says_nothing_about_the_spread() -> None:
    assert interval([4.0]) == Interval(4.0, inf, 1)


@pytest.mark.parametrize(("half_width", "mean", "precision"), [(1.0, -20.0, 0.05), (0.0, 0.0, 0.0), (1.0, 0.0, inf)])
def test_precision_is_relative_to_the_mean(half_width: float, mean: float, precision: float) -> None:
    assert Interval(mean, half_width, 5).precision == precision


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    samples = chance("normal").normal(7.0, 2.0, (2_000, 5))
    share = sum(interval(sample).holds(7.0) for sample in samples) / 2_000
    assert share == pytest.approx(0.95, abs=4 * sqrt(0.95 * 0.05 / 2_000))


def test_warm_up_ends_where_the_ramp_ends() -> None:
    ramp = numpy.concatenate([numpy.linspace(0, 100, 40), numpy.full(200, 100.0)])
    series = ramp + chance("ramp").normal(0, 1, len(ramp))
    assert 35 <= warm_up(series) <= 45
    assert steady_mean(series) == pytest.approx(100, abs=0.5)


def test_warm_up_of_a_steady_series_is_nothing_and_of_a_short_one_its_first_value() -> None:
    assert warm_up([3.0] * 100) == 0
    assert warm_up([7.0]) == 0
    assert warm_up([2_900.0, *[39.0, 41.0] * 10]) == 1


def test_at_most_half_is_warm_up() -> None:
    assert warm_up(range(100)) == 50


def test_batch_means_know_that_neighbours_are_alike() -> None:
    """An autoregression whose true mean is 0: single values would give a far too narrow interval."""
    shocks, series, value = chance("shocks").normal(0, 1, 20_000).tolist(), [], 0.0
    for shock in shocks:
        value = 0.9 * value + shock
        series.append(value)
    found = batch_means(series)
    assert found.count == 20
    assert found.holds(0.0)
    assert found.half_width > 3 * interval(series).half_width


def test_batch_means_leave_out_the_front() -> None:
    assert batch_means([1_000.0, *[1.0, 2.0] * 10], batches=10).mean == 1.5


def test_pairs_from_the_same_seeds_differ_less_than_their_means() -> None:
    common = chance("common").normal(50, 10, 20)
    slow, fast = common + 3 + chance("a").normal(0, 0.1, 20), common + chance("b").normal(0, 0.1, 20)
    difference = paired(slow, fast)
    assert difference.holds(3.0)
    assert difference.half_width < 0.1 < 1 < interval(slow).half_width


def test_what_has_no_mean_is_refused() -> None:
    for wrong in ([], [1.0, float("nan")]):
        with pytest.raises(ValueError, match=r"no values|no finite"):
            interval(wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval([1.0, 2.0], 95)
    with pytest.raises(ValueError, match="in 20 batches"):
        batch_means([1.0] * 39)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired([1.0], [1.0, 2.0])
