"""Burrow's own answers (core/internal/evaluator/caching_test.go) against the rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.alerts.burrow import Commit, PartitionHistory, Status, group_status, partition_status

CASES = json.loads(Path(__file__).with_name("burrow.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_partition_has_burrows_status(case: dict[str, Any]) -> None:
    commits = [Commit(*commit) for commit in case["commits"]]
    given = (case["broker_offsets"], case["current_lag"], case["now_s"] * 1000, case["allowed_lag"])
    assert partition_status(commits, *given).name.startswith(case["status"])


def test_a_lag_is_that_of_the_last_answer_and_never_negative() -> None:
    history = PartitionHistory()
    history.committed(0, 5)
    assert not history.commits
    history.log_ends_at(10)
    history.committed(1000, 4)
    history.committed(2000, 12)
    assert [commit.lag for commit in history.commits] == [6, 0]
    assert history.current_lag() == 0


def test_frequent_commits_are_merged_and_old_ones_forgotten() -> None:
    history = PartitionHistory(intervals=2, min_distance_ms=1000)
    history.log_ends_at(100)
    for time_ms, offset in ((0, 1), (500, 2), (1000, 3), (2500, 4)):
        history.committed(time_ms, offset)
    assert [(commit.time_ms, commit.offset) for commit in history.commits] == [(1000, 3), (2500, 4)]


def test_a_partition_without_enough_commits_is_well() -> None:
    history = PartitionHistory()
    assert history.status(10_000) is Status.OK
    history.log_ends_at(100)
    history.committed(0, 1)
    assert history.status(10_000) is Status.STOP
    assert history.status(10_000, minimum_complete=0.2) is Status.OK


def test_a_group_is_as_its_worst_partition_and_never_worse_than_error() -> None:
    assert group_status([]) is Status.OK
    assert group_status([Status.OK, Status.WARNING]) is Status.WARNING
    assert group_status([Status.OK, Status.REWIND]) is Status.ERROR
