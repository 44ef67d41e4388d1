"""Forks and comparisons of small flights."""

import pytest

from sim.forks import compare
from sim.forks.forking import before
from sim.machine.clock import SECOND
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import AppStarted
from sim.rules.facts.topic import TopicConfigChanged
from sim.world.faults import AppCrash
from tests.explain.test_causes import CRASH, fly


def test_a_fork_is_the_same_flight_until_its_time_and_another_one_afterwards() -> None:
    run = fly(CRASH, consumer="")
    other = run.fork("4s", {"consumer.session.timeout.ms": 6000})
    assert before(run, 4 * SECOND) == before(other, 4 * SECOND)
    assert len(before(run, 4 * SECOND)) > 20
    restarted = [fact.app for time, fact in other.facts if isinstance(fact, AppStarted) and time == 4 * SECOND]
    assert restarted == ["audit-1", "audit-2", f"admin-of-audit-{4 * SECOND}ns"]
    found = compare(run, other)
    assert found.equal_arrivals
    assert found.arrivals[0] > 500
    rows = {row.name: row for row in found.rows}
    lag = rows["worst lag in time of audit"]
    assert lag.other < lag.one - 5
    assert "instead of" in found.finding()


def test_a_fork_changes_topics_and_adds_faults() -> None:
    run = fly(seconds=8)
    changed = run.fork("4s", {"topic.retention.ms": 60_000})
    assert [fact.value for _, fact in changed.facts if isinstance(fact, TopicConfigChanged)] == ["60000"]
    crashed = run.fork("4s", faults=(AppCrash(app="audit-1", at="5s"),))
    assert crashed.explain("rebalance", rerun=False).cause == "member-crashed"
    assert run.explain("rebalance", rerun=False).cause == "none"


def test_a_fork_that_differs_before_its_time_is_refused() -> None:
    run = fly(seconds=6)
    with pytest.raises(ConfigError, match="the fork does not equal the run before 4 s"):
        run.fork("4s", faults=(AppCrash(app="audit-1", at="2s"),))


def test_other_load_is_told() -> None:
    found = compare(fly(seconds=6, rate=40), fly(seconds=6, rate=50))
    assert not found.equal_arrivals
    assert "NOT equal arrivals: 240 and 300 records" in found.finding()


@pytest.mark.parametrize(
    ("at", "given", "line"),
    [
        ("900s", {"acks": "1"}, "--at 900s: the run lasts from 0 s to"),
        ("soon", {"acks": "1"}, "--at: 'soon' is not a duration"),
        ("2s", {"broker.session.timeout.ms": 3000}, "broker.session.timeout.ms is the brokers' and holds from"),
        ("2s", {"ackz": "1"}, "unknown setting 'ackz', did you mean"),
        ("2s", {}, "a fork needs something that changes"),
    ],
)
def test_what_cannot_be_forked(at: str, given: dict[str, object], line: str) -> None:
    run = fly(seconds=4, reader=False)
    with pytest.raises(ConfigError) as error:
        run.fork(at, given)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)
