"""What is read from a recording of a group, and what is wrong with one, in one line."""

from typing import Any

import pytest

from sim.rules.errors import ConfigError
from sim.timelines.group_measured import measured_steps
from sim.timelines.group_plan import Step, group_plan
from tests.timelines.group_files import made_up, recorded

STEPS = [("join", "a", 4000), ("join", "b", 4000), ("pause 1500", "a", 5000), ("kill9", "b", 3000)]


def test_a_recording_says_what_is_to_be_flown() -> None:
    plan = group_plan(made_up(STEPS))
    assert (plan.family, plan.brokers, plan.poll_ms, plan.record_every_ms) == ("group_made", 2, 100, 25.0)
    assert plan.steps[2:] == (Step("pause", "a", 5000.0, 1500.0), Step("kill9", "b", 3000.0))
    assert plan.config_of("a") == {"heartbeat.interval.ms": 1000, "client.id": "a"}
    assert [step.leaver for step in plan.steps] == ["", "", "", "b"]


def test_records_go_to_one_topic_after_the_other() -> None:
    named = [f"{topic}-{number}" for topic, number in group_plan(made_up(STEPS)).partitions]
    assert named[:6] == ["left-0", "controller-0", "left-1", "controller-1", "left-2", "controller-2"]
    assert named[6:] == ["controller-3", "controller-4"]


def test_a_static_member_keeps_its_instance_id_in_its_second_life() -> None:
    plan = group_plan(recorded("srange"))
    assert [plan.config_of(name)["group.instance.id"] for name in ("m1", "m3", "m3b")] == ["m1", "m3", "m3"]
    assert "group.instance.id" not in group_plan(recorded("range")).config_of("m3")


def test_figures_come_from_the_summary_or_else_from_the_runs() -> None:
    whole = recorded("coop")
    plan, runs_only = group_plan(whole), {**whole, "summary": None}
    assert measured_steps(whole, plan) == measured_steps(runs_only, plan)
    assert measured_steps(whole, plan)[3]["counts_after m3"] == (4, 4, 5, 4)
    assert measured_steps(recorded("u848"), group_plan(recorded("u848")))[7]["time_to_last_callback"] == (12062, 12062)


def test_least_median_and_most_stand_for_values_that_are_not_there() -> None:
    recording = {**made_up(STEPS), "summary": [{"ownerless_ms_max": {"min": 1, "median": 2, "max": 4}}] * len(STEPS)}
    assert measured_steps(recording, group_plan(recording))[0] == {"ownerless_ms_max": (1, 2, 4)}


def without(name: str, *path: Any) -> dict[str, Any]:
    recording: Any = made_up(STEPS)
    place = recording
    for key in path:
        place = place[key]
    del place[name]
    return dict(recording)


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (without("cluster"), "group_made: 'cluster' is missing"),
        (without("topics", "cluster"), "group_made: cluster: 'topics' is missing"),
        (without("consumer_config"), "group_made: 'consumer_config' is missing"),
        (without("window_ms", "runs", 0, "steps", 1), "group_made: runs[0].steps[1]: 'window_ms' is missing"),
        (without("steps", "runs", 0), "group_made: runs[0]: 'steps' is missing"),
        ({**made_up(STEPS), "runs": []}, "group_made: there is no run with steps to fly"),
        (made_up([("joni", "a", 1)]), "runs[0].steps[0]: no event 'joni', did you mean 'join'?"),
        (made_up([("explode", "a", 1)]), "no event 'explode'; there are join, close, kill9, pause, restart"),
        (made_up([("join", "a", 0)]), "runs[0].steps[0]: window_ms must be milliseconds, more than none, not 0"),
        (made_up([*STEPS, ("pause", "a", 1)]), "steps[4]: write a pause with its milliseconds"),
        (made_up([*STEPS, ("pause long", "a", 1)]), "steps[4]: pause must be milliseconds, more than none, not 'long'"),
        (made_up([*STEPS, ("close", "b", 1)]), "steps[4]: close of b, who is not in the group: name one of those"),
        (made_up([*STEPS, ("join", "a", 1)]), "steps[4]: join of a, who is in the group already"),
        (made_up([*STEPS, ("restart", "c", 1)]), "steps[4]: restart of c, who has never joined: name one of a, b"),
        (made_up(STEPS, **{"partition.assignment.strategy": "rnage"}), "group_made: partition.assignment.strategy"),
        (made_up(STEPS, **{"session.timeout": 1}), "did you mean 'session.timeout.ms'?"),
        ({**made_up(STEPS), "cluster": {"topics": {"t": 0}}}, "cluster.topics must give each topic its number of"),
        ({**made_up(STEPS), "summary": [{}]}, "summary must have one entry for each of the 4 steps"),
        ({**made_up(STEPS), "summary": [{"ownerless_ms_max": 3}] * 4}, "summary[0].ownerless_ms_max must give values"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(recording: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        measured_steps(recording, group_plan(recording))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_runs_take_the_same_steps_as_far_as_they_go() -> None:
    recording = made_up(STEPS)
    recording["runs"] += [*made_up(STEPS[:2])["runs"]]
    assert len(group_plan(recording).steps) == 4
    recording["runs"] += [*made_up([("join", "b", 5)])["runs"]]
    with pytest.raises(ConfigError, match=r"runs\[2\] takes other steps"):
        group_plan(recording)
