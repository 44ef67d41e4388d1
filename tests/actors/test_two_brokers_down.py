"""Two of three brokers are killed with min.insync.replicas 2: nothing is lost, nothing is shown, and all heals."""

from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchRetried, BrokerFenced, IsrChanged, LeaderElected
from tests.actors.flights import P, Sink, Source, Story

# Measured on a real cluster (four runs), in seconds after two kills at once, the first broker back after 16 s, the
# second 6 s later: fencing; first full ISR after the first return; longest time without an acknowledgement of acks=all.
MEASURED_FENCE_S = (7.514, 9.221)
MEASURED_ISR_FULL_S = (11.442, 12.623)
MEASURED_ACK_GAP_S = (18.929, 23.254)
PROCESS_START_S = 3
KILL_S, FIRST_BACK_S, SECOND_BACK_S = 10.3, 26.3, 32.3


def two_die(seed: int, *survivor: int) -> tuple[Story, Source, Source, Sink]:
    """Both followers die, or the leader and one follower; one producer asks for all acknowledgements, one for one."""
    all_of_them, only_one, sink = Source(100, 40, acks="all"), Source(100, 40, 1_000_000, acks="1"), Sink()
    story = Story(seed, {"all": all_of_them, "one": only_one, "sink": sink})
    last = story.first_leader if not survivor else story.followers[0]
    first_dead, second_dead = (broker for broker in (1, 2, 3) if broker != last)
    story.at(KILL_S, story.broker(first_dead).stop)
    story.at(KILL_S, story.broker(second_dead).stop)
    story.at(FIRST_BACK_S, story.broker(first_dead).start)
    story.at(SECOND_BACK_S, story.broker(second_dead).start)
    return story, all_of_them, only_one, sink


def test_both_followers_dead_leaves_acks_all_in_purgatory_until_one_is_back() -> None:
    """The request that was appended before the ISR shrank waits, and those behind it on the connection with it."""
    story, source, _, _ = two_die(1)
    story.fly(43)
    fenced = story.when(BrokerFenced)
    assert len(fenced) == 2
    assert all(7 <= time - KILL_S <= 10.2 for time in fenced)
    assert story.when(LeaderElected, KILL_S, partition=P) == []
    assert source.failed == 0
    assert not story.when(BatchRetried)
    ((_, gap),) = source.gaps()
    assert MEASURED_ACK_GAP_S[0] < gap < MEASURED_ACK_GAP_S[1]
    isr_full = min(t for t, f in story.facts if isinstance(f, IsrChanged) and f.partition == P and len(f.isr) == 3)
    assert isr_full / 1e9 - SECOND_BACK_S - PROCESS_START_S < 0.3
    assert abs(isr_full / 1e9 - FIRST_BACK_S - sum(MEASURED_ISR_FULL_S) / 2) < 3.2
    assert source.acknowledged <= set(story.numbers(1))
    assert story.logs_agree()


def test_consumers_see_nothing_while_the_watermark_is_frozen() -> None:
    """acks=1 goes on and is acknowledged, but below the minimum ISR the high watermark does not move."""
    story, _, only_one, sink = two_die(2)
    story.fly(22)
    leader = story.cluster.leader(P)
    assert leader is not None
    assert story.isr() == {leader.broker_id}
    frozen, end = leader.high_watermark.value, leader.log.log_end_offset
    story.fly(26)
    assert leader.high_watermark.value == frozen
    assert leader.log.log_end_offset > end + 30
    written = [n for n, time in only_one.acknowledged_at.items() if 22e9 < time < 26e9]
    assert len(written) > 30
    assert sink.longest_silence(KILL_S, 26) > 15
    story.fly(43)
    assert set(sink.numbers) >= only_one.acknowledged
    assert leader.high_watermark.value == leader.log.log_end_offset


def test_leader_among_the_dead_is_replaced_without_loss_and_its_successor_may_refuse_acks_all() -> None:
    """Elected with the second fencing, it answers NOT_ENOUGH_REPLICAS; with the first, it takes a request."""
    refusing = []
    for seed in (3, 4, 5):
        story, source, _, sink = two_die(seed, True)
        story.fly(43)
        first_fence, second_fence = story.when(BrokerFenced)
        elected = max(story.when(LeaderElected, KILL_S, partition=P))
        assert elected in (first_fence, second_fence)
        assert MEASURED_FENCE_S[0] - 0.6 < elected - KILL_S < 10.2
        refused = story.when(BatchRetried, error=ErrorCode.NOT_ENOUGH_REPLICAS)
        assert bool(refused) == (elected == second_fence)
        assert all(second_fence < time < FIRST_BACK_S + PROCESS_START_S + 1.2 for time in refused)
        assert source.failed == 0
        assert source.acknowledged <= set(story.numbers(1))
        assert source.acknowledged <= set(sink.numbers)
        assert story.isr() == {1, 2, 3}
        assert story.logs_agree()
        assert MEASURED_ACK_GAP_S[0] - 0.2 < max(length for _, length in source.gaps()) < MEASURED_ACK_GAP_S[1]
        refusing.append(len(refused))
    assert min(refusing) == 0
    assert max(refusing) > 10
