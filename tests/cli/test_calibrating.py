"""`kafkasim calibrate`: an example that reads, and one line where there is nothing to read."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.calibration import read_measurements
from sim.cli.commands import cli
from sim.rules.errors import ConfigError

TOTAL = (
    "9000 records sent, 900.0 records/sec (0.86 MB/sec), 5.00 ms avg latency, 9.00 ms max latency, 5 ms 50th, "
    "6 ms 95th, 7 ms 99th, 8 ms 99.9th.\n"
)
TABLE = (
    "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec\n"
    "2026-01-01 00:00:00:000, 2026-01-01 00:00:10:000, 8.58, 0.858, 9000, 900.0\n"
)


def test_the_example_is_a_file_of_measurements(tmp_path: Path) -> None:
    text = CliRunner().invoke(cli, ["calibrate", "--example"], catch_exceptions=False).output
    (tmp_path / "example.toml").write_text(text, encoding="utf-8")
    for name, content in (("producer.txt", TOTAL), ("paced.txt", TOTAL), ("consumer.txt", TABLE)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = read_measurements(tmp_path / "example.toml")
    assert [output.kind for _, output in found.found] == ["producer", "producer", "consumer"]
    assert [wanted.record_bytes for wanted, _ in found.found] == [1002, 1002, 1000]


@pytest.mark.parametrize(("arguments", "told"), [((), "--example prints one"), (("none.toml",), "No such file")])
def test_nothing_to_read_is_one_line(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        CliRunner().invoke(cli, ["calibrate", *arguments], catch_exceptions=False)
