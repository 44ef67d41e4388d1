"""Machines to choose from: those with a profile, and those in a file that calibration has left."""

from pathlib import Path

import pytest

from sim.calibration.fitting import Calibration
from sim.machine.machine_file import write_machine
from sim.plan.candidates import smallest
from sim.plan.offers import offer_named
from sim.plan.prices import read_prices
from sim.plan.requirement import read_requirement
from sim.rules.errors import ConfigError

FITTED = Calibration("m5.large", {"broker.disk_bytes_per_s": 40e6, "client.record_cost": 6000.5}, (), (), ())


@pytest.fixture
def machine(tmp_path: Path) -> str:
    path = tmp_path / "machine.toml"
    path.write_text(write_machine(FITTED.hardware()), encoding="utf-8")
    return str(path)


def test_what_calibration_leaves_is_the_same_machine(machine: str) -> None:
    offer, base = offer_named(machine, "--hardware"), offer_named("m5.large", "--hardware")
    assert (offer.hardware.disk_bytes_per_s, offer.hardware.link_latency) == (40e6, base.hardware.link_latency)
    assert offer.machines().client_hardware.record_cost == 6000.5
    assert (offer.space_bytes, offer.partitions, offer.network_disk) == (base.space_bytes, base.partitions, True)


def test_a_disk_of_half_the_speed_asks_for_more_brokers(machine: str, tmp_path: Path) -> None:
    asked = read_requirement(None, {"hardware": f"m5.large,{machine}", "groups": "0"})
    (usual, _), (slow, binding) = (smallest(asked, name) for name in ("m5.large", machine))
    assert binding == "disk"
    assert slow.brokers > usual.brokers
    prices = tmp_path / "prices.toml"
    prices.write_text(f'[machine-hour]\n"{machine}" = 0.5\n[space-gb-month]\n"{machine}" = 0.1\n', encoding="utf-8")
    assert read_prices(str(prices), asked.machines).month(slow) > slow.brokers * 730 * 0.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file"),
        ("profile = ", "is not TOML"),
        ("disks = 2", 'names no machine to begin with; write it like profile = "m5.large"'),
        ('profile = "m5.larg"', "did you mean 'm5.large'?"),
        ('profile = "m5.large"\nlink_latenci = 5', "did you mean 'link_latency'?"),
        ('profile = "m5.large"\ndisk_bytes_per_s = 0', "it must be more than 0"),
        ('profile = "m5.large"\n[client]\nrecord_cost = "slow"', "it must be a number"),
        ('profile = "m5.large"\nspace = 5000', "a number without unit"),
        ('profile = "m5.large"\nreplicas = 0.5', "must be a whole number above 0"),
        ('profile = "m5.large"\nnetwork_disk = "no"', "must be true or false"),
        ('profile = "laptop"', 'write it like space = "2TB"'),
        ('profile = "laptop"\nspace = "2TB"', "write it like replicas = 2000"),
    ],
    ids=str,
)
def test_a_bad_file_is_one_line_that_names_it(text: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_requirement(None, {"hardware": str(path)})
    assert str(refused.value).startswith(f"--hardware: {path}: ")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
