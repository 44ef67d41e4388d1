"""The figures of a run, and the interval that one long run gives by itself."""

import pytest

import scenarios
from sim.plan import long_run, summary, sweep
from sim.plan.measures import measures
from sim.rules.errors import ConfigError

PRODUCED = "steady/MessagesInPerSec/greetings"


def test_a_long_run_and_replicates_agree() -> None:
    """20 greetings a second, by the plan."""
    scenario = scenarios.find("hello-topic")
    run = scenario.run(seed=1)
    alone = long_run(run, PRODUCED)
    (several,) = summary(sweep(scenario, {"people": [12]}, reps=5), PRODUCED).to_dict("records")
    assert alone.count == 20
    assert alone.holds(20.0)
    assert several["low"] < 20.0 < several["high"]
    assert alone.mean == pytest.approx(measures(run)[PRODUCED], rel=0.1)


def test_a_run_that_is_too_short_and_a_measure_that_is_not_there() -> None:
    run = scenarios.find("hello-topic").run(until="5s")
    with pytest.raises(ConfigError, match=r"values in 20 batches: .*, or fly longer"):
        long_run(run, PRODUCED)
    with pytest.raises(ConfigError, match="is no measure here; did you mean"):
        long_run(run, "steady/MessageInPerSec")
