"""Typed configuration against Kafka's own definitions."""

from dataclasses import fields
from typing import Any

import pytest

from sim.rules.config import (
    BrokerConfig,
    Config,
    ConsumerConfig,
    GroupConfig,
    ProducerConfig,
    TopicConfig,
    topic_config_from,
)
from sim.rules.errors import ConfigError
from tests.vector_files import document

CLASSES: list[type[Config]] = [BrokerConfig, TopicConfig, GroupConfig, ProducerConfig, ConsumerConfig]
KINDS = document("defaults")["configs"]
DYNAMIC_ONLY = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
"""Keys of brokers that Kafka takes while they run, and so are in none of its files."""


@pytest.mark.parametrize("kind", CLASSES)
def test_no_key_is_missing_or_invented(kind: type[Config]) -> None:
    assert [key for key in kind().kafka() if key not in DYNAMIC_ONLY] == list(KINDS[kind.KIND])
    assert frozenset(field.name for field in fields(kind)) >= kind.MODELLED
    assert kind().overrides() == {}


def test_keys_are_written_either_way_and_values_as_people_write_them() -> None:
    config = ProducerConfig.of({"linger.ms": "20ms", "batch_size": "64KB", "retry.backoff.ms": "0.2s"}, acks=1)
    assert (config.linger_ms, config.batch_size, config.retry_backoff_ms, config.acks) == (20, 65536, 200, "1")
    assert config.overrides()["linger.ms"] == 20
    assert ConsumerConfig.of({"enable.auto.commit": "FALSE"}).enable_auto_commit is False
    assert TopicConfig.of({"cleanup.policy": "compact, delete"}).cleanup_policy == ("compact", "delete")
    assert TopicConfig.of({"min.cleanable.dirty.ratio": "0.3"}).min_cleanable_dirty_ratio == 0.3
    assert BrokerConfig.of({"broker.session.timeout.ms": "2m"}).broker_session_timeout_ms == 120_000
    assert ConsumerConfig.of(group_protocol="Consumer").group_protocol == "consumer"
    assert BrokerConfig.of(log_roll_ms=None).log_roll_ms is None


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ProducerConfig, {"lingr.ms": 1}, "unknown producer configuration key 'lingr.ms', did you mean 'linger.ms'?"),
        (TopicConfig, {"zzz": 1}, "unknown topic configuration key 'zzz'"),
        (
            ProducerConfig,
            {"linger.ms": "soon"},
            "invalid value 'soon' for linger.ms: expected milliseconds, or a duration such as 20ms or 5s in [0,...]",
        ),
        (ProducerConfig, {"linger.ms": -1}, "invalid value -1 for linger.ms"),
        (ProducerConfig, {"linger.ms": "5KB"}, "invalid value '5KB' for linger.ms"),
        (ProducerConfig, {"linger.ms": None}, "invalid value None for linger.ms"),
        (ProducerConfig, {"linger.ms": 1.5}, "invalid value 1.5 for linger.ms"),
        (ProducerConfig, {"linger.ms": float("inf")}, "invalid value inf for linger.ms"),
        (ProducerConfig, {"retries": True}, "invalid value True for retries: expected a whole number"),
        (ProducerConfig, {"batch.size": 2**31}, "invalid value 2147483648 for batch.size: expected bytes"),
        (ProducerConfig, {"acks": 2}, "invalid value 2 for acks: expected a word in [all, -1, 0, 1]"),
        (ProducerConfig, {"acks": False}, "invalid value False for acks"),
        (ProducerConfig, {"enable.idempotence": "yes"}, "invalid value 'yes' for enable.idempotence: expected true or"),
        (ProducerConfig, {"transactional.id": ""}, "invalid value '' for transactional.id"),
        (TopicConfig, {"cleanup.policy": "shrink"}, "invalid value 'shrink' for cleanup.policy: expected words in"),
        (TopicConfig, {"cleanup.policy": 3}, "invalid value 3 for cleanup.policy"),
        (TopicConfig, {"min.cleanable.dirty.ratio": 1.2}, "invalid value 1.2 for min.cleanable.dirty.ratio"),
        (TopicConfig, {"min.cleanable.dirty.ratio": "nan"}, "invalid value 'nan' for min.cleanable.dirty.ratio"),
        (TopicConfig, {"min.cleanable.dirty.ratio": False}, "invalid value False for min.cleanable.dirty.ratio"),
        (TopicConfig, {"compression.gzip.level": 10}, "invalid value 10 for compression.gzip.level"),
        (BrokerConfig, {"offsets.topic.replication.factor": 40_000}, "invalid value 40000 for offsets.topic.repl"),
    ],
)
def test_refuses_in_one_line_that_says_what_would_be_right(
    kind: type[Config], values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        kind.of(values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_unusual_valid_values_pass() -> None:
    assert TopicConfig.of({"compression.gzip.level": -1}).overrides() == {}
    assert ConsumerConfig.of({"auto.offset.reset": "by_duration:PT1H"}).auto_offset_reset == "by_duration:PT1H"
    with pytest.raises(ConfigError, match=r"auto\.offset\.reset"):
        ConsumerConfig.of({"auto.offset.reset": "by_hand"})
    assert TopicConfig.of({"leader.replication.throttled.replicas": "0:1,1:2"}).overrides()


def test_replace_decides_anew_what_followed_from_other_keys() -> None:
    config = ProducerConfig.of(acks="1", request_timeout_ms="3m")
    assert (config.enable_idempotence, config.delivery_timeout_ms) == (False, 180_005)
    again = config.replace(acks="all", **{"request.timeout.ms": 30_000})
    assert again == ProducerConfig()
    assert ProducerConfig(acks="-1") == ProducerConfig()


def test_ignored_names_what_was_set_without_effect() -> None:
    assert ProducerConfig.of({"compression.lz4.level": 3, "linger.ms": 1}).ignored() == ["compression.lz4.level"]
    assert ProducerConfig(send_buffer_bytes=1).ignored() == ["send.buffer.bytes"]
    assert ProducerConfig().ignored() == []


def test_delivery_timeout_follows_unless_it_was_set() -> None:
    assert ProducerConfig.of(linger_ms="3m").delivery_timeout_ms == 210_000
    with pytest.raises(ConfigError, match=r"should be equal to or larger than linger\.ms \+ request\.timeout\.ms"):
        ProducerConfig.of({"delivery.timeout.ms": 30_004})
    assert ProducerConfig.of({"delivery.timeout.ms": 30_005}).delivery_timeout_ms == 30_005


@pytest.mark.parametrize(
    ("values", "message"),
    [({"acks": "1"}, "Must set acks to all"), ({"retries": 0}, "Must set retries to non-zero")],
)
def test_idempotence_goes_off_silently_unless_it_was_asked_for(values: dict[str, object], message: str) -> None:
    assert ProducerConfig.of(values).enable_idempotence is False
    with pytest.raises(ConfigError, match=message):
        ProducerConfig.of(values, enable_idempotence=True)
    assert ProducerConfig.of(values, enable_idempotence=False).enable_idempotence is False


def test_idempotence_limits_requests_in_flight_even_when_not_asked_for() -> None:
    with pytest.raises(ConfigError, match="must be set to at most 5"):
        ProducerConfig.of(max_in_flight_requests_per_connection=6)
    off = ProducerConfig.of(max_in_flight_requests_per_connection=6, enable_idempotence=False)
    assert off.max_in_flight_requests_per_connection == 6


def test_transactions_need_idempotence() -> None:
    assert ProducerConfig.of(transactional_id="warehouse").enable_idempotence
    with pytest.raises(ConfigError, match=r"Cannot set a transactional\.id"):
        ProducerConfig.of(transactional_id="warehouse", acks="1")


@pytest.mark.parametrize("kind", [ProducerConfig, ConsumerConfig])
def test_reconnect_backoff_alone_is_constant(kind: Any) -> None:
    assert kind.of(reconnect_backoff_ms=200).reconnect_backoff_max_ms == 200
    assert kind.of(reconnect_backoff_ms=200, reconnect_backoff_max_ms=900).reconnect_backoff_max_ms == 900


def test_consumer_knows_assignors_by_class_and_by_name() -> None:
    assert ConsumerConfig().assignors == ("range", "cooperative-sticky")
    named = ConsumerConfig.of(partition_assignment_strategy="roundrobin")
    assert named.partition_assignment_strategy == ("org.apache.kafka.clients.consumer.RoundRobinAssignor",)
    assert named.assignors == ("roundrobin",)
    with pytest.raises(ConfigError, match=r"partition\.assignment\.strategy: 'com\.example\.Own' is none of range"):
        ConsumerConfig.of(partition_assignment_strategy=["com.example.Own"])
    with pytest.raises(ConfigError, match="names no assignor"):
        ConsumerConfig.of(partition_assignment_strategy=[])


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ConsumerConfig, {"heartbeat.interval.ms": 45_000}, "Heartbeat must be set lower than the session timeout"),
        (
            ConsumerConfig,
            {"group.protocol": "consumer", "session.timeout.ms": 50_000, "heartbeat.interval.ms": 3000},
            "heartbeat.interval.ms, session.timeout.ms cannot be set when group.protocol=CONSUMER",
        ),
        (ConsumerConfig, {"group.remote.assignor": "uniform"}, "group.remote.assignor cannot be set when"),
        (GroupConfig, {"share.heartbeat.interval.ms": "45s"}, "share.session.timeout.ms must be greater than share."),
        (TopicConfig, {"min.compaction.lag.ms": 2, "max.compaction.lag.ms": 1}, "conflict topic config setting"),
        (BrokerConfig, {"replica.fetch.wait.max.ms": "31s"}, "replica.socket.timeout.ms should always be at least"),
        (BrokerConfig, {"replica.lag.time.max.ms": 499}, "replica.fetch.wait.max.ms should always be less than"),
        (BrokerConfig, {"group.consumer.heartbeat.interval.ms": "45s"}, "group.consumer.heartbeat.interval.ms must"),
        (BrokerConfig, {"log.retention.ms": 0}, "log.retention.ms must be unlimited"),
    ],
)
def test_keys_that_do_not_go_together_are_refused_in_kafkas_words(
    kind: type[Config], values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        kind.of(values)
    assert str(caught.value).startswith(message)


def test_topic_falls_back_to_the_broker() -> None:
    assert topic_config_from(BrokerConfig()) == TopicConfig()
    broker = BrokerConfig.of({"min.insync.replicas": 2, "log.segment.bytes": "2MB", "log.retention.hours": 1})
    topic = topic_config_from(broker, {"min.insync.replicas": 1, "retention.bytes": "1GB"})
    assert (topic.min_insync_replicas, topic.segment_bytes, topic.retention_ms) == (1, 2 << 20, 3_600_000)
    assert topic.retention_bytes == 1 << 30


def test_milliseconds_go_before_hours() -> None:
    broker = BrokerConfig.of(log_retention_ms=5, log_retention_hours=1, log_roll_ms=7, log_flush_interval_ms=9)
    topic = topic_config_from(broker)
    assert (topic.retention_ms, topic.segment_ms, topic.flush_ms) == (5, 7, 9)
    assert topic_config_from(BrokerConfig.of(log_retention_hours=-1)).retention_ms == -1


@pytest.mark.parametrize(
    ("assignors", "told"), [("uniform,sticky", "'sticky' is none of uniform, range"), ("", "names")]
)
def test_the_coordinator_has_the_assignors_uniform_and_range(assignors: str, told: str) -> None:
    assert BrokerConfig.of({"group.consumer.assignors": "range"}).group_consumer_assignors == ("range",)
    with pytest.raises(ConfigError, match=told):
        BrokerConfig.of({"group.consumer.assignors": assignors})


@pytest.mark.parametrize(
    ("key", "value"),
    [("num.io.threads", 2**31 - 1), ("broker.heartbeat.interval.ms", 0), ("log.cleaner.backoff.ms", 0)],
)
def test_values_that_would_leave_no_time_or_memory_are_refused(key: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}={value} cannot be flown: write .* at least, and .* at most"):
        BrokerConfig.of({key: value})
