"""A broker is killed: what its producers and its partitions go through until, and after, it is fenced."""

from statistics import median

import pytest

from sim.rules.facts.journal import BatchRetried, BrokerFenced, IsrChanged, LeaderElected, LogTruncated
from tests.actors.flights import P, Source, Story

# Measured on a real cluster, ten kills of a leader: fencing, in seconds after the kill, and the longest time without
# an acknowledgement of an acks=all producer.
MEASURED_FENCE_S = (7.413, 9.833)
MEASURED_ACK_GAP_S = (7.982, 10.516)
# What the timers allow: a session of 9 s that begins with a heartbeat up to 2 s old, looked at every 1.125 s.
FENCE_S = (7.0, 10.2)
KILL_S = 10.3


def test_leader_killed_with_acks_all_stalls_until_it_is_fenced_and_loses_nothing() -> None:
    fenced, gaps = [], []
    for seed in range(1, 6):
        source = Source(50, 24, acks="all")
        story = Story(seed, {"source": source})
        dead = story.first_leader
        story.at(KILL_S, story.broker(dead).stop)
        story.fly(26)
        (fence,) = story.when(BrokerFenced, broker_id=dead)
        assert story.when(LeaderElected, KILL_S, partition=P) == [fence]
        assert story.isr() == set(story.followers)
        for survivor in story.followers:
            assert story.acknowledged_numbers_in_order(survivor, source)
        assert source.failed == 0
        ((begin, length),) = source.gaps()
        assert KILL_S - 0.1 < begin < KILL_S
        assert fence - KILL_S < length < fence - KILL_S + 1.2  # the producer looks for a new leader once a second
        fenced.append(fence - KILL_S)
        gaps.append(length)
    assert all(FENCE_S[0] <= fence <= FENCE_S[1] for fence in fenced)
    assert MEASURED_FENCE_S[0] <= median(fenced) <= MEASURED_FENCE_S[1]
    assert MEASURED_ACK_GAP_S[0] <= median(gaps) <= MEASURED_ACK_GAP_S[1]


def test_follower_killed_stalls_acks_all_until_it_leaves_the_isr() -> None:
    source = Source(50, 24, acks="all")
    story = Story(2, {"source": source})
    dead = story.followers[0]
    story.at(KILL_S, story.broker(dead).stop)
    story.fly(26)
    (shrunk,) = story.when(IsrChanged, KILL_S, partition=P)
    assert FENCE_S[0] <= shrunk - KILL_S <= FENCE_S[1]
    assert story.when(LeaderElected, KILL_S, partition=P) == []
    ((_, length),) = source.gaps()
    assert length == pytest.approx(shrunk - KILL_S, abs=0.15)
    assert source.failed == 0
    assert not story.when(BatchRetried)
    assert story.isr() == {story.first_leader, story.followers[1]}


def test_follower_killed_is_not_noticed_by_acks_1() -> None:
    source = Source(50, 24, acks="1", enable_idempotence=False)
    story = Story(2, {"source": source})
    story.at(KILL_S, story.broker(story.followers[0]).stop)
    story.fly(26)
    assert source.gaps() == []
    assert len(source.acknowledged) == len(source.deliveries)


def test_acks_1_loses_exactly_what_no_follower_had_fetched() -> None:
    """The followers stand still for the last 0.3 s of the leader; what it has acknowledged meanwhile is gone."""
    source = Source(10, 24, acks="1", enable_idempotence=False)
    story = Story(3, {"source": source})
    dead = story.first_leader
    for follower in story.followers:
        story.at(KILL_S - 0.3, story.broker(follower).pause)
        story.at(KILL_S, story.broker(follower).resume)
    story.at(KILL_S - 0.001, story.broker(dead).stop)
    story.fly(22)
    new_leader = story.cluster.controller.image.leader(P)
    tail = set(story.numbers(dead)) - set(story.numbers(new_leader))
    lost = source.acknowledged - set(story.numbers(new_leader))
    assert 25 <= len(lost) <= 31
    assert lost == tail & source.acknowledged
    assert len(tail - lost) <= 1
    story.at(22.5, story.broker(dead).start)
    story.fly(28)
    (cut,) = [fact for fact in story.these(LogTruncated) if fact.partition == P]
    assert cut.broker_id == dead
    assert cut.leader_epoch == 1
    assert cut.from_offset - cut.to_offset == sum(batch.count for batch in cut.removed) == len(tail)
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()
