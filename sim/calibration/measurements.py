"""A file of measurements: what was run on which cluster, and the outputs of the tools."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sim.calibration.outputs import Output, read_output
from sim.capacity.load import Load
from sim.machine.clock import SECOND
from sim.machine.hardware import Machines, nearest
from sim.machine.profiles import PROFILES
from sim.rules.config import ConsumerConfig, ProducerConfig
from sim.rules.errors import ConfigError

__all__ = ["Measurement", "Measurements", "read_measurements"]

BACKLOG_S = 3
FASTER = 3
"""A backlog lasts even if the machine proves so many times faster than was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One `[[measurements]]`: a file, and the load behind it.

    `rate` is what was asked for in records per second of all producers; without it they sent as fast as they could.
    What an output tells of its own setup need not be given. `producer` and `consumer` hold Kafka's keys.
    """

    output: str
    partitions: int = 1
    replication_factor: int = 1
    producers: int = 1
    consumers: int = 1
    record_bytes: int = 0
    rate: float = 0.0
    producer: Mapping[str, object] = field(default_factory=dict)
    consumer: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurements:
    """All of a file: the profile to begin with, the brokers, and each measurement with what its tool told."""

    base: str
    brokers: int
    found: tuple[tuple[Measurement, Output], ...]

    def load(self, number: int, machines: Machines) -> Load:
        """The load of one measurement, to be flown on machines: half a second, as late in a long run."""
        wanted, output = self.found[number]
        reads = output.kind in ("consumer", "omb")
        rate = None if wanted.rate == 0 else wanted.rate
        backlog = 0
        if output.kind == "consumer":
            backlog = round(output.figures["consumed_per_s"] * BACKLOG_S * FASTER)
        return Load(
            machines.hardware,
            machines.client_hardware,
            self.brokers,
            wanted.partitions,
            wanted.replication_factor,
            wanted.record_bytes,
            producers=0 if output.kind == "consumer" else wanted.producers,
            groups=(wanted.consumers,) if reads else (),
            rate=rate,
            backlog=backlog,
            disks=machines.disks,
            producer_config={"acks": "all", **wanted.producer},
            consumer_config=dict(wanted.consumer),
            cache_is_full=True,
            begin=SECOND // 4,
            until=SECOND * 3 // 4,
        )


def read_measurements(path: Path) -> Measurements:
    """The measurements of a TOML file; outputs are looked for beside it. Raises ConfigError, one line."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from error
    for key in content:
        if key not in ("base", "brokers", "measurements"):
            raise ConfigError(f"{path}: unknown key {key!r}{nearest(key, ('base', 'brokers', 'measurements'))}")
    base, brokers, tables = content.get("base", "laptop"), content.get("brokers", 1), content.get("measurements", [])
    if base not in PROFILES:
        raise ConfigError(f"{path}: base = {base!r}: unknown hardware{nearest(str(base), PROFILES)}")
    if not isinstance(brokers, int) or brokers < 1:
        raise ConfigError(f"{path}: brokers = {brokers!r}; it must be a whole number above 0")
    if not isinstance(tables, list) or not tables:
        raise ConfigError(f'{path}: has no [[measurements]]; each names an output = "file"')
    found = tuple(_one(path, number, table, brokers) for number, table in enumerate(tables, 1))
    return Measurements(str(base), brokers, found)


def _one(path: Path, number: int, table: Any, brokers: int) -> tuple[Measurement, Output]:
    where = f"{path}, [[measurements]] number {number}"
    known = {each.name: each for each in fields(Measurement)}
    if not isinstance(table, dict) or not isinstance(table.get("output"), str):
        raise ConfigError(f'{where}: has no output = "file"')
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{nearest(key, known)}")
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if known[key].type is int and (not is_whole or value < 1):
            raise ConfigError(f"{where}: {key} = {value!r}; it must be a whole number above 0")
        if key == "rate" and not (isinstance(value, int | float) and value >= 0):
            raise ConfigError(f"{where}: rate = {value!r}; records per second, left out for as fast as it goes")
    output = read_output(path.parent / table["output"])
    made = Measurement(**{**output.shape, **table})
    if made.replication_factor > brokers:
        raise ConfigError(f"{where}: replication_factor {made.replication_factor} needs as many brokers, not {brokers}")
    for kind, given in ((ProducerConfig, made.producer), (ConsumerConfig, made.consumer)):
        try:
            kind.of(given)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
    return made, output
