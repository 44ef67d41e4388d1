"""What a cluster must do: read from a TOML file, from options, or both; options win."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from sim.machine.hardware import nearest
from sim.machine.toml_file import read_toml
from sim.plan.offers import Offer, offer_named
from sim.plan.units import read_count, read_factor, read_rate, read_seconds, read_share, read_size, show_bytes
from sim.rules.errors import ConfigError

__all__ = ["FIELDS", "Field", "Requirement", "read_requirement"]

SURVIVES = ("none", "broker", "rack")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is asked for, in bytes, seconds and shares of 1; `prices` is the path of a file, or empty.

    `write` is today's peak; a cluster is planned for `planned_write`, that after the growth.
    """

    write: float
    record: int
    groups: int
    retention: float
    average: float
    replication: int
    p99: float
    survive: str
    headroom: float
    growth: float
    hardware: tuple[Offer, ...]
    producers: int
    linger: float
    partition_rate: float
    consumer_rate: float
    outage: float
    down: float
    brokers_at_most: int
    prices: str

    @property
    def planned_write(self) -> float:
        """Bytes per second at the peak that is planned for."""
        return self.write * self.growth

    @property
    def machines(self) -> tuple[str, ...]:
        """The names of the machines to choose from."""
        return tuple(offer.name for offer in self.hardware)

    def offer(self, machine: str) -> Offer:
        """The machine of this name."""
        return self.hardware[self.machines.index(machine)]

    @property
    def racks(self) -> int:
        """Failure domains that brokers are spread over."""
        return 3

    @property
    def min_insync(self) -> int:
        """min.insync.replicas: one less than there are, so that writes outlive one replica."""
        return max(1, self.replication - 1)

    @property
    def producer_count(self) -> int:
        """Producers, one for each ten megabytes per second unless it is said how many."""
        return self.producers or max(3, round(self.planned_write / PRODUCER_RATE))


PRODUCER_RATE = 10e6


class Field(NamedTuple):
    """One line of a requirement: how it is read, what holds if it is not given, and what it means."""

    read: Callable[[str, str], Any]
    default: str
    meaning: str


def _choice(text: str, where: str) -> str:
    if text not in SURVIVES:
        raise ConfigError(f"{where}: {text!r} is none of {', '.join(SURVIVES)}{_near(text)}")
    return text


def _near(text: str) -> str:
    told = nearest(text, SURVIVES)
    return told if told.startswith(", did") else ""


def _offers(text: str, where: str) -> tuple[Offer, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ConfigError(f"{where}: names no machine; write it like m5.large,i3en.2xlarge")
    return tuple(offer_named(name, where) for name in names)


FIELDS: Mapping[str, Field] = {
    "write": Field(read_rate, "200MB/s", "what producers send at today's peak, before replication"),
    "record": Field(read_size, "1KB", "size of a record's value"),
    "groups": Field(read_count, "3", "consumer groups, each of which reads everything"),
    "retention": Field(read_seconds, "7d", "how long records are kept"),
    "average": Field(read_share, "50%", "what is written on average, as a share of the peak; disks are sized by it"),
    "replication": Field(read_count, "3", "replicas of each partition"),
    "p99": Field(read_seconds, "50ms", "99th percentile from send() to acknowledgement, at most"),
    "survive": Field(_choice, "broker", "what may be lost at the peak: none, broker or rack"),
    "headroom": Field(read_share, "30%", "share of every device that is left free at the planned peak"),
    "growth": Field(read_factor, "2x", "peak that is planned for, as a multiple of today's"),
    "hardware": Field(_offers, "m5.large,i3en.2xlarge", "machines to choose from, or files such as machine.toml"),
    "producers": Field(read_count, "0", "producers; 0 is one for each 10 MB/s of the planned peak"),
    "linger": Field(read_seconds, "5ms", "linger.ms of producers; a fifth of the latency that is allowed at most"),
    "partition-rate": Field(read_rate, "10MB/s", "what a producer can send to one partition (t/p)"),
    "consumer-rate": Field(read_rate, "20MB/s", "what one consumer's application can take (t/c)"),
    "outage": Field(read_seconds, "10m", "how long one group may be away and must catch up after"),
    "down": Field(read_seconds, "10m", "how long a lost broker is away before it is started again"),
    "brokers-at-most": Field(read_count, "200", "largest cluster that is considered"),
    "prices": Field(lambda text, _: text, "", "TOML file with what machines and disk space cost"),
}


def read_requirement(path: Path | None, given: Mapping[str, str]) -> Requirement:
    """The requirement of a file and of options by their names. Raises ConfigError, one line."""
    texts = {name: (field.default, f"--{name}") for name, field in FIELDS.items()}
    if path is not None:
        texts |= {name: (text, f"{path}: {name}") for name, text in _file(path).items()}
    texts |= {name: (text, f"--{name}") for name, text in given.items()}
    values = {name.replace("-", "_"): FIELDS[name].read(*told) for name, told in texts.items()}
    found = Requirement(**{field.name: values[field.name] for field in fields(Requirement)})
    _check(found, {name: where for name, (_, where) in texts.items()})
    return found


def _file(path: Path) -> dict[str, str]:
    table = read_toml(path, str(path))
    return {_known(key, path): _text(value, f"{path}: {key}") for key, value in table.items()}


def _known(key: str, path: Path) -> str:
    name = key.replace("_", "-")
    if name not in FIELDS:
        raise ConfigError(f"{path}: unknown key {key!r}{nearest(name, FIELDS)}")
    return name


def _text(value: object, where: str) -> str:
    """What an option would say. Raises ConfigError for a table, a date or a truth value."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    raise ConfigError(f'{where} is {value!r}; write a text such as "200MB/s", a number, or a list of names')


def _check(found: Requirement, where: Mapping[str, str]) -> None:
    """Refuse what no cluster can do. Raises ConfigError that says what could."""
    if not 1 <= found.replication <= 9:
        raise ConfigError(f"{where['replication']}: {found.replication} replicas; must be 1 to 9, usually 3")
    if not 0 <= found.headroom < 1:
        raise ConfigError(f"{where['headroom']}: {found.headroom:.0%} free leaves nothing to work; at most 99%")
    if not 0 < found.average <= 1:
        raise ConfigError(f"{where['average']}: {found.average:.0%} of the peak; must be above 0% and at most 100%")
    if found.survive != "none" and found.replication < 2:
        raise ConfigError(
            f"{where['survive']}: replication {found.replication} does not survive the loss of a {found.survive}; "
            "the nearest that does is --replication 2"
        )
    _whole("groups", found.groups, 0, where)
    _whole("brokers-at-most", found.brokers_at_most, found.replication, where)
    for name, rate, most, what in (
        ("consumer-rate", found.consumer_rate, 1_000, "consumers in a group"),
        ("partition-rate", found.partition_rate, 10_000, "partitions"),
    ):
        if rate * most < found.planned_write:
            raise ConfigError(
                f"{where[name]}: {show_bytes(rate)}/s would ask for more than {most:,} {what}; "
                f"that many do for --write {rate * most / found.growth / 1e6:.3g}MB/s"
            )
    if found.record > 1_000_000:
        raise ConfigError(f"{where['record']}: {found.record:,} bytes; Kafka's max.request.size is 1 MB by default")


def _whole(name: str, value: int, least: int, where: Mapping[str, str]) -> None:
    if value < least:
        raise ConfigError(f"{where[name]}: {value} must be at least {least}")
