"""The order in which Java's hash maps and sets are iterated: Kafka's assignors give partitions out in that order.

Left out: buckets that Java turns into trees (eight equal hashes or more).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from sim.rules.groups.coordinator import java_string_hash
from sim.rules.topics import TopicPartition

__all__ = ["HashedSet", "hash_order", "integer_order", "string_order", "table_capacity", "topic_partition_hash"]

Key = TypeVar("Key")


def table_capacity(count: int, requested: int = 16) -> int:
    """How many buckets a map has after `count` insertions, made for `requested` buckets.

    Source: Java's HashMap: powers of two, doubled beyond three quarters
    Fidelity: exact
    """
    capacity = 1
    while capacity < requested or count * 4 > capacity * 3:
        capacity *= 2
    return capacity


def hash_order(keys: Iterable[Key], hash_of: Callable[[Key], int], capacity: int | None = None) -> list[Key]:
    """Keys, given in order of insertion, in the order in which Java iterates over them.

    Source: Java's HashMap: by bucket, and inside one by insertion
    Fidelity: approximate — buckets that Java turns into trees are kept as lists
    """
    inserted = list(keys)
    mask = (table_capacity(len(inserted)) if capacity is None else capacity) - 1

    def bucket(key: Key) -> int:
        hashed = hash_of(key) & 0xFFFFFFFF
        return (hashed ^ hashed >> 16) & mask

    return sorted(inserted, key=bucket)


def string_order(keys: Iterable[str]) -> list[str]:
    """Strings in the order of a Java hash map.

    Source: Java's HashMap and String.hashCode
    Fidelity: exact
    """
    return hash_order(keys, java_string_hash)


def integer_order(numbers: Iterable[int]) -> list[int]:
    """Integers in the order of a Java hash set that was copied from a sorted list of them.

    Source: Java's HashSet and Integer.hashCode
    Fidelity: exact
    """
    ascending = sorted(numbers)
    return hash_order(ascending, int, table_capacity(len(ascending), max(16, len(ascending) * 4 // 3 + 1)))


def topic_partition_hash(partition: TopicPartition) -> int:
    """`TopicPartition.hashCode`, up to the sign.

    Source: clients/src/main/java/org/apache/kafka/common/TopicPartition.java
    Fidelity: exact
    """
    return 31 * (31 + partition.partition) + java_string_hash(partition.topic) & 0xFFFFFFFF


class HashedSet(Generic[Key]):
    """A set that is iterated like Java's HashSet; it grows and never shrinks.

    Source: Java's HashSet
    Fidelity: approximate — buckets that Java turns into trees are kept as lists
    """

    __slots__ = ("_capacity", "_hash_of", "_keys")

    def __init__(self, hash_of: Callable[[Key], int]) -> None:
        self._hash_of = hash_of
        self._keys: dict[Key, None] = {}
        self._capacity = table_capacity(0)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: Key) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[Key]:
        return iter(hash_order(self._keys, self._hash_of, self._capacity))

    def add(self, key: Key) -> None:
        """Puts a key in, if it is not there."""
        self._keys[key] = None
        if len(self._keys) * 4 > self._capacity * 3:
            self._capacity *= 2

    def discard(self, key: Key) -> None:
        """Takes a key out, if it is there."""
        self._keys.pop(key, None)
