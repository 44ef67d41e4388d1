"""What people ask of a cluster that breaks: who waits and how long, and what exactly is lost. Each with its numbers."""

from collections.abc import Generator, Mapping
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.observe.verdict import Verdict
from sim.observe.witness import Witness
from sim.rules.facts.journal import BrokerFenced, IsrChanged, LeaderElected, LogTruncated, RecordsAcknowledged
from sim.rules.topics import TopicPartition
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash, BrokerHang, BrokerShutdown, Fault, NetworkPartition, RollingRestart
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

ORDERS = TopicPartition("orders", 0)
FENCED_S = (7.0, 10.2)
"""Session of 9 s, a heartbeat every 2 s, a look at the sessions every 1.125 s."""


class Trial:
    """A producer sends a record every 10 ms to one partition for so many seconds; what becomes of it, in seconds."""

    def __init__(
        self,
        *faults: Fault,
        seconds: float = 40,
        replicas: int = 3,
        topic_config: Mapping[str, object] | None = None,
        brokers: int = 3,
        **producer_config: object,
    ) -> None:
        self.acknowledged: list[float] = []
        self.errors: list[str] = []
        self.facts: list[tuple[float, Any]] = []
        self._producer_config, self._until = {"acks": "all", **producer_config}, seconds
        config = {"min.insync.replicas": min(2, replicas), **(topic_config or {})}
        self.plan = Plan(
            duration=round(seconds * SECOND),
            cluster=ClusterSpec(brokers, 1, {"offsets.topic.num.partitions": 1}),
            topics=(Topic("orders", 1, replicas, config),),
            apps=(AppSpec("shop", self._shop, finite=True),),
            faults=faults,
            drain=60 * SECOND,
        )
        self.flight = Flight(self.plan, seed=5)
        witness = Witness(self.flight)
        for kind in (BrokerFenced, LeaderElected, IsrChanged, LogTruncated, RecordsAcknowledged):
            self.flight.machine.facts.listen(kind, lambda time, fact: self.facts.append((time / SECOND, fact)))
        for _ in self.flight.fly(round((seconds + 20) * SECOND)):
            pass
        self.verdict: Verdict = witness.verdict()

    def _shop(self, app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**self._producer_config)
        while app.now < self._until * SECOND:
            yield from producer.send("orders", b"order", on_delivery=lambda delivery: self._told(app, delivery))
            yield app.busy(ms=10)
        yield from producer.close()

    def _told(self, app: App, delivery: Any) -> None:
        if delivery.batch.error is None:
            self.acknowledged.append(app.now / SECOND)
        else:
            self.errors.append(str(delivery.batch.error))

    def all(self, kind: type) -> list[tuple[float, Any]]:
        """Facts of one kind about the partition, or a broker, with their times."""
        about = [(time, fact) for time, fact in self.facts if isinstance(fact, kind)]
        return [(time, fact) for time, fact in about if getattr(fact, "partition", ORDERS) == ORDERS]

    @property
    def gap(self) -> tuple[float, float]:
        """The longest time without an acknowledgement: its beginning and its length."""
        return max(((one, other - one) for one, other in pairwise(self.acknowledged)), key=lambda gap: gap[1])


def roles(brokers: int = 3, replicas: int = 3) -> tuple[int, list[int]]:
    """Who leads at the start, for this seed, and who follows."""
    trial = Trial(seconds=0.1, brokers=brokers, replicas=replicas)
    leader, *followers = trial.flight.cluster.controller.image.partitions[ORDERS].replicas
    return leader, followers


LEADER, (FOLLOWER, OTHER) = roles()


FETCH_BACKOFF_S = 1.0  # of a follower that has asked its new leader before that one knew of its election


def test_a_crashed_leader_stops_its_partition_until_it_is_fenced_and_replaced() -> None:
    trial = Trial(BrokerCrash(broker=LEADER, at="10s", lasts="20s"))
    ((fenced, _),) = trial.all(BrokerFenced)
    elected = [time for time, fact in trial.all(LeaderElected) if time > 1 and fact.leader != LEADER]
    assert FENCED_S[0] < fenced - 10 < FENCED_S[1]
    assert elected[0] == fenced
    assert fenced - 10 - 0.25 < trial.gap[1] < fenced - 10 + 0.25 + FETCH_BACKOFF_S
    assert trial.errors == []
    assert trial.verdict.ok


def test_a_crashed_follower_stops_acks_all_just_as_long_though_nobody_is_elected() -> None:
    trial = Trial(BrokerCrash(broker=FOLLOWER, at="10s", lasts="20s"))
    ((fenced, _),) = trial.all(BrokerFenced)
    assert FENCED_S[0] < fenced - 10 < FENCED_S[1]
    assert trial.gap[1] == pytest.approx(fenced - 10, abs=0.15)
    assert [time for time, _ in trial.all(LeaderElected) if time > 1] == []
    assert trial.verdict.ok


def test_a_crashed_follower_is_nothing_to_acks_1() -> None:
    trial = Trial(BrokerCrash(broker=FOLLOWER, at="10s", lasts="20s"), acks="1")
    assert trial.gap[1] < 0.1
    assert trial.verdict.ok


def test_a_hung_leader_keeps_the_producer_behind_its_request_in_flight_though_another_leads() -> None:
    """The socket is open, so that only request.timeout.ms or the leader's return frees the producer."""
    hang = BrokerHang(broker=LEADER, at="10s", lasts="20s")
    stuck, freed = Trial(hang, seconds=45), Trial(hang, seconds=45, request_timeout_ms=12_000)
    ((fenced, _), *_) = stuck.all(BrokerFenced)
    assert fenced - 10 < FENCED_S[1]
    assert stuck.gap[1] == pytest.approx(20, abs=0.4)
    assert freed.gap[1] == pytest.approx(12, abs=0.4)
    assert stuck.verdict.ok
    assert freed.verdict.ok


def test_a_controlled_shutdown_of_the_leader_is_almost_free() -> None:
    trial = Trial(BrokerShutdown(broker=LEADER, at="10s", lasts="15s"))
    crashed = Trial(BrokerCrash(broker=LEADER, at="10s", lasts="15s"))
    assert trial.gap[1] < 0.5
    assert crashed.gap[1] > 14 * trial.gap[1]
    assert trial.errors == []
    assert trial.verdict.ok


def test_an_isolated_leader_takes_acks_1_and_loses_all_of_it_by_truncation() -> None:
    """Clients reach it, controller and followers do not: what it acknowledges in 15 s is cut when it returns."""
    cut = NetworkPartition(side=(f"broker-{LEADER}",), other=("brokers", "controllers"), at="10s", lasts="15s")
    trial = Trial(cut, acks="1", linger_ms=0)
    lost = len(trial.verdict.lost)
    assert lost == pytest.approx(15 * 100, rel=0.15)
    ((_, truncation),) = trial.all(LogTruncated)
    assert truncation.broker_id == LEADER
    assert truncation.from_offset - truncation.to_offset == lost
    assert all("truncated" in fate.cause for fate in trial.verdict.lost)


def test_an_isolated_leader_acknowledges_no_acks_all_and_loses_none() -> None:
    cut = NetworkPartition(side=(f"broker-{LEADER}",), other=("brokers", "controllers"), at="10s", lasts="15s")
    trial = Trial(cut)
    assert trial.gap[1] > 15
    assert trial.verdict.ok


def test_an_unclean_election_loses_exactly_what_the_new_leader_had_not() -> None:
    """The follower is dead for the last seconds of the leader; then it comes back alone and leads."""
    leader, (follower,) = roles(brokers=2, replicas=2)
    faults = (BrokerCrash(broker=follower, at="5s", lasts="25s"), BrokerCrash(broker=leader, at="20s", lasts="30s"))
    config = {"min.insync.replicas": 1, "unclean.leader.election.enable": "true"}
    trial = Trial(*faults, seconds=60, replicas=2, brokers=2, topic_config=config)
    clean = Trial(*faults, seconds=60, replicas=2, brokers=2, topic_config={"min.insync.replicas": 1})
    (_, elected) = next((time, fact) for time, fact in trial.all(LeaderElected) if fact.recovering)
    ((_, truncation),) = trial.all(LogTruncated)
    behind = [
        fact.columns.count
        for time, fact in trial.all(RecordsAcknowledged)
        if fact.base_offset >= truncation.to_offset and time < 20
    ]
    assert (elected.leader, truncation.broker_id) == (follower, leader)
    assert len(trial.verdict.lost) == sum(behind) > 600
    assert clean.verdict.lost == []


def test_with_two_of_three_down_min_insync_2_stops_writing_without_an_error_and_loses_nothing() -> None:
    faults = tuple(BrokerCrash(broker=broker, at="10s", lasts="25s") for broker in (FOLLOWER, OTHER))
    trial, single = Trial(*faults, seconds=60), Trial(*faults, seconds=60, topic_config={"min.insync.replicas": 1})
    assert trial.gap[1] > 25
    assert single.gap[1] == pytest.approx(single.all(BrokerFenced)[-1][0] - 10, abs=0.3)
    assert trial.errors == single.errors == []
    assert trial.verdict.ok


@pytest.mark.parametrize("acks", ["all", "1"])
def test_a_rolling_restart_of_a_well_configured_cluster_has_no_error(acks: str) -> None:
    trial = Trial(RollingRestart(at="5s"), seconds=60, acks=acks)
    assert trial.errors == []
    assert trial.gap[1] < 1.5
    assert acks == "1" or trial.verdict.ok


def test_a_rolling_restart_with_one_replica_stops_that_partition_while_its_broker_is_away() -> None:
    trial = Trial(RollingRestart(at="5s"), seconds=60, replicas=1)
    assert trial.gap[1] > 4
