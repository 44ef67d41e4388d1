"""Racks in the client's assignors (KIP-881), against placements that Kafka's own assignors give."""

from collections.abc import Mapping, Sequence

import pytest

from sim.rules.assignors import CLIENT_ASSIGNORS, Subscription
from sim.rules.topics import TopicPartition

UNEVEN = {"t1": 6, "t2": 7, "t3": 2}
EVEN = dict.fromkeys(("t1", "t2", "t3"), 5)
PAIRS = {"t1": 6, "t2": 6, "t3": 2, "t4": 2}
ALL = ["t1 t2 t3"] * 3
TWO_SEE_ALL = ["t1 t2 t3", "t1 t2 t3", "t1 t3"]
RANGES = ["t1-0 t1-1 t2-0 t2-1 t2-2 t3-0", "t1-2 t1-3 t2-3 t2-4 t3-1", "t1-4 t1-5 t2-5 t2-6"]
DEALT = ["t1-0 t1-3 t2-0 t2-3 t2-6", "t1-1 t1-4 t2-1 t2-4 t3-0", "t1-2 t1-5 t2-2 t2-5 t3-1"]
LEAST_LOADED = ["t1-5 t2-0 t2-2 t2-4 t2-6", "t1-3 t2-1 t2-3 t2-5 t3-0", "t1-0 t1-1 t1-2 t1-4 t3-1"]
OWNED = ["t1-0 t1-1 t1-2 t1-3 t1-4", "t1-5 t2-0 t2-1 t2-2 t2-3", "t2-4 t2-5 t2-6 t3-0 t3-1"]


def partitions(names: str) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(name[:2], int(name[3:])) for name in names.split())


def placed(
    assignor: str,
    counts: Mapping[str, int],
    topics: Sequence[str],
    racks: str,
    replication_factor: int,
    broker_racks: str,
    owned: Sequence[str] = (),
) -> list[str]:
    """Who gets what when replicas are laid round the brokers; one letter is the rack of one member or broker."""
    subscriptions = {
        f"consumer{number}": Subscription(
            tuple(listed.split()), partitions(owned[number]) if owned else (), rack=rack.strip()
        )
        for number, (listed, rack) in enumerate(zip(topics, racks, strict=True))
    }
    replicas, first = {}, 0
    for topic, count in counts.items():
        replicas[topic] = [
            [broker_racks[(first + number + step) % len(broker_racks)] for step in range(replication_factor)]
            for number in range(count)
        ]
        first += count
    found = CLIENT_ASSIGNORS[assignor](counts, subscriptions, replicas)
    return [" ".join(map(str, sorted(assigned))) for assigned in found.values()]


@pytest.mark.parametrize(
    ("counts", "topics", "racks", "replication_factor", "broker_racks", "expected"),
    [
        (UNEVEN, ALL, "abc", 3, "abc", RANGES),
        (UNEVEN, ALL, "   ", 1, "abc", RANGES),
        (UNEVEN, ALL, "abc", 1, "abc", DEALT),
        (UNEVEN, ALL, "abc", 2, "abc",
         ["t1-0 t1-2 t2-0 t2-2 t2-3 t3-1", "t1-1 t1-3 t2-1 t2-4 t3-0", "t1-4 t1-5 t2-5 t2-6"]),
        (UNEVEN, ALL, "abc", 3, "ab", RANGES),
        (UNEVEN, TWO_SEE_ALL, "abc", 1, "abc",
         ["t1-0 t1-3 t2-0 t2-2 t2-3 t2-6", "t1-1 t1-4 t2-1 t2-4 t2-5 t3-0", "t1-2 t1-5 t3-1"]),
        (UNEVEN, TWO_SEE_ALL, "abc", 2, "abc",
         ["t1-0 t1-2 t2-0 t2-2 t2-3 t2-5 t3-1", "t1-1 t1-3 t2-1 t2-4 t2-6 t3-0", "t1-4 t1-5"]),
        (EVEN, ALL, "abc", 1, "abc",
         ["t1-0 t1-1 t2-0 t2-1 t3-0 t3-1", "t1-2 t1-3 t2-2 t2-3 t3-2 t3-3", "t1-4 t2-4 t3-4"]),
        (EVEN, TWO_SEE_ALL, "abc", 1, "abc",
         ["t1-0 t1-1 t2-0 t2-1 t2-4 t3-0 t3-1", "t1-2 t1-3 t2-2 t2-3 t3-2 t3-3", "t1-4 t3-4"]),
        (EVEN, TWO_SEE_ALL, "abc", 2, "abc",
         ["t1-2 t2-0 t2-1 t2-3 t3-2", "t1-0 t1-3 t2-2 t2-4 t3-0 t3-3", "t1-1 t1-4 t3-1 t3-4"]),
        (PAIRS, ["t1 t2", "t1 t2", "t3 t4", "t3 t4"], "abba", 1, "ab",
         ["t1-0 t1-2 t1-4 t2-0 t2-2 t2-4", "t1-1 t1-3 t1-5 t2-1 t2-3 t2-5", "t3-1 t4-1", "t3-0 t4-0"]),
        (PAIRS, ["t1 t2 t3 t4"] * 4, "abba", 1, "abc",
         ["t1-0 t1-3 t2-0 t2-3 t3-0 t4-0", "t1-1 t1-4 t2-1 t2-4 t3-1 t4-1", "t1-2 t2-2", "t1-5 t2-5"]),
    ],
)  # fmt: skip
def test_range(
    counts: dict[str, int],
    topics: list[str],
    racks: str,
    replication_factor: int,
    broker_racks: str,
    expected: list[str],
) -> None:
    assert placed("range", counts, topics, racks, replication_factor, broker_racks) == expected


@pytest.mark.parametrize("assignor", ["sticky", "cooperative-sticky"])
@pytest.mark.parametrize(
    ("topics", "racks", "replication_factor", "broker_racks", "expected"),
    [
        (ALL, "abc", 3, "abc", DEALT),
        (ALL, "def", 3, "abc", DEALT),
        (ALL, "abc", 1, "abc", DEALT),
        (ALL, "abc", 2, "abc", DEALT),
        (ALL, "abc", 3, "ab", DEALT),
        (TWO_SEE_ALL, "abc", 3, "abc", LEAST_LOADED),
        (TWO_SEE_ALL, "abc", 1, "abc",
         ["t1-3 t2-0 t2-2 t2-3 t2-6", "t1-4 t2-1 t2-4 t2-5 t3-0", "t1-0 t1-1 t1-2 t1-5 t3-1"]),
        (TWO_SEE_ALL, "abc", 2, "abc",
         ["t1-3 t2-0 t2-2 t2-5 t2-6", "t1-0 t2-1 t2-3 t2-4 t3-0", "t1-1 t1-2 t1-4 t1-5 t3-1"]),
        (TWO_SEE_ALL, "abc", 3, "ab", LEAST_LOADED),
    ],
)  # fmt: skip
def test_sticky_and_again_with_what_that_gave(
    assignor: str, topics: list[str], racks: str, replication_factor: int, broker_racks: str, expected: list[str]
) -> None:
    assert placed(assignor, UNEVEN, topics, racks, replication_factor, broker_racks) == expected
    assert placed(assignor, UNEVEN, topics, racks, replication_factor, broker_racks, expected) == expected


def test_cooperative_gives_up_what_is_in_another_rack() -> None:
    first = placed("cooperative-sticky", UNEVEN, ALL, "abc", 1, "abc", OWNED)
    assert first == ["t1-0 t1-3", "t2-1", "t2-5 t3-1"]
    first = placed("cooperative-sticky", UNEVEN, TWO_SEE_ALL, "abc", 1, "abc", OWNED)
    assert first == ["t1-3", "t2-1", "t3-1"]
    second = placed("cooperative-sticky", UNEVEN, TWO_SEE_ALL, "abc", 1, "abc", first)
    assert second == ["t1-3 t2-0 t2-2 t2-3 t2-6", "t1-4 t2-1 t2-4 t2-5 t3-0", "t1-0 t1-1 t1-2 t1-5 t3-1"]


def test_cooperative_moves_what_balance_asks_for_when_all_racks_have_everything() -> None:
    first = placed("cooperative-sticky", UNEVEN, TWO_SEE_ALL, "abc", 3, "abc", OWNED)
    assert first == ["t1-2 t1-3 t1-4", "t2-0 t2-1 t2-2 t2-3", "t3-0 t3-1"]
    second = placed("cooperative-sticky", UNEVEN, TWO_SEE_ALL, "abc", 3, "abc", first)
    assert second == ["t1-2 t1-3 t1-4 t2-4 t2-5", "t2-0 t2-1 t2-2 t2-3 t2-6", "t1-0 t1-1 t1-5 t3-0 t3-1"]
