"""What a producer was told of a batch."""

from sim.rules.topics import TopicPartition

__all__ = ["Acknowledgement"]

UNKNOWN_OFFSET = -1


class Acknowledgement:
    """When, by whom, for which partition and at which offset a batch was acknowledged; -1 with acks=0."""

    __slots__ = ("base_offset", "broker_id", "partition", "time")

    def __init__(self, time: int, partition: TopicPartition, broker_id: int, base_offset: int) -> None:
        self.time = time
        self.partition = partition
        self.broker_id = broker_id
        self.base_offset = base_offset

    @property
    def is_told(self) -> bool:
        """Whether a broker has said so; with acks=0 the producer only believes it."""
        return self.base_offset != UNKNOWN_OFFSET
