"""Alert rules on small histories, and on a run of the library."""

import pytest

import scenarios
from sim.alerts import RULES, judge, rule_of
from sim.alerts.judging import periods
from sim.alerts.rules import LagHistory
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition

NAME = TopicPartition("orders", 0)


def history(ends: list[tuple[float, int]], commits: list[tuple[float, int]], until_s: float = 60) -> LagHistory:
    return LagHistory({NAME: ends}, {NAME: commits}, until_s)


STUCK = history([(float(second), 10 * second) for second in range(150)], [(5.0, 50)], 150)
"""Ten records a second arrive, and after one commit nobody commits any more.

Burrow waits until all ends of the log that it remembers, ten of them, lie above the commit.
"""


@pytest.mark.parametrize(
    ("text", "first_s"),
    [("records=200", 30), ("seconds=10", 20), ("rising=2", 30), ("burrow", 100), ("burrow-warning", 100)],
)
def test_a_group_that_has_stopped_is_found_by_all(text: str, first_s: float) -> None:
    firing = rule_of(text).firing(STUCK)
    assert next(time_s for time_s, fires in firing if fires) == first_s
    assert firing[-1][1]


def test_a_group_that_keeps_up_is_left_in_peace() -> None:
    log = [(float(second), 10 * second) for second in range(61)]
    assert [str(rule) for rule in RULES.values() if any(fires for _, fires in rule.firing(history(log, log)))] == []


def test_periods_go_from_the_first_to_the_last_look_at_which_it_is_so() -> None:
    assert periods([(1, False), (2, True), (3, True), (4, False), (5, True)]) == ((2, 3), (5, 5))


def test_a_dead_member_of_a_group_is_late_and_told_of() -> None:
    run = scenarios.find("rebalance").run(seed=0, set={"arrivals": "poisson:15"}, recorded=True)
    judged = {str(each.rule): each for each in judge(run, [rule_of("seconds=10@5s"), rule_of("burrow")], "sorters", 15)}
    found, blind = judged["seconds=10"], judged["burrow"]
    assert found.late == blind.late
    assert len(found.late) == 1
    (began_s, ended_s) = found.late[0]
    assert [delay for delay in found.delays_s if delay is None or delay > 10] == []
    assert 30 < ended_s - began_s < 45
    assert (found.false_alarms, blind.delays_s) == ((), (None,))
    assert found.as_json()["missed"] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("record=5", "did you mean 'records'"),
        ("records=many", "a limit is a number"),
        ("records=-1", "cannot be less than nothing"),
        ("seconds=3@0s", "looks need some time"),
    ],
)
def test_a_wrong_rule_is_one_line(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        rule_of(text)


def test_a_group_that_is_not_there_is_one_line() -> None:
    run = scenarios.find("hello-topic").run(seed=0, set={"duration": "1s"})
    with pytest.raises(ConfigError, match="there are"):
        judge(run, [rule_of("burrow")], "nobody", 10)
