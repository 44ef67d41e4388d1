"""A cluster's node ids: controllers have numbers that no broker has."""

import pytest

from sim.world.cluster import ClusterSpec


@pytest.mark.parametrize(("brokers", "first"), [(3, 100), (99, 100), (100, 200), (250, 300)])
def test_controllers_come_after_all_brokers(brokers: int, first: int) -> None:
    spec = ClusterSpec(brokers=brokers, controllers=3)
    assert list(spec.controller_ids) == [first, first + 1, first + 2]
    assert not set(spec.controller_ids) & set(range(1, brokers + 1))
