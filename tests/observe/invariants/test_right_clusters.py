"""Right rules violate nothing, whatever breaks; and looking changes nothing."""

import json

import pytest

from scenarios import find
from sim.world.faults import (
    AppCrash,
    AppHang,
    BrokerCrash,
    BrokerHang,
    BrokerShutdown,
    ConfigChange,
    NetworkPartition,
    PowerFailure,
)
from sim.world.plan import AppSpec
from tests.actors.flights import Sink, Source
from tests.observe.invariants.flown import fly, plan

SCENARIOS = {
    "hello-topic": {"until": "20s"},
    "broker-failure": {"until": "50s"},
    "rebalance": {"until": "30s"},
    "delivery-semantics": {"until": "12s"},
    "payment-fraud": {"until": "10s", "faults": False},
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_show_no_violation(name: str) -> None:
    run = find(name).run(check_invariants=True, **SCENARIOS[name])
    assert run.invariants is not None
    assert run.invariants.violations == ()
    assert run.invariants.checked_events > 1000


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_everything_at_once_violates_nothing(seed: int, protocol: str) -> None:
    faults = (
        BrokerCrash(broker=1, at="3s", lasts="12s"),
        BrokerHang(broker=2, at="18s", lasts="11s"),
        NetworkPartition(side=("broker-3",), at="30s", lasts="12s"),
        AppHang(app="sink-1", at="5s", lasts="15s"),
        AppCrash(app="sink-2", at="25s", lasts="6s"),
        BrokerShutdown(broker=1, at="46s", lasts="5s"),
    )
    apps = [
        AppSpec("source", Source(20, 50, acks="1")),
        *(AppSpec(f"sink-{n}", Sink(group_protocol=protocol)) for n in (1, 2)),
    ]
    assert fly(plan(*faults, apps=apps), 55, seed).violations == ()


def test_an_unclean_election_is_on_record_and_starts_over() -> None:
    """Broker 1 alone is in sync when it dies; another one is elected, and lacks what was committed."""
    faults = (
        NetworkPartition(side=("broker-2", "broker-3"), other=("broker-1",), at="3s", lasts="40s"),
        BrokerCrash(broker=1, at="40s", lasts="60s"),
    )
    apps = [AppSpec("source", Source(20, 60, acks="1"))]
    lossy = {"min.insync.replicas": 1, "unclean.leader.election.enable": True}
    invariants = fly(plan(*faults, apps=apps, topic_config=lossy), 58)
    assert invariants.violations == ()


def test_looking_changes_nothing() -> None:
    seen, unseen = (find("broker-failure").run(seed=4, until="30s", check_invariants=asked) for asked in (True, False))
    assert seen.journal.sha256() == unseen.journal.sha256()
    assert seen.metrics.samples == unseen.metrics.samples
    assert "invariants" not in unseen.summary()
    told = json.loads(json.dumps(seen.summary()))["invariants"]
    assert told == {"checked_events": seen.invariants.checked_events, "violations": []}
    assert f"Invariants: none was violated in {told['checked_events']:,} events." in seen.sentences()


def test_configuration_that_changes_in_flight_violates_nothing() -> None:
    faults = (
        ConfigChange(topic="payments", key="segment.ms", value="1000", at="3s"),
        ConfigChange(topic="payments", key="retention.ms", value="2000", at="5s"),
    )
    invariants = fly(plan(*faults, broker_config={"log.retention.check.interval.ms": 1000}), 15)
    assert invariants.violations == ()


@pytest.mark.parametrize("brokers", [(), (1, 2), (1,)])
def test_what_is_lost_with_the_power_is_on_record(brokers: tuple[int, ...]) -> None:
    faults = PowerFailure(brokers=brokers, at="8s", lasts="3s"), BrokerCrash(broker=3, at="25s", lasts="4s")
    assert fly(plan(*faults), 40).violations == ()
