"""Which fetcher thread follows a partition: vectors worked out from Java's String.hashCode by hand."""

import pytest

from sim.rules.replication.fetchers import fetcher_id
from sim.rules.topics import TopicPartition


@pytest.mark.parametrize(
    ("topic", "partition", "fetchers", "expected"),
    [("a", 0, 1, 0), ("a", 0, 8, 31 * 97 % 8), ("a", 3, 8, (31 * 97 + 3) % 8), ("ab", 1, 5, (31 * 3105 + 1) % 5)],
)
def test_the_number_of_the_fetcher(topic: str, partition: int, fetchers: int, expected: int) -> None:
    assert fetcher_id(TopicPartition(topic, partition), fetchers) == expected


def test_a_negative_hash_counts_without_its_sign() -> None:
    assert {fetcher_id(TopicPartition("some-long-topic-name", number), 4) for number in range(8)} == {0, 1, 2, 3}
