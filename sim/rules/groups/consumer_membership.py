"""What a consumer knows of its own membership in a group of the consumer protocol (KIP-848), without timers."""

from enum import Enum, auto
from typing import NamedTuple

from sim.rules.groups.consumer_group_members import NO_PARTITIONS
from sim.rules.protocol.consumer_group import JOIN_GROUP_MEMBER_EPOCH, Partitions

__all__ = ["NO_ASSIGNMENT", "LocalAssignment", "LocalMembership", "MembershipState", "valid_transition"]


class MembershipState(Enum):
    """How far a member is, as it sees itself.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/MemberState.java
    Fidelity: exact
    """

    UNSUBSCRIBED = auto()
    JOINING = auto()
    RECONCILING = auto()
    ACKNOWLEDGING = auto()
    STABLE = auto()
    FENCED = auto()
    PREPARE_LEAVING = auto()
    LEAVING = auto()
    FATAL = auto()
    STALE = auto()


_S = MembershipState
_PREVIOUS = {
    _S.STABLE: (_S.JOINING, _S.ACKNOWLEDGING, _S.RECONCILING),
    _S.RECONCILING: (_S.STABLE, _S.JOINING, _S.ACKNOWLEDGING, _S.RECONCILING),
    _S.ACKNOWLEDGING: (_S.RECONCILING,),
    _S.FATAL: (
        _S.JOINING,
        _S.STABLE,
        _S.RECONCILING,
        _S.ACKNOWLEDGING,
        _S.PREPARE_LEAVING,
        _S.LEAVING,
        _S.UNSUBSCRIBED,
    ),
    _S.FENCED: (_S.JOINING, _S.STABLE, _S.RECONCILING, _S.ACKNOWLEDGING, _S.PREPARE_LEAVING, _S.LEAVING),
    _S.JOINING: (_S.FENCED, _S.UNSUBSCRIBED, _S.STALE),
    _S.PREPARE_LEAVING: (_S.JOINING, _S.STABLE, _S.RECONCILING, _S.ACKNOWLEDGING, _S.UNSUBSCRIBED),
    _S.LEAVING: (_S.PREPARE_LEAVING,),
    _S.UNSUBSCRIBED: (_S.PREPARE_LEAVING, _S.LEAVING, _S.FENCED),
    _S.STALE: (_S.LEAVING,),
}
_SENDS_AT_ONCE = (_S.ACKNOWLEDGING, _S.LEAVING, _S.JOINING)
_OUTSIDE = (_S.UNSUBSCRIBED, _S.FENCED, _S.FATAL, _S.STALE)


def valid_transition(before: MembershipState, after: MembershipState) -> bool:
    """Whether a member may go from one state to another.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/MemberState.java
    Fidelity: exact
    """
    return before is after or before in _PREVIOUS[after]


class LocalAssignment(NamedTuple):
    """Partitions and a number that rises with each change, so that an assignment that comes back is another one."""

    local_epoch: int
    partitions: Partitions


NO_ASSIGNMENT = LocalAssignment(-1, NO_PARTITIONS)


class LocalMembership:
    """State, epoch and assignments of one member: `current` is what it has taken over, `target` what it was told.

    `join_count` tells a reconciliation whether the member has joined anew meanwhile.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractMembershipManager.java,
        ConsumerMembershipManager.java
    Fidelity: exact
    """

    __slots__ = ("current", "is_poll_expired", "join_count", "member_epoch", "member_id", "state", "target")

    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        self.member_epoch = JOIN_GROUP_MEMBER_EPOCH
        self.state = MembershipState.UNSUBSCRIBED
        self.current = self.target = NO_ASSIGNMENT
        self.is_poll_expired = False
        self.join_count = 0

    @property
    def sends_at_once(self) -> bool:
        """Whether the next heartbeat does not wait for its interval."""
        return self.state in _SENDS_AT_ONCE

    @property
    def is_outside(self) -> bool:
        """Whether it is in no group, or the group must not be talked to: no heartbeats."""
        return self.state in _OUTSIDE

    @property
    def is_leaving(self) -> bool:
        """Whether it is about to leave."""
        return self.state in (MembershipState.PREPARE_LEAVING, MembershipState.LEAVING)

    @property
    def has_to_reconcile(self) -> bool:
        """Whether it was told another assignment than it has."""
        return self.state is MembershipState.RECONCILING and self.current != self.target

    def transition_to(self, state: MembershipState) -> None:
        """Moves to another state; ValueError if Kafka knows no such move."""
        if not valid_transition(self.state, state):
            raise ValueError(f"Invalid state transition from {self.state.name} to {state.name}")
        self.state = state

    def join(self) -> None:
        """Join, or join anew, with the next heartbeat; not after a fatal error."""
        if self.state is MembershipState.FATAL:
            return
        self.join_count += 1
        self.member_epoch = JOIN_GROUP_MEMBER_EPOCH
        self.transition_to(MembershipState.JOINING)
        self.target = NO_ASSIGNMENT

    def heard(self, member_epoch: int, assignment: Partitions | None) -> None:
        """A heartbeat was answered without an error."""
        if self.is_outside or self.state is MembershipState.LEAVING or member_epoch < 0:
            return
        self.member_epoch = member_epoch
        takes = valid_transition(self.state, MembershipState.RECONCILING)
        if assignment is None or not takes:
            return
        if self.target == NO_ASSIGNMENT or assignment != self.target.partitions:
            self.target = LocalAssignment(self.target.local_epoch + 1, assignment)
        if self.current != self.target:
            self.transition_to(MembershipState.RECONCILING)
        elif self.state in (MembershipState.RECONCILING, MembershipState.JOINING):
            self.transition_to(MembershipState.STABLE)

    def fence(self) -> None:
        """The coordinator does not know the member, or not at this epoch: give all up and join anew, unless leaving."""
        if self.is_leaving:
            if self.state is MembershipState.PREPARE_LEAVING:
                self.transition_to(MembershipState.LEAVING)
            self.transition_to(MembershipState.UNSUBSCRIBED)
        elif self.state is not MembershipState.UNSUBSCRIBED:
            self.transition_to(MembershipState.FENCED)
            self.member_epoch = JOIN_GROUP_MEMBER_EPOCH

    def acknowledge(self, assignment: LocalAssignment) -> None:
        """The assignment, or what is known of it, is taken over: tell with the next heartbeat, at once."""
        self.current = assignment
        self.transition_to(MembershipState.ACKNOWLEDGING)

    def forget_assignment(self) -> None:
        """All partitions are given up."""
        self.current = self.target = NO_ASSIGNMENT

    def leave(self, leave_epoch: int, *, is_poll_expired: bool = False) -> None:
        """Leave with the next heartbeat, at once; when the application polls too seldom, to come back later."""
        if self.state is not MembershipState.PREPARE_LEAVING:
            self.transition_to(MembershipState.PREPARE_LEAVING)
        self.is_poll_expired = is_poll_expired
        self.member_epoch = leave_epoch
        self.current = NO_ASSIGNMENT
        self.transition_to(MembershipState.LEAVING)

    def heartbeat_sent(self) -> None:
        """A heartbeat is on its way, which is all that acknowledging and leaving need."""
        if self.state is MembershipState.ACKNOWLEDGING:
            reconciled = self.current == self.target
            self.transition_to(MembershipState.STABLE if reconciled else MembershipState.RECONCILING)
        elif self.state is MembershipState.LEAVING:
            self.transition_to(MembershipState.STALE if self.is_poll_expired else MembershipState.UNSUBSCRIBED)
