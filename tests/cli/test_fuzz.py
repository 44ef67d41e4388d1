"""`kafkasim fuzz`: what it prints, and its exit code."""

import json
import tomllib

import pytest

from tests.cli.command import Kafkasim
from tests.fuzz.bugs import BUGS
from tests.world.script.files import CLUSTER

SHOP = """
[[producers]]
name = "shop"
topics = "orders"
arrivals = "constant:20"
[[consumers]]
group = "audit"
topics = "orders"
"""


def test_right_rules_end_in_exit_code_0(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("fuzz", "--seeds", "2")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("2 seeds, ")
    assert outcome.out.endswith("No unexplained violation.\n")
    assert kafkasim.files() == {}


def test_a_file_is_flown_under_faults_that_each_seed_draws(kafkasim: Kafkasim) -> None:
    kafkasim.write("mine.toml", CLUSTER + SHOP)
    outcome = kafkasim("fuzz", "mine.toml", "--seeds", "7..9", "--json")
    report = json.loads(outcome.out)
    assert (outcome.code, report["seeds"], report["unexplained"]) == (0, 3, [])
    again = kafkasim("fuzz", "mine.toml", "--seeds", "7..9", "--json")
    assert again.out == outcome.out


def test_what_nothing_explains_is_printed_as_a_file_that_fails_too(
    kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch
) -> None:
    BUGS["high_watermark_is_the_leaders_end"](monkeypatch)
    kafkasim.write("mine.toml", CLUSTER + SHOP)
    outcome = kafkasim("fuzz", "mine.toml", "--seeds", "3..3", "--json")
    found = json.loads(outcome.out)["unexplained"]
    assert (outcome.code, [each["seed"] for each in found]) == (1, [3])
    script = tomllib.loads(found[0]["script"])
    assert script["seed"] == 3
    kafkasim.write("found.toml", found[0]["script"])
    flown = kafkasim("run", "found.toml")
    assert flown.code == 1
    assert flown.err.startswith("kafkasim: not as expected: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--seeds", "x"), "--seeds x: write a number such as 100, or a range such as 20..40"),
        (("--seeds", "5..2"), "--seeds 5..2: between 1 and 1,000,000 seeds, the first not after the last"),
        (("--seeds", "0"), "--seeds 0: between 1 and 1,000,000 seeds"),
        (("--jobs", "0"), "Invalid value for '--jobs'"),
        (("helo-topic",), "unknown scenario 'helo-topic', did you mean 'hello-topic'?"),
        (("mine.toml",), "mine.toml: No such file or directory; kafkasim new NAME writes a file to begin with"),
    ],
)
def test_bad_input_is_told_in_one_line(kafkasim: Kafkasim, arguments: tuple[str, ...], told: str) -> None:
    outcome = kafkasim("fuzz", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert told in outcome.err
