"""What retries do to records: new leaders, lost acknowledgements, sequences, epochs."""

from collections import Counter
from collections.abc import Generator
from itertools import pairwise
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Event

from sim.actors.client.app import App
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried, LeaderElected
from sim.world.topics import Topic
from tests.actors.flights import P, Source, Story, seconds

Steps = Generator[Event, Any, Any]


def copies(story: Story, broker_id: int | None = None) -> tuple[int, int, int]:
    """Records too many in the leader's log, the most copies of one, and neighbours in the wrong order."""
    numbers = story.numbers(story.first_leader if broker_id is None else broker_id)
    counted = Counter(numbers)
    inversions = sum(earlier > later for earlier, later in pairwise(numbers))
    return len(numbers) - len(counted), max(counted.values()), inversions


def short_hang(hang_s: float, seed: int = 1, **config: Any) -> tuple[Story, Source]:
    """One record each 5 ms; the leader hangs, not long enough to be fenced; request.timeout.ms is 2 s."""
    source = Source(every_ms=5, until_s=2 + hang_s, request_timeout_ms=2000, **config)
    story = Story(seed, apps={"source": source})
    story.fly(1.0)
    story.broker(story.first_leader).pause()
    story.at(1.0 + hang_s, story.broker(story.first_leader).resume)
    story.fly(3 + ceil(hang_s))
    return story, source


@pytest.mark.parametrize("acks", ["1", "all"])
def test_five_requests_whose_answers_are_lost_are_written_twice_and_out_of_order(acks: str) -> None:
    """Recorded on a real cluster: 2 to 4 extra copies, at most 2 of one record, 4 inversions, a gap of 5.02 to 5.07 s.

    The five requests in flight time out after 2 s and are repeated as soon as the leader is back; it executes both,
    and each retry went to the front of the queue, so that the repeated ones come in reverse.
    """
    story, source = short_hang(5.0, acks=acks, enable_idempotence=False)
    timed_out = story.when(BatchRetried, error=ErrorCode.REQUEST_TIMED_OUT)
    assert timed_out == pytest.approx([3.0] * 5, abs=0.02)
    assert len(story.these(BatchRetried)) == 5
    assert copies(story) == (5, 2, 4)
    assert [length for _, length in source.gaps()] == pytest.approx([5.0], abs=0.1)
    assert source.failed == 0


def test_one_request_in_flight_keeps_the_order_but_not_from_duplicates() -> None:
    """Recorded: 1 to 2 extra copies, no inversion."""
    story, _ = short_hang(5.0, enable_idempotence=False, max_in_flight_requests_per_connection=1)
    extra, most, inversions = copies(story)
    assert (extra, most, inversions) == (1, 2, 0)
    assert len(story.these(BatchRetried)) == 1


def test_idempotence_writes_each_record_once_and_in_order() -> None:
    """Recorded: no extra copy, no inversion; the same five time-outs."""
    story, source = short_hang(5.0)
    batches = list(story.broker(story.first_leader).storage[P].batches())
    assert all(batch.producer_id >= 0 <= batch.base_sequence for batch in batches)
    assert story.when(BatchRetried, error=ErrorCode.REQUEST_TIMED_OUT) == pytest.approx([3.0] * 5, abs=0.02)
    assert copies(story) == (0, 1, 0)
    assert source.failed == 0
    assert len(source.acknowledged) >= len(source.deliveries) - 1


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 6500), st.integers(1, 3), st.integers(1, 5))
def test_sequence_order_is_kept_over_retries_of_any_hang(hang_ms: int, seed: int, in_flight: int) -> None:
    story, _ = short_hang(hang_ms / 1000, seed, max_in_flight_requests_per_connection=in_flight)
    assert copies(story) == (0, 1, 0)


def test_a_new_leader_told_with_the_error_is_asked_at_once() -> None:
    """Leadership goes back to the first replica by the preferred-leader task, 30 s after the start.

    The old leader answers NOT_LEADER_OR_FOLLOWER with the new one (KIP-951): no backoff, and no waiting for metadata,
    which this producer asks for each 4.7 s only.
    """
    slow_metadata = {"retry_backoff_ms": 4700, "retry_backoff_max_ms": 4700, "metadata_max_age_ms": 1000}
    source = Source(every_ms=10, until_s=31, **slow_metadata)
    story = Story(apps={"source": source}, broker_config={"leader.imbalance.check.interval.seconds": 30})
    first = story.broker(story.first_leader)
    story.at(1.0, first.stop)
    story.at(8.0, first.start)
    story.fly(32)
    returned = story.when(LeaderElected, partition=P, leader=story.first_leader, after_s=21)
    assert len(returned) == 1
    retried = story.when(BatchRetried, error=ErrorCode.NOT_LEADER_OR_FOLLOWER, after_s=returned[0])
    assert retried
    assert retried[-1] - returned[0] < 0.6
    acknowledged = sorted(seconds(time) for time in source.acknowledged_at.values())
    gap = max(b - a for a, b in pairwise(time for time in acknowledged if time > 25))
    assert gap < 0.6
    after = [time for time in acknowledged if time > retried[0]]
    assert after[0] - retried[0] < 0.05
    assert copies(story) == (0, 1, 0)


def test_without_hints_a_crashed_leader_costs_the_time_until_the_election() -> None:
    """The producer asks for metadata at the disconnect and again and again; the election comes after 7 to 10.1 s."""
    source = Source(every_ms=5, until_s=20)
    story = Story(apps={"source": source})
    story.at(3.0, story.broker(story.first_leader).stop)
    story.fly(21)
    elected = story.when(LeaderElected, partition=P, after_s=3)[0]
    assert 10.0 <= elected <= 13.1
    gaps = source.gaps()
    assert len(gaps) == 1
    assert gaps[0][0] + gaps[0][1] - elected < 1.3
    assert source.failed == 0
    assert copies(story, story.cluster.controller.image.leader(P)) == (0, 1, 0)


def test_retries_back_off_from_100_ms_to_1_s() -> None:
    """Two of three brokers are down: NOT_ENOUGH_REPLICAS, again and again, without an error for the application."""

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=0)
        yield app.busy(ms=20_000)
        yield from producer.send("payments", b"0")
        yield app.busy(ms=20_000)

    story = Story(apps={"source": run})
    for broker_id in story.followers:
        story.at(1.0, story.broker(broker_id).stop)
    story.fly(30)
    times = story.when(BatchRetried, error=ErrorCode.NOT_ENOUGH_REPLICAS)
    waits = [later - earlier for earlier, later in pairwise(times)]
    for wait, expected in zip(waits, (0.1, 0.2, 0.4, 0.8, 1.0, 1.0), strict=False):
        assert 0.8 * expected <= wait <= min(1.2 * expected, 1.0) + 0.01
    assert len(times) >= 10
    assert story.these(BatchFailed) == []


def test_records_given_up_leave_a_gap_and_a_new_epoch_goes_on_without_duplicates() -> None:
    """delivery.timeout.ms ends while the leader hangs: nobody knows whether it has the batches in flight.

    The sixth batch cannot leave, so it takes what is sent for 3 s more, and is given up as a whole. When the five
    are settled the producer numbers from 0 in a new epoch.
    """
    source = Source(
        every_ms=10, until_s=15, linger_ms=0, request_timeout_ms=2000, delivery_timeout_ms=3000, max_block_ms=60_000
    )
    story = Story(apps={"source": source})
    story.at(3.0, story.broker(story.first_leader).pause)
    story.at(8.0, story.broker(story.first_leader).resume)
    story.fly(17)
    assert source.failed == pytest.approx(305, abs=2)
    batches = list(story.broker(story.first_leader).storage[P].batches())
    epochs = [batch.producer_epoch for batch in batches]
    assert sorted(set(epochs)) == [0, 1]
    assert epochs == sorted(epochs)
    first_of_new = next(batch for batch in batches if batch.producer_epoch == 1)
    assert first_of_new.base_sequence == 0
    assert copies(story) == (0, 1, 0)
    assert source.acknowledged <= set(story.numbers(story.first_leader))


def test_a_new_epoch_begins_in_each_partition_at_0_and_has_no_gap() -> None:

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=0, request_timeout_ms=2000, delivery_timeout_ms=3000)
        yield app.busy(ms=1000)
        while app.now < 14e9:
            for partition in range(3):
                yield from producer.send("wide", b"x", partition=partition)
            yield app.busy(ms=20)

    story = Story(apps={"source": run}, more_topics=[Topic("wide", 3, 3, {"min.insync.replicas": 2})])
    names = [name for name in story.cluster.partitions() if name.topic == "wide"]
    leaders = {name: story.cluster.controller.image.leader(name) for name in names}
    assert len(set(leaders.values())) == 3
    hung = story.broker(leaders[names[0]])
    story.at(3.0, hung.pause)
    story.at(8.0, hung.resume)
    story.fly(16)
    for name in names:
        log = story.broker(story.cluster.controller.image.leader(name)).storage[name]
        expected = {0: 0, 1: 0}
        for batch in log.batches():
            assert batch.base_sequence == expected[batch.producer_epoch]
            expected[batch.producer_epoch] += batch.count
        assert expected[1] > 0
