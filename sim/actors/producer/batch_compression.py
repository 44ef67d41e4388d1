"""What compression does to a producer: how much its batches take, how large they turn out, and what work it is.

The work is the application's, which appends to a compressed stream; it is paid when a batch begins, for those closed
since the last time. A broker takes batches as they are and has no work with them.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/ProducerBatch.java;
    clients/src/main/java/org/apache/kafka/common/record/MemoryRecordsBuilder.java
Fidelity: approximate — one ratio for all batches of a producer; ratios and costs are estimates
Left out: levels, work of the consumer, topics with a compression.type of their own.
"""

from typing import NamedTuple

from sim.rules.storage.compression import (
    CompressionRatioEstimator,
    CompressionType,
    compressed_batch_size_bytes,
    estimated_bytes_written,
)
from sim.rules.storage.records import RECORD_BATCH_OVERHEAD_BYTES, record_size_bytes, uniform_count_within

__all__ = ["BatchCompression", "Compressor", "compressor_for"]

ESTIMATION_MARGIN = 1.05
TYPICAL_RATIO_AND_NS_PER_BYTE = {"gzip": (0.3, 20.0), "snappy": (0.5, 3.0), "lz4": (0.5, 2.5), "zstd": (0.3, 5.0)}
"""Estimates for records like JSON: compressed over uncompressed size, and processor time."""


class BatchCompression(NamedTuple):
    """One batch's codec, the ratio expected when it was begun, and the one it will have."""

    codec: CompressionType
    expected_ratio: float
    ratio: float

    def expected_size_bytes(self, records_bytes: int) -> int:
        """The batch's size as far as its producer can tell while it fills."""
        return estimated_bytes_written(records_bytes, self.codec, self.expected_ratio)

    def size_bytes(self, records_bytes: int) -> int:
        """The batch's size once it is closed."""
        return compressed_batch_size_bytes(records_bytes, self.codec, self.ratio)

    def uniform_count(self, limit_bytes: int, value_size: int) -> int:
        """How many records of one size and no content a batch takes, to one or two."""
        record_bytes = record_size_bytes(0, 0, None, value_size)
        room_bytes = (limit_bytes - RECORD_BATCH_OVERHEAD_BYTES - record_bytes) / (
            self.expected_ratio * ESTIMATION_MARGIN
        )
        return uniform_count_within(
            RECORD_BATCH_OVERHEAD_BYTES + int(max(room_bytes, 0)) + record_bytes, None, value_size
        )


class Compressor:
    """One producer's codec, what it expects of each topic, and the work not paid for yet."""

    def __init__(self, codec: CompressionType, ratio: float, ns_per_byte: float) -> None:
        self._codec = codec
        self._ratio = ratio
        self._ns_per_byte = ns_per_byte
        self._estimator = CompressionRatioEstimator()
        self._unpaid_bytes = 0

    def begin(self, topic: str) -> BatchCompression:
        """For a new batch of a topic."""
        return BatchCompression(self._codec, self._estimator.estimation(topic, self._codec), self._ratio)

    def closed(self, records_bytes: int) -> None:
        """A batch with so many bytes of records takes no more of them."""
        self._unpaid_bytes += records_bytes

    def leaves(self, topic: str) -> None:
        """A batch is sent: its ratio is known now."""
        self._estimator.observe(topic, self._codec, self._ratio)

    def too_large(self, topic: str) -> None:
        """A broker has found a batch too large: expect the worst."""
        self._estimator.reset_after_split(topic, self._codec, self._ratio)

    def take_work(self) -> int:
        """The processor time in nanoseconds for what was closed since the last call."""
        work, self._unpaid_bytes = int(self._unpaid_bytes * self._ns_per_byte), 0
        return work


def compressor_for(compression_type: str, ratio: float | None = None) -> Compressor | None:
    """What a producer's compression.type stands for; `ratio` is that of its records, None a typical one.

    Raises ValueError for a ratio that is not above 0.
    """
    if ratio is not None and ratio <= 0:
        raise ValueError(f"a compression ratio is above 0, not {ratio}")
    if compression_type == "none":
        return None
    typical, ns_per_byte = TYPICAL_RATIO_AND_NS_PER_BYTE[compression_type]
    return Compressor(CompressionType[compression_type.upper()], typical if ratio is None else ratio, ns_per_byte)
