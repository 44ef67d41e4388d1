"""`kafkasim list` and `kafkasim info`."""

import json

import pytest

import scenarios
from tests.cli.command import Kafkasim


def test_each_scenario_is_a_line(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("list")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line for line in outcome.out.splitlines() if not line.endswith(":")]
    assert [line.split()[0] for line in lines] == scenarios.names()
    assert [line.split(maxsplit=2)[2] for line in lines] == [scenarios.find(name).summary for name in scenarios.names()]


def test_the_list_as_json(kafkasim: Kafkasim) -> None:
    rows = json.loads(kafkasim("list", "--json").out)
    assert [row["name"] for row in rows] == scenarios.names()
    assert all(row.keys() == {"name", "theme", "level", "summary"} for row in rows)


@pytest.mark.parametrize("name", scenarios.names())
def test_a_scenario_tells_its_story_and_its_knobs(kafkasim: Kafkasim, name: str) -> None:
    outcome = kafkasim("info", name)
    scenario = scenarios.find(name)
    assert (outcome.code, outcome.err) == (0, "")
    for expected in (scenario.summary, "Covers:", "Story:", "Watch for:", "Predict:", "Cluster: ", f"run {name}"):
        assert expected in outcome.out
    for knob, value in scenario.knobs.items():
        assert any(line.split()[:2] == [knob, str(value.default)] for line in outcome.out.splitlines())
    assert kafkasim.files() == {}


def test_the_payment_story_names_its_faults(kafkasim: Kafkasim) -> None:
    out = kafkasim("info", "payment-fraud").out
    assert "Topic: payments, 6 partitions, 3 replicas" in out
    assert "Fault: broker 2 crashes at 1 min 00 s, until 1 min 30 s" in out
    assert "Fault: detector-2 crashes at 2 min 10 s, until 3 min 10 s" in out
