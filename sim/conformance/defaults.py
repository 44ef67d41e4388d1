"""Configuration: type, default, unit and valid values of every key."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sim.rules.config import BrokerConfig, Config, ConsumerConfig, GroupConfig, ProducerConfig, TopicConfig
from sim.rules.config.keys import key_of

__all__ = ["defaults"]

KINDS: dict[str, type[Config]] = {
    kind.KIND: kind for kind in (BrokerConfig, TopicConfig, GroupConfig, ProducerConfig, ConsumerConfig)
}
UNITS = ("ms", "bytes")


def defaults(vector: Mapping[str, Any]) -> tuple[object, object]:
    """One key of one kind of configuration as Kafka defines it; None for a key that the simulator does not know."""
    definition = vector["definition"]
    kind = definition["type"].replace("class", "string")
    unit = definition["unit"] if definition["unit"] in UNITS and kind in ("int", "long") else ""
    expected = {"type": kind, "default": _default(definition), "unit": unit, "valid": definition.get("valid", "")}
    config = KINDS.get(vector["kind"])
    if config is None:
        raise ValueError(f"there is no configuration of kind {vector['kind']!r}, only {', '.join(KINDS)}")
    declared = next((each for each in fields(config) if each.name == vector["key"].replace(".", "_")), None)
    if declared is None:
        return expected, None
    key = key_of(declared)
    default = config().kafka()[key.dotted]
    return expected, {"type": key.kind, "default": default, "unit": key.unit, "valid": key.valid}


def _default(definition: Mapping[str, Any]) -> object:
    value = definition["default"]
    if definition["type"] == "list":
        words = "" if value == "<required>" else value.strip("[]")
        return [word.strip().removeprefix("class ") for word in words.split(",") if word.strip()]
    return None if value == "<required>" else value
