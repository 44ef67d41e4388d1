"""The broker that coordinates a group dies, hangs or cannot commit; the group and its offsets live in the log."""

from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, LeaderElected, MemberRemoved, OffsetsCommitted, PositionReset
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.protocol.group import OffsetCommitRequest, OffsetFetchRequest
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Probe, Sink, Source, Story

HOME = TopicPartition(OFFSETS_TOPIC, partition_for_group("sink", 3))
DEATH_S = 12.3


def test_group_goes_on_with_the_same_generation_and_offsets() -> None:
    for seed in (1, 2, 3):
        source, sink = Source(100, 28, acks="all"), Sink()
        story = Story(seed, {"source": source, "sink": sink})
        coordinator = story.cluster.controller.image.leader(HOME)
        story.fly(12)
        before = story.broker(coordinator).groups.committed_offsets("sink")
        assert before is not None
        assert before[P] > 70
        story.at(DEATH_S, story.broker(coordinator).stop)
        story.fly(22.6)
        (elected,) = story.when(LeaderElected, DEATH_S, partition=HOME)
        assert 7 <= elected - DEATH_S <= 10.2
        story.fly(31)
        successor = story.broker(story.cluster.controller.image.leader(HOME))
        after = successor.groups.committed_offsets("sink")
        assert after is not None
        assert after[P] == len(source.deliveries)
        generations = [fact.generation for fact in story.these(GroupChanged)]
        assert max(generations) == 1
        assert story.these(MemberRemoved) == []
        assert sink.numbers == list(range(len(source.deliveries)))
        assert len(story.these(PositionReset)) == 1
        silent = [t for t in story.when(OffsetsCommitted) if DEATH_S + 0.1 < t < elected]
        assert silent == []


def test_no_commit_that_was_confirmed_is_forgotten() -> None:
    """Commits go on until the moment of death; the next coordinator knows each that was answered."""
    for seed in (5, 6):
        source, sink = Source(20, 13, acks="1", enable_idempotence=False), Sink()
        story = Story(seed, {"source": source, "sink": sink})
        coordinator = story.cluster.controller.image.leader(HOME)
        story.at(DEATH_S, story.broker(coordinator).stop)
        story.fly(DEATH_S)
        confirmed = max(dict(fact.offsets).get(P, 0) for fact in story.these(OffsetsCommitted))
        story.fly(23)
        story.cluster.apps["sink"].stop()
        successor = story.broker(story.cluster.controller.image.leader(HOME))
        offsets = successor.groups.committed_offsets("sink")
        assert offsets is not None
        assert offsets[P] >= confirmed > 400


def test_hung_coordinator_sends_its_members_away_when_it_goes_on() -> None:
    source, sink = Source(50, 32, acks="1", enable_idempotence=False), Sink()
    story = Story(8, {"source": source, "sink": sink})
    hung = story.cluster.controller.image.leader(HOME)
    story.at(DEATH_S, story.broker(hung).pause)
    story.at(DEATH_S + 14, story.broker(hung).resume)
    story.fly(40)
    assert story.broker(hung).groups.committed_offsets("sink") is None
    successor = story.broker(story.cluster.controller.image.leader(HOME))
    offsets = successor.groups.committed_offsets("sink")
    assert offsets is not None
    assert offsets[P] == len(story.numbers(1))
    assert story.logs_agree()


def test_commit_below_the_minimum_isr_is_written_but_not_confirmed() -> None:
    """It times out after offsets.commit.timeout.ms as COORDINATOR_NOT_AVAILABLE, and counts once replicas are back."""
    story = Story(9, broker_config={"min.insync.replicas": 2})
    coordinator = story.cluster.controller.image.leader(HOME)
    others = [broker for broker in story.cluster.brokers if broker != coordinator]
    for other in others:
        story.at(2.3, story.broker(other).stop)
    story.fly(14)
    probe = Probe(story)
    commit = OffsetCommitRequest("sink", -1, "", {P: 7})
    answers = probe.ask(coordinator, commit, wait_s=4.9)
    assert answers == []
    story.fly(story.now_s + 0.2)
    (answer,) = answers
    assert getattr(answer, "error", None) is ErrorCode.COORDINATOR_NOT_AVAILABLE
    (fetched,) = probe.ask(coordinator, OffsetFetchRequest("sink", [P]))
    assert getattr(fetched, "offsets", None) == {}
    for other in others:
        story.broker(other).start()
    story.fly(story.now_s + 6)
    (fetched,) = probe.ask(coordinator, OffsetFetchRequest("sink", [P]))
    assert getattr(fetched, "offsets", None) == {P: 7}
