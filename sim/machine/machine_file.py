"""Machines that a reader describes: a profile, and the figures that are not as in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from sim.machine.hardware import Machines, with_figures
from sim.machine.profiles import profile_named
from sim.machine.toml_file import read_toml
from sim.rules.errors import ConfigError

__all__ = ["PLANNING", "machines_of", "read_machine", "simulated", "write_machine"]

PLANNING = ("space", "replicas", "network_disk")
"""What a machine's file may say of a broker that does not change what it does."""

HEAD = """\
# A machine: the profile that it begins with, what differs of its brokers, and under [client] of their clients.
# Costs and latencies are nanoseconds, capacities bytes and bytes per second; `disks` of each broker are alike.
# For `kafkasim plan --hardware THIS-FILE` it may also say `space = "5TB"`, the most that a broker's disks hold,
# `replicas = 2000`, the most that a broker should have, and `network_disk = true` if disk space is paid apart.
# In a scenario file it stands under [cluster.hardware], and its [client] under [cluster.hardware.client].
"""


def simulated(table: Mapping[str, object], where: str) -> Machines:
    """The machines of a file's table, in which `client.record_cost` stands for what is under [client], without what
    only planning asks for. Raises ConfigError, one line.
    """
    figures = {key: value for key, value in table.items() if key not in PLANNING}
    client = {key.removeprefix("client."): figures.pop(key) for key in list(figures) if key.startswith("client.")}
    return machines_of({**figures, **({"client": client} if client else {})}, where)


def machines_of(figures: Mapping[str, Any], where: str) -> Machines:
    """Figures by key on top of the `profile` that they name, else of a laptop. Raises ConfigError, one line."""
    broker = dict(figures)
    base = profile_named(str(broker.pop("profile", "laptop")), where).machines()
    disks, client = broker.pop("disks", base.disks), broker.pop("client", {})
    if not isinstance(disks, int) or isinstance(disks, bool) or disks < 1:
        raise ConfigError(f"{where}: hardware key 'disks' is {disks!r}; it must be a whole number above 0")
    if not isinstance(client, Mapping):
        raise ConfigError(f"{where}: hardware key 'client' must hold figures by key")
    return Machines(
        with_figures(base.hardware, broker, where), with_figures(base.client_hardware, client, where), disks
    )


def read_machine(path: Path, where: str) -> dict[str, Any]:
    """The table of a machine's file, as `write_machine` leaves it. Raises ConfigError, one line."""
    table = read_toml(path, where)
    if not isinstance(table.get("profile"), str):
        raise ConfigError(f'{where}: names no machine to begin with; write it like profile = "m5.large"')
    return table


def write_machine(figures: Mapping[str, Any]) -> str:
    """A file that reads back as the same machine."""
    return f"{HEAD}\n{tomli_w.dumps(dict(figures))}"
