"""Machines by name: each figure has an origin, and what cannot be is refused."""

import pytest

from sim.machine.devices import ClientHardware, Hardware
from sim.machine.hardware import with_figures
from sim.machine.profiles import PROFILES, profile_named
from sim.rules.errors import ConfigError


@pytest.mark.parametrize("name", ["laptop", "linkedin-2014", "i3.4xlarge", "i3en.2xlarge", "m5.large", "test-machine"])
def test_the_machines_there_are(name: str) -> None:
    profile = profile_named(name, "here")
    machines = profile.machines()
    assert profile.name == name
    assert not any((machines.hardware.ssl, machines.hardware.gc_young_bytes, machines.client_hardware.gc_young_bytes))
    assert machines.disks >= 1
    for figure in (*profile.broker.values(), *profile.client.values()):
        assert figure.origin in ("published", "measured", "fitted", "remembered", "assumed")
        assert figure.source


def test_a_description_names_its_machine() -> None:
    assert profile_named("AWS i3.4xlarge, 2 NVMe log dirs", "here") is PROFILES["i3.4xlarge"]
    assert profile_named("1x Xeon, 6x7200rpm SATA JBOD, 1 GbE", "here") is PROFILES["linkedin-2014"]
    with pytest.raises(ConfigError, match="did you mean 'i3"):
        profile_named("i3.4xlarg", "here")


def test_figures_are_checked_and_take_the_kind_of_their_field() -> None:
    found = with_figures(Hardware(), {"flush_latency": 1.5e6, "nic_fair": 1}, "here")
    assert (found.flush_latency, found.nic_fair) == (1_500_000, True)
    assert with_figures(ClientHardware(), {"record_cost": 0}, "here").record_cost == 0
    found = with_figures(Hardware(), {"ssl": True, "gc_young_bytes": 3e8}, "here")
    assert (found.ssl, found.gc_young_bytes, Hardware().ssl, Hardware().gc_young_bytes) == (True, 300_000_000, False, 0)
    for wrong in ({"page_cache_bytes": 0}, {"gc_pause": 0}, {"byte_cost": float("nan")}, {"cores": True}):
        with pytest.raises(ConfigError, match="here: hardware key"):
            with_figures(Hardware(), wrong, "here")
