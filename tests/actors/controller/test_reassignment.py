"""Partitions that move to other brokers while they are in use."""

from random import Random
from typing import Any

import pytest

from sim.rules.controller.reassignment import Assignment
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import IsrChanged, LeaderElected, LogTruncated
from sim.rules.facts.replication import ReplicaDeleted, ReplicasChanged
from sim.rules.protocol.controller import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
)
from sim.rules.protocol.messages import Message
from sim.rules.topics import TopicPartition
from sim.world.cluster import CONTROLLER_ID
from tests.actors.flights import P, Probe, Sink, Source, Story


def ask(probe: Probe, body: Message) -> Any:
    (answer,) = probe.ask(CONTROLLER_ID, body, wait_s=0.2)
    return answer


def move(probe: Probe, *target: int, **options: bool) -> ErrorCode:
    error: ErrorCode = ask(probe, AlterPartitionReassignmentsRequest({P: target}, **options)).partitions[P]
    return error


def cancel(probe: Probe) -> ErrorCode:
    error: ErrorCode = ask(probe, AlterPartitionReassignmentsRequest({P: None})).partitions[P]
    return error


def on_six(seed: int, source: Source, sink: Sink) -> tuple[Story, tuple[int, ...], tuple[int, ...]]:
    """Six brokers, three of which have the partition; the others in ascending order."""
    story = Story(seed, {"source": source, "sink": sink}, brokers=6, replication_factor=3)
    here = story.cluster.controller.image.partitions[P].replicas
    return story, here, tuple(broker for broker in story.cluster.brokers if broker not in here)


LONGEST_GAP_S = 1.2  # a follower may ask its new leader before that one knows, and waits replica.fetch.backoff.ms


def test_partition_moves_to_three_other_brokers_under_load_and_nothing_is_lost() -> None:
    source, sink = Source(4, 16, acks="all"), Sink()
    story, here, there = on_six(1, source, sink)
    probe = Probe(story)
    story.fly(5)
    assert move(probe, *there) is ErrorCode.NONE
    story.fly(20)
    after = story.cluster.controller.image.partitions[P]
    assert after.replicas == there
    assert set(after.isr) == set(there)
    assert after.leader == there[0]
    assert not after.assignment.is_reassigning
    assert ask(probe, ListPartitionReassignmentsRequest()).partitions == {}
    assert source.failed == 0
    assert sink.numbers == list(range(len(source.deliveries)))
    assert story.logs_agree([P])
    assert story.acknowledged_numbers_in_order(there[0], source)
    assert all(P not in story.broker(broker).storage for broker in here)
    assert all(P not in story.broker(broker).replicas.partitions for broker in here)
    assert all(length < LONGEST_GAP_S for _, length in source.gaps())
    elected = [fact.leader for fact in story.these(LeaderElected) if fact.partition == P]
    assert elected == [there[0]]
    assert story.these(ReplicasChanged) == [
        ReplicasChanged(P, (*there, *sorted(here)), there, tuple(sorted(here))),
        ReplicasChanged(P, there, (), ()),
    ]
    assert sorted(fact.broker_id for fact in story.these(ReplicaDeleted)) == sorted(here)
    cut = [r for fact in story.these(LogTruncated) if fact.partition == P for b in fact.removed for r in b.records()]
    assert len(cut) < 100, "only what the old leader took before it resigned, and never acknowledged"


def test_move_waits_for_a_broker_that_is_down_and_is_listed_meanwhile() -> None:
    source, sink = Source(30, 40, acks="all"), Sink()
    story, here, there = on_six(2, source, sink)
    probe = Probe(story)
    story.broker(there[0]).stop()
    story.fly(12)
    assert move(probe, *there) is ErrorCode.NONE
    story.fly(18)
    image = story.cluster.controller.image.partitions[P]
    assert image.leader == here[0]
    assert set(image.isr) == {*here, *there[1:]}
    assert ask(probe, ListPartitionReassignmentsRequest()).partitions == {
        P: Assignment((*there, *sorted(here)), there, tuple(sorted(here)))
    }
    assert ask(probe, ListPartitionReassignmentsRequest([TopicPartition("payments", 9)])).partitions == {}
    story.broker(there[0]).start()
    story.fly(45)
    image = story.cluster.controller.image.partitions[P]
    assert (image.replicas, set(image.isr)) == (there, set(there))
    assert source.failed == 0
    assert sink.numbers == list(range(len(source.deliveries)))
    assert story.logs_agree([P])


def test_cancelled_move_leaves_everything_as_it_was() -> None:
    source, sink = Source(30, 30, acks="all"), Sink()
    story, here, there = on_six(3, source, sink)
    probe = Probe(story)
    assert cancel(probe) is ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
    story.broker(there[2]).stop()
    story.fly(12)
    assert move(probe, *there) is ErrorCode.NONE
    story.fly(18)
    assert set(there[:2]) <= story.isr()
    assert cancel(probe) is ErrorCode.NONE
    story.fly(33)
    image = story.cluster.controller.image.partitions[P]
    assert (image.replicas, set(image.isr), image.leader) == (here, set(here), here[0])
    assert not image.assignment.is_reassigning
    assert all(P not in story.broker(broker).storage for broker in there)
    assert source.failed == 0
    assert sink.numbers == list(range(len(source.deliveries)))
    assert story.logs_agree([P])


def test_replica_added_to_an_idle_partition_and_taken_away_again() -> None:
    """The leader stays, in the same epoch when a replica comes, in a new one when one goes."""
    source, sink = Source(10, 3, acks="all"), Sink()
    story, here, there = on_six(4, source, sink)
    probe = Probe(story)
    story.fly(6)
    assert move(probe, *here, there[0], allow_replication_factor_change=False) is ErrorCode.INVALID_REPLICATION_FACTOR
    assert move(probe, *here, there[0]) is ErrorCode.NONE
    story.fly(9)
    image = story.cluster.controller.image.partitions[P]
    assert (image.replicas, image.leader, image.leader_epoch) == ((*here, there[0]), here[0], 0)
    assert set(image.isr) == {*here, there[0]}
    assert story.numbers(there[0]) == story.numbers(here[0])
    assert move(probe, *here) is ErrorCode.NONE
    story.fly(12)
    image = story.cluster.controller.image.partitions[P]
    assert (image.replicas, image.leader, image.leader_epoch) == (here, here[0], 1)
    assert P not in story.broker(there[0]).storage
    assert story.logs_agree([P])


def test_orders_that_cannot_be_are_refused() -> None:
    story, here, there = on_six(5, Source(10, 1), Sink())
    probe = Probe(story)
    unknown = TopicPartition("payments", 7)
    answer = ask(probe, AlterPartitionReassignmentsRequest({unknown: here, P: (*here[:2], 9)}))
    assert answer.partitions == {
        unknown: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        P: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    }
    assert move(probe, here[0], here[0], there[0]) is ErrorCode.INVALID_REPLICA_ASSIGNMENT
    assert move(probe) is ErrorCode.INVALID_REPLICA_ASSIGNMENT
    assert move(probe, *here) is ErrorCode.NONE
    assert story.when(IsrChanged, partition=P) == []


def test_log_of_a_partition_that_moved_away_from_a_dead_broker_is_deleted_when_it_returns() -> None:
    source, sink = Source(30, 40, acks="all"), Sink()
    story, here, there = on_six(6, source, sink)
    probe = Probe(story)
    story.fly(5)
    gone = here[2]
    story.broker(gone).stop()
    story.fly(16)
    assert P in story.broker(gone).storage
    assert move(probe, here[0], here[1], there[0]) is ErrorCode.NONE
    story.fly(20)
    assert story.isr() == {here[0], here[1], there[0]}
    story.broker(gone).start()
    story.fly(43)
    assert P not in story.broker(gone).storage
    assert source.failed == 0
    assert sink.numbers == list(range(len(source.deliveries)))


def test_partition_that_comes_back_to_a_leader_is_read_there_again() -> None:
    """Fetchers that had a session with that broker are told of the replica that is made anew."""
    source, sink = Source(20, 25, acks="all"), Sink()
    story, here, there = on_six(7, source, sink)
    probe = Probe(story)
    story.fly(5)
    for until_s, target in ((10, there), (15, here), (20, there), (27, (here[0], *there[1:]))):
        assert move(probe, *target) is ErrorCode.NONE
        story.fly(until_s)
        image = story.cluster.controller.image.partitions[P]
        assert (image.replicas, set(image.isr), image.leader) == (target, set(target), target[0])
    assert source.failed == 0
    assert all(length < LONGEST_GAP_S for _, length in source.gaps())
    assert sink.numbers == list(range(len(source.deliveries)))
    assert story.logs_agree([P])


@pytest.mark.parametrize("seed", [5, 11])
def test_partition_wanders_while_brokers_crash_and_shut_down_and_loses_nothing(seed: int) -> None:
    """Orders that overlap, cancel each other, or meet a broker that is down, one after the other, at random."""
    source, sink = Source(50, 90, acks="all", delivery_timeout_ms=200_000), Sink()
    story, _, _ = on_six(seed, source, sink)
    probe, chance, down = Probe(story), Random(seed), 0
    story.fly(5)
    while story.now_s < 80:
        story.fly(story.now_s + chance.choice([0.05, 0.3, 1, 3, 8]))
        what = chance.random()
        if what < 0.5:
            move(probe, *chance.sample(range(1, 7), chance.choice([2, 3, 3, 3, 4])))
        elif what < 0.6:
            cancel(probe)
        elif down:
            story.broker(down).start()
            down = 0
        else:
            down = chance.randint(1, 6)
            broker = story.broker(down)
            broker.shut_down() if what < 0.8 else broker.stop()
            story.fly(story.now_s + 4)
    if down:
        story.broker(down).start()
    story.fly(125)
    image = story.cluster.controller.image.partitions[P]
    assert not image.assignment.is_reassigning
    assert set(image.isr) == set(image.replicas)
    assert {broker for broker in story.cluster.brokers if P in story.broker(broker).storage} == set(image.replicas)
    assert source.failed == 0
    assert set(sink.numbers) == set(range(len(source.deliveries)))
    assert story.numbers(image.leader) == list(range(len(source.deliveries)))
    assert story.logs_agree([P])
