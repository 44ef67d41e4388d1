"""The list of scenarios: names, nearest names, and what each of them tells about itself."""

import subprocess
import sys
from pathlib import Path

import pytest

import scenarios
from sim.rules.errors import ConfigError

ROOT = Path(__file__).parents[2]
BASICS = ("hello-topic", "broker-failure", "rebalance", "rebalance-protocols", "delivery-semantics")
FAULTS = dict(zip(BASICS, (0, 1, 1, 2, 3), strict=True))
LARGE = ("payment-fraud",)


def test_names_in_the_order_of_learning() -> None:
    assert scenarios.themes()["basics"] == BASICS
    assert len(set(scenarios.names())) == len(scenarios.names())


@pytest.mark.parametrize("name", scenarios.names())
def test_each_is_found_and_tells_its_story(name: str) -> None:
    scenario = scenarios.find(name)
    assert scenario.name == name
    assert 20 < len(scenario.summary) < 120
    sections = [scenario.story.index(f"\n{section}:") for section in ("Covers", "Story", "Watch for", "Predict")]
    assert sections == sorted(sections)
    assert all(knob.meaning for knob in scenario.knobs.values())


@pytest.mark.parametrize("name", [name for name in scenarios.names() if name not in LARGE])
def test_each_makes_a_plan_with_the_faults_it_is_about(name: str) -> None:
    scenario = scenarios.find(name)
    plan = scenario.plan(scenario.settings())
    assert len(plan.faults) == FAULTS.get(name, len(plan.faults))
    assert scenario.plan(scenario.settings(faults=False)).faults == ()
    assert {spec.stage for spec in plan.apps} <= {end for edge in plan.stages for end in edge}
    assert {topic for group in plan.groups for topic in group.topics} <= {topic.name for topic in plan.topics}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("helo-topic", "did you mean 'hello-topic'?"),
        ("rebalanc", "did you mean 'rebalance'?"),
        ("payment_fraud", "did you mean 'payment-fraud'?"),
        ("xyz", "kafkasim list shows those there are"),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        scenarios.find(name)
    assert str(refused.value) == f"unknown scenario {name!r}, {hint}"


def test_a_scenario_loads_only_itself() -> None:
    code = "import sys, scenarios; scenarios.find('hello-topic'); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    mine = [name for name in loaded if name.startswith("scenarios.") and name.count(".") == 2]
    assert mine == ["scenarios.basics.hello_topic"]


def test_each_claims_something_or_has_a_test_of_its_own() -> None:
    silent = {name for name in scenarios.names() if scenarios.find(name).claims is None}
    assert silent <= {*BASICS, *LARGE}


@pytest.mark.parametrize(
    ("name", "knob", "value"),
    [
        ("micro-batches", "duration", "0s"),
        ("bulk-ingest", "duration", "0s"),
        ("batching-frontier", "arrivals", "constant:0"),
    ],
)
def test_a_run_with_nothing_in_it_is_told_and_does_not_show_what_is_claimed(name: str, knob: str, value: str) -> None:
    run = scenarios.find(name).run(set={knob: value, **({"heap": 100} if "frontier" in name else {})})
    assert run.sentences()
    assert not all(run.claims().values())


def test_a_period_is_not_nothing() -> None:
    for name, knob in (("isr-thrashing", "every"), ("oscillating-lag", "slow_every")):
        with pytest.raises(ConfigError, match=f"^{knob}=0s: must be at least 1ms"):
            scenarios.find(name).settings({knob: "0s"})
