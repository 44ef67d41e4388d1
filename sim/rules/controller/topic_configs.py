"""Topics' own configurations: what may be changed, to what, and what holds for a topic with all defaults applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from sim.rules.config import BrokerConfig, TopicConfig, topic_config_from
from sim.rules.controller.metadata import ConfigRecord, MetadataImage
from sim.rules.errors import ConfigError, ErrorCode, KafkaError

__all__ = [
    "AlterConfigOp",
    "AlterConfigOpType",
    "ConfigEntry",
    "InvalidConfigError",
    "TopicConfigs",
    "altered_config",
    "canonical_config",
    "config_entries",
]


class InvalidConfigError(KafkaError):
    """A key that topics do not have, or a value that it does not take."""

    code = ErrorCode.INVALID_CONFIG


class AlterConfigOpType(IntEnum):
    """What to do with a key: set it, take the topic's own value away, add words to a list or take them out.

    Source: clients/src/main/java/org/apache/kafka/clients/admin/AlterConfigOp.java
    Fidelity: exact
    """

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class AlterConfigOp:
    """One change of one key; `value` is not looked at by DELETE."""

    key: str
    value: object = None
    op: AlterConfigOpType = AlterConfigOpType.SET


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """A key's value that holds, and where it comes from."""

    name: str
    value: object
    source: Literal["DYNAMIC_TOPIC_CONFIG", "STATIC_BROKER_CONFIG", "DEFAULT_CONFIG"]

    @property
    def is_default(self) -> bool:
        """Whether neither the topic nor a broker says anything else than Kafka's default."""
        return self.source == "DEFAULT_CONFIG"


class TopicConfigs:
    """The configurations that hold, worked out once for each topic and value of its own configuration."""

    __slots__ = ("_broker", "_known")

    def __init__(self, broker: BrokerConfig) -> None:
        self._broker = broker
        self._known: dict[str, tuple[Mapping[str, object], TopicConfig]] = {}

    def of(self, image: MetadataImage, topic: str) -> TopicConfig:
        """A topic's configuration as an image has it, broker defaults applied."""
        own = image.topic_configs.get(topic, _NOTHING)
        known = self._known.get(topic)
        if known is None or known[0] is not own:
            known = self._known[topic] = own, topic_config_from(self._broker, own)
        return known[1]


def canonical_config(config: Mapping[str, object]) -> dict[str, object]:
    """The same keys in Kafka's writing.

    Source: clients/src/main/java/org/apache/kafka/common/config/TopicConfig.java
    Fidelity: approximate — takes underscores for dots, too
    """
    return {key.replace("_", "."): value for key, value in config.items()}


def altered_config(
    broker: BrokerConfig, topic: str, own: Mapping[str, object], ops: Sequence[AlterConfigOp]
) -> list[ConfigRecord]:
    """What to write for changes of a topic's configuration; what changes nothing is left out.

    Raises InvalidConfigError.

    Source: metadata/src/main/java/org/apache/kafka/controller/ConfigurationControlManager.java
        incrementalAlterConfigResource, validateAlterConfig
    Fidelity: approximate — the words of errors differ; durations and byte sizes are read, too
    """
    try:
        before = topic_config_from(broker, own).kafka()
        records = []
        for op in ops:
            key = op.key.replace("_", ".")
            value = _new_value(key, before.get(key, ()), op)
            if value != own.get(key):
                records.append(ConfigRecord(topic, key, value))
        topic_config_from(broker, _with(own, records))
    except ConfigError as wrong:
        raise InvalidConfigError(str(wrong)) from wrong
    return records


def config_entries(broker: BrokerConfig, own: Mapping[str, object]) -> list[ConfigEntry]:
    """All keys of a topic with the values that hold.

    Source: core/src/main/scala/kafka/server/ConfigHelper.scala describeConfigs
    Fidelity: approximate — values in their own types; synonyms and documentation are left out
    """
    entries = []
    defaults, inherited = TopicConfig().kafka(), topic_config_from(broker).kafka()
    for name, value in topic_config_from(broker, own).kafka().items():
        if name in own:
            entries.append(ConfigEntry(name, value, "DYNAMIC_TOPIC_CONFIG"))
        elif inherited[name] != defaults[name]:
            entries.append(ConfigEntry(name, value, "STATIC_BROKER_CONFIG"))
        else:
            entries.append(ConfigEntry(name, value, "DEFAULT_CONFIG"))
    return entries


_NOTHING: Mapping[str, object] = {}


def _new_value(key: str, before: object, op: AlterConfigOp) -> object:
    """A topic's own value of a key after a change, None for none."""
    if op.op is AlterConfigOpType.SET:
        return op.value
    if op.op is AlterConfigOpType.DELETE:
        return None
    if not isinstance(before, tuple):
        raise ConfigError(f"Can't {op.op.name} to key {key} because its type is not LIST.")
    words = [str(word) for word in before]
    for word in str(op.value).split(","):
        if op.op is AlterConfigOpType.SUBTRACT and word in words:
            words.remove(word)
        elif op.op is AlterConfigOpType.APPEND and word not in words:
            words.append(word)
    return ",".join(words)


def _with(own: Mapping[str, object], records: Sequence[ConfigRecord]) -> dict[str, object]:
    changed = {**own, **{record.key: record.value for record in records}}
    return {key: value for key, value in changed.items() if value is not None}
