"""Who leads when nobody in sync is left: unclean elections, and the last known leader."""

from collections.abc import Mapping

from sim.rules.facts import BrokerFenced, LeaderElected, LogTruncated
from tests.actors.flights import P, Sink, Source, Story

FOLLOWERS_DIE_S, LEADER_DIES_S, FOLLOWER_BACK_S, LEADER_BACK_S = 5.3, 20.3, 35.3, 45.3


def lone_leader_dies(seed: int, topic_config: Mapping[str, object]) -> tuple[Story, Source, Sink]:
    """Both followers die and are fenced, the leader goes on alone and dies; a follower is back first, then it."""
    source, sink = Source(50, 60, acks="all", delivery_timeout_ms=120_000), Sink()
    story = Story(seed, {"source": source, "sink": sink}, {"min.insync.replicas": 1, **topic_config})
    for follower in story.followers:
        story.at(FOLLOWERS_DIE_S, story.broker(follower).stop)
    story.at(LEADER_DIES_S, story.broker(story.first_leader).stop)
    story.at(FOLLOWER_BACK_S, story.broker(story.followers[0]).start)
    story.at(LEADER_BACK_S, story.broker(story.first_leader).start)
    story.at(LEADER_BACK_S + 3, story.broker(story.followers[1]).start)
    return story, source, sink


def test_unclean_election_loses_committed_records_and_logs_agree_afterwards() -> None:
    story, source, _ = lone_leader_dies(1, {"unclean.leader.election.enable": True})
    story.fly(21)
    before = source.acknowledged
    story.fly(65)
    offline, elected = [fact for fact in story.these(LeaderElected) if fact.partition == P]
    assert offline.leader == -1
    assert not offline.recovering
    assert elected.leader == story.followers[0]
    assert elected.recovering
    kept = set(story.numbers(1))
    lost = source.acknowledged - kept
    assert lost
    assert lost < before
    (cut,) = [fact for fact in story.these(LogTruncated) if fact.partition == P]
    assert cut.broker_id == story.first_leader
    assert {int(r.value) for batch in cut.removed for r in batch.records()} == lost
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()
    registration = story.cluster.controller.image.partitions[P]
    assert registration.leader_recovery_state == "RECOVERED"
    assert registration.elr == ()


def test_without_unclean_election_the_partition_waits_for_its_last_leader_and_loses_nothing() -> None:
    story, source, sink = lone_leader_dies(2, {})
    story.fly(44)
    image = story.cluster.controller.image.partitions[P]
    assert image.leader == -1
    assert image.isr == ()
    assert image.elr == (story.first_leader,)
    assert image.last_known_elr == (story.first_leader,)
    assert story.broker(story.followers[0]).replicas.partitions[P].registration.leader == -1
    story.fly(65)
    offline, elected = [fact for fact in story.these(LeaderElected) if fact.partition == P]
    assert (offline.leader, elected.leader, elected.recovering) == (-1, story.first_leader, True)
    assert story.these(LogTruncated) == [] or all(fact.partition != P for fact in story.these(LogTruncated))
    assert source.failed == 0
    assert source.acknowledged <= set(story.numbers(story.followers[1]))
    assert sorted(set(sink.numbers)) == list(range(len(source.deliveries)))
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()


def test_eligible_leader_replica_takes_over_cleanly() -> None:
    """min.insync.replicas 2: the second to die is eligible, for nothing was committed without it."""
    source = Source(50, 50, acks="all")
    story = Story(3, {"source": source})
    last, second = story.first_leader, story.followers[0]
    story.at(5.3, story.broker(story.followers[1]).stop)
    story.at(18.3, story.broker(second).pause)
    story.fly(30)
    image = story.cluster.controller.image.partitions[P]
    assert image.isr == (last,)
    assert image.elr == (second,)
    story.broker(last).stop()
    story.fly(42)
    image = story.cluster.controller.image.partitions[P]
    assert image.leader == -1
    assert set(image.elr) == {last, second}
    story.broker(second).resume()
    story.fly(44)
    (elected,) = [f for f in story.these(LeaderElected) if f.partition == P and f.leader >= 0]
    assert elected.leader == second
    assert not elected.recovering
    story.broker(story.followers[1]).start()
    story.broker(last).start()
    story.fly(60)
    assert source.failed == 0
    assert source.acknowledged <= set(story.numbers(second))
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()


def test_preferred_leader_gets_its_partition_back_after_five_minutes() -> None:
    story = Story(4)
    dead = story.first_leader
    story.at(10.3, story.broker(dead).stop)
    story.at(25.3, story.broker(dead).start)
    story.fly(302)
    assert story.when(LeaderElected, partition=P, leader=dead) == [300.0]
    story = Story(4, broker_config={"auto.leader.rebalance.enable": False})
    story.at(10.3, story.broker(dead).stop)
    story.at(25.3, story.broker(dead).start)
    story.fly(302)
    assert story.when(LeaderElected, partition=P, leader=dead) == []
    assert len(story.when(BrokerFenced)) == 1
