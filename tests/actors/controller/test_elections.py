"""Who leads when nobody in sync is left: unclean elections, and the last known leader."""

from collections.abc import Mapping
from typing import Literal

from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BrokerFenced, LeaderElected, LogTruncated
from sim.rules.protocol.controller import ElectLeadersRequest
from sim.rules.topics import TopicPartition
from sim.world.cluster import CONTROLLER_ID
from tests.actors.flights import P, Probe, Sink, Source, Story

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


def elect(
    probe: Probe, election: Literal["preferred", "unclean"], *names: TopicPartition
) -> dict[TopicPartition, ErrorCode]:
    (answer,) = probe.ask(CONTROLLER_ID, ElectLeadersRequest(election, names or None), wait_s=0.2)
    partitions: dict[TopicPartition, ErrorCode] = answer.partitions  # type: ignore[attr-defined]
    return partitions


def test_preferred_election_by_request_gives_leadership_back_at_once() -> None:
    source, sink = Source(20, 32, acks="all"), Sink()
    story = Story(5, {"source": source, "sink": sink})
    probe, preferred = Probe(story), story.first_leader
    unknown = TopicPartition("payments", 5)
    assert elect(probe, "preferred", P, unknown) == {
        P: ErrorCode.ELECTION_NOT_NEEDED,
        unknown: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    story.at(5.3, story.broker(preferred).stop)
    story.fly(18)
    assert elect(probe, "preferred", P) == {P: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE}
    story.broker(preferred).start()
    story.fly(28)
    assert story.cluster.controller.image.leader(P) != preferred
    assert story.isr() == {1, 2, 3}
    answers = elect(probe, "preferred")
    assert answers[P] is ErrorCode.NONE
    assert set(answers.values()) == {ErrorCode.NONE}
    assert story.cluster.controller.image.leader(P) == preferred
    assert elect(probe, "preferred") == {}
    story.fly(36)
    assert source.failed == 0
    assert sorted(set(sink.numbers)) == list(range(len(source.deliveries)))
    assert story.logs_agree()


def test_unclean_election_by_request_needs_no_leave_of_the_topic_and_loses_records() -> None:
    story, source, _ = lone_leader_dies(6, {})
    probe = Probe(story)
    story.fly(33)
    assert elect(probe, "unclean", P) == {P: ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE}
    story.fly(44)
    assert story.cluster.controller.image.leader(P) == -1
    assert elect(probe, "unclean", P) == {P: ErrorCode.NONE}
    assert elect(probe, "unclean", P) == {P: ErrorCode.ELECTION_NOT_NEEDED}
    story.fly(65)
    *_, elected = [fact for fact in story.these(LeaderElected) if fact.partition == P]
    assert (elected.leader, elected.recovering) == (story.followers[0], True)
    assert source.acknowledged - set(story.numbers(story.followers[0]))
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()
