"""Latency columns: exact in a window, one percent in a histogram."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.observe.latency import Histogram, Runs, Window, quantiles


def test_quantiles_of_a_window_are_values_of_the_window() -> None:
    found = quantiles([milliseconds * 1_000_000 for milliseconds in range(1, 101)])
    assert found == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


def test_an_empty_window_says_nothing() -> None:
    assert quantiles([]) == {}
    assert Histogram().summary() == {}


def test_a_histogram_agrees_with_numpy_to_one_percent() -> None:
    latencies = numpy.random.default_rng(1).lognormal(16, 1, 50_000).astype(int)
    histogram = Histogram()
    for chunk in numpy.array_split(latencies, 7):
        histogram.add(chunk.tolist())
    found = histogram.summary()
    for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
        assert found[name] == pytest.approx(numpy.percentile(latencies, share) / 1e6, rel=0.011)
    assert histogram.count == 50_000
    assert found["max"] == pytest.approx(latencies.max() / 1e6, abs=0.001)


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=200))
def test_quantiles_of_a_histogram_rise_and_end_at_the_maximum(latencies: list[int]) -> None:
    histogram = Histogram()
    histogram.add(latencies)
    found = histogram.summary()
    assert found["p50"] <= found["p95"] <= found["p99"] <= found["max"]
    assert found["max"] == round(max(*latencies, 1) / 1e6, 3)


RUN = st.tuples(st.integers(10**10, 10**11), st.integers(1, 10**7), st.integers(500, 1_500))


@given(st.lists(RUN, min_size=1, max_size=5))
def test_long_runs_are_counted_as_if_each_latency_were_written_out(runs: list[tuple[int, int, int]]) -> None:
    window, plain = Window(), []
    for time, step, count in runs:
        sent_at = range(time - step * count, time, step)
        window.add(time, sent_at)
        plain += [time - sent for sent in sent_at]
    found = window.latencies()
    assert isinstance(found, Runs)
    assert len(found) == len(plain)
    assert sorted(found.column()) == sorted(plain)
    assert quantiles(found) == quantiles(plain)
    counted, one_by_one = Histogram(), Histogram()
    counted.add(found)
    one_by_one.add(plain)
    assert counted.summary() == one_by_one.summary()
    assert counted.count == one_by_one.count


def test_short_runs_and_single_latencies_are_written_out() -> None:
    window = Window()
    window.add(10, range(0, 9, 3))
    window.add(10, [5])
    window.add(10, range(0))
    assert sorted(window.latencies()) == [4, 5, 7, 10]
    window.clear()
    assert len(window.latencies()) == 0
