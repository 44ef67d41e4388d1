"""The closed formulas against the figures that their sources publish, and against each other."""

from math import inf

import pytest

from sim.plan.candidates import Candidate, brokers_needed, candidate, law_brokers, smallest
from sim.plan.formulas import (
    aws_limit,
    cached_s,
    catch_up_s,
    cpu_weight,
    drain_s,
    follower_cpu,
    partitions_for,
    replica_cpu,
    stored_bytes,
    traffic,
)
from sim.plan.requirement import read_requirement
from sim.rules.errors import ConfigError


@pytest.mark.parametrize(("groups", "limit"), [(0, 81.25), (1, 81.25), (2, 70.3125)])
def test_awss_law_for_three_m5_large(groups: int, limit: float) -> None:
    assert aws_limit(1e9, 81.25e6, 93.75e6, 3, 3, groups) == pytest.approx(limit * 1e6)
    asked = read_requirement(None, {"groups": str(groups), "hardware": "m5.large"})
    assert Candidate(asked, "m5.large", 3).aws_limit == pytest.approx(limit * 1e6)


def test_what_brokers_carry_adds_up() -> None:
    load = traffic(100e6, 3, 2, 5)
    assert (load.disk, load.nic_in) == (60e6, 60e6)
    assert 5 * load.nic_out == pytest.approx(100e6 * (3 + 2 - 1))
    left = traffic(100e6, 3, 2, 5, lost=1)
    assert left.disk == pytest.approx(load.disk)
    assert 4 * left.nic_out == pytest.approx(100e6 * (2 + 3 * 4 / 5 - 1))


def test_cruise_controls_model_gives_each_replica_its_share() -> None:
    broker = (0.5, 50e6, 100e6, 40e6)
    whole = replica_cpu(*broker, 50e6, 100e6)
    assert whole == pytest.approx(0.5 * (0.7 * 50 + 0.15 * 100) / (0.7 * 50 + 0.15 * 100 + 0.15 * 40))
    assert 5 * replica_cpu(*broker, 10e6, 20e6) == pytest.approx(whole)
    assert follower_cpu(0.1, 10e6, 20e6) == pytest.approx(0.1 * 0.15 * 10 / (0.7 * 10 + 0.15 * 20))
    assert cpu_weight(10, 20, 20) == pytest.approx(13)
    assert replica_cpu(0.5, 0, 0, 0, 0, 0) == follower_cpu(0.1, 0, 0) == 0


def test_backlogs_and_replicas_catch_up_or_never_do() -> None:
    assert drain_s(100, 60, 150) == 120
    assert drain_s(100, 60, 100) == inf
    assert catch_up_s(0.5, 60) == 60
    assert catch_up_s(1.0, 60) == inf


def test_disks_hold_the_retention_and_a_segment_for_each_replica() -> None:
    least = 10e6 * 86_400 * 3
    held = stored_bytes(10e6, 86_400, 3, 10, 2**30)
    assert held - least == pytest.approx(3 * (10e6 * 360 + 10 * 2**30))
    assert stored_bytes(1e3, 86_400, 1, 10, 2**30) < 1e3 * (2 * 86_400 + 361)


def test_partitions_and_cached_seconds() -> None:
    assert partitions_for(400e6, 10e6, 20e6) == 40
    assert cached_s(4e9, 100e6, 3, 3) == 40


def test_the_card_binds_with_three_groups_and_the_disk_without_any() -> None:
    asked = {"retention": "1h", "hardware": "m5.large", "survive": "none"}
    found, binding = smallest(read_requirement(None, asked), "m5.large")
    assert (found.brokers, binding) == (law_brokers(read_requirement(None, asked), "m5.large"), "network out")
    assert smallest(read_requirement(None, {**asked, "groups": "0"}), "m5.large")[1] == "disk"
    assert smallest(read_requirement(None, {**asked, "retention": "30d"}), "m5.large")[1] == "disk space"


def test_the_loss_of_a_broker_or_a_rack_asks_for_more() -> None:
    base = {"write": "13MB/s", "growth": "1x", "retention": "1h", "hardware": "m5.large", "headroom": "0%"}
    kinds = {kind: read_requirement(None, {**base, "survive": kind}) for kind in ("none", "broker", "rack")}
    counts = {kind: smallest(asked, "m5.large")[0].brokers for kind, asked in kinds.items()}
    assert counts == {"none": 3, "broker": 4, "rack": 3}
    big = read_requirement(None, {**base, "write": "400MB/s", "survive": "rack"})
    found, binding = smallest(big, "m5.large")
    assert binding == "failure"
    assert found.brokers % 3 == 0
    assert max(found.shares_after_loss.values()) <= 1 < max(candidate(big, "m5.large", 20).shares_after_loss.values())


def test_a_candidate_has_whole_shares_of_partitions_and_enough_consumers() -> None:
    asked = read_requirement(None, {})
    found, _ = smallest(asked, "m5.large")
    assert found.partitions % found.brokers == 0
    assert found.partitions >= found.consumers >= asked.planned_write / asked.consumer_rate
    assert found.space_bytes <= found.offer.space_bytes.value
    assert max(brokers_needed(asked, "m5.large").values()) <= found.brokers


def test_a_cluster_that_is_too_large_says_what_binds_and_what_would_do() -> None:
    asked = read_requirement(None, {"brokers-at-most": "10"})
    with pytest.raises(ConfigError, match=r"network out binds; 10 brokers do for --write 64\.5MB/s"):
        smallest(asked, "m5.large")
