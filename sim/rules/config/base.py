"""What all configurations share: building, printing and comparing them by Kafka's keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, ClassVar, Self

from sim.rules.config.keys import Key, key_of
from sim.rules.errors import ConfigError

__all__ = ["Config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Values of all keys of one kind. `set_fields` are those the user set, which Kafka treats more strictly.

    Subclasses declare their keys with `setting`, name the fields that the simulator obeys in MODELLED, and check what
    concerns several keys in `settle`. A wrong key or value raises ConfigError, one line.

    Source: clients/src/main/java/org/apache/kafka/common/config/AbstractConfig.java, ConfigDef.java
    Fidelity: approximate — reads durations and byte sizes too, and refuses unknown keys where Kafka warns
    """

    KIND: ClassVar[str] = ""
    MODELLED: ClassVar[frozenset[str]] = frozenset()

    set_fields: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __post_init__(self) -> None:
        named = set(self.set_fields)
        for name, key in _keys(type(self)).items():
            value = getattr(self, name)
            if value is not key.default:
                parsed = key.parse(value)
                self._put(name, parsed)
                if parsed != key.default:
                    named.add(name)
        self._put("set_fields", frozenset(named))
        self.settle()

    @classmethod
    def of(cls, values: Mapping[str, object] | None = None, **more: object) -> Self:
        """Builds a configuration from keys written `linger.ms` or `linger_ms`; `more` overrides `values`."""
        given: dict[str, Any] = {}
        for key, value in {**(values or {}), **more}.items():
            given[_field_name(cls, key)] = value
        return cls(**given, set_fields=frozenset(given))

    def kafka(self) -> dict[str, object]:
        """All values by Kafka's keys, in the order of declaration."""
        return {key.dotted: getattr(self, name) for name, key in _keys(type(self)).items()}

    def overrides(self) -> dict[str, object]:
        """Only the values that differ from Kafka's defaults, by Kafka's keys."""
        keys = _keys(type(self)).values()
        return {key.dotted: getattr(self, key.name) for key in keys if getattr(self, key.name) != key.default}

    def replace(self, **changes: object) -> Self:
        """The same with some keys changed; what followed from other keys is decided anew."""
        kept = {name: getattr(self, name) for name in sorted(self.set_fields)}
        return type(self).of(kept, **changes)

    def ignored(self) -> list[str]:
        """Keys that were set but have no effect in the simulator, in Kafka's writing."""
        return sorted(name.replace("_", ".") for name in self.set_fields - self.MODELLED)

    def settle(self) -> None:
        """Checks and adjusts what concerns several keys; nothing here."""

    def _put(self, name: str, value: object) -> None:
        """Sets a field while the value is being built."""
        object.__setattr__(self, name, value)

    def _require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise ConfigError(otherwise)


def _keys(kind: type[Config]) -> dict[str, Key]:
    """The keys of a configuration class, worked out once."""
    keys = _KEYS.get(kind.KIND)
    if keys is None:
        keys = {declared.name: key_of(declared) for declared in fields(kind) if declared.name != "set_fields"}
        _KEYS[kind.KIND] = keys
    return keys


_KEYS: dict[str, dict[str, Key]] = {}


def _field_name(kind: type[Config], key: str) -> str:
    keys = _keys(kind)
    name = key.replace(".", "_")
    if name in keys:
        return name
    dotted = key.replace("_", ".")
    near = get_close_matches(dotted, [known.dotted for known in keys.values()], n=1)
    if dotted in _LIBRDKAFKA and _LIBRDKAFKA[dotted].replace(".", "_") in keys:
        near = [_LIBRDKAFKA[dotted]]
    hint = f", did you mean {near[0]!r}?" if near else ""
    reason = next((why for start, why in _WITHOUT.items() if dotted.startswith(start)), None)
    raise ConfigError(f"unknown {kind.KIND} configuration key {key!r}{hint if reason is None else f': {reason}'}")


_WITHOUT = {
    "bootstrap.servers": "leave it out, a client knows the brokers of its flight",
    "key.": "leave it out, keys are bytes",
    "sasl.": "leave it out, there is no security here",
    "security.": "leave it out, there is no security here",
    "ssl.": "leave it out, there is no security here",
    "value.": "leave it out, values are bytes",
}
"""What people's configurations have and a simulated client has no use for, by the beginning of the key."""

_LIBRDKAFKA = {
    "compression.codec": "compression.type",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "fetch.wait.max.ms": "fetch.max.wait.ms",
    "message.max.bytes": "max.request.size",
    "message.send.max.retries": "retries",
    "message.timeout.ms": "delivery.timeout.ms",
    "queue.buffering.max.kbytes": "buffer.memory",
    "queue.buffering.max.ms": "linger.ms",
    "request.required.acks": "acks",
}
"""Kafka's names for what librdkafka calls otherwise."""
