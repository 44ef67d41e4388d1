"""The classic consumer group: its states, members and generations, without timers.

Left out: committed offsets, which live in their own log; conversion to and from the consumer protocol (KIP-848).
"""

from collections.abc import Collection, Mapping
from enum import Enum

from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.groups.group_members import Member

__all__ = ["ClassicGroup", "GroupState", "Member", "valid_transition"]


class GroupState(Enum):
    """The state of a classic group; values are Kafka's own names.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/classic/ClassicGroupState.java
    Fidelity: exact
    """

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


_PREVIOUS = {
    GroupState.EMPTY: (GroupState.PREPARING_REBALANCE,),
    GroupState.PREPARING_REBALANCE: (GroupState.STABLE, GroupState.COMPLETING_REBALANCE, GroupState.EMPTY),
    GroupState.COMPLETING_REBALANCE: (GroupState.PREPARING_REBALANCE,),
    GroupState.STABLE: (GroupState.COMPLETING_REBALANCE,),
    GroupState.DEAD: tuple(GroupState),
}


def valid_transition(before: GroupState, after: GroupState) -> bool:
    """Whether a classic group may go from one state to another.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/classic/ClassicGroupState.java
    Fidelity: exact
    """
    return before in _PREVIOUS[after]


class ClassicGroup:
    """A classic group. Errors of use raise ValueError; answers to clients are returned as error codes.

    Where Kafka takes any member (a leader in place of one that left, a tie of votes) this takes the first in order
    of joining.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/classic/ClassicGroup.java
    Fidelity: approximate — Kafka breaks ties in the order of a hash map
    """

    __slots__ = (
        "generation",
        "group_id",
        "leader_id",
        "members",
        "new_member_added",
        "pending_join_members",
        "pending_sync_members",
        "previous_state",
        "protocol_name",
        "protocol_type",
        "state",
        "static_members",
        "subscribed_topics",
    )

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.state = GroupState.EMPTY
        self.previous_state = GroupState.DEAD
        self.generation = 0
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.leader_id: str | None = None
        self.members: dict[str, Member] = {}
        self.static_members: dict[str, str] = {}
        self.pending_join_members: set[str] = set()
        self.pending_sync_members: set[str] = set()
        self.subscribed_topics: frozenset[str] | None = None
        self.new_member_added = False

    def transition_to(self, state: GroupState) -> None:
        """Moves to another state; ValueError if Kafka knows no such move."""
        if not valid_transition(self.state, state):
            raise ValueError(f"Group {self.group_id} cannot move from {self.state.value} to {state.value}")
        self.previous_state = self.state
        self.state = state

    def can_rebalance(self) -> bool:
        """Whether the group may start to prepare a rebalance."""
        return valid_transition(self.state, GroupState.PREPARING_REBALANCE)

    def is_leader(self, member_id: str) -> bool:
        """Whether this member computes the assignment."""
        return self.leader_id == member_id

    def add(self, member: Member, awaiting_join: bool = True) -> None:
        """Takes in a member; the first one leads. ValueError if its protocols or its instance id do not fit."""
        instance_id = member.group_instance_id
        if instance_id is not None and instance_id in self.static_members:
            raise ValueError(f"Static member {instance_id} is already in group {self.group_id}")
        protocol_type = self.protocol_type if self.members else member.protocol_type
        if protocol_type != member.protocol_type or not self._supports(protocol_type, member):
            raise ValueError(f"Member {member.member_id} shares no protocol with group {self.group_id}")
        self.protocol_type = protocol_type
        if instance_id is not None:
            self.static_members[instance_id] = member.member_id
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        member.awaiting_join = awaiting_join
        self.pending_join_members.discard(member.member_id)

    def update(
        self,
        member: Member,
        protocols: Mapping[str, Subscription],
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        awaiting_join: bool = True,
    ) -> None:
        """Takes over what a known member says when it joins again."""
        member.protocols = dict(protocols)
        member.rebalance_timeout_ms = rebalance_timeout_ms
        member.session_timeout_ms = session_timeout_ms
        member.awaiting_join = awaiting_join

    def remove(self, member_id: str) -> Member | None:
        """Drops a member, known or pending; another one leads if it was the leader."""
        removed = self.members.pop(member_id, None)
        if removed is not None and removed.group_instance_id is not None:
            self.static_members.pop(removed.group_instance_id, None)
        if self.is_leader(member_id):
            self.leader_id = next(iter(self.members), None)
        self.pending_join_members.discard(member_id)
        self.pending_sync_members.discard(member_id)
        return removed

    def replace_static_member(self, group_instance_id: str, old_member_id: str, new_member_id: str) -> Member:
        """Gives a restarted static member its new id, with the assignment of the old one; ValueError if unknown."""
        old = self.members.pop(old_member_id, None)
        if old is None:
            raise ValueError(f"Cannot replace unknown member {old_member_id}")
        new = Member(
            new_member_id,
            old.protocols,
            rebalance_timeout_ms=old.rebalance_timeout_ms,
            session_timeout_ms=old.session_timeout_ms,
            client_id=old.client_id,
            group_instance_id=old.group_instance_id,
            protocol_type=old.protocol_type,
        )
        new.assignment = old.assignment
        self.members[new_member_id] = new
        if self.is_leader(old_member_id):
            self.leader_id = new_member_id
        self.static_members[group_instance_id] = new_member_id
        return new

    def has_static_member(self, group_instance_id: str) -> bool:
        """Whether a member with this group.instance.id belongs to the group."""
        return group_instance_id in self.static_members

    def not_yet_rejoined_members(self) -> list[Member]:
        """Members that have not sent their join request in this rebalance."""
        return [member for member in self.members.values() if not member.awaiting_join]

    def has_all_members_joined(self) -> bool:
        """Whether the rebalance need not wait for anyone, not even for a member that was only given an id."""
        return not self.pending_join_members and all(member.awaiting_join for member in self.members.values())

    def rebalance_timeout_ms(self) -> int:
        """How long a rebalance may wait: the longest that any member asks for."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    def elect_joined_leader(self) -> bool:
        """Replaces a leader that has not rejoined; False if there is no leader to be had."""
        if self.leader_id is None:
            return False
        if not self.members[self.leader_id].awaiting_join:
            joined = next((member for member in self.members.values() if member.awaiting_join), None)
            if joined is None:
                return False
            self.leader_id = joined.member_id
        return True

    def candidate_protocols(self) -> list[str]:
        """Protocols that every member supports."""
        members = list(self.members.values())
        names = members[0].protocols if members else {}
        return [name for name in names if all(name in member.protocols for member in members)]

    def supports_protocols(self, protocol_type: str, names: Collection[str]) -> bool:
        """Whether a member with these protocols may join."""
        if self.state is GroupState.EMPTY:
            return bool(protocol_type) and bool(names)
        members = self.members.values()
        return self.protocol_type == protocol_type and any(
            all(name in member.protocols for member in members) for name in names
        )

    def select_protocol(self) -> str:
        """The common protocol with the most first votes; ValueError for a group without members."""
        if not self.members:
            raise ValueError(f"Cannot select a protocol for empty group {self.group_id}")
        candidates = self.candidate_protocols()
        votes: dict[str, int] = {}
        for member in self.members.values():
            name = member.vote(candidates)
            votes[name] = votes.get(name, 0) + 1
        return max(votes, key=lambda name: votes[name])

    def init_next_generation(self) -> None:
        """Ends the joining: one generation on, to CompletingRebalance with a protocol, or to Empty without members."""
        self.generation += 1
        self.protocol_name = self.select_protocol() if self.members else None
        self.subscribed_topics = self._topics()
        self.transition_to(GroupState.COMPLETING_REBALANCE if self.members else GroupState.EMPTY)
        self.pending_sync_members.clear()

    def subscriptions(self) -> dict[str, Subscription]:
        """Each member's subscription for the chosen protocol, as the leader is told."""
        name = self.protocol_name
        return {member.member_id: member.protocols[name] for member in self.members.values() if name is not None}

    def group_instance_ids(self) -> dict[str, str]:
        """The group.instance.id of each static member, by member id."""
        return {member_id: instance_id for instance_id, member_id in self.static_members.items()}

    def assignments(self) -> dict[str, object]:
        """What each member was assigned."""
        return {member.member_id: member.assignment for member in self.members.values()}

    def has_received_sync_from_all_members(self) -> bool:
        """Whether every member has sent its sync request in this generation."""
        return not self.pending_sync_members

    def validate_member(self, member_id: str, group_instance_id: str | None = None) -> ErrorCode | None:
        """The error for a request of someone who is not, or no longer, a member; None if all is well."""
        if group_instance_id is not None:
            existing = self.static_members.get(group_instance_id)
            if existing is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            if existing != member_id:
                return ErrorCode.FENCED_INSTANCE_ID
        return None if member_id in self.members else ErrorCode.UNKNOWN_MEMBER_ID

    def validate_commit(
        self,
        member_id: str,
        generation: int,
        group_instance_id: str | None = None,
        is_transactional: bool = False,
    ) -> ErrorCode | None:
        """The error that refuses an offset commit, or None; generation -1 and no id come from outside the group."""
        if self.state is GroupState.DEAD:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        if generation < 0 and self.state is GroupState.EMPTY:
            return None
        if generation >= 0 or member_id or group_instance_id is not None:
            error = self.validate_member(member_id, group_instance_id)
            if error is not None:
                return error
            if generation != self.generation:
                return ErrorCode.ILLEGAL_GENERATION
        elif not is_transactional:
            return ErrorCode.UNKNOWN_MEMBER_ID
        if not is_transactional and self.state is GroupState.COMPLETING_REBALANCE:
            return ErrorCode.REBALANCE_IN_PROGRESS
        return None

    def _supports(self, protocol_type: str | None, member: Member) -> bool:
        empty = self.state is GroupState.EMPTY
        return self.supports_protocols(
            member.protocol_type if empty or protocol_type is None else protocol_type, member.protocols.keys()
        )

    def _topics(self) -> frozenset[str] | None:
        if self.protocol_type != "consumer":
            return None
        return frozenset(topic for subscription in self.subscriptions().values() for topic in subscription.topics)
