"""Compression as a ratio: what a batch weighs on the wire, and what its producer expects while it fills.

Left out: levels; what a codec costs in processor time.
"""

from enum import Enum

from numpy import float32

from sim.rules.storage.records import RECORD_BATCH_OVERHEAD_BYTES

__all__ = ["CompressionRatioEstimator", "CompressionType", "compressed_batch_size_bytes", "estimated_bytes_written"]

COMPRESSION_RATIO_IMPROVING_STEP = float32(0.005)
COMPRESSION_RATIO_DETERIORATE_STEP = float32(0.05)
COMPRESSION_RATE_ESTIMATION_FACTOR = float32(1.05)
_INITIAL_RATIO = float32(1.0)


class CompressionType(Enum):
    """A codec by its name in `compression.type`; the value is its number in the batch attributes.

    Source: clients/src/main/java/org/apache/kafka/common/record/CompressionType.java
    Fidelity: exact
    """

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class CompressionRatioEstimator:
    """A producer's guess of how well the next batch of a topic will compress, by topic and codec.

    Source: clients/src/main/java/org/apache/kafka/common/record/CompressionRatioEstimator.java
    Fidelity: exact
    """

    __slots__ = ("_ratios",)

    def __init__(self) -> None:
        self._ratios: dict[tuple[str, CompressionType], float32] = {}

    def estimation(self, topic: str, codec: CompressionType) -> float:
        """The ratio that is expected, 1 at first."""
        return float(self._ratios.get((topic, codec), _INITIAL_RATIO))

    def observe(self, topic: str, codec: CompressionType, observed_ratio: float) -> float:
        """Learn from a closed batch, quickly when it compressed worse and in small steps when better."""
        current, observed = self._ratios.get((topic, codec), _INITIAL_RATIO), float32(observed_ratio)
        if observed > current:
            current = max(current + COMPRESSION_RATIO_DETERIORATE_STEP, observed)
        elif observed < current:
            current = max(current - COMPRESSION_RATIO_IMPROVING_STEP, observed)
        self._ratios[topic, codec] = current
        return float(current)

    def reset_after_split(self, topic: str, codec: CompressionType, batch_ratio: float) -> None:
        """A broker found a batch too large: expect no compression, or worse when the batch had grown by it.

        Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java
            splitAndReenqueue
        Fidelity: exact
        """
        self._ratios[topic, codec] = max(_INITIAL_RATIO, float32(batch_ratio))


def estimated_bytes_written(records_size_bytes: int, codec: CompressionType, estimated_ratio: float) -> int:
    """The size that a producer expects of the batch it fills, from the uncompressed records in it.

    Source: clients/src/main/java/org/apache/kafka/common/record/MemoryRecordsBuilder.java estimatedBytesWritten
    Fidelity: exact
    """
    if codec is CompressionType.NONE:
        return RECORD_BATCH_OVERHEAD_BYTES + records_size_bytes
    estimate = float32(records_size_bytes) * float32(estimated_ratio) * COMPRESSION_RATE_ESTIMATION_FACTOR
    return RECORD_BATCH_OVERHEAD_BYTES + int(estimate)


def compressed_batch_size_bytes(records_size_bytes: int, codec: CompressionType, ratio: float) -> int:
    """The size of a closed batch; `ratio` is compressed over uncompressed size of the data, a property of the workload.

    Source: clients/src/main/java/org/apache/kafka/common/record/DefaultRecordBatch.java
    Fidelity: approximate — no codec runs; every batch of a workload compresses by the same ratio
    """
    if codec is CompressionType.NONE:
        return RECORD_BATCH_OVERHEAD_BYTES + records_size_bytes
    return RECORD_BATCH_OVERHEAD_BYTES + round(ratio * records_size_bytes)
