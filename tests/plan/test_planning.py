"""`kafkasim plan`: a small cluster from requirement to decision, and requirements that nobody can meet, in one line."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli.commands import cli
from sim.plan.answer import Answer
from sim.plan.comparing import comparisons
from sim.plan.drawing import draw
from sim.plan.law import Law
from sim.plan.page import render
from sim.plan.questions import QUESTIONS
from sim.plan.requirement import read_requirement
from sim.plan.search import fly_all, plan
from sim.plan.sentences import assumptions, differences, sentences
from sim.rules.errors import ConfigError

SMALL = {"write": "10MB/s", "growth": "1x", "groups": "0", "hardware": "m5.large", "survive": "none"}
COARSE = {"record": "20KB", "linger": "10ms", "producers": "1"}
"""Few batches, so that the flights are quick."""
PRICES = 'currency = "EUR"\n[machine-hour]\n"m5.large" = 0.2\n[space-gb-month]\n"m5.large" = 0.1\n'


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    prices = tmp_path_factory.mktemp("prices") / "prices.toml"
    prices.write_text(PRICES, encoding="utf-8")
    return plan(read_requirement(None, SMALL | COARSE | {"prices": str(prices)}), seeds=2, jobs=1)


def test_the_smallest_cluster_is_chosen_with_an_interval_and_its_cost(answer: Answer) -> None:
    chosen = answer.chosen
    assert chosen is not None
    assert chosen.candidate.brokers == 3
    assert chosen.p99_ms.count == 2
    assert chosen.p99_ms.high <= 50
    assert chosen.month == pytest.approx(3 * (730 * 0.2 + 0.1 * chosen.candidate.space_bytes / 1e9))
    assert not chosen.failovers


def test_the_plan_is_told_with_all_that_was_supposed(answer: Answer) -> None:
    told = sentences(answer)
    assert told[0].startswith("Take 3 brokers m5.large, ")
    assert "EUR a month" in told[0]
    assert any("3 of 3 (m5.large)" in line for line in assumptions(answer))


def test_only_formulas_that_are_far_from_the_flight_are_told(answer: Answer) -> None:
    every = [each for flown in answer.candidates for each in comparisons(flown)]
    assert len(differences(answer)) == sum(each.is_far for each in every)
    assert all(each.reason for each in every)


def test_the_answer_is_json_and_a_picture_and_a_page(answer: Answer, tmp_path: Path) -> None:
    found = json.loads(json.dumps(answer.as_json(sentences(answer), assumptions(answer)), allow_nan=False))
    assert found["chosen"] == "m5.large"
    draw(answer).save(tmp_path / "plan.png")
    assert (tmp_path / "plan.png").stat().st_size > 10_000
    page = render(answer, [Law(0, 81.25e6, 81e6, "disk")])
    assert all(each.command in page for each in QUESTIONS)
    assert "| 0 | 81.2 | 81.0 | disk |" in page


@pytest.mark.slow
def test_a_latency_that_no_cluster_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^--p99 0.1ms: .* latency binds, .* is --p99 \d+ms$") as refused:
        plan(read_requirement(None, SMALL | {"p99": "100us"}), seeds=1, jobs=1)
    nearest = str(refused.value).rsplit(" ", 1)[1]
    assert read_requirement(None, SMALL | {"p99": nearest}).p99 > 0.0001


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--hardware", "m5.larg"], "did you mean 'm5.large'?"),
        (["--write", "200"], "a number without unit"),
        (["--survive", "rak"], "did you mean 'rack'?"),
        (["--replication", "1"], "the nearest that does is --replication 2"),
        (["--brokers-at-most", "10"], "network out binds; 10 brokers do for --write "),
        (["--write-readme", "--groups", "1"], "the page is about the defaults"),
        (["--seeds", "0"], "must be at least 1"),
        (["--jobs", "0"], "between 1 and 1,000 processes"),
        (["--prices", "none.toml"], "No such file"),
        (["none.toml"], "No such file"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line(arguments: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        CliRunner().invoke(cli, ["plan", *arguments], catch_exceptions=False)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_work_of_a_worker_that_dies_is_done_by_another(tmp_path: Path) -> None:
    mark = tmp_path / "died"
    told: list[str] = []
    assert fly_all({1: (dies_once, mark), 2: (abs, -2)}, 2, lambda *_: None, told.append) == {1: "alive", 2: 2}
    assert [line.partition(";")[0] for line in told] == ["a worker died"]


def dies_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os._exit(1)
    return "alive"


def test_the_nearest_feasible_load_is_feasible() -> None:
    from sim.plan.candidates import smallest

    limits = {"hardware": "m5.large", "brokers-at-most": "10"}
    with pytest.raises(ConfigError) as refused:
        smallest(read_requirement(None, limits), "m5.large")
    nearest = str(refused.value).rsplit(" ", 1)[1]
    found, _ = smallest(read_requirement(None, limits | {"write": nearest}), "m5.large")
    assert found.brokers <= 10
