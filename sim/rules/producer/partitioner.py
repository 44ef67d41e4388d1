"""Which partition a record goes to."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from struct import unpack_from

__all__ = [
    "StickyPartitioner",
    "is_slow",
    "load_table",
    "murmur2",
    "next_partition",
    "partition_for_key",
    "to_positive",
]

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """The 32-bit MurmurHash2 of a key, signed as in Java.

    Source: clients/src/main/java/org/apache/kafka/common/utils/Utils.java murmur2
    Fidelity: exact
    """
    length = len(key)
    whole = length & ~3
    hashed = _SEED ^ length
    for word in unpack_from(f"<{length >> 2}I", key):
        mixed = (word * _M) & _MASK
        hashed = ((hashed * _M) ^ ((mixed ^ (mixed >> 24)) * _M)) & _MASK
    if whole != length:
        hashed = ((hashed ^ int.from_bytes(key[whole:], "little")) * _M) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _M) & _MASK
    hashed ^= hashed >> 15
    return hashed - 0x100000000 if hashed & 0x80000000 else hashed


def to_positive(number: int) -> int:
    """The number without its sign bit, which is not its absolute value.

    Source: clients/src/main/java/org/apache/kafka/common/utils/Utils.java toPositive
    Fidelity: exact
    """
    return number & 0x7FFFFFFF


@lru_cache(maxsize=1 << 16)
def partition_for_key(key: bytes, partition_count: int) -> int:
    """The partition of a record with a key.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java partitionForKey
    Fidelity: exact
    """
    return to_positive(murmur2(key)) % partition_count


def load_table(queue_sizes: Sequence[int], partition_count: int) -> list[int] | None:
    """Running sums of weights, the longest queue the lightest; None when the load gives no reason to prefer any.

    `queue_sizes` are waiting batches per partition that may be chosen, `partition_count` all of the topic.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java
    Fidelity: exact
    """
    if not queue_sizes or partition_count < 2:
        return None
    longest = max(queue_sizes)
    if longest == min(queue_sizes) and len(queue_sizes) == partition_count:
        return None
    return list(accumulate(longest + 1 - size for size in queue_sizes))


def next_partition(
    available: Sequence[int],
    queue_sizes: Sequence[int] | None,
    partition_count: int,
    draw: Callable[[int], int],
) -> int:
    """The partition to switch to, by chance, rather one whose queue was short when the sender last looked.

    `available` are the partitions with a leader (all of them if none has one); `queue_sizes` their waiting batches,
    None for a uniform choice; `draw(n)` gives a random number from 0 to n - 1.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java nextPartition
    Fidelity: exact
    """
    table = None if queue_sizes is None else load_table(queue_sizes, partition_count)
    return available[draw(len(available)) if table is None else bisect_right(table, draw(table[-1]))]


def is_slow(ready: int, drained: int, availability_timeout: int) -> bool:
    """Whether a node has not taken ready batches for so long that its partitions are not chosen; never with 0.

    `ready` is when it last had batches ready, `drained` when it could last be sent some; one unit of time for all.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java partitionReady
    Fidelity: exact
    """
    return availability_timeout > 0 and ready - drained > availability_timeout


class StickyPartitioner:
    """The partition of records without a key, for one topic: the same until enough bytes were produced to it.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java; KIP-794
    Fidelity: exact
    """

    __slots__ = ("batch_size_bytes", "current", "produced_bytes")

    def __init__(self, batch_size_bytes: int) -> None:
        self.batch_size_bytes = max(1, batch_size_bytes)
        self.current: int | None = None
        self.produced_bytes = 0

    def partition(self, choose: Callable[[], int]) -> int:
        """The partition for the next record; `choose` draws the very first one."""
        if self.current is None:
            self.current = choose()
        return self.current

    def update(self, appended_bytes: int, batch_complete: bool, choose: Callable[[], int]) -> None:
        """Counts what was appended; leaves the partition after batch.size bytes at a batch's end, or after twice that.

        `batch_complete`: the partition's last batch is full, so that a switch leaves no small batch behind; `choose`
        draws the next partition, which may be the same.
        """
        self.produced_bytes += appended_bytes
        enough = self.batch_size_bytes if batch_complete else 2 * self.batch_size_bytes
        if self.produced_bytes >= enough:
            self.current = choose()
            self.produced_bytes = 0
