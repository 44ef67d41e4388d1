"""`kafkasim sweep`: a table, JSON, a picture and a file to go on from."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli.commands import cli
from sim.rules.errors import ConfigError

FLIGHTS = ("hello-topic", "--vary", "linger.ms=0,20", "--reps", "2", "--until", "8s")
STUDY = ("hello-topic", "--sensitivity", "morris", "--points", "2", "--vary", "linger.ms=0..20", "--vary", "people=1,9")


def told(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["sweep", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_as_a_table_that_says_how_many_runs_were_flown(tmp_path: Path) -> None:
    out = tmp_path / "sweep.duckdb"
    first, again = (told(*FLIGHTS, "--out", str(out)) for _ in range(2))
    assert "is least with linger.ms=0" in " ".join(first.split())
    assert "all runs, 4 of them flown now" in first
    assert again == first.replace("4 of them", "0 of them")


def test_as_json_and_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "sweep.png"
    measure = "steady/produce-latency-ms/greetings/p95"
    found = json.loads(told(*FLIGHTS, "--json", "--plot", str(path), "--measure", measure))
    (apart,) = found["differences"]
    assert found["runs"] == found["flown"] == 4
    assert apart["linger.ms"] == 20
    assert 15 < apart["mean"] < 25
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_setting_that_matters_most(tmp_path: Path) -> None:
    path = tmp_path / "study.png"
    found = json.loads(told(*STUDY, "--reps", "1", "--until", "8s", "--json", "--plot", str(path)))
    assert [row["setting"] for row in found["settings"]] == ["linger.ms", "people"]
    assert found["settings"][0]["effect"] == pytest.approx(20, rel=0.1)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("hello-topic",), "nothing is varied"),
        (("hello-topik", "--vary", "people=1..2"), "did you mean 'hello-topic'"),
        (("hello-topic", "--vary", "poeple=1..2"), "did you mean 'people'"),
        ((*FLIGHTS, "--precision", "narrow"), "write a share such as 5%"),
        ((*FLIGHTS, "--plot", "x.gif"), "name a .png"),
        ((*FLIGHTS, "--out", "x.csv"), "name it x.duckdb"),
        ((*STUDY, "--design", "lhs"), "concerns a sweep"),
        ((*STUDY, "--precision", "5%"), "concerns a sweep"),
    ],
    ids=str,
)
def test_what_cannot_be_swept_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    with pytest.raises(ConfigError, match=line) as raised:
        CliRunner().invoke(cli, ["sweep", *arguments], catch_exceptions=False)
    assert "\n" not in str(raised.value)
