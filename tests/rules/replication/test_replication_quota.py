"""Replication throttles: the rate and its window, and which replicas a list names."""

import pytest

from sim.rules.config import BrokerConfig, topic_config_from
from sim.rules.errors import ConfigError
from sim.rules.replication.replication_quota import ReplicationQuota, SimpleRate, is_throttled_replica

KEY = "follower.replication.throttled.replicas"


def test_a_young_rate_is_taken_over_one_window_and_an_old_one_over_what_has_passed() -> None:
    rate = SimpleRate()
    assert rate.measure(0) == 0.0
    rate.record(1000, 0)
    assert (rate.window_size_ms(0), rate.measure(0)) == (1000, 1000.0)
    assert rate.measure(500) == 1000.0
    assert rate.measure(4000) == 250.0
    assert rate.measure(10_999) == pytest.approx(1000 / 10.999)
    assert rate.measure(11_000) == 0.0, "eleven windows are over"


def test_a_bound_is_exceeded_until_the_time_has_made_up_for_it() -> None:
    quota = ReplicationQuota(1000)
    quota.record(1000, 0)
    assert not quota.is_exceeded(0)
    quota.record(2000, 10)
    assert quota.is_exceeded(2999)
    assert not quota.is_exceeded(3000)


@pytest.mark.parametrize(
    ("replicas", "named"),
    [((), False), (("*",), True), (("3:1", "2:7"), True), (("3:2", "2:1"), False)],
)
def test_which_replicas_a_list_names(replicas: tuple[str, ...], named: bool) -> None:
    assert is_throttled_replica(replicas, 2, 7) is named


@pytest.mark.parametrize("good", ["", "*", "0:1", "0:1,12:3"])
def test_lists_of_replicas(good: str) -> None:
    config = topic_config_from(BrokerConfig(), {KEY: good})
    assert ",".join(config.follower_replication_throttled_replicas) == good


@pytest.mark.parametrize("bad", ["x", "0:1:2", "*,0:1", "1", "-1:2"])
def test_what_is_no_list_of_replicas(bad: str) -> None:
    with pytest.raises(ConfigError, match=r"follower.replication.throttled.replicas: expected words in"):
        topic_config_from(BrokerConfig(), {KEY: bad})
