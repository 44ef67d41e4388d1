"""A deployment pauses partitions, and a member may leave while its group is answered."""

import pytest

from sim.plan.deploying import PROTOCOLS, fly_deployment


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_every_protocol_comes_through_a_deployment(protocol: str) -> None:
    flown = fly_deployment(protocol, 0)
    assert 0 < flown.longest_s < 10
    assert flown.longest_s <= flown.partition_seconds


def test_static_members_keep_the_others_reading() -> None:
    assert fly_deployment("static members", 0).partition_seconds <= fly_deployment("eager (range)", 0).partition_seconds
