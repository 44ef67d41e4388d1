"""Which replica a consumer is sent to."""

from hypothesis import given
from hypothesis import strategies as st

from sim.rules.replication.replica_selector import ReplicaView, rack_aware_replica

LEADER = ReplicaView(1, "a", 100, 0)


def test_without_a_rack_or_in_the_leaders_rack_the_leader_serves() -> None:
    near = ReplicaView(2, "b", 100, 0)
    for rack in ("", "a", "elsewhere"):
        assert rack_aware_replica(rack, LEADER, [near]) == LEADER
    assert rack_aware_replica("b", LEADER, [near]) == near


def test_the_replica_that_has_come_furthest_wins_then_the_one_caught_up_last() -> None:
    behind, ahead = ReplicaView(2, "b", 90, 0), ReplicaView(3, "b", 95, 500)
    assert rack_aware_replica("b", LEADER, [behind, ahead]) == ahead
    late, early = ReplicaView(4, "b", 95, 20), ReplicaView(5, "b", 95, 10)
    assert rack_aware_replica("b", LEADER, [behind, ahead, late, early]) == early


racks = st.sampled_from(["", "a", "b", "c"])
replicas = st.builds(ReplicaView, st.integers(2, 9), racks, st.integers(0, 100), st.integers(0, 1000))


@given(racks, st.lists(replicas, max_size=5))
def test_a_follower_is_chosen_only_where_it_is_nearer(rack: str, followers: list[ReplicaView]) -> None:
    chosen = rack_aware_replica(rack, LEADER, followers)
    assert chosen == LEADER or (chosen.rack == rack != LEADER.rack)
    if chosen == LEADER and rack not in ("", LEADER.rack):
        assert all(follower.rack != rack for follower in followers)
