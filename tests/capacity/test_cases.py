"""Cases as data: what is read, what is refused and how, and which load a benchmark becomes."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.capacity.cases import BUNDLED, Case, read_cases
from sim.capacity.published import load_of
from sim.capacity.readme import render
from sim.capacity.validation import Validation, validate
from sim.machine.clock import SECOND
from sim.machine.profiles import PROFILES
from sim.rules.errors import ConfigError

BENCHMARK = {"hardware": "i3.4xlarge", "brokers": 3, "record_bytes": 100, "rf": 3, "partitions": 6, "acks": -1}
ELECTION = {
    "replicas_on_broker": 50,
    "leaders_on_broker": 40,
    "election_ms_per_partition": 5,
    "cluster_partitions": 100,
    "init_ms_per_partition": 2,
}


def case(**changes: Any) -> Case:
    config = {key: value for key, value in {**BENCHMARK, **changes}.items() if value is not ...}
    return Case("X", config, {"records_per_s": 1})


def test_each_bundled_case_names_a_known_machine_and_can_be_prepared() -> None:
    cases = [found for path in BUNDLED for found in read_cases(path)]
    assert len({found.id for found in cases}) == len(cases) > 100
    flown = [found for found in cases if "broker_hw" in found.config]
    assert all(load_of(found).brokers == 3 for found in flown)
    assert sum(found.is_calibration for found in cases if "recording" not in found.config) == 5


def test_a_load_has_the_cases_own_settings() -> None:
    found = load_of(case(kafka="2.3.0", linger_ms=1, batch_size=131072, flush_messages=1, min_insync_replicas=2,
                         num_io_threads=4, rate_msgs_per_s=500, producers=2, consumers=3))  # fmt: skip
    assert found.producer_config["linger.ms"] == 1
    assert found.producer_config["acks"] == "all"
    assert found.topic_config == {"flush.messages": 1, "min.insync.replicas": 2}
    assert found.broker_config == {"num.io.threads": 4}
    assert (found.round_robin, found.wakes_fetches_early, found.groups, found.disks) == (True, True, (3,), 2)
    modern = load_of(case())
    assert (modern.round_robin, modern.wakes_fetches_early, modern.rate) == (False, False, None)


def test_records_are_as_large_as_in_their_own_format() -> None:
    plain, old = load_of(case()), load_of(case(record_overhead_bytes=22))
    assert plain.value_size == 100
    assert 110 <= old.value_size < 122


def test_a_long_benchmark_begins_with_a_full_cache_and_a_flushed_one_does_not() -> None:
    long = {"rate_msgs_per_s": 1_000_000, "duration_min": 10, "record_bytes": 1024}
    assert load_of(case(**long)).cache_is_full
    assert not load_of(case(**long, flush_messages=1)).cache_is_full
    assert not load_of(case(**{**long, "duration_min": 0.001})).cache_is_full


def test_hardware_may_be_given_by_keys() -> None:
    figures = {"profile": "i3.4xlarge", "nic_bytes_per_s": 5e8, "disks": 3, "client": {"record_cost": 500}}
    machines = case(hardware=figures).machines()
    assert (machines.hardware.nic_bytes_per_s, machines.disks) == (5e8, 3)
    assert machines.client_hardware.record_cost == 500
    assert machines.hardware.disk_bytes_per_s == PROFILES["i3.4xlarge"].machines().hardware.disk_bytes_per_s


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"brokers": ...}, "has no 'brokers'"),
        ({"record_bytes": ...}, "has no 'record_bytes'"),
        ({"record_bytes": 0}, "above 0"),
        ({"partitions": 1.5}, "whole number"),
        ({"rate_msgs_per_s": -1}, "above 0"),
        ({"producers": "many"}, "above 0"),
        ({"hardware": ...}, "none of hardware, broker_hw"),
        ({"hardware": "i3.5xlarge"}, "did you mean 'i3.4xlarge'?"),
        ({"hardware": {"nic_byte_per_s": 1}}, "did you mean 'nic_bytes_per_s'?"),
        ({"hardware": {"disk_bytes_per_s": 0}}, "more than 0"),
        ({"hardware": {"nic_bytes_per_s": -5}}, "more than 0"),
        ({"hardware": {"disks": 0}}, "'disks' is 0"),
        ({"hardware": {"link_latency": "short"}}, "must be a number"),
        ({"hardware": 7}, "name of a profile"),
        ({"linger_ms": -3}, "linger.ms"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_anything_flies(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate([case(**changes)])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ("{}", "a list of cases"),
        ("[1]", "no object"),
        ('[{"id": "A", "config": {}}]', "has no 'measured'"),
        ('[{"id": "A", "config": {}, "measured": {"x": 1}}]', "'config' must be an object"),
        ('{"family": "perf_bath", "cases": []}', "unknown recording family"),
        ('{"family": "perf_batch", "cases": [3]}', "objects with a setup"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read_cases(path)


def test_arithmetic_cases_and_what_is_not_predicted() -> None:
    measured = {"max_partition_unavailability_s": 0.2, "p99_9_ms": 3, "other": {"a": 1, "b": [2, 3]}}
    found = validate([Case("E", ELECTION, measured), Case("K", {"partitions": 5}, {"x_s": 1})])
    assert [(each.quantity, each.predicted, each.error_pct) for each in found.comparisons] == [
        ("max_partition_unavailability_s", 0.2, 0.0)
    ]
    assert [each.quantity for each in found.unpredicted] == ["other.a", "other.b[0]", "other.b[1]", "x_s"]
    assert found.as_json() == {
        "cases": [
            {
                "id": "E",
                "quantity": "max_partition_unavailability_s",
                "measured": 0.2,
                "predicted": 0.2,
                "error_pct": 0.0,
                "calibration": False,
            }
        ],
        "median_abs_error_pct": 0.0,
    }


def test_the_median_leaves_out_what_was_fitted() -> None:
    fitted = next(found for found in read_cases(BUNDLED[0]) if found.is_calibration)
    found = validate([Case(fitted.id, ELECTION, {"controller_failover_extra_s": 1}), Case("E", ELECTION, {
        "controller_failover_extra_s": 0.1})])  # fmt: skip
    assert [each.calibration for each in found.comparisons] == [True, False]
    assert found.median_abs_error_pct == pytest.approx(100)
    assert Validation().median_abs_error_pct is None


def test_a_small_benchmark_is_flown_and_measured() -> None:
    small = case(rf=1, brokers=1, partitions=1, rate_msgs_per_s=2_000, linger_ms=2, producers=1, consumers=1)
    load = load_of(small)
    assert (load.begin, load.until) == (SECOND, 3 * SECOND)
    measured = {"publish_rate": 2_000, "publish_ms": {"p50": 1.5}, "e2e_ms": {"p50": 1.5}, "rate_cv": 0.1}
    found = validate([Case("X", small.config, measured)])
    by_name = {each.quantity: each.predicted for each in found.comparisons}
    assert by_name["publish_rate"] == pytest.approx(2_000, rel=0.01)
    assert 1 < by_name["publish_ms.p50"] <= by_name["e2e_ms.p50"] < 4
    assert [each.quantity for each in found.unpredicted] == ["rate_cv"]


def test_a_case_is_the_same_at_every_flight() -> None:
    small = Case("X", {**BENCHMARK, "rf": 1, "rate_msgs_per_s": 500}, {"publish_ms": {"avg": 1}})
    assert json.dumps(validate([small]).as_json()) == json.dumps(validate([small]).as_json())


def test_the_page_about_the_machines_tells_figures_with_origin_and_errors() -> None:
    page = render(
        validate([Case("E", ELECTION, {"max_partition_unavailability_s": 0.25, "same_s": 1})]), "Late", "Fast"
    )
    assert "| E | max_partition_unavailability_s | 0.25 | 0.2 | -20.0 |  |" in page
    assert "- E same_s: " in page
    for name in PROFILES:
        assert f"### {name}\n" in page
    assert "| client: record_cost | 1,217 | fitted | LI-P1 |" in page
