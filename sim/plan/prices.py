"""What a cluster costs: from a TOML file with prices that the reader has looked up. None are built in: they change.

currency = "USD"
[machine-hour]
"m5.large" = 0.21
[space-gb-month]
"m5.large" = 0.10
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.machine.hardware import nearest
from sim.machine.toml_file import read_toml
from sim.plan.candidates import Candidate
from sim.plan.offers import OFFERS
from sim.rules.errors import ConfigError

__all__ = ["Prices", "read_prices"]

HOURS = 730
TABLES = ("machine-hour", "space-gb-month")


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a machine by the hour, and of a gigabyte of a network disk by the month, by the machine's name."""

    currency: str
    machine_hour: Mapping[str, float]
    space_gb_month: Mapping[str, float]

    def month(self, candidate: Candidate) -> float | None:
        """What a candidate costs in a month of 730 hours; None if its machine or its disks have no price."""
        hour = self.machine_hour.get(candidate.machine)
        space = self.space_gb_month.get(candidate.machine) if candidate.offer.network_disk else 0.0
        if hour is None or space is None:
            return None
        return candidate.brokers * (HOURS * hour + space * candidate.space_bytes / 1e9)


def read_prices(name: str, machines: Iterable[str] = ()) -> Prices:
    """The prices of a file, of the machines with a profile and of these. Raises ConfigError, one line."""
    path = Path(name)
    table = read_toml(path, f"--prices {path}")
    for key in table:
        if key not in (*TABLES, "currency"):
            raise ConfigError(f"--prices {path}: unknown key {key!r}{nearest(key, (*TABLES, 'currency'))}")
    known = dict.fromkeys((*OFFERS, *machines))
    hour, space = (_numbers(table.get(key, {}), f"--prices {path}: {key}", known) for key in TABLES)
    return Prices(str(table.get("currency", "USD")), hour, space)


def _numbers(table: Any, where: str, known: Iterable[str]) -> dict[str, float]:
    if not isinstance(table, dict):
        raise ConfigError(f'{where} is {table!r}; write a table such as "m5.large" = 0.1')
    for name, price in table.items():
        if name not in known:
            raise ConfigError(f"{where}: {name!r} names no machine that can be planned with{nearest(name, known)}")
        if not isinstance(price, int | float) or isinstance(price, bool) or price < 0:
            raise ConfigError(f"{where}: {name} costs {price!r}; write a number such as 0.1")
    return {name: float(price) for name, price in table.items()}
