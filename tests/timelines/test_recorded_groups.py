"""Groups do what recorded ones did, four times each: to the partition what changes hands, in the recorded range when.

Flown without records, which ownership does not depend on, for speed.
"""

from functools import cache
from statistics import median

import pytest

from sim.timelines.group_figures import COUNTS_AFTER, TIMES, Figures
from sim.timelines.group_measured import measured_steps
from sim.timelines.group_plan import GroupPlan, group_plan
from sim.timelines.groups import fly_group
from tests.timelines.group_files import FAMILIES, recorded

SLACK_MS = 250.0
RECORDED = {family: recorded(family) for family in FAMILIES}
ALL = [
    pytest.param(family, number, id=f"{family}-{step['event']}-{step['member']}")
    for family, recording in RECORDED.items()
    for number, step in enumerate(recording["runs"][0]["steps"])
]
CHANCE = {("coop", 7): "partitions_with_new_owner partitions_moved_between_survivors"}
"""After the pause of a cooperative member the order of hashed member ids may move two more."""


@cache
def plan(family: str) -> GroupPlan:
    cluster = {key: value for key, value in RECORDED[family]["cluster"].items() if key != "record_every_ms"}
    return group_plan({**RECORDED[family], "cluster": cluster})


@cache
def flown(family: str) -> list[list[Figures]]:
    return [fly_group(plan(family), number, 1 + number) for number in range(4)]


def figures(family: str, number: int, name: str) -> list[float]:
    """One figure of one step in those flights that have it."""
    values = (flight[number].get(name) for flight in flown(family))
    return [value for value in values if value is not None]


@pytest.mark.parametrize(("family", "number"), ALL)
def test_what_changes_hands_is_what_was_recorded(family: str, number: int) -> None:
    measured = measured_steps(RECORDED[family], plan(family))[number]
    for name, values in measured.items():
        if name.startswith("partitions") and name not in CHANCE.get((family, number), ""):
            assert min(values) <= min(figures(family, number, name)), name
            assert max(values) >= max(figures(family, number, name)), name


@pytest.mark.parametrize(("family", "number"), ALL)
def test_shares_are_those_recorded_whoever_has_them(family: str, number: int) -> None:
    counts = RECORDED[family]["summary"][number]["counts_after"]
    recorded_shares = [sorted(count.values()) for count in counts]
    for flight in flown(family):
        found = [count for name, count in flight[number].items() if name.startswith(COUNTS_AFTER) and count]
        assert sorted(found) in recorded_shares


@pytest.mark.parametrize(("family", "number"), ALL)
def test_times_lie_in_the_recorded_range(family: str, number: int) -> None:
    measured = measured_steps(RECORDED[family], plan(family))[number]
    for name, values in measured.items():
        simulated = figures(family, number, name)
        if name in TIMES and values and not name.startswith("delivery") and simulated:
            slack_ms = SLACK_MS + 0.05 * median(values)
            assert min(values) - slack_ms <= median(simulated) <= max(values) + slack_ms, name


@pytest.mark.parametrize(("family", "longest_s"), [("range", 0.01), ("roundrobin", 0.01), ("coop", 3.01)])
def test_a_moved_partition_waits_for_a_heartbeat_only_where_members_keep_the_others(
    family: str, longest_s: float
) -> None:
    """Eager: nobody owns anything for milliseconds. Cooperative: who has moved has no owner for a heartbeat of 3 s."""
    for number in (1, 2, 3, 6):
        assert all(longest_s - 0.015 < ms / 1000 < longest_s for ms in figures(family, number, "ownerless_ms_max"))


def test_a_static_member_that_is_back_within_its_session_changes_nothing_for_others() -> None:
    """Killed and restarted 4 s later, or closed and restarted after 3 s; a dynamic one costs a rebalance of all."""
    for number in (6, 8):
        assert set(figures("srange", number, "partitions_in_revoked_callbacks")) == {0}
        assert max(figures("srange", number, "time_to_last_ownership_change")) < 150
    assert set(figures("range", 6, "partitions_in_revoked_callbacks")) == {18}


def test_a_member_of_the_consumer_protocol_gets_its_share_with_its_second_heartbeat() -> None:
    """It comes 5 s after the first; by then the others have given up theirs, at theirs."""
    for number in (1, 2, 3, 6):
        assert all(5000 <= ms <= 5150 for ms in figures("u848", number, "time_to_last_ownership_change"))
        assert all(ms < 5000 for ms in figures("u848", number, "ownerless_ms_max"))


def test_max_poll_interval_is_looked_at_with_a_heartbeat_so_a_pause_of_12_s_may_pass_unnoticed() -> None:
    """8 s are allowed; who has not sent a heartbeat between 8 s and the end of the pause loses nothing."""
    assert set(figures("u848", 7, "partitions_in_lost_callbacks")) == {0, 6}
    times = figures("u848", 7, "time_to_last_ownership_change")
    assert times == pytest.approx([12_062] * len(times), abs=100)
