"""Requirements: what is read, and what is refused in one line that says what would be right."""

from pathlib import Path

import pytest

from sim.plan.requirement import FIELDS, read_requirement
from sim.plan.units import read_rate, read_seconds, read_size, show_bytes
from sim.rules.errors import ConfigError


def test_amounts_have_decimal_prefixes_and_say_their_unit() -> None:
    assert read_rate("200MB/s", "x") == 200e6
    assert read_rate("1.6 Gbit/s", "x") == 200e6
    assert read_rate("1MiB/s", "x") == 1 << 20
    assert read_size("1KB", "x") == 1000
    assert read_seconds("7d", "x") == 7 * 86_400
    assert [show_bytes(value) for value in (12.9e6, 999, 1.5e12)] == ["12.9 MB", "999 B", "1.5 TB"]


def test_a_file_is_read_and_options_win(tmp_path: Path) -> None:
    path = tmp_path / "need.toml"
    path.write_text('write = "40MB/s"\ngroups = 2\nhardware = ["m5.large"]\npartition_rate = "5MB/s"\n')
    found = read_requirement(path, {"groups": "1"})
    assert (found.write, found.groups, found.machines, found.partition_rate) == (40e6, 1, ("m5.large",), 5e6)
    assert found.planned_write == 80e6
    assert read_requirement(None, {}).replication == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"write": "5TB/s"},
            "--consumer-rate: 20 MB/s would ask for more than 1,000 consumers in a group; that many do",
        ),
        ({"partition-rate": "10KB/s"}, "more than 10,000 partitions; that many do for --write 50MB/s"),
        ({"write": "200MB"}, "--write: 200MB is a size, not a rate of bytes; write it like 200MB/s or 1600Mbit/s"),
        ({"write": "200"}, "a number without unit"),
        ({"record": "1KB/s"}, "a rate of bytes, not a size"),
        ({"retention": "7GB"}, "a size, not a duration"),
        ({"p99": "50"}, "a number without unit, not a duration"),
        ({"headroom": "0.3"}, "write it like 30%"),
        ({"headroom": "100%"}, "leaves nothing to work"),
        ({"growth": "50%"}, "a share, not a factor"),
        ({"survive": "brokr"}, "did you mean 'broker'?"),
        ({"survive": "rack", "replication": "1"}, "the nearest that does is --replication 2"),
        ({"hardware": "m5.lrge"}, "did you mean 'm5.large'?"),
        ({"groups": "1.5"}, "not whole"),
        ({"write": "0MB/s"}, "more than nothing"),
        ({"record": "2MB"}, "max.request.size"),
        ({"brokers-at-most": "2"}, "at least 3"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_requirement(None, given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('writ = "1MB/s"', "unknown key 'writ', did you mean 'write'?"),
        ("write = [", "is not TOML"),
        ("groups = true", "write a text"),
        ('write = "5s"', "need.toml: write: 5s is a duration"),
    ],
    ids=["unknown-key", "not-toml", "truth-value", "unit"],
)
def test_a_bad_file_is_refused_by_its_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "need.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"need\.toml") as caught:
        read_requirement(path, {})
    assert said in str(caught.value)


def test_every_default_can_be_read() -> None:
    assert all(field.read(field.default, name) is not None for name, field in FIELDS.items())
