"""Published benchmarks as loads: what each of their figures is called, and what is flown for it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sim.capacity.cases import Case, Predicted, Recreation
from sim.capacity.load import Load
from sim.capacity.probe import Outcome, fly_load
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.profiles import profile_named
from sim.rules.config import BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig
from sim.rules.config.base import Config
from sim.rules.errors import ConfigError
from sim.rules.storage.records import record_size_bytes, uniform_batch_size_bytes

__all__ = ["bandwidth_law", "benchmark", "load_of"]

MIB = 1 << 20
NEWEST = (4, 2, 1)
EARLY_WAKING = ((0, 8, 2), (2, 7))
"""From one version to before the other a broker answers a waiting fetch after the append to each partition."""

STICKY = (2, 4)
"""The first version of the producer that fills one partition's batch before it goes on to another."""

UNIFORM = (3, 3)
"""The first version that stays with a partition for batch.size bytes, be it for several batches."""

SKIPS_BUFFERED = (4, 0)
"""The first version in which a consumer fetches nothing from a broker of whose records it still has some."""

WOKEN_BY_COMMITS = (0, 8, 2)
"""The first version in which a consumer's fetch waits for a commit; TestEndToEndLatency waited for 1 ms before."""

OWN_THREAD = (0, 8, 1)
"""The first version in which a producer sends in a thread of its own."""

IDEMPOTENT = (3, 0)
"""The first version in which producers are idempotent unless told otherwise."""

BATCH_RATE = re.compile(r"(?:msgs|records)_per_s_batch(\d+)")


def benchmark(case: Case) -> Recreation:
    """A benchmark's load, to be flown for the figures that a flight has, by the name that published results have."""
    load = load_of(case)
    batches = {name: int(found[1]) for name in case.measured if (found := BATCH_RATE.fullmatch(name))}
    if not batches:
        return lambda: _figures(case, fly_load(load))
    one_thread = _version(case) < OWN_THREAD
    loads = {name: _with_batches_of(load, record_count, one_thread) for name, record_count in batches.items()}
    return lambda: {name: fly_load(each).produced_per_s for name, each in loads.items()}


def _figures(case: Case, outcome: Outcome) -> dict[str, float]:
    load = outcome.load
    per_s = outcome.produced_per_s if load.producers else outcome.consumed_per_s
    found = dict.fromkeys(("records_per_s", "msgs_per_s", "publish_rate"), per_s)
    found["MiB_per_s"] = per_s * case.number("record_bytes") / MIB
    found |= {f"publish_ms.{name}": value for name, value in outcome.publish_ms().items()}
    end_to_end = outcome.by_timestamp_ms() if _is_by_timestamp(case) else outcome.end_to_end_ms()
    found |= {f"e2e_ms.{name}": value for name, value in end_to_end.items()}
    if load.ping:
        found |= {f"{name}_ms": value for name, value in outcome.end_to_end_ms().items()}
    return found


def _is_by_timestamp(case: Case) -> bool:
    """Whether end-to-end latency is finer than a millisecond, but taken from a timestamp that is not.

    Source: confluentinc/openmessaging-benchmark, LocalWorker.java messageReceived. Its figures are whole milliseconds,
        and as often too high as too low, if both times are; and half a millisecond too high if only the first one is
    """
    found = case.measured.get("e2e_ms")
    return isinstance(found, Mapping) and any(float(value) % 1 for name, value in found.items() if name != "avg")


def load_of(case: Case) -> Load:
    """The load of a benchmark. Raises ConfigError for what is missing or cannot be."""
    machines, version = case.machines(), _version(case)
    rate = next((case.number(key) for key in ("rate_msgs_per_s", "rate") if key in case.config), None)
    reads_only = "consumers" in case.config and not {"acks", "producers"} & case.config.keys()
    ping = "messages" in case.config and not {"producers", "consumers"} & case.config.keys()
    begin, until = _times(rate, ping)
    load = Load(
        machines.hardware,
        machines.client_hardware,
        brokers=case.whole("brokers"),
        partitions=case.whole("partitions", case.whole("topic_partitions", 1)),
        replication_factor=1 if reads_only else case.whole("rf", 1),
        value_size=_value_size(case),
        producers=0 if reads_only else case.whole("producers", 1),
        groups=(case.whole("consumers"),) if case.config.get("consumers") else (),
        rate=rate,
        ping=ping,
        round_robin=version < STICKY,
        sticks_to_batches=STICKY <= version < UNIFORM,
        fetches_beside_buffered=version < SKIPS_BUFFERED,
        commits=_commits(case),
        wakes_fetches_early=EARLY_WAKING[0] <= version < EARLY_WAKING[1],
        wakes_readers_at_append=version < WOKEN_BY_COMMITS,
        disks=machines.disks,
        broker_config=_kafka_keys(case, BrokerConfig, "min_insync_replicas", "replica_lag_time_max_ms"),
        topic_config=_kafka_keys(case, TopicConfig, "compression_type"),
        producer_config=_producer_config(case, version),
        consumer_config=_consumer_config(case, version, ping),
        begin=begin,
        until=until,
    )
    if reads_only:
        return replace(load, backlog=_backlog(load))
    return replace(load, cache_is_full=_fills_cache(case, load))


def _times(rate: float | None, ping: bool) -> tuple[int, int]:
    if ping:
        return SECOND // 2, 5 * SECOND
    if rate is None:
        return 1 * SECOND, 2500 * MILLISECOND
    return 1 * SECOND, 3 * SECOND


def _backlog(load: Load) -> int:
    """Enough records that consumers cannot come to their end: what two cards of each could carry."""
    seconds = load.until / SECOND * sum(load.groups)
    return int(2 * load.client_hardware.nic_bytes_per_s * seconds / load.value_size)


def _fills_cache(case: Case, load: Load) -> bool:
    """Whether the benchmark lasted long enough to make all the pages dirty that may be, and flushed none of them."""
    if "flush.messages" in load.topic_config:
        return False
    records = case.config.get("num_records") or (load.rate or 0) * 60 * float(case.config.get("duration_min") or 0)
    size_bytes = records * load.value_size * load.replication_factor / load.brokers
    return bool(size_bytes > load.hardware.dirty_limit_bytes)


def _value_size(case: Case) -> int:
    """Values that make records as large as they were in their own format, where that is known."""
    record_bytes = case.whole("record_bytes")
    known = [key for key in ("record_overhead_bytes", "overhead_bytes") if key in case.config]
    if not known:
        return record_bytes
    whole = record_bytes + case.whole(known[0])
    return max(1, 2 * whole - record_size_bytes(1, 0, None, whole))


def _with_batches_of(load: Load, record_count: int, one_thread: bool) -> Load:
    """Requests of so many records; in `one_thread` the application's own sends them."""
    size_bytes = uniform_batch_size_bytes(record_count, None, load.value_size)
    client = load.client_hardware
    if one_thread:
        record_cost = client.record_cost + client.request_cost / record_count
        load = replace(load, client_hardware=replace(client, record_cost=record_cost, request_cost=0))
    return replace(load, producer_config={**load.producer_config, "batch.size": size_bytes, "linger.ms": 0})


def _version(case: Case) -> tuple[int, ...]:
    """Kafka's version; without one that of the rules."""
    found = re.match(r"\d+(\.\d+)*", str(case.config.get("kafka", "")))
    return tuple(map(int, found[0].split("."))) if found else NEWEST


def _commits(case: Case) -> str:
    found = str(case.config.get("commits", ""))
    if found not in ("", "sync", "async"):
        raise ConfigError(f"case {case.id}: config 'commits' is {found!r}; it must be 'sync' or 'async'")
    return found


def _consumer_config(case: Case, version: tuple[int, ...], ping: bool) -> Mapping[str, object]:
    config = _kafka_keys(case, ConsumerConfig)
    if ping and version < WOKEN_BY_COMMITS:
        config["fetch.max.wait.ms"] = 1
    if _commits(case):
        config["enable.auto.commit"] = False
    return config


def _kafka_keys(case: Case, kind: type[Config], *without: str) -> dict[str, object]:
    """The configuration's keys of one kind that the case sets."""
    known = {key.replace(".", "_"): key for key in kind().kafka()}
    return {
        known[key]: _plain(value)
        for key, value in case.config.items()
        if key in known and key not in without and value is not None
    }


def _plain(value: Any) -> Any:
    """A value without words around its number."""
    return value.split()[-1] if isinstance(value, str) and value.split()[-1].isdigit() else value


def _producer_config(case: Case, version: tuple[int, ...]) -> Mapping[str, object]:
    config = _kafka_keys(case, ProducerConfig, "acks")
    acks = str(case.config.get("acks", "all")).split()[0]
    config["acks"] = "all" if acks == "-1" else acks
    if "compression" in case.config:
        config["compression.type"] = case.config["compression"]
    if version < IDEMPOTENT:
        config["enable.idempotence"] = False
    return config


def bandwidth_law(case: Case) -> Recreation:
    """The sustained limit when nothing but bandwidths counts: producers send all they can, every group reads it all.

    Source: AWS, Best practices for right-sizing Apache Kafka clusters, Equation 1; burst credits are used up
    """
    groups = case.config.get("consumer_groups", [0])
    loads = [_sustained(case, int(count)) for count in (groups if isinstance(groups, list) else [groups])]

    def fly() -> Predicted:
        limits = [fly_load(load).produced_per_s * load.value_size / 1e6 for load in loads]
        return {f"limit_MBps[{number}]": limit for number, limit in enumerate(limits)}

    return fly


def _sustained(case: Case, groups: int) -> Load:
    base = profile_named("m5.large", f"case {case.id}").machines()
    hardware = replace(
        base.hardware,
        disk_bytes_per_s=case.number("t_ebs_MBps") * 1e6,
        nic_bytes_per_s=case.number("t_ec2_MBps") * 1e6,
        disk_burst_bytes_per_s=0.0,
    )
    load = load_of(Case(case.id, {**case.config, "hardware": "m5.large"}, case.measured))
    load = replace(load, hardware=hardware, groups=(1,) * groups, cache_is_full=True)
    return replace(load, begin=3 * SECOND, until=6 * SECOND)
