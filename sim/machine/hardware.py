"""Machines by name. Each figure says where it comes from, and from what: published, measured or fitted.

Two more origins are there to be got rid of: `remembered` is published, but was not looked up again; `assumed` has no
better reason than the one given. What is fitted is frozen: fitted on the calibration cases named, once, and used as it
is for everything else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

from sim.machine.devices import ClientHardware, Hardware
from sim.rules.errors import ConfigError

__all__ = ["Figure", "Machines", "Profile", "nearest", "with_figures"]

Kind = TypeVar("Kind", Hardware, ClientHardware)
MAY_BE_ZERO = frozenset(
    {
        "byte_cost",
        "batch_cost",
        "network_request_cost",
        "network_byte_cost",
        "cores",
        "nic_fair",
        "ssl_byte_cost",
        "ssl_copy_cost",
        "gc_young_bytes",
        "gc_garbage",
        "socket_buffer_bytes",
        "link_latency",
        "link_jitter",
        "disk_seek",
        "flush_latency",
        "disk_burst_bytes_per_s",
        "disk_credit_bytes",
        "broker_start",
        *(field.name for field in fields(ClientHardware) if field.name not in ("nic_bytes_per_s", "gc_pause")),
    }
)
"""Figures that may be nothing; a capacity may not."""


class Figure(NamedTuple):
    """One figure of a machine: its value, `published`, `measured`, `fitted`, `remembered` or `assumed`, from what."""

    value: float
    origin: str
    source: str


class Machines(NamedTuple):
    """What a load is flown on: the brokers' machines, each with so many disks, and the clients'."""

    hardware: Hardware
    client_hardware: ClientHardware
    disks: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A machine: figures of its brokers and of the clients that were used with them, and words it is known by.

    `disks` is the number of log directories, each on a disk of its own. What has no figure has the default of
    `Hardware` or `ClientHardware`.
    """

    name: str
    known_by: tuple[str, ...]
    broker: Mapping[str, Figure]
    client: Mapping[str, Figure]
    disks: int = 1

    def machines(self) -> Machines:
        """Its figures as values."""
        return Machines(
            with_figures(Hardware(), {name: figure.value for name, figure in self.broker.items()}, self.name),
            with_figures(ClientHardware(), {name: figure.value for name, figure in self.client.items()}, self.name),
            self.disks,
        )

    def is_meant_by(self, text: str) -> bool:
        """Whether a description names this machine."""
        return any(word in text for word in (self.name, *self.known_by))


def with_figures(hardware: Kind, figures: Mapping[str, object], where: str) -> Kind:
    """The same with some figures changed. Raises ConfigError for an unknown key or a value that cannot be."""
    values: dict[str, Any] = {}
    known = [field.name for field in fields(hardware)]
    for key, value in figures.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown hardware key {key!r}{nearest(key, known)}")
        values[key] = _number(key, value, type(getattr(hardware, key)), where)
    return replace(hardware, **values)


def _number(key: str, value: object, kind: type, where: str) -> Any:
    if kind is bool and isinstance(value, bool | int):
        return bool(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value or abs(value) == float("inf"):
        raise ConfigError(f"{where}: hardware key {key!r} is {value!r}; it must be a number")
    if value < 0 or (value == 0 and key not in MAY_BE_ZERO):
        least = "0 or more" if key in MAY_BE_ZERO else "more than 0"
        raise ConfigError(f"{where}: hardware key {key!r} is {value}; it must be {least}")
    return kind(value)


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message: the valid name that is nearest, or all there are."""
    names = list(known)
    near = get_close_matches(word, names, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
