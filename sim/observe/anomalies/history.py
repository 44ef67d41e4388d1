"""The history of a run as clients saw it: operations made of sends and polls, and what moved the consumers.

As in Jepsen's Kafka workload, except that records stand in rows instead of one by one: what one producer has sent to
one partition, by its running numbers. A record is known by partition, origin and number; no payload is needed.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from sim.rules.topics import TopicPartition

__all__ = ["History", "Mark", "MarkKind", "Operation", "Outcome", "Poll", "Reader", "Records", "Send"]


class Outcome(IntEnum):
    """How a client's operation ended: done, certainly not done, or (INFO) nobody can tell."""

    OK = 0
    INFO = 1
    FAIL = 2


class Records(NamedTuple):
    """Records numbered in a row, at offsets in a row from `first_offset` on; None when no client knows the offset."""

    partition: TopicPartition
    origin: str
    first_number: int
    record_count: int
    first_offset: int | None


class Send(NamedTuple):
    """Records sent together."""

    records: Records


class Poll(NamedTuple):
    """What one poll of a consumer returned; `order` places it among all polls and marks of the history."""

    client: str
    order: int
    records: tuple[Records, ...]


class Operation(NamedTuple):
    """One send, one poll, or a transaction of several; times in nanoseconds, `completed` is -1 if it never was."""

    process: str
    outcome: Outcome
    invoked: int
    completed: int
    steps: tuple[Send | Poll, ...]
    transactional: bool = False


class MarkKind(IntEnum):
    """Why a consumer may go on elsewhere: its application says so (ASSIGN, SUBSCRIBE, SEEK), or its group (REBALANCE).

    A seek concerns the partitions it names; the others name what the consumer keeps.
    """

    ASSIGN = 0
    SUBSCRIBE = 1
    SEEK = 2
    REBALANCE = 3


class Mark(NamedTuple):
    """A consumer's partitions or positions change; a subscription names topics instead of partitions."""

    client: str
    order: int
    kind: MarkKind
    partitions: tuple[TopicPartition, ...] = ()
    topics: tuple[str, ...] = ()


class Reader(NamedTuple):
    """What a consumer was configured for: committed records only, and partitions from their first record on."""

    read_committed: bool = True
    from_beginning: bool = True


@dataclass(slots=True)
class History:
    """Everything that clients saw; `readers` by the name that polls and marks give a consumer."""

    operations: Sequence[Operation] = ()
    marks: Sequence[Mark] = ()
    readers: Mapping[str, Reader] = field(default_factory=dict)

    def reader(self, client: str) -> Reader:
        """The configuration of a consumer."""
        return self.readers.get(client, Reader())
