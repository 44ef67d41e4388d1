"""Many seeds: the same report however many processes fly them, and what nothing explains is shrunk to a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scenarios
from sim.fuzz.drawing import draw_script
from sim.fuzz.swarm import Subject, run_seeds
from sim.fuzz.trial import fly
from sim.scenario_file import scenario_of_file
from sim.world.script import read_script
from tests.fuzz.bugs import BUGS

ROOT = Path(__file__).parents[2]
FEW = range(92, 96)


def test_right_rules_show_nothing_that_is_not_explained() -> None:
    heard: list[int] = []
    report = run_seeds(FEW, told=lambda trial: heard.append(trial.seed))
    assert heard == list(FEW)
    assert report.findings == []
    assert all(trial.simulated_s > 12 for trial in report.trials)
    assert sum(len(trial.faults) for trial in report.trials) > len(FEW)
    assert report.as_json()["seeds"] == len(FEW)


def test_the_same_traces_in_other_processes_with_another_hash_seed() -> None:
    main = "from sim.cli.main import main; main()"
    command = [sys.executable, "-c", main, "fuzz", "--seeds", "2", "--jobs", "2", "--json"]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    told = json.loads(subprocess.check_output(command, env=environment, text=True))
    assert (told["seeds"], told["unexplained"]) == (2, [])
    assert told == run_seeds(range(2)).as_json()


def test_an_exception_of_the_simulator_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.world.flight import Flight

    def unsettled(_: Flight) -> list[tuple[str, str]]:
        raise ZeroDivisionError("so it goes")

    monkeypatch.setattr(Flight, "unsettled", unsettled)
    trial = fly(Subject().plan(Subject().script(0)), 0)
    assert [(each.name, each.sentence) for each in trial.unexplained] == [
        ("exception", "ZeroDivisionError: so it goes")
    ]


def test_a_bug_is_found_and_shrunk_to_a_file_that_fails_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    BUGS["high_watermark_is_the_leaders_end"](monkeypatch)
    report = run_seeds(range(1))
    text = report.findings[0].script
    small, drawn = read_script(text, "found"), draw_script(0)
    assert (small.seed, small.faults) == (0, ())
    assert len(small.producers) + len(small.consumers) < len(drawn.producers) + len(drawn.consumers)
    file = tmp_path / "found.toml"
    file.write_text(text, encoding="utf-8")
    scenario = scenario_of_file(file, scenarios.find)
    assert "is in the ISR of" in scenario.run(seed=scenario.seed).unmet()[0]
    monkeypatch.undo()
    assert scenario.run(seed=scenario.seed).unmet() == []
