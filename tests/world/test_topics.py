"""Replicas and leaders that are given must be possible."""

import pytest

from sim.rules.errors import ConfigError
from sim.world.topics import Topic, check_placement


def test_what_is_possible_is_accepted() -> None:
    topic = Topic("orders", 2, 2, replicas=((1, 2), (2, 3)), leaders=(2, 2))
    check_placement(topic, 3)
    assert topic.leaders == (2, 2)


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        (Topic("orders", 2, 2, replicas=((1, 2),)), "replicas are given for 1 partitions; it has 2"),
        (Topic("orders", 1, 2, replicas=((1, 2),), leaders=(1, 2)), "leaders are given for 2 partitions"),
        (Topic("orders", 1, 2, replicas=((1, 1),)), "needs 2 brokers, each once"),
        (Topic("orders", 1, 3, replicas=((1, 2),)), "needs 3 brokers"),
        (Topic("orders", 1, 2, replicas=((1, 9),)), "no broker 9 for partition 0, only 1 to 3"),
        (Topic("orders", 1, 2, replicas=((1, 2),), leaders=(3,)), "leader 3 of partition 0 is none of its replicas"),
        (Topic("orders", 1, 2, leaders=(1,)), "leaders need replicas"),
    ],
)
def test_what_is_not_is_one_line(topic: Topic, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check_placement(topic, 3)
