"""What a member of a share group says of the records that it was given (KIP-932, KIP-1222)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from sim.rules.share.share_records import RecordState

__all__ = [
    "STATE_AFTER",
    "AcknowledgeType",
    "Acknowledgement",
    "InvalidRecordStateError",
    "InvalidShareRequestError",
    "acknowledgement_batches",
]


class AcknowledgeType(IntEnum):
    """Taken, to be given again, refused for good, or kept longer; GAP stands for an offset without a record.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/AcknowledgeType.java
    Fidelity: exact
    """

    GAP = 0
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4


STATE_AFTER = {
    AcknowledgeType.GAP: RecordState.ARCHIVED,
    AcknowledgeType.ACCEPT: RecordState.ACKNOWLEDGED,
    AcknowledgeType.RELEASE: RecordState.AVAILABLE,
    AcknowledgeType.REJECT: RecordState.ARCHIVED,
}
"""What becomes of a record; RENEW leaves it as it is and begins the lock anew."""


class InvalidRecordStateError(ValueError):
    """The record is not held by this member; Kafka's InvalidRecordStateException."""


class InvalidShareRequestError(ValueError):
    """The offsets were never delivered; Kafka's InvalidRequestException."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Offsets, first and last, with one type for all of them or one for each.

    Source: server/src/main/java/org/apache/kafka/server/share/acknowledge/ShareAcknowledgementBatch.java
    Fidelity: exact
    """

    first_offset: int
    last_offset: int
    types: tuple[AcknowledgeType, ...] = (AcknowledgeType.ACCEPT,)

    def __post_init__(self) -> None:
        if len(self.types) not in (1, self.last_offset - self.first_offset + 1):
            raise InvalidShareRequestError(
                f"{len(self.types)} types for offsets {self.first_offset} to {self.last_offset}"
            )

    def type_of(self, offset: int) -> AcknowledgeType:
        """What is said of one offset."""
        return self.types[offset - self.first_offset if len(self.types) > 1 else 0]


def acknowledgement_batches(said: Mapping[int, AcknowledgeType]) -> tuple[Acknowledgement, ...]:
    """What is said of single offsets, neighbours put together.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/Acknowledgements.java
        getAcknowledgementBatches
    Fidelity: approximate — Kafka also cuts a run of ten offsets of one type out of a batch of several types
    """
    runs: list[list[int]] = []
    for offset in sorted(said):
        if runs and offset == runs[-1][-1] + 1:
            runs[-1].append(offset)
        else:
            runs.append([offset])
    batches = []
    for run in runs:
        types = tuple(said[offset] for offset in run)
        batches.append(Acknowledgement(run[0], run[-1], types[:1] if len(set(types)) == 1 else types))
    return tuple(batches)
