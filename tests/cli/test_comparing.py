"""`kafkasim compare` and `kafkasim fork`: a table, a picture, and one line for what cannot be."""

import json

import pytest

from tests.cli.command import Kafkasim
from tests.cli.test_explaining import STORY


def test_two_settings_of_one_story(kafkasim: Kafkasim) -> None:
    kafkasim.write("story.toml", STORY)
    outcome = kafkasim("compare", "story.toml", "story.toml", "--set-b", "linger.ms=200", "--json")
    told = json.loads(outcome.out)
    assert (outcome.code, told["arrivals"]["equal"]) == (0, True)
    slowest = next(row for row in told["rows"] if row["name"] == "p50 acknowledgement of orders")
    assert slowest["b"] > slowest["a"] + 50
    assert kafkasim.files()["compare.png"].startswith(b"\x89PNG")


def test_a_fork_of_a_folder(kafkasim: Kafkasim) -> None:
    kafkasim.write("story.toml", STORY)
    kafkasim("run", "story.toml", "--out", "left")
    outcome = kafkasim("fork", "left", "--at", "2s", "--set", "topic.retention.ms=60000", "--json")
    assert (outcome.code, json.loads(outcome.out)["arrivals"]["equal"]) == (0, True)
    assert "fork.png" in kafkasim.files()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("fork", "story.toml", "--at", "90s", "--set", "acks=1"), "kafkasim: --at 90s: the run lasts from 0 s to"),
        (("fork", "story.toml", "--at", "2s"), "kafkasim: a fork needs something that changes"),
        (("compare", "story.toml", "nowhere/run"), "kafkasim: nowhere/run: there is no such folder"),
        (("compare", "story.toml", "story.toml", "--out", "x.txt"), "kafkasim: --out x.txt: name a .png"),
        (
            ("compare", "story.toml", "story.toml", "--set-b", "ackz=1"),
            "kafkasim: unknown setting 'ackz', did",
        ),
    ],
)
def test_bad_input_is_one_line(kafkasim: Kafkasim, arguments: tuple[str, ...], line: str) -> None:
    kafkasim.write("story.toml", STORY)
    outcome = kafkasim(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)
    assert set(kafkasim.files()) == {"story.toml"}
