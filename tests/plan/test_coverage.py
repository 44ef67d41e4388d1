"""Honest coverage: the intervals hold what theory says of M/M/1 about as often as they claim."""

import numpy
import pytest
from numpy.typing import NDArray

from sim.plan.statistics import batch_means, interval, steady_mean
from tests.plan.tiny import SERVICE, waits

REPETITIONS = 200
LOAD = 0.5
MEAN_WAIT = LOAD / (1 - LOAD)
"""In service times."""


def seconds(seed: int, count: int, jobs: int) -> NDArray[numpy.float64]:
    """The mean wait of each of so many seconds of so many jobs, as a flight would sample them; it begins idle."""
    return numpy.array(waits(seed, LOAD, count * jobs), dtype=float).reshape(count, jobs).mean(axis=1) / SERVICE


@pytest.mark.slow
def test_replications_without_their_warm_up() -> None:
    held = 0
    for repetition in range(REPETITIONS):
        means = [steady_mean(seconds(10 * repetition + replicate, 60, 100)) for replicate in range(10)]
        held += interval(means).holds(MEAN_WAIT)
    assert 0.92 <= held / REPETITIONS <= 0.98


@pytest.mark.slow
def test_batch_means_of_one_long_run() -> None:
    held = sum(batch_means(seconds(seed, 400, 50)).holds(MEAN_WAIT) for seed in range(REPETITIONS))
    assert 0.92 <= held / REPETITIONS <= 0.98
