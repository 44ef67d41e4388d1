"""Records of a share group: who has them, how often they were delivered, until when they are locked (KIP-932).

Left out: transitions that wait for the share coordinator's write, and are undone when it fails.
"""

from collections.abc import Iterator
from enum import Enum

__all__ = ["InFlightBatch", "InFlightState", "InvalidTransitionError", "RecordState"]

NOBODY = ""


class RecordState(Enum):
    """What has become of a record, for a share group.

    Source: server/src/main/java/org/apache/kafka/server/share/fetch/RecordState.java
    Fidelity: exact
    """

    AVAILABLE = "Available"
    ACQUIRED = "Acquired"
    ACKNOWLEDGED = "Acknowledged"
    ARCHIVED = "Archived"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can become of it any more.

        Source: core/src/main/java/kafka/server/share/SharePartition.java isStateTerminal
        Fidelity: exact
        """
        return self in (RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)

    def next(self, state: "RecordState") -> "RecordState":
        """The new state; InvalidTransitionError if it cannot follow on this one.

        Source: server/src/main/java/org/apache/kafka/server/share/fetch/RecordState.java validateTransition
        Fidelity: exact
        """
        if self is state or self.is_terminal or (self is RecordState.AVAILABLE and state is not RecordState.ACQUIRED):
            raise InvalidTransitionError(f"a record that is {self.value} cannot become {state.value}")
        return state


class InvalidTransitionError(ValueError):
    """A record cannot go from one state to the other."""


class InFlightState:
    """State, number of deliveries and holder of one record or of a whole batch; `locked_until_ms` while it is held.

    Source: server/src/main/java/org/apache/kafka/server/share/fetch/InFlightState.java
    Fidelity: approximate — a transition is final at once
    """

    __slots__ = ("delivery_count", "locked_until_ms", "member_id", "state")

    def __init__(
        self,
        state: RecordState = RecordState.ACQUIRED,
        delivery_count: int = 1,
        member_id: str = NOBODY,
        locked_until_ms: int | None = None,
    ) -> None:
        self.state = state
        self.delivery_count = delivery_count
        self.member_id = member_id
        self.locked_until_ms = locked_until_ms

    def copy(self) -> "InFlightState":
        """The same, to be changed by itself."""
        return InFlightState(self.state, self.delivery_count, self.member_id, self.locked_until_ms)

    def become(self, other: "InFlightState") -> None:
        """The same as another one, except for the number of deliveries, which never goes back."""
        self.state, self.member_id, self.locked_until_ms = other.state, other.member_id, other.locked_until_ms

    def acquire(self, member_id: str, locked_until_ms: int) -> None:
        """Delivered to a member once more; InvalidTransitionError unless available.

        Source: server/src/main/java/org/apache/kafka/server/share/fetch/InFlightState.java tryUpdateState
        Fidelity: exact
        """
        self.state = self.state.next(RecordState.ACQUIRED)
        self.delivery_count += 1
        self.member_id, self.locked_until_ms = member_id, locked_until_ms

    def give_back(self, state: RecordState, max_delivery_count: int) -> None:
        """Not held any more; what was delivered often enough is archived where it would become available.

        Raises InvalidTransitionError when the state cannot follow.

        Source: server/src/main/java/org/apache/kafka/server/share/fetch/InFlightState.java tryUpdateState
        Fidelity: exact
        """
        if state is RecordState.AVAILABLE and self.delivery_count >= max_delivery_count:
            state = RecordState.ARCHIVED
        self.state = self.state.next(state)
        self.member_id, self.locked_until_ms = NOBODY, None

    def archive(self) -> None:
        """Out of the group's reach, whatever the state.

        Source: server/src/main/java/org/apache/kafka/server/share/fetch/InFlightState.java archive
        Fidelity: exact
        """
        self.state = RecordState.ARCHIVED
        self.member_id, self.locked_until_ms = NOBODY, None


class InFlightBatch:
    """Consecutive offsets that were acquired together: one state for all, until they differ; then one each.

    Source: server/src/main/java/org/apache/kafka/server/share/fetch/InFlightBatch.java
    Fidelity: exact
    """

    __slots__ = ("first_offset", "last_offset", "offsets", "whole")

    def __init__(self, first_offset: int, last_offset: int, state: InFlightState) -> None:
        self.first_offset = first_offset
        self.last_offset = last_offset
        self.whole: InFlightState | None = state
        self.offsets: dict[int, InFlightState] = {}

    def split(self) -> None:
        """Every offset has a state of its own from now on.

        Source: server/src/main/java/org/apache/kafka/server/share/fetch/InFlightBatch.java
        maybeInitializeOffsetStateUpdate
        Fidelity: exact
        """
        if self.whole is not None:
            self.offsets = {offset: self.whole.copy() for offset in range(self.first_offset, self.last_offset + 1)}
            self.whole = None

    def parts(self) -> Iterator[tuple[int, int, InFlightState]]:
        """First offset, last offset and state of each part that has one state."""
        if self.whole is not None:
            yield self.first_offset, self.last_offset, self.whole
        for offset, state in self.offsets.items():
            yield offset, offset, state

    def lies_within(self, first_offset: int, last_offset: int) -> bool:
        """Whether all of it lies in a range; both ends count."""
        return first_offset <= self.first_offset and self.last_offset <= last_offset

    def is_cut_by(self, offset: int) -> bool:
        """Whether an offset lies in the batch, but is not its first."""
        return self.first_offset < offset <= self.last_offset
