"""A broker hangs: its sockets stay open, it does nothing, and then it goes on as if nothing had happened."""

from sim.machine.clock import MILLISECOND
from sim.rules.facts.journal import (
    BrokerFenced,
    BrokerRegistered,
    BrokerUnfenced,
    IsrChanged,
    LeaderElected,
    LogTruncated,
)
from tests.actors.flights import P, Sink, Source, Story

# Measured on a real cluster (eight runs of a 14 s hang): the latest unfencing after the broker went on, in seconds; and
# how many of about 7,000 acks=1 records, one every 2 ms, the resumed leader took and lost again.
MEASURED_UNFENCED_S = 0.026
MEASURED_LOST = (602, 7059)
HANG_S = 10.3


def hang(story: Story, broker_id: int, length_s: float) -> None:
    """Let a broker hang for so long."""
    story.at(HANG_S, story.broker(broker_id).pause)
    story.at(HANG_S + length_s, story.broker(broker_id).resume)


def test_follower_that_hangs_for_less_than_its_session_holds_acks_all_up_and_stays_in_sync() -> None:
    source = Source(50, 22, acks="all")
    story = Story(1, {"source": source})
    hang(story, story.followers[0], 5)
    story.fly(24)
    ((_, gap),) = source.gaps()
    assert 4.9 < gap < 5.1
    assert story.when(BrokerFenced) == []
    assert story.when(IsrChanged, partition=P) == []
    assert story.logs_agree()


def test_follower_that_hangs_longer_is_fenced_and_comes_back_without_registering() -> None:
    source, sink = Source(50, 34, acks="all"), Sink()
    story = Story(2, {"source": source, "sink": sink})
    slow = story.followers[0]
    hang(story, slow, 14)
    story.fly(36)
    (fence,) = story.when(BrokerFenced, broker_id=slow)
    assert 7 <= fence - HANG_S <= 10.2
    ((_, gap),) = source.gaps()
    assert abs(gap - (fence - HANG_S)) < 0.15
    (unfenced,) = story.when(BrokerUnfenced, broker_id=slow)
    assert 0 < unfenced - (HANG_S + 14) < MEASURED_UNFENCED_S
    assert story.when(BrokerRegistered) == []
    assert 0 < max(story.when(IsrChanged)) - unfenced < 0.8
    assert all(set(r.isr) == {1, 2, 3} for r in story.cluster.controller.image.partitions.values())
    assert story.logs_agree()
    assert sink.numbers == list(range(len(source.deliveries)))


def test_follower_that_lags_behind_for_too_long_leaves_the_isr_without_being_fenced() -> None:
    """replica.lag.time.max.ms of 4 s, looked at every 2 s, runs out before the session does."""
    source = Source(50, 24, acks="all")
    story = Story(3, {"source": source}, broker_config={"replica.lag.time.max.ms": 4000})
    slow = story.followers[0]
    hang(story, slow, 6.5)
    story.fly(26)
    left, back = story.when(IsrChanged, HANG_S, partition=P)
    assert 4 < left - HANG_S <= 6.1
    assert HANG_S + 6.5 < back < HANG_S + 7
    assert story.when(BrokerFenced) == []
    ((_, gap),) = source.gaps()
    assert abs(gap - (left - HANG_S)) < 0.15
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()


def test_quiet_follower_is_given_its_full_lag_time() -> None:
    """It was level until it hung, though its fetches did not name the quiet partition for 4 s."""
    source = Source(4000, 24, acks="1", enable_idempotence=False)
    story = Story(4, {"source": source}, broker_config={"replica.lag.time.max.ms": 5000})
    slow = story.followers[0]
    story.at(11.9, story.broker(slow).pause)
    story.at(18.5, story.broker(slow).resume)
    story.fly(24)
    left, *_ = story.when(IsrChanged, partition=P)
    assert left - 11.9 > 5 - 0.5


def test_hung_leader_comes_back_as_a_zombie_whose_backlog_is_cut_off() -> None:
    source = Source(2, 27, acks="1", enable_idempotence=False)
    story = Story(5, {"source": source})
    zombie = story.first_leader
    hang(story, zombie, 14)
    story.fly(30)
    (elected,) = story.when(LeaderElected, HANG_S, partition=P)
    assert 7 <= elected - HANG_S <= 10.2
    (cut,) = [fact for fact in story.these(LogTruncated) if fact.partition == P]
    assert cut.broker_id == zombie
    assert cut.leader_epoch == 1
    lost = source.acknowledged - set(story.numbers(1))
    accepted = {int(r.value) for batch in cut.removed for r in batch.records()}
    assert lost == accepted
    assert MEASURED_LOST[0] <= len(lost) <= MEASURED_LOST[1]
    late = [source.acknowledged_at[number] for number in lost]
    assert min(late) > (HANG_S - 0.1) * 1000 * MILLISECOND
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()


def test_hung_leader_loses_nothing_of_acks_all() -> None:
    source, sink = Source(20, 34, acks="all"), Sink()
    story = Story(6, {"source": source, "sink": sink})
    hang(story, story.first_leader, 14)
    story.fly(40)
    assert source.failed == 0
    assert len(source.acknowledged) == len(source.deliveries)
    assert story.numbers(1) == list(range(len(source.deliveries)))
    assert story.logs_agree()
    assert sink.numbers == list(range(len(source.deliveries)))


def test_idempotent_retries_after_lost_acknowledgements_leave_no_duplicate() -> None:
    """The leader hangs for 5 s, the producer gives up each request after 2 s and sends it again."""
    duplicates = {}
    for idempotent in (True, False):
        source = Source(10, 18, acks="all", enable_idempotence=idempotent, request_timeout_ms=2000)
        story = Story(7, {"source": source})
        hang(story, story.first_leader, 5)
        story.fly(22)
        written = story.numbers(story.first_leader)
        assert story.when(LeaderElected) == []
        assert source.failed == 0
        assert source.acknowledged == set(written)
        duplicates[idempotent] = len(written) - len(set(written))
        assert story.logs_agree()
    assert duplicates[True] == 0
    assert duplicates[False] > 0
