"""Brokers that are asked to stop, and hand over first."""

import pytest

from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import (
    BrokerFenced,
    BrokerRegistered,
    BrokerStopped,
    BrokerUnfenced,
    IsrChanged,
    LeaderElected,
)
from sim.rules.facts.replication import BrokerShuttingDown
from sim.rules.protocol.controller import AlterPartitionRequest, BrokerHeartbeatRequest
from sim.rules.replication.alter_partition import ProposedIsr
from sim.world.cluster import CONTROLLER_ID
from tests.actors.flights import P, Probe, Sink, Source, Story


def test_leader_hands_over_at_once_and_goes_two_seconds_later() -> None:
    """The orders of events and the times are those of a real cluster: 10 to 56 ms and 2096 to 2203 ms."""
    source, sink = Source(10, 14, acks="all"), Sink()
    story = Story(1, {"source": source, "sink": sink})
    leader = story.first_leader
    story.at(5.3, story.broker(leader).shut_down)
    story.fly(12)
    (elected,) = story.when(LeaderElected, partition=P)
    (left,) = story.when(IsrChanged, partition=P)
    (fenced,) = story.when(BrokerFenced, broker_id=leader)
    (stopped,) = story.when(BrokerStopped, broker_id=leader)
    assert elected == left == story.when(BrokerShuttingDown, broker_id=leader)[0]
    assert 5.3 < left < 5.36
    assert left < fenced < stopped
    assert 2.0 < fenced - 5.3 < 2.25
    assert story.isr() == set(story.followers)
    assert source.failed == 0
    story.fly(17)
    assert sink.numbers == list(range(len(source.deliveries)))
    assert max((length for _, length in source.gaps()), default=0.0) < 1.2


def test_follower_that_leads_nothing_may_go_at_once() -> None:
    story = Story(2, broker_config={"offsets.topic.num.partitions": 1, "offsets.topic.replication.factor": 1})
    image = story.cluster.controller.image
    follower = next(broker for broker in story.followers if all(p.leader != broker for p in image.partitions.values()))
    story.at(5.3, story.broker(follower).shut_down)
    story.fly(6)
    (fenced,) = story.when(BrokerFenced, broker_id=follower)
    (stopped,) = story.when(BrokerStopped, broker_id=follower)
    assert 5.3 < fenced <= stopped < 5.4
    assert story.isr() == set(story.cluster.brokers) - {follower}


def test_broker_that_shuts_down_neither_leads_nor_joins_nor_follows_where_it_is_out() -> None:
    source = Source(20, 30, acks="all")
    story = Story(3, {"source": source})
    probe, leaving = Probe(story), story.first_leader
    story.at(5.3, story.broker(leaving).shut_down)
    story.fly(5.6)
    image = story.cluster.controller.image
    assert image.brokers[leaving].in_controlled_shutdown
    assert not image.brokers[leaving].fenced
    registration = image.partitions[P]
    everybody = (*registration.isr, leaving)
    proposal = ProposedIsr(registration.leader_epoch, registration.partition_epoch, everybody, (-1, -1, -1))
    request = AlterPartitionRequest(registration.leader, 0, {P: proposal})
    (answer,) = probe.ask(CONTROLLER_ID, request, wait_s=0.2)
    assert answer.partitions[P].error is ErrorCode.INELIGIBLE_REPLICA  # type: ignore[attr-defined]
    story.fly(7)
    assert story.isr() == set(story.followers)
    assert len(story.numbers(leaving)) < len(story.numbers(registration.leader))


def test_broker_that_went_cleanly_stays_eligible_and_comes_back_when_its_session_is_over() -> None:
    """It is refused until 9 s after its last heartbeat."""
    story = Story(4, topic_config={"min.insync.replicas": 3})
    leaving = story.first_leader
    story.at(5.3, story.broker(leaving).shut_down)
    story.at(9.3, story.broker(leaving).start)
    story.fly(9)
    assert story.cluster.controller.image.partitions[P].elr == (leaving,)
    story.fly(30)
    (registered,) = story.when(BrokerRegistered, broker_id=leaving)
    assert 16 < registered < 19
    assert story.isr() == {1, 2, 3}
    changes = [fact for fact in story.these(IsrChanged) if fact.partition == P]
    assert [fact.elr for fact in changes] == [(leaving,), ()]


def test_broker_that_crashed_is_not_eligible_when_it_registers() -> None:
    story = Story(4, topic_config={"min.insync.replicas": 3})
    dead = story.first_leader
    story.at(5.3, story.broker(dead).stop)
    story.at(18.3, story.broker(dead).start)
    story.fly(30)
    changes = [fact for fact in story.these(IsrChanged) if fact.partition == P]
    assert [fact.elr for fact in changes] == [(dead,), (), ()]
    assert story.isr() == {1, 2, 3}


def test_two_brokers_that_shut_down_together_do_not_wait_for_each_other() -> None:
    story = Story(5, topic_config={"min.insync.replicas": 1})
    for broker_id in (1, 2):
        story.at(5.3, story.broker(broker_id).shut_down)
    story.fly(9)
    assert len(story.when(BrokerStopped)) == 2
    assert story.isr() == {3}
    assert story.cluster.controller.image.leader(P) == 3


def test_broker_that_nobody_lets_go_goes_after_five_minutes() -> None:
    story = Story(6)
    story.at(5.0, story.cluster.controller.stop)
    story.at(5.3, story.broker(1).shut_down)
    story.fly(306)
    assert story.when(BrokerStopped, broker_id=1) == [pytest.approx(305.3)]


def test_broker_that_is_dead_or_hangs_takes_no_notice() -> None:
    """The dead one does not pass for clean either; the other shuts down when it goes on."""
    story = Story(9, topic_config={"min.insync.replicas": 3})
    dead, hung = story.first_leader, story.followers[0]
    story.broker(dead).stop()
    story.broker(dead).shut_down()
    story.fly(12)
    assert story.cluster.controller.image.partitions[P].elr == (dead,)
    story.broker(hung).pause()
    story.broker(hung).shut_down()
    story.broker(dead).start()
    story.fly(17.5)
    changes = [fact.elr for fact in story.these(IsrChanged) if fact.partition == P]
    assert changes[:2] == [(dead,), ()]
    assert story.when(BrokerStopped, broker_id=hung) == []
    story.broker(hung).resume()
    story.fly(21)
    assert len(story.when(BrokerStopped, broker_id=hung)) == 1


def test_without_controlled_shutdown_a_broker_just_goes() -> None:
    story = Story(7, broker_config={"controlled.shutdown.enable": False})
    story.at(5.3, story.broker(story.first_leader).shut_down)
    story.fly(16)
    assert story.when(BrokerStopped) == [5.3]
    (fenced,) = story.when(BrokerFenced)
    assert 12 < fenced < 15.5


def test_controller_lets_a_fenced_broker_go_and_forgets_shutdowns_when_it_restarts() -> None:
    story = Story(8)
    probe, controller = Probe(story), story.cluster.controller
    story.broker(2).pause()
    story.fly(4)
    wish = BrokerHeartbeatRequest(2, 0, 0, wants_shut_down=True)
    (answer,) = probe.ask(CONTROLLER_ID, wish, wait_s=0.2)
    assert not answer.should_shut_down  # type: ignore[attr-defined]
    controller.stop()
    controller.start()
    probe = Probe(story, "probe-2")
    (answer,) = probe.ask(CONTROLLER_ID, wish, wait_s=0.2)
    assert answer.should_shut_down  # type: ignore[attr-defined]
    assert story.when(BrokerFenced, broker_id=2) != []
    (answer,) = probe.ask(CONTROLLER_ID, wish, wait_s=0.2)
    assert answer.should_shut_down  # type: ignore[attr-defined]
    assert story.when(BrokerUnfenced) == []
