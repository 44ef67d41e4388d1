"""Which member of a group reads which partition: the client's own assignors.

Each takes the partition counts of the topics that exist, the subscriptions by member id, and the racks of the replicas
where they are known. The assignors of the group coordinator (KIP-848, KIP-932) are in modules of their own.
"""

from sim.rules.assignors.range import range_assign
from sim.rules.assignors.round_robin import round_robin_assign
from sim.rules.assignors.sticky import cooperative_sticky_assign, sticky_assign
from sim.rules.assignors.subscription import Assignment, MemberData, ReplicaRacks, Subscription

__all__ = [
    "CLIENT_ASSIGNORS",
    "Assignment",
    "MemberData",
    "ReplicaRacks",
    "Subscription",
    "cooperative_sticky_assign",
    "range_assign",
    "round_robin_assign",
    "sticky_assign",
]

CLIENT_ASSIGNORS = {
    "range": range_assign,
    "roundrobin": round_robin_assign,
    "sticky": sticky_assign,
    "cooperative-sticky": cooperative_sticky_assign,
}
"""By the names under which members vote for them."""
