"""What is acknowledged and what is lost in an outage follows from acks, min.insync.replicas and the replicas."""

import pytest

from sim.rules.errors import ConfigError
from sim.teach.outages import outage


@pytest.mark.parametrize(("replicas", "minimum", "goes_on"), [(3, 1, True), (3, 2, False), (4, 2, True)])
def test_two_may_die_where_enough_are_left(replicas: int, minimum: int, goes_on: bool) -> None:
    found = outage("two die", {"min.insync.replicas": minimum}, rate=5, replicas=replicas)
    assert (found.share == 1) is goes_on
    assert found.lost == 0


def test_what_one_machine_alone_has_acknowledged_can_be_lost() -> None:
    assert outage("leader cut off", {"acks": 1}, rate=5).lost > 0
    assert outage("leader cut off", {"acks": "all"}, rate=5).lost == 0
    assert outage("last one loses power", {"acks": "all"}, rate=5).lost > 0
    assert outage("last one loses power", {"min.insync.replicas": 2}, rate=5).lost == 0


def test_an_outage_that_is_not_known_is_one_line() -> None:
    with pytest.raises(ConfigError, match="there is no outage 'rain'; there are nothing, leader dies"):
        outage("rain")
