"""`kafkasim import` writes a scenario file once, or one line and nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli.commands import cli
from sim.rules.errors import ConfigError
from tests.importing.printed import GROUPS, TOPICS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "topics.txt").write_text(TOPICS, encoding="utf-8")
    (tmp_path / "groups.txt").write_text(GROUPS, encoding="utf-8")
    (tmp_path / "later.txt").write_text(GROUPS.replace(" 120 ", " 720 "), encoding="utf-8")
    return tmp_path


def imported(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["import", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_rates_come_from_two_looks_and_are_overruled(folder: Path) -> None:
    looks = ("--groups", "groups.txt", "--groups-later", "later.txt", "--between", "60s")
    told = imported("topics.txt", *looks, "--minus", "102")
    assert told.startswith("cluster.toml: 4 brokers, 1 topics, 3 partitions, 2 groups")
    assert 'arrivals = "poisson:10"' in (folder / "cluster.toml").read_text(encoding="utf-8")
    imported("topics.txt", *looks, "--rate", "payments=25", "--out", "other.toml")
    assert 'arrivals = "poisson:25"' in (folder / "other.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("none.txt",), "No such file"),
        (("topics.txt", "--minus", "7"), "no broker 7"),
        (("topics.txt", "--rate", "payments"), "--rate payments: write it as key=value"),
        (("topics.txt", "--rate", "payments=-1"), "less than nothing"),
        (("topics.txt", "--rate", "payments=fast"), "are a number"),
        (("topics.txt", "--groups-later", "later.txt", "--between", "1m"), "needs a first look"),
        (("topics.txt", "--between", "1m"), "belong together"),
        (("topics.txt", "--duration", "long"), "--duration"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_writes_nothing(
    folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        CliRunner().invoke(cli, ["import", *arguments], catch_exceptions=False)
    assert "\n" not in str(raised.value)
    assert not (folder / "cluster.toml").exists()


def test_a_file_that_exists_is_left_alone(folder: Path) -> None:
    imported("topics.txt")
    before = (folder / "cluster.toml").read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        CliRunner().invoke(cli, ["import", "topics.txt", "--minus", "101"], catch_exceptions=False)
    assert (folder / "cluster.toml").read_bytes() == before
