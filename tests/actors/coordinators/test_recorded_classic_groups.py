"""Classic groups do what recorded ones did: the same steps, four times each, on one broker.

Who owns how many, what is revoked, lost and moved is the same to the partition; only after the pause of a cooperative
member chance (the order of hashed member ids) may move two more. Times depend on the phases of the members' heartbeats,
so the median of the flights lies in the range of the recorded runs, give or take what a busy machine needs. Not so when
m5 joins the cooperative group: the fresh recorded process was so slow that three times out of four its SyncGroup came
after the second rebalance had begun; here it always comes in time and the member hears of that with its next heartbeat.
One recorded run with static members was cut short; it does not count from there on.
"""

from functools import cache
from statistics import median
from typing import Any

import pytest

from tests.actors.recorded_groups import RecordedGroup, recorded

ASSIGNORS = {"range": "range", "roundrobin": "roundrobin", "coop": "cooperative-sticky", "srange": "range"}
SLACK_MS = 150.0
HEARTBEAT_MS = 3000.0
RECORDED = {family: recorded(f"group_{family}") for family in ASSIGNORS}
ALL = [
    pytest.param(family, number, id=f"{family}-{step['event']}-{step['member']}")
    for family, record in RECORDED.items()
    for number, step in enumerate(record["steps"])
]


@cache
def flown(family: str) -> list[list[dict[str, Any]]]:
    """The figures of each step, in each run with the windows of a recorded one."""
    record, runs = RECORDED[family], []
    config = {"partition_assignment_strategy": ASSIGNORS[family], "session_timeout_ms": 10_000}
    for seed, run in enumerate(record["runs"], start=1):
        group = RecordedGroup(seed, config, static=family == "srange")
        windows = zip(record["steps"], run["windows_ms"], strict=True)
        runs.append([group.step(step["event"], step["member"], window_ms) for step, window_ms in windows])
    return runs


def figures(family: str, number: int, key: str) -> tuple[list[Any], list[Any]]:
    """One figure of one step: of all flights, and of all recorded runs that went to their end."""
    values = RECORDED[family]["steps"][number][key]
    whole = values[:3] if family == "srange" and number >= 4 else values
    return [run[number][key] for run in flown(family)], [value for value in whole if value is not None]


@pytest.mark.parametrize(("family", "number"), ALL)
def test_shares_and_what_changes_hands_are_those_recorded(family: str, number: int) -> None:
    for key in ("revoked_callbacks", "lost_callbacks", "moved_between_survivors"):
        simulated, found = figures(family, number, f"partitions_in_{key}" if "call" in key else f"partitions_{key}")
        chance = 2 if (family, number, key) == ("coop", 7, "moved_between_survivors") else 0
        assert min(found) <= min(simulated) <= max(simulated) <= max(found) + chance, key
    simulated, found = figures(family, number, "counts_after")
    assert all(shares in found for shares in simulated)


@pytest.mark.parametrize(("family", "number"), ALL)
def test_times_lie_in_the_recorded_range(family: str, number: int) -> None:
    """Counted from the event, but a join from when the coordinator heard of it: a process took a while to start."""
    step = RECORDED[family]["steps"][number]
    for key in ("time_to_last_ownership_change", "ownerless_ms_max"):
        simulated, found = figures(family, number, key)
        if step["event"] == "join" and key.startswith("time"):
            found = [time_ms - heard for time_ms, heard in zip(found, step["coordinator_hears_of_it"], strict=False)]
        late_ms = HEARTBEAT_MS if (family, number) == ("coop", 6) else SLACK_MS
        if found:
            assert min(found) - SLACK_MS <= median(simulated) <= max(found) + late_ms, key


@pytest.mark.parametrize(("family", "longest_s"), [("range", 0.01), ("roundrobin", 0.01), ("coop", 3.01)])
def test_a_moved_partition_waits_for_a_heartbeat_only_where_members_keep_the_others(
    family: str, longest_s: float
) -> None:
    """Eager: nobody owns anything for milliseconds. Cooperative: who has moved has no owner for a heartbeat of 3 s."""
    for number in (1, 2, 3, 6):
        assert RECORDED[family]["steps"][number]["event"] == "join"
        times_ms, _ = figures(family, number, "ownerless_ms_max")
        assert all(longest_s - 0.015 < time_ms / 1000 < longest_s for time_ms in times_ms)


def test_a_static_member_that_is_back_within_its_session_changes_nothing_for_others() -> None:
    """Killed and restarted 4 s later, or closed and restarted after 3 s; a dynamic one costs a rebalance of all."""
    for number in (6, 8):
        assert RECORDED["srange"]["steps"][number]["event"] == "join"
        simulated, found = figures("srange", number, "partitions_in_revoked_callbacks")
        assert set(simulated) == set(found) == {0}
        times_ms, _ = figures("srange", number, "time_to_last_ownership_change")
        assert max(times_ms) < 10
    simulated, found = figures("range", 6, "partitions_in_revoked_callbacks")
    assert set(simulated) == set(found) == {18}
