"""`kafkasim alerts`: rules tried on a run, as a table, as JSON and as a picture."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli.commands import cli
from sim.rules.errors import ConfigError

SPARSE = ("--set", "arrivals=poisson:15")


def told(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["alerts", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_as_json_and_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "alerts.png"
    text = told("rebalance", *SPARSE, "--rule", "seconds=10", "--late", "15s", "--json", "--plot", str(path))
    (judgement,) = json.loads(text)["judgements"]
    assert judgement["group"] == "sorters"
    assert judgement["missed"] == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("rebalance", "--rule", "burow"), "did you mean 'burrow'"),
        (("rebalance", "--late", "soon"), "--late"),
        (("hello-topic", "--set", "duration=1s", "--group", "reader", "--rule", "rising"), "there are readers"),
        (("payment-fraud", "--set", "duration=1s", "--set", "arrivals=constant:1", "--plot", "x.png"), "--plot"),
    ],
)
def test_what_cannot_be_judged_is_one_line(arguments: tuple[str, ...], line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=line) as raised:
        CliRunner().invoke(cli, ["alerts", *arguments], catch_exceptions=False)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "x.png").exists()
