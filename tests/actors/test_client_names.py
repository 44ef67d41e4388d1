"""Our clients against the installed packages kafka-python and confluent-kafka: keys, record fields, method names.

What both packages call by one name has that name here. Every difference stands in a table with its reason, and a row
of a table that is no longer true fails, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from sim.actors.client.app import App
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.rules.config import Config, ConsumerConfig, ProducerConfig
from sim.rules.errors import ConfigError

MISSING = "is not installed: pip install -e '.[test]'"
kafka = pytest.importorskip("kafka", reason=f"kafka-python {MISSING}")
fetcher = pytest.importorskip("kafka.consumer.fetcher", reason=f"kafka-python {MISSING}")
confluent_kafka = pytest.importorskip("confluent_kafka", reason=f"confluent-kafka {MISSING}")
confluent_admin = pytest.importorskip("confluent_kafka.admin", reason=f"confluent-kafka {MISSING}")

Table = Mapping[str, str]
JAVA = "Kafka's Java client only"
NO_KAFKA_PYTHON: Mapping[str, Table] = {
    "producer": {
        "buffer.memory": "kafka-python bounds no memory",
        "compression.lz4.level": JAVA,
        "metadata.max.idle.ms": JAVA,
        "metadata.recovery.rebootstrap.trigger.ms": JAVA,
        "metadata.recovery.strategy": JAVA,
        "partitioner.adaptive.partitioning.enable": JAVA,
        "partitioner.availability.timeout.ms": JAVA,
        "partitioner.class": "kafka-python takes a function, partitioner",
        "partitioner.ignore.keys": JAVA,
        "retry.backoff.max.ms": "kafka-python's backoff does not grow",
        "socket.connection.setup.timeout.max.ms": JAVA,
        "socket.connection.setup.timeout.ms": JAVA,
    },
    "consumer": {
        "default.api.timeout.ms": "kafka-python takes timeouts with each call",
        "group.protocol": "kafka-python speaks the classic protocol",
        "group.remote.assignor": "kafka-python speaks the classic protocol",
        "retry.backoff.max.ms": "kafka-python's backoff does not grow",
        "share.acknowledgement.mode": "kafka-python has no share groups",
    },
}
"""Our keys that kafka-python does not have, and why."""

NO_LIBRDKAFKA: Mapping[str, Table] = {
    "producer": {
        "buffer.memory": "queue.buffering.max.kbytes",
        "compression.lz4.level": "compression.level",
        "max.block.ms": "",
        "max.request.size": "message.max.bytes",
        "metadata.max.idle.ms": "",
        "partitioner.adaptive.partitioning.enable": "",
        "partitioner.availability.timeout.ms": "",
        "partitioner.class": "partitioner",
        "partitioner.ignore.keys": "",
        "receive.buffer.bytes": "socket.receive.buffer.bytes",
        "send.buffer.bytes": "socket.send.buffer.bytes",
        "socket.connection.setup.timeout.max.ms": "",
    },
    "consumer": {
        "default.api.timeout.ms": "",
        "exclude.internal.topics": "topic.blacklist",
        "fetch.max.wait.ms": "fetch.wait.max.ms",
        "receive.buffer.bytes": "socket.receive.buffer.bytes",
        "send.buffer.bytes": "socket.send.buffer.bytes",
    },
}
"""Our keys that librdkafka does not have, with what it calls the same thing, if it has it."""

NOT_OURS: Table = {
    "api_version": "one version is simulated",
    "bootstrap": "an application knows the brokers of its flight",
    "client_dns_lookup": "hosts have no addresses",
    "client_id": "app.producer(client_id=...) takes it, it is no key of the configuration",
    "consumer_timeout_ms": "for iterating over a consumer, which blocks",
    "default_offset_commit_callback": "commit_async takes a callback",
    "enable_incremental_fetch_sessions": "always on, as in Kafka",
    "group_id": "app.consumer(group_id=...) takes it, it is no key of the configuration",
    "kafka_client": "internal",
    "key_": "keys are bytes",
    "max_in_flight_requests_per_connection": "of a consumer: Kafka's has no such key",
    "allow_auto_create_topics": "of a producer: Kafka's has no such key",
    "metric": "runs have metrics of their own",
    "partitioner": "a function; the producer's partition is an argument of send",
    "proxy_url": "no proxies",
    "receive_message_max_bytes": "sizes of answers are bounded by the fetch keys",
    "sasl": "no security",
    "security_protocol": "no security",
    "selector": "no sockets",
    "socket_options": "no sockets",
    "socks5_proxy": "no proxies",
    "ssl": "no security",
    "value_": "values are bytes",
}
"""kafka-python's keys, or what they begin with, that are none of ours."""


def our(name: str) -> Any:
    """The class of a client, from the type of what an application gets."""
    return get_type_hints(getattr(App, name))["return"]


def public(kind: object) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def dotted(config: type[Config]) -> list[str]:
    return [field.name.replace("_", ".") for field in fields(config) if field.name != "set_fields"]


def is_known(make: Callable[[dict[str, str]], object], key: str) -> bool:
    """Whether librdkafka knows a key: it refuses the first thing that is wrong, and no client is made."""
    with pytest.raises(confluent_kafka.KafkaException) as refusal:
        make({key: "@", "no.such.key": "x"})
    return f'No such configuration property: "{key}"' not in str(refusal.value)


def librdkafka(kind: str) -> Callable[[dict[str, str]], object]:
    if kind == "producer":
        return lambda config: confluent_kafka.Producer(config)
    return lambda config: confluent_kafka.Consumer({"group.id": "names", **config})


KINDS = [("producer", ProducerConfig, "KafkaProducer"), ("consumer", ConsumerConfig, "KafkaConsumer")]


@pytest.mark.parametrize(("kind", "config", "client"), KINDS)
def test_keys_are_spelt_as_in_kafka_python(kind: str, config: type[Config], client: str) -> None:
    known = {name.replace("_", ".") for name in getattr(kafka, client).DEFAULT_CONFIG}
    assert {key for key in dotted(config) if key not in known} == set(NO_KAFKA_PYTHON[kind])


@pytest.mark.parametrize(("kind", "config", "client"), KINDS)
def test_keys_of_kafka_python_are_ours_or_have_a_reason_not_to_be(kind: str, config: type[Config], client: str) -> None:
    ours = {field.name for field in fields(config)}
    missing = [name for name in getattr(kafka, client).DEFAULT_CONFIG if name not in ours]
    assert [name for name in missing if not name.startswith(tuple(NOT_OURS))] == [], kind


@pytest.mark.parametrize(("kind", "config", "client"), KINDS)
def test_keys_are_spelt_as_in_librdkafka(kind: str, config: type[Config], client: str) -> None:  # noqa: ARG001
    make = librdkafka(kind)
    assert {key for key in dotted(config) if not is_known(make, key)} == set(NO_LIBRDKAFKA[kind])
    assert [name for name in NO_LIBRDKAFKA[kind].values() if name and not is_known(make, name)] == []


@pytest.mark.parametrize(("kind", "config", "client"), KINDS)
def test_both_spellings_of_every_key_are_taken(kind: str, config: type[Config], client: str) -> None:  # noqa: ARG001
    for key in dotted(config):
        assert outcome(config, key) == outcome(config, key.replace(".", "_"))


def outcome(config: type[Config], key: str) -> object:
    """A configuration in which a key is set to its default, or why it cannot be set alone."""
    try:
        return config.of({key: config().kafka()[key.replace("_", ".")]})
    except ConfigError as error:
        return str(error)


def test_every_reason_is_still_needed() -> None:
    names = {*kafka.KafkaProducer.DEFAULT_CONFIG, *kafka.KafkaConsumer.DEFAULT_CONFIG}
    assert [start for start in NOT_OURS if not any(name.startswith(start) for name in names)] == []


def test_fields_of_a_record() -> None:
    both = set(fetcher.ConsumerRecord._fields) & public(confluent_kafka.Message)
    assert {"topic", "partition", "offset", "key", "value", "timestamp", "headers"} <= both
    assert both - public(ConsumerRecord) == {"leader_epoch"}  # left out, as the ledger says


NO_ACCESS_CONTROL = "no security"
LEFT_OUT: Mapping[str, Table] = {
    "producer": {},
    "consumer": {},
    "admin": {
        "alter_configs": "deprecated by Kafka for incremental_alter_configs",
        "alter_user_scram_credentials": NO_ACCESS_CONTROL,
        "create_acls": NO_ACCESS_CONTROL,
        "delete_acls": NO_ACCESS_CONTROL,
        "describe_acls": NO_ACCESS_CONTROL,
        "describe_user_scram_credentials": NO_ACCESS_CONTROL,
    },
}
"""Methods that both packages have and our client has not, and why."""

RELIED_ON = {
    "producer": {"send", "flush", "close", "partitions_for", "init_transactions", "begin_transaction"}
    | {"commit_transaction", "abort_transaction", "send_offsets_to_transaction"},
    "consumer": {"subscribe", "assign", "poll", "commit", "commit_async", "committed", "position", "seek"}
    | {"seek_to_beginning", "seek_to_end", "pause", "paused", "resume", "offsets_for_times", "beginning_offsets"}
    | {"end_offsets", "assignment", "subscription", "topics", "partitions_for_topic", "unsubscribe", "close"}
    | {"consumer_group_metadata", "get_watermark_offsets"},
    "share_consumer": {"subscribe", "subscription", "poll", "acknowledge", "commit_sync", "commit_async", "close"}
    | {"set_acknowledgement_commit_callback"},
    "admin": {"create_topics", "delete_topics", "create_partitions", "list_topics", "describe_topics"}
    | {"describe_cluster", "describe_configs", "incremental_alter_configs", "delete_records", "elect_leaders"}
    | {"list_consumer_groups", "describe_consumer_groups", "list_consumer_group_offsets", "delete_consumer_groups"}
    | {"alter_consumer_group_offsets", "alter_partition_reassignments", "list_partition_reassignments"},
}
"""Names that an application may rely on: at least one of the packages has each, and so has our client."""


def theirs(kind: str) -> tuple[set[str], set[str]]:
    """The methods of kafka-python's client and of confluent-kafka's, which is the only one with share consumers."""
    if kind == "admin":
        return public(kafka.KafkaAdminClient), public(confluent_admin.AdminClient)
    if kind == "share_consumer":
        return set(), public(confluent_kafka.ShareConsumer)
    return public(getattr(kafka, f"Kafka{kind.title()}")), public(getattr(confluent_kafka, kind.title()))


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_methods_that_both_have_are_ours_or_have_a_reason_not_to_be(kind: str) -> None:
    first, second = theirs(kind)
    assert (first & second) - public(our(kind)) == set(LEFT_OUT[kind])


@pytest.mark.parametrize("kind", RELIED_ON)
def test_methods_that_an_application_may_rely_on(kind: str) -> None:
    first, second = theirs(kind)
    assert RELIED_ON[kind] - (first | second) == set()
    assert RELIED_ON[kind] - public(our(kind)) == set()
