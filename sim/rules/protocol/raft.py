"""Requests and responses between the voters of the metadata quorum.

Source: clients/src/main/resources/common/message/VoteRequest.json, BeginQuorumEpochRequest.json,
    EndQuorumEpochRequest.json, FetchRequest.json and their responses
Fidelity: approximate — sizes are counted per record, not encoded; directory ids and endpoints are left out
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import METADATA_RECORD_SIZE_BYTES
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, Message
from sim.rules.raft.election import LogEnd
from sim.rules.raft.replicated_log import MetadataBatch

__all__ = [
    "BeginQuorumEpochRequest",
    "EndQuorumEpochRequest",
    "FetchQuorumRequest",
    "FetchQuorumResponse",
    "QuorumResponse",
    "VoteRequest",
    "VoteResponse",
]


@dataclass(slots=True)
class QuorumResponse(Message):
    """What all answers of a voter tell: an error, its epoch, and the leader of that epoch if it knows it."""

    error: ErrorCode
    epoch: int
    leader_id: int | None


@dataclass(slots=True)
class VoteRequest(Message):
    """A voter asks for a vote in an epoch, or with `pre_vote` whether it would get one; its log ends at `log_end`."""

    voter_id: int
    epoch: int
    log_end: LogEnd
    pre_vote: bool


@dataclass(slots=True)
class VoteResponse(QuorumResponse):
    """Whether the vote is given."""

    granted: bool


@dataclass(slots=True)
class BeginQuorumEpochRequest(Message):
    """A leader tells a voter that it leads an epoch."""

    leader_id: int
    epoch: int


@dataclass(slots=True)
class EndQuorumEpochRequest(Message):
    """A leader has resigned; the preferred successors are in order."""

    leader_id: int
    epoch: int
    preferred_successors: Sequence[int]


@dataclass(slots=True)
class FetchQuorumRequest(Message):
    """A voter fetches the metadata log from its own end on, which it has up to its high watermark for certain."""

    voter_id: int
    epoch: int
    log_end: LogEnd
    high_watermark: int


@dataclass(slots=True)
class FetchQuorumResponse(QuorumResponse):
    """Batches and the leader's high watermark (-1 while unknown), or where the voter must cut its log first."""

    batches: Sequence[MetadataBatch] = ()
    high_watermark: int = -1
    divergence: LogEnd | None = None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + METADATA_RECORD_SIZE_BYTES * sum(len(batch.records) for batch in self.batches)
