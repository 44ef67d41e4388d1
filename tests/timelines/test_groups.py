"""A recording of a group, flown: its figures with all names, other protocols and durations, the same from a seed."""

from functools import cache
from statistics import median
from typing import Any

import pytest

from sim.timelines.figures import Quantity
from sim.timelines.group_figures import Figures
from sim.timelines.group_plan import group_plan
from sim.timelines.groups import fly_group, group_quantities
from tests.timelines.group_files import made_up, recorded

SLACK_MS = 250.0
STEPS = [
    ("join", "left", 4500),
    ("join", "b", 5000),
    ("kill9", "b", 6000),
    ("restart", "b", 5000),
    ("restart", "left", 5000),
    ("pause 3000", "b", 7000),
    ("close", "left", 3000),
    ("join", "left", 4000),
]
CLASSIC = {"session.timeout.ms": 4000, "max.poll.interval.ms": 2000, "partition.assignment.strategy": "sticky"}


@cache
def flown() -> list[Figures]:
    recording = made_up(STEPS, **CLASSIC)
    recording["cluster"]["broker_config"] = {"group.min.session.timeout.ms": 1000}
    return fly_group(group_plan(recording), 0, 7)


def first_steps(family: str, count: int) -> dict[str, Any]:
    """A recording that was broken off after so many steps."""
    whole = recorded(family)
    runs = [{**run, "steps": run["steps"][:count]} for run in whole["runs"]]
    return {**whole, "summary": whole["summary"][:count], "runs": runs}


@cache
def quantities() -> dict[tuple[str, str], Quantity]:
    return {(made.case, made.quantity): made for made in group_quantities(first_steps("range", 5), 1)}


def test_a_figure_has_the_recorded_values_and_one_of_each_flight() -> None:
    join = quantities()["group_range/1 join m2", "time_to_last_ownership_change"]
    assert (join.measured, join.side, join.counted) == ((2338, 1441, 1086, 1891), "client", True)
    assert len(join.simulated) == 1
    assert quantities()["group_range/3 join m4", "counts_after m4"] == Quantity(
        "group_range/3 join m4", "counts_after m4", "count", (3, 3, 3, 3), (3,)
    )
    assert len({case for case, _ in quantities()}) == 5
    assert {made.side for made in quantities().values()} == {"client", "count"}


def is_inside(made: Quantity) -> bool:
    """Whether the median of the flights lies in the recorded range, widened."""
    slack_ms = SLACK_MS + 0.05 * median(made.measured)
    return min(made.measured) - slack_ms <= median(made.simulated) <= max(made.measured) + slack_ms


def test_most_times_of_a_single_flight_are_in_the_recorded_range() -> None:
    """Not all: when the next heartbeat tells of a rebalance is as good as chance in one flight."""
    times = [made for made in quantities().values() if made.side == "client"]
    assert len(times) == 35
    assert sum(is_inside(made) for made in times) >= 30


def test_a_group_of_another_kind_flies_to_its_end() -> None:
    joined, second, killed, restarted, _, paused, closed, _ = flown()
    assert [joined["counts_after left"], joined["partitions_with_new_owner"]] == [8, 0]
    assert [second["counts_after b"], second["partitions_moved_between_survivors"]] == [4, 4]
    assert [restarted["counts_after b"], restarted["counts_after left"]] == [4, 4]
    assert [closed["counts_after b"], closed["counts_after left"]] == [8, 0]
    assert 3000 < (killed["time_to_last_ownership_change"] or 0) < 4000 + 1000 + SLACK_MS
    assert [paused["partitions_in_lost_callbacks"], paused["counts_after b"]] == [4, 4]
    assert 0 < (paused["double_owned_ms_max"] or 0) < 1000


def test_what_was_delivered_but_not_committed_is_delivered_again() -> None:
    joined, second, killed, *_ = flown()
    assert [joined["duplicates_delivered"], second["duplicates_delivered"]] == [0, 0]
    assert (killed["duplicates_delivered"] or 0) > 0
    assert joined["delivery_gap_ms_median"] == pytest.approx(200, abs=30)
    assert (killed["delivery_gap_ms_max"] or 0) > (killed["ownerless_ms_max"] or 0)


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    recording = made_up(STEPS[:2], **{"group.protocol": "consumer", "group.remote.assignor": "range"})
    del recording["consumer_config"]["heartbeat.interval.ms"]
    plan = group_plan(recording)
    first, again, other = (fly_group(plan, 0, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_without_records_there_are_no_figures_of_deliveries() -> None:
    recording = made_up(STEPS[:1])
    del recording["cluster"]["record_every_ms"]
    (figures,) = fly_group(group_plan(recording), 0, 1)
    assert "delivery_gap_ms_max" not in figures
    assert figures["counts_after left"] == 8
    recording["runs"][0]["steps"][0]["delivery_gap_ms_max"] = 200
    gap = group_quantities(recording, 1)[0]
    assert (gap.quantity, gap.measured, gap.simulated) == ("delivery_gap_ms_max", (200,), ())
