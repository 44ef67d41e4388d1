"""What clients and brokers of older versions, and benchmarks, do differently, and what that does to a load."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from sim.capacity.cases import BUNDLED, SOURCES, Case, read_cases
from sim.capacity.load import Load
from sim.capacity.probe import fly_load
from sim.capacity.published import load_of
from sim.machine.clock import MICROSECOND, SECOND
from sim.machine.devices import ClientHardware, Hardware
from sim.rules.errors import ConfigError


def load(**changes: Any) -> Load:
    values: dict[str, Any] = {
        "hardware": Hardware(),
        "client_hardware": ClientHardware(),
        "brokers": 1,
        "partitions": 10,
        "replication_factor": 1,
        "value_size": 1_000,
        "producer_config": {"acks": "1", "linger.ms": 2},
        "rate": 5_000.0,
        "begin": SECOND // 5,
        "until": SECOND,
    }
    return Load(**{**values, **changes})


def case(**changes: Any) -> Case:
    config = {"hardware": "i3.4xlarge", "brokers": 3, "record_bytes": 100, "rf": 3, "partitions": 6, "acks": 1}
    return Case("X", {**config, **changes}, {"records_per_s": 1})


@pytest.mark.parametrize(
    ("kafka", "flags"),
    [
        ("0.8.1", (True, False, False, True, True)),
        ("2.3.0", (True, False, True, False, True)),
        ("2.6.0", (False, True, True, False, True)),
        ("3.2.3", (False, True, False, False, True)),
        ("3.3.0", (False, False, False, False, True)),
        ("4.0.0", (False, False, False, False, False)),
        (None, (False, False, False, False, False)),
    ],
)
def test_a_version_has_its_own_habits(kafka: str | None, flags: tuple[bool, ...]) -> None:
    found = load_of(case(kafka=kafka))
    producers = found.round_robin, found.sticks_to_batches
    brokers = found.wakes_fetches_early, found.wakes_readers_at_append
    assert (*producers, *brokers, found.fetches_beside_buffered) == flags


def test_before_kafka_3_3_each_batch_is_of_another_partition() -> None:
    """Batches leave by linger.ms long before batch.size: now several of them are of one partition."""
    runs = []
    for sticks in (True, False):
        sent = sorted(fly_load(load(sticks_to_batches=sticks)).sent)
        same = sum(one[1] == other[1] for one, other in pairwise(sent))
        runs.append(same / len(sent))
    assert runs[0] == 0
    assert runs[1] > 0.2


def test_batches_of_other_partitions_take_all_records_all_the_same() -> None:
    outcome = fly_load(load(sticks_to_batches=True, until=2 * SECOND))
    assert outcome.produced_per_s == pytest.approx(5_000, rel=0.01)
    counts = outcome.per_partition.values()
    assert len(counts) == 10
    assert max(counts) < 1.5 * min(counts)


def test_without_acks_a_producer_sends_no_faster_than_its_card() -> None:
    """What it hands over beyond send.buffer.bytes has to wait, as TCP makes it wait."""
    narrow = ClientHardware(nic_bytes_per_s=2e7)
    outcome = fly_load(load(client_hardware=narrow, rate=None, producer_config={"acks": "0", "batch.size": 10_000}))
    assert outcome.batch_bytes / outcome.seconds == pytest.approx(2e7, rel=0.05)


def test_an_application_that_waits_for_its_commit_reads_later() -> None:
    """A commit needs three replicas, a fetch one."""
    far, replicas = Hardware(link_latency=250 * MICROSECOND), {"brokers": 3, "replication_factor": 3}
    many = load(hardware=far, groups=(1,), producers=2, rate=1_000.0, until=SECOND // 2, **replicas)
    found = {how: fly_load(replace(many, commits=how)) for how in ("", "async", "sync")}
    read = {how: each.end_to_end_ms()["avg"] - each.publish_ms()["avg"] for how, each in found.items()}
    assert read["async"] == pytest.approx(read[""], abs=0.3)
    assert read["sync"] > read["async"] + 0.2


def test_before_kafka_4_one_partition_is_fetched_while_another_one_is_read() -> None:
    """Half of the time goes to the card and half to the application; now they take turns."""
    machines = {"hardware": Hardware(nic_bytes_per_s=1e8), "client_hardware": ClientHardware(polled_record_cost=10_000)}
    reads = load(**machines, producers=0, groups=(1,), partitions=2, backlog=200_000)
    both, turns = (fly_load(replace(reads, fetches_beside_buffered=beside)).consumed_per_s for beside in (True, False))
    assert turns == pytest.approx(50_000, rel=0.1)
    assert both > 1.4 * turns


def test_up_to_kafka_0_8_1_a_reader_is_answered_at_the_append_and_not_at_the_commit() -> None:
    """With nothing, for three replicas have not got it yet: the record waits for the next fetch to give up waiting."""
    pings = {"brokers": 3, "replication_factor": 3, "partitions": 1, "ping": True, "groups": ()}
    for wait_ms in (20, 40):
        config = {"fetch.max.wait.ms": wait_ms}
        modern, old = (
            fly_load(load(**pings, consumer_config=config, wakes_readers_at_append=early)).end_to_end_ms()["p50"]
            for early in (False, True)
        )
        assert modern < 5
        assert modern + wait_ms / 2 < old < modern + 1.2 * wait_ms


def test_the_tool_of_that_time_waits_for_a_millisecond() -> None:
    ping = {"producers": ..., "messages": 50}
    config = {key: value for key, value in case(kafka="0.8.1", **ping).config.items() if value is not ...}
    assert load_of(Case("X", config, {"p50_ms": 1})).consumer_config == {"fetch.max.wait.ms": 1}
    assert load_of(Case("X", {**config, "kafka": "0.8.2"}, {"p50_ms": 1})).consumer_config == {}


def test_a_source_says_what_its_cases_leave_out() -> None:
    found = {each.id: each for path in BUNDLED for each in read_cases(path)}
    assert (found["CF-THR"].config["kafka"], found["CF-THR"].config["commits"]) == ("2.6.0", "async")
    assert (found["OMB19-F6"].config["kafka"], found["OMB19-F6"].config["commits"]) == ("2.3.0", "sync")
    assert load_of(found["OMB19-F6"]).consumer_config == {"enable.auto.commit": False}
    assert all(each["from"] for each in SOURCES)
    with pytest.raises(ConfigError, match="case X: config 'commits' is 'often'"):
        load_of(case(commits="often"))


def test_a_timestamp_is_a_whole_millisecond() -> None:
    outcome = fly_load(load(groups=(1,), rate=4_321.0))
    assert outcome.by_timestamp_ms()["avg"] - outcome.end_to_end_ms()["avg"] == pytest.approx(0.5, abs=0.02)
