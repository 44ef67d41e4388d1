"""The metadata log on a disk: batches, images, and where two logs part."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from sim.rules.controller.metadata import MetadataImage, TopicRecord
from sim.rules.raft.election import LogEnd
from sim.rules.raft.replicated_log import MetadataBatch, ReplicatedLog


def log_of(batches: Iterable[tuple[int, int]]) -> ReplicatedLog:
    """A log with batches of (epoch, record count); record names tell epoch and offset."""
    log, image = ReplicatedLog(), MetadataImage()
    for epoch, count in batches:
        records = [TopicRecord(f"{epoch}-{image.offset + number}") for number in range(count)]
        image = image.applied(image.offset + count, records)
        log.append(MetadataBatch(epoch, image.offset, records, image))
    return log


def test_an_empty_log() -> None:
    log = ReplicatedLog()
    assert (log.end, log.image.offset, log.batches_from(0)) == (LogEnd(0, 0), 0, [])


def test_batches_records_and_images_by_offset() -> None:
    log = log_of([(1, 2), (1, 3), (4, 1)])
    assert log.end == LogEnd(4, 6)
    assert [log.image_at(offset).offset for offset in (0, 1, 2, 4, 5, 6, 99)] == [0, 0, 2, 2, 5, 6, 6]
    assert log.image is log.image_at(6)
    assert [batch.end_offset for batch in log.batches_from(2)] == [5, 6]
    assert log.records_between(2, 5) == [TopicRecord(f"1-{offset}") for offset in (2, 3, 4)]
    assert log.epochs.entries == [(1, 0), (4, 5)]


def test_a_batch_without_records_is_part_of_the_log() -> None:
    log = log_of([(1, 2), (1, 0)])
    assert log.image_at(2) is log.image
    assert log.batches_from(2) == []


def test_a_log_that_is_a_prefix_does_not_diverge() -> None:
    leader = log_of([(1, 2), (2, 2), (4, 1)])
    for follower in (log_of([(1, 2)]), log_of([(1, 2), (2, 2)]), leader):
        assert leader.divergence(*follower.end) is None


def test_a_tail_that_the_leader_does_not_have_is_cut_off() -> None:
    leader, follower = log_of([(1, 2), (4, 3)]), log_of([(1, 2), (2, 2)])
    divergence = leader.divergence(*follower.end)
    assert divergence == LogEnd(1, 2)
    assert follower.truncate_to(divergence) == 2
    assert follower.end == LogEnd(1, 2)
    assert follower.epochs.entries == [(1, 0)]


tails = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=4)


def rising(first_epoch: int, steps: list[tuple[int, int]], stride: int) -> list[tuple[int, int]]:
    """Batches whose epochs rise by multiples of a stride, so that two tails share no epoch."""
    epoch, batches = first_epoch, []
    for step, count in steps:
        epoch += step * stride
        batches.append((epoch, count))
    return batches


@given(tails, tails, tails)
def test_cutting_until_nothing_diverges_leaves_the_common_beginning(
    common: list[tuple[int, int]], one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    beginning = [(1, 1), *rising(1, common, 1)]
    last = beginning[-1][0]
    follower = log_of([*beginning, *rising(last + 1, one, 2)])
    leader = log_of([*beginning, *rising(last + 2, other, 2), (last + 50, 1)])
    for _ in range(10):
        divergence = leader.divergence(*follower.end)
        if divergence is None:
            break
        follower.truncate_to(divergence)
    assert follower.end == log_of(beginning).end
    assert follower.image.topic_ids == log_of(beginning).image.topic_ids
