"""What the leader of the metadata quorum makes of the voters' fetches."""

from collections.abc import Collection, Mapping, Sequence

__all__ = ["check_quorum_timeout_ms", "is_followed", "preferred_successors", "quorum_high_watermark"]

CHECK_QUORUM_TIMEOUT_FACTOR = 1.5


def quorum_high_watermark(end_offsets: Mapping[int, int | None], epoch_start_offset: int) -> int | None:
    """The offset up to which a majority of the voters, the leader among them, has the log; None while unknown.

    `end_offsets` are those of all voters, None for one that has not fetched in this epoch. Nothing is committed before
    a record of the leader's own epoch is, whatever older records a majority has.

    Source: raft/src/main/java/org/apache/kafka/raft/LeaderState.java maybeUpdateHighWatermark
    Fidelity: exact
    """
    descending = sorted((-1 if offset is None else offset for offset in end_offsets.values()), reverse=True)
    reached = descending[len(descending) // 2]
    return reached if reached > epoch_start_offset else None


def check_quorum_timeout_ms(fetch_timeout_ms: int) -> int:
    """How long a leader goes on without fetches of a majority.

    Source: raft/src/main/java/org/apache/kafka/raft/LeaderState.java CHECK_QUORUM_TIMEOUT_FACTOR
    Fidelity: exact
    """
    return int(fetch_timeout_ms * CHECK_QUORUM_TIMEOUT_FACTOR)


def is_followed(fetched: Collection[int], voter_count: int) -> bool:
    """Whether the voters that have fetched are, with the leader itself, a majority.

    Source: raft/src/main/java/org/apache/kafka/raft/LeaderState.java updateCheckQuorumForFollowingVoter
    Fidelity: exact
    """
    return len(fetched) >= voter_count // 2


def preferred_successors(local_id: int, end_offsets: Mapping[int, int | None]) -> Sequence[int]:
    """The other voters, the most up to date first, as a leader that resigns names them.

    Source: raft/src/main/java/org/apache/kafka/raft/LeaderState.java nonLeaderVotersByDescendingFetchOffset
    Fidelity: exact
    """
    others = [(-1 if offset is None else offset, voter) for voter, offset in end_offsets.items() if voter != local_id]
    return tuple(voter for _, voter in sorted(others, key=lambda other: (-other[0], other[1])))
