"""What a user sets for one run: the scenario's own knobs, and Kafka's keys for clients, topics and brokers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from sim.machine.clock import SECOND, parse_duration
from sim.rules.config import BrokerConfig, Config, ConsumerConfig, ProducerConfig, TopicConfig
from sim.rules.errors import ConfigError
from sim.world.plan import Plan

__all__ = ["KINDS", "Input", "Knob", "Settings", "merged", "settings_from"]

KINDS: dict[str, type[Config]] = {
    "producer": ProducerConfig,
    "consumer": ConsumerConfig,
    "topic": TopicConfig,
    "broker": BrokerConfig,
}


@dataclass(frozen=True, slots=True)
class Knob:
    """One of a scenario's own settings; its type is that of the default, a `"60s"`-like default is a duration.

    A number lies between `least` and `most`; a duration is at least so many seconds.
    """

    default: int | float | str | bool
    meaning: str
    least: float = 0
    most: float = 1e9


@dataclass(frozen=True, slots=True)
class Input:
    """Records from a file instead of a generator; `columns` maps roles (time, key, amount, label) to column names."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    speed: float = 1.0
    reorder_window_ms: int = 60_000
    on_bad_line: Literal["stop", "skip", "dead-letter"] = "stop"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a scenario needs to make its plan. `settings["rate"]` is a knob's value."""

    seed: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    faults: bool = True
    input: Input | None = None
    out: Path | None = None

    def __getitem__(self, knob: str) -> Any:
        return self.values[knob]

    def applied(self, plan: Plan) -> Plan:
        """The plan with the user's Kafka keys in place; faults are dropped when they are not wanted."""
        topic_config, broker_config = self.overrides.get("topic", {}), self.overrides.get("broker", {})
        topics = tuple(replace(topic, config=merged(topic.config, topic_config)) for topic in plan.topics)
        cluster = replace(plan.cluster, broker_config=merged(plan.cluster.broker_config, broker_config))
        own = plan.client_overrides
        clients = {kind: merged(own.get(kind, {}), given) for kind, given in self.overrides.items()}
        return replace(
            plan,
            topics=topics,
            cluster=cluster,
            client_overrides=clients,
            faults=plan.faults if self.faults else (),
        )


def settings_from(knobs: Mapping[str, Knob], given: Mapping[str, object], **rest: Any) -> Settings:
    """Sort what a user has set into knobs and Kafka keys, and check each. Raises ConfigError, one line.

    A Kafka key may be prefixed by its kind (`producer.linger.ms`, `topic.min.insync.replicas`), and must be when
    several kinds have it.
    """
    values: dict[str, object] = {name: knob.default for name, knob in knobs.items()}
    overrides: dict[str, dict[str, object]] = {kind: {} for kind in KINDS}
    for key, value in given.items():
        name = key.replace("-", "_").replace(".", "_")
        if name in knobs:
            values[name] = _knob_value(name, knobs[name], value)
            continue
        kind, kafka_key = _kind_of(key, knobs)
        overrides[kind][kafka_key] = value
    for kind, config in KINDS.items():
        config.of(overrides[kind])
    return Settings(values=values, overrides=overrides, **rest)


def merged(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """Both, the other winning; keys are compared whichever way they are written."""
    dotted = {key.replace("_", "."): value for key, value in one.items()}
    return {**dotted, **{key.replace("_", "."): value for key, value in other.items()}}


def _knob_value(name: str, knob: Knob, value: object) -> object:
    wanted = type(knob.default)
    try:
        if wanted is bool:
            return {"true": True, "false": False}[str(value).lower()]
        if wanted is str:
            return _word(name, knob, str(value))
        number = wanted(str(value))
    except ConfigError:
        raise
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{name}={value}: write it like {name}={knob.default} ({knob.meaning})") from error
    if not knob.least <= float(number) <= knob.most:
        raise ConfigError(f"{name}={value}: must lie between {knob.least:g} and {knob.most:g} ({knob.meaning})")
    return number


def _word(name: str, knob: Knob, text: str) -> str:
    """A word, checked if it has to be a duration. Raises ValueError, and ConfigError for one that is too short."""
    if _is_duration(str(knob.default)) and parse_duration(text) < knob.least * SECOND:
        raise ConfigError(f"{name}={text}: must be at least {knob.least * 1000:g}ms ({knob.meaning})")
    return text


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def _keys(config: type[Config]) -> list[str]:
    return list(config().kafka())


def _kind_of(key: str, knobs: Mapping[str, Knob]) -> tuple[str, str]:
    """Which kind of configuration a key belongs to, and the key without its prefix."""
    dotted = key.replace("_", ".")
    prefix, _, rest = dotted.partition(".")
    if prefix in KINDS and rest in _keys(KINDS[prefix]):
        return prefix, rest
    kinds = [kind for kind, config in KINDS.items() if dotted in _keys(config)]
    if len(kinds) == 1:
        return kinds[0], dotted
    if set(kinds) == {"topic", "broker"}:
        return "topic", dotted
    if kinds:
        choices = " or ".join(f"{kind}.{dotted}" for kind in kinds)
        raise ConfigError(f"{key!r} is ambiguous: write {choices}")
    known = [*knobs, *(f"{kind}.{name}" for kind, config in KINDS.items() for name in _keys(config))]
    known += [name for config in KINDS.values() for name in _keys(config)]
    near = get_close_matches(dotted, known, n=1) or get_close_matches(key, known, n=1)
    there_are = " and ".join(filter(None, (", ".join(knobs), "Kafka's own keys")))
    hint = f", did you mean {near[0]!r}?" if near else f"; there are {there_are}"
    raise ConfigError(f"unknown setting {key!r}{hint}")
