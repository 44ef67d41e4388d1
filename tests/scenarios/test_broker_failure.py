"""broker-failure: fencing, election and ISR at their times, a silence as long as the fencing, and nothing lost."""

import pytest

from scenarios.basics.broker_failure import longest_gap, most_waiting, scenario
from sim.rules.facts.journal import BrokerFenced, BrokerStopped, BrokerUnfenced, IsrChanged, LeaderElected
from sim.run import Run
from tests.scenarios.flights import facts, has_trace_of_its_seed, moment
from tests.scenarios.golden_files import golden, kept

KILLED_S, BACK_S = 20.0, 50.0
PARTITIONS = [f"orders-{number}" for number in range(3)]
SHORT = {"arrivals": "poisson:30", "crash_at": "5s", "duration": "20s"}


@pytest.fixture(scope="module")
def run() -> Run:
    return scenario.run(seed=0)


@pytest.fixture(scope="module")
def dead(run: Run) -> int:
    ((time, stopped),) = facts(run, BrokerStopped)
    assert time == KILLED_S
    return stopped.broker_id


def isr_changes(run: Run, partition: str) -> list[tuple[float, tuple[int, ...]]]:
    return [(time, fact.isr) for time, fact in facts(run, IsrChanged) if str(fact.partition) == partition]


def test_summary_is_the_kept_one(run: Run) -> None:
    assert golden(run) == kept(run)


def test_nothing_is_lost_or_doubled(run: Run) -> None:
    assert run.verdict.ok
    assert run.results["given_up"] == 0
    assert run.results["orders"] == run.verdict.acknowledged == run.verdict.delivered["packing"]


def test_the_broker_is_fenced_when_its_session_is_over(run: Run) -> None:
    assert 7.0 <= moment(run, BrokerFenced) - KILLED_S <= 10.2


def test_only_partition_0_gets_another_leader_and_keeps_it(run: Run, dead: int) -> None:
    elected = [(time, fact) for time, fact in facts(run, LeaderElected) if fact.partition.topic == "orders"]
    ((time, fact),) = elected
    assert str(fact.partition) == "orders-0"
    assert time == moment(run, BrokerFenced)
    assert fact.leader not in (dead, -1)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_isr_shrinks_at_the_fence_and_is_full_again_after_the_return(run: Run, dead: int, partition: str) -> None:
    (shrunk_at, shrunk), (full_at, full) = isr_changes(run, partition)
    assert shrunk_at == moment(run, BrokerFenced)
    assert sorted((*shrunk, dead)) == [1, 2, 3] == sorted(full)
    assert BACK_S < moment(run, BrokerUnfenced) < full_at < BACK_S + 13


@pytest.mark.parametrize("partition", PARTITIONS)
def test_all_partitions_are_silent_until_the_fence(run: Run, partition: str) -> None:
    fence_after = moment(run, BrokerFenced) - KILLED_S
    for what in ("longest_acknowledgement_gap_s", "longest_delivery_gap_s"):
        assert fence_after - 0.1 < run.results[what][partition] < fence_after + 1.0


def test_silence_begins_with_the_crash_and_orders_pile_up(run: Run) -> None:
    assert run.results["silence_from_s"] == pytest.approx(KILLED_S, abs=0.2)
    expected = 60 * run.results["longest_silence_s"]
    assert run.results["most_orders_waiting"] == pytest.approx(expected, abs=4 * expected**0.5 + 5)


def test_with_acks_1_only_partition_0_is_silent() -> None:
    gaps = scenario.run(set={**SHORT, "acks": "1"}).results["longest_acknowledgement_gap_s"]
    assert gaps["orders-0"] > 7
    assert max(gaps["orders-1"], gaps["orders-2"]) < 2


def test_with_three_in_sync_replicas_required_orders_wait_for_the_return() -> None:
    strict = scenario.run(set={**SHORT, "back_after": "12s", "min.insync.replicas": 3})
    assert strict.verdict.ok
    assert strict.results["longest_silence_s"] > 12


def test_calm_flight_has_no_silence() -> None:
    calm = scenario.run(set=SHORT, faults=False)
    assert calm.verdict.ok
    assert calm.results["longest_silence_s"] < 1
    assert facts(calm, BrokerStopped) == []


def test_cut_short_before_anything_is_acknowledged() -> None:
    cut = scenario.run(until="1ms")
    assert cut.results["longest_silence_s"] == 0
    assert cut.results["sentences"] == []


def test_same_seed_same_trace_and_other_seed_another() -> None:
    assert has_trace_of_its_seed(scenario)


def test_longest_gap() -> None:
    assert longest_gap([0, 3, 10, 12, 19]) == (7, 12)
    assert longest_gap([5]) == longest_gap([]) == (0, 0)


def test_most_waiting() -> None:
    assert most_waiting([1, 2, 3, 9], [2, 4, 5, 10]) == (2, 3)
    assert most_waiting([], []) == (0, 0)
