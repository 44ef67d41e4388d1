"""A machine that is known is found again from what tools would have printed of it."""

from pathlib import Path

import pytest

from sim.calibration import calibrate, fitting, read_measurements
from sim.calibration.fitting import machines_with
from sim.calibration.measurements import Measurements
from sim.capacity.cases import Case
from sim.capacity.probe import Outcome, fly_load
from sim.rules.errors import ConfigError

HIDDEN = {"client.record_cost": 12_000.0, "broker.link_latency": 400_000.0}
BASE = "i3en.2xlarge"
FILE = """
base = "i3en.2xlarge"
brokers = 1
[[measurements]]
output = "flood.txt"
partitions = 4
producer = { "linger.ms" = 5, "batch.size" = 65536 }
[[measurements]]
output = "paced.txt"
rate = 2000
partitions = 4
producer = { "linger.ms" = 0 }
"""


def printed(outcome: Outcome, value_size: int) -> str:
    """The last line of kafka-producer-perf-test."""
    rate, latency = outcome.produced_per_s, outcome.publish_ms()
    return (
        f"{outcome.acknowledged} records sent, {rate:f} records/sec ({rate * value_size / 1048576:.5f} MB/sec), "
        f"{latency['avg']:.2f} ms avg latency, 9.00 ms max latency, {latency['p50']:.0f} ms 50th, "
        f"{latency['p95']:.0f} ms 95th, {latency['p99']:.0f} ms 99th, 9 ms 99.9th.\n"
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    folder = tmp_path_factory.mktemp("measured")
    empty = "1 records sent, 1.0 records/sec (0.00048 MB/sec), 1.00 ms avg latency, 1.00 ms max latency, "
    for name in ("flood.txt", "paced.txt"):
        (folder / name).write_text(f"{empty}1 ms 50th, 1 ms 95th, 1 ms 99th, 1 ms 99.9th.\n", encoding="utf-8")
    (folder / "measured.toml").write_text(FILE, encoding="utf-8")
    shape = read_measurements(folder / "measured.toml")
    for number, name in enumerate(("flood.txt", "paced.txt")):
        outcome = fly_load(shape.load(number, machines_with(BASE, HIDDEN)))
        (folder / name).write_text(printed(outcome, shape.found[number][0].record_bytes), encoding="utf-8")
    return read_measurements(folder / "measured.toml")


def test_hidden_figures_are_found_and_what_does_not_matter_is_said(
    measured: Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "FIGURES", (*HIDDEN, "broker.disk_bytes_per_s"))
    found = calibrate(measured)
    assert found.worst_error_pct() < 2
    assert found.fitted["client.record_cost"] == pytest.approx(HIDDEN["client.record_cost"], rel=0.05)
    assert found.fitted["broker.link_latency"] == pytest.approx(HIDDEN["broker.link_latency"], rel=0.05)
    assert found.untold == ("broker.disk_bytes_per_s",)
    assert max(abs(row.before / row.measured - 1) for row in found.rows) > 0.2
    machines = Case("mine", {"hardware": found.hardware()}, {}).machines()
    assert machines.client_hardware == machines_with(BASE, found.fitted).client_hardware
    assert machines.hardware == machines_with(BASE, found.fitted).hardware


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"has no \[\[measurements\]\]"),
        ('base = "m5.larg"', "did you mean 'm5.large'"),
        ("brokers = 0", "must be a whole number above 0"),
        ("broker = 3", "did you mean 'brokers'"),
        ("[[measurements]]", "has no output"),
        ('[[measurements]]\noutput = "none.txt"', "No such file"),
        ('[[measurements]]\noutput = "flood.txt"\npartition = 3', "did you mean 'partitions'"),
        ('[[measurements]]\noutput = "flood.txt"\nproducers = 0', "must be a whole number above 0"),
        ('[[measurements]]\noutput = "flood.txt"\nreplication_factor = 3', "needs as many brokers, not 1"),
        ('[[measurements]]\noutput = "flood.txt"\nproducer = { ack = 1 }', "ack"),
        ("= 3", "is no TOML"),
    ],
)
def test_a_wrong_file_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "flood.txt").write_text(
        "1 records sent, 1.0 records/sec (0.00048 MB/sec), 1.00 ms avg latency, 1.00 ms max latency, "
        "1 ms 50th, 1 ms 95th, 1 ms 99th, 1 ms 99.9th.\n",
        encoding="utf-8",
    )
    path = tmp_path / "measured.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as raised:
        read_measurements(path)
    assert "\n" not in str(raised.value)
