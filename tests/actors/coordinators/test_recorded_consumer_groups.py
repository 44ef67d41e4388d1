"""A group of the consumer protocol does what a recorded one did: the same steps, four times, on one broker.

Who owns how many, what is revoked, lost and moved is the same to the partition. Times depend on the phases of the
members' heartbeats: the median of the flights lies in the range of the recorded runs. The recorded members needed up to
0.1 s to start and to go through a rebalance on a busy machine, which is allowed for.
"""

from functools import cache
from statistics import median
from typing import Any

import pytest

from tests.actors.recorded_groups import RecordedGroup, recorded

RECORDED = recorded("group_u848")
STEPS = RECORDED["steps"]
SLACK_MS = 100.0
CONFIG = {"group_protocol": "consumer", "group_remote_assignor": "uniform"}


@cache
def flown() -> list[list[dict[str, Any]]]:
    """The figures of each step, in each run with the windows of a recorded one."""
    runs = []
    for seed, run in enumerate(RECORDED["runs"], start=1):
        group = RecordedGroup(seed, CONFIG)
        windows = zip(STEPS, run["windows_ms"], strict=True)
        runs.append([group.step(step["event"], step["member"], window_ms) for step, window_ms in windows])
    return runs


def figures(number: int, key: str) -> list[Any]:
    """One figure of one step in all flights."""
    return [run[number][key] for run in flown()]


NUMBERS = range(len(STEPS))
NAMES = [f"{step['event']}-{step['member']}" for step in STEPS]
STARTS = [number for number in NUMBERS if STEPS[number]["event"] == "join"]


@pytest.mark.parametrize("number", NUMBERS, ids=NAMES)
def test_shares_and_what_changes_hands_are_those_recorded(number: int) -> None:
    step = STEPS[number]
    assert all(shares in step["counts_after"] for shares in figures(number, "counts_after"))
    for key in ("revoked_callbacks", "lost_callbacks"):
        assert set(figures(number, f"partitions_in_{key}")) <= set(step[f"partitions_in_{key}"])
    moved = "partitions_moved_between_survivors"
    assert set(figures(number, moved)) == set(step[moved])


def test_nobody_ever_owns_a_partition_of_somebody_else() -> None:
    assert {figure for number in NUMBERS for figure in figures(number, "owners_max")} <= {0, 1}
    assert {value for step in STEPS for value in step["double_owned_ms_max"]} == {0}


@pytest.mark.parametrize("number", STARTS, ids=[NAMES[number] for number in STARTS])
def test_a_join_is_complete_at_the_new_members_next_heartbeat(number: int) -> None:
    """Counted from when the coordinator heard of it: 0 s in an empty group, else 5 s."""
    step = STEPS[number]
    from_join = [
        last - heard
        for last, heard in zip(step["time_to_last_ownership_change"], step["coordinator_hears_of_it"], strict=True)
    ]
    for time_ms in figures(number, "time_to_last_ownership_change"):
        assert min(from_join) - SLACK_MS <= time_ms <= max(from_join) + SLACK_MS


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6], ids=NAMES[1:7])
def test_the_longest_time_without_an_owner_is_in_the_recorded_range(number: int) -> None:
    values = STEPS[number]["ownerless_ms_max"]
    assert min(values) - SLACK_MS <= median(figures(number, "ownerless_ms_max")) <= max(values) + SLACK_MS


@pytest.mark.parametrize(("number", "least_s", "most_s"), [(4, 0.0, 5.1), (5, 5.0, 15.1)], ids=NAMES[4:6])
def test_goodbye_costs_one_heartbeat_and_a_crash_a_session_besides(number: int, least_s: float, most_s: float) -> None:
    key = "time_to_last_ownership_change"
    values = STEPS[number][key]
    assert all(1000 * least_s <= time_ms <= 1000 * most_s for time_ms in (*figures(number, key), *values))
    assert min(values) <= median(figures(number, key)) <= max(values)


def test_max_poll_interval_is_looked_at_with_a_heartbeat_so_a_pause_of_12_s_may_pass_unnoticed() -> None:
    """8 s are allowed; who has not sent a heartbeat between 8 s and the end of the pause loses nothing."""
    lost = figures(7, "partitions_in_lost_callbacks")
    assert set(lost) <= {0, 6}
    assert set(STEPS[7]["partitions_in_lost_callbacks"]) == {0, 6}
    times = [t for t, count in zip(figures(7, "time_to_last_ownership_change"), lost, strict=True) if count]
    assert times == pytest.approx(STEPS[7]["time_to_last_ownership_change"][:1] * len(times), abs=SLACK_MS)
    assert {0, 6} == set(lost)
