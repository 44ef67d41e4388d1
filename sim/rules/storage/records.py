"""The size of records and batches on the wire and on disk (record format v2).

Left out: compression; every batch has the size of its uncompressed records.
"""

from collections.abc import Sequence
from functools import lru_cache

__all__ = [
    "LOG_OVERHEAD",
    "MAX_RECORD_OVERHEAD",
    "RECORD_BATCH_OVERHEAD_BYTES",
    "Header",
    "estimate_batch_size_upper_bound",
    "record_size_bytes",
    "uniform_batch_size_bytes",
    "uniform_count_within",
    "varint_size",
    "varlong_size",
]

Header = tuple[str, bytes | None]

LOG_OVERHEAD = 12
MAX_RECORD_OVERHEAD = 21
RECORD_BATCH_OVERHEAD_BYTES = 61

# From each of these offset deltas on, a delta takes one byte more as a varint.
_DELTA_STEPS = (0, 64, 8_192, 1_048_576, 134_217_728)


def varint_size(value: int) -> int:
    """Bytes that a signed 32-bit number takes as a zig-zag varint: one to five.

    Source: clients/src/main/java/org/apache/kafka/common/utils/ByteUtils.java
    Fidelity: exact
    """
    if -64 <= value < 64:
        return 1
    if -8192 <= value < 8192:
        return 2
    zigzag = value << 1 if value >= 0 else ~(value << 1)
    return (zigzag.bit_length() + 6) // 7 or 1


def varlong_size(value: int) -> int:
    """Bytes that a signed 64-bit number takes as a zig-zag varlong: one to ten.

    Source: clients/src/main/java/org/apache/kafka/common/utils/ByteUtils.java
    Fidelity: exact
    """
    return varint_size(value)


def record_size_bytes(
    offset_delta: int,
    timestamp_delta_ms: int,
    key_size: int | None,
    value_size: int | None,
    headers: Sequence[Header] = (),
) -> int:
    """Size of one record inside a batch, its own length prefix included; None stands for a null key or value.

    Source: clients/src/main/java/org/apache/kafka/common/record/DefaultRecord.java sizeInBytes
    Fidelity: exact
    """
    body = 1 + varint_size(offset_delta) + varint_size(timestamp_delta_ms)
    body += _content_size_bytes(key_size, value_size, headers)
    return body + varint_size(body)


def estimate_batch_size_upper_bound(
    key_size: int | None, value_size: int | None, headers: Sequence[Header] = ()
) -> int:
    """The size that a producer reserves before it knows the deltas of a batch's first record.

    Source: clients/src/main/java/org/apache/kafka/common/record/AbstractRecords.java estimateSizeInBytesUpperBound
    Fidelity: exact
    """
    return RECORD_BATCH_OVERHEAD_BYTES + MAX_RECORD_OVERHEAD + _content_size_bytes(key_size, value_size, headers)


@lru_cache(maxsize=4096)
def uniform_batch_size_bytes(count: int, key_size: int | None, value_size: int | None) -> int:
    """Size of a batch of `count` records alike in key size, value size and timestamp, without a loop over them.

    Source: clients/src/main/java/org/apache/kafka/common/record/DefaultRecord.java sizeInBytes
    Fidelity: exact
    """
    size = RECORD_BATCH_OVERHEAD_BYTES
    for first, end in zip(_DELTA_STEPS, (*_DELTA_STEPS[1:], count), strict=True):
        if count <= first:
            break
        size += (min(count, end) - first) * record_size_bytes(first, 0, key_size, value_size)
    return size


@lru_cache(maxsize=4096)
def uniform_count_within(limit_bytes: int, key_size: int | None, value_size: int | None) -> int:
    """How many records alike fit into a batch of so many bytes; at least one, as in Kafka.

    Source: clients/src/main/java/org/apache/kafka/common/record/MemoryRecordsBuilder.java hasRoomFor
    Fidelity: exact
    """
    first_size = record_size_bytes(0, 0, key_size, value_size)
    count = max(1, (limit_bytes - RECORD_BATCH_OVERHEAD_BYTES) // first_size)
    while count > 1 and (excess := uniform_batch_size_bytes(count, key_size, value_size) - limit_bytes) > 0:
        count = max(1, count - max(1, excess // (first_size + 4)))
    return count


def _content_size_bytes(key_size: int | None, value_size: int | None, headers: Sequence[Header]) -> int:
    """Key, value and headers with their length prefixes."""
    size = 1 if key_size is None else varint_size(key_size) + key_size
    size += 1 if value_size is None else varint_size(value_size) + value_size
    if not headers:
        return size + 1
    size += varint_size(len(headers))
    for name, value in headers:
        name_size = len(name.encode())
        size += varint_size(name_size) + name_size
        size += 1 if value is None else varint_size(len(value)) + len(value)
    return size
