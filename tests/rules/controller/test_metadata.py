"""When a client may ask for metadata again, and images of the cluster."""

import pytest

from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import BrokerRegistration, MetadataImage, PartitionChange, refresh_backoff_ms
from sim.rules.topics import TopicPartition


@pytest.mark.parametrize(
    ("failures", "equivalent", "expected"),
    [(0, 0, 100), (1, 0, 100), (2, 0, 200), (3, 0, 400), (0, 1, 100), (0, 4, 800), (2, 3, 400), (9, 0, 1000)],
)
def test_failures_and_responses_without_news_double_the_wait(failures: int, equivalent: int, expected: int) -> None:
    assert refresh_backoff_ms(failures, equivalent, 100, 1000) == expected


def test_jitter_moves_the_wait_by_a_fifth_but_not_beyond_the_greatest() -> None:
    assert refresh_backoff_ms(2, 0, 100, 1000, 0.2) == 240
    assert refresh_backoff_ms(2, 0, 100, 1000, -0.2) == 160
    assert refresh_backoff_ms(9, 0, 100, 1000, 0.2) == 1000


def test_an_image_with_records_applied_leaves_the_old_one_as_it_was() -> None:
    name = TopicPartition("payments", 2)
    registration = PartitionRegistration(replicas=(1, 2), isr=(1, 2), leader=1)
    broker = BrokerRegistration(1, 5, 1, "rack-1")
    before = MetadataImage()
    after = before.applied(7, [broker, PartitionChange(name, registration)])
    assert (before.offset, before.leader(name), before.topic_partitions("payments")) == (0, -1, [])
    assert (after.offset, after.leader(name), len(after.topic_partitions("payments"))) == (7, 1, 3)
    assert not after.alive(1)
    assert after.applied(8, [BrokerRegistration(1, 5, 1, "rack-1", fenced=False)]).alive(1)
