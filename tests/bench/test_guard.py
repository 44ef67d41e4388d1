"""The guard of speed: ratios of a short flight against bounds, so that a slow or busy machine does not matter."""

from dataclasses import replace

import pytest

from sim.bench.measuring import bare_events_per_s, measure
from sim.bench.workloads import WORKLOADS

MOST_EVENTS_PER_RECORD = 0.1
LEAST_RECORDS_PER_BARE_EVENT = 0.15
"""Half of what was measured on a quiet machine: a loaded one disturbs even a ratio."""
MOST_GROWTH = 1.5
SHORT = replace(WORKLOADS["short"], warm_up_s=1, rebalance_delay_ms=0, seconds=0.5)
THICK = replace(WORKLOADS["large-records"], warm_up_s=1, rebalance_delay_ms=0, seconds=0.5)


@pytest.fixture(scope="module")
def short() -> dict[str, float]:
    return measure(SHORT)


def test_events_per_record_stay_in_their_bound(short: dict[str, float]) -> None:
    assert short["records"] > 450_000
    assert short["simpy_events_per_record"] < MOST_EVENTS_PER_RECORD


def test_records_per_bare_event_stay_in_their_bound(short: dict[str, float]) -> None:
    assert short["records_per_bare_event"] > LEAST_RECORDS_PER_BARE_EVENT


def test_events_follow_requests_and_not_records(short: dict[str, float]) -> None:
    thick = measure(THICK)
    events = short["simpy_events_per_record"] * short["records"] / SHORT.seconds
    fewer = thick["simpy_events_per_record"] * thick["records"] / THICK.seconds
    assert events < MOST_GROWTH * fewer
    assert fewer < MOST_GROWTH * events


def test_a_bare_event_costs_something() -> None:
    assert bare_events_per_s() > 1_000


@pytest.mark.slow
def test_a_large_cluster_starts_within_half_a_minute_and_runs() -> None:
    large = measure(WORKLOADS["large-cluster"])
    assert large["start_wall_s"] < 30
    assert large["records"] > 0.9 * WORKLOADS["large-cluster"].seconds * WORKLOADS["large-cluster"].rate
