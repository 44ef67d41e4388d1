"""What is wrong with a recording is one line with its place."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sim.rules.errors import ConfigError
from sim.timelines.faults import fault_quantities
from tests.timelines.made import made, values

KILL = {"ev": "kill9", "t": 0, "broker": 5}


def action(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda recording: recording["runs"][0]["actions"][0].update(fields)


BAD: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "unknown action": (action(ev="kill"), "runs[0].actions[0].ev: unknown action 'kill'; did you mean 'kill9'?"),
    "no time": (lambda r: r["runs"][0]["actions"][0].pop("t"), "runs[0].actions[0] has no 't'"),
    "no broker": (lambda r: r["runs"][0]["actions"][0].pop("broker"), "runs[0].actions[0] has no 'broker'"),
    "foreign broker": (action(broker=7), "runs[0].actions[0].broker: there is no node 7, only 4, 5, 6, 9"),
    "controller cut off": (action(ev="partition", broker=9), "broker: there is no broker 9, only 4, 5, 6"),
    "no way to stop": (action(ev="stop_follower", how="sigkill"), "how: unknown way to stop a process 'sigkill'"),
    "time in words": (action(t="soon"), "runs[0].actions[0].t is 'soon', not a number"),
    "no runs": (lambda r: r.update(runs=[]), "fault_made_up has no runs"),
    "no topics": (lambda r: r.update(topics={}), "fault_made_up has no topics"),
    "no actions": (lambda r: r["runs"][0].update(actions=[]), "runs[0].actions is empty"),
    "no cluster": (lambda r: r.pop("cluster"), "fault_made_up has no 'cluster'"),
    "replicas elsewhere": (lambda r: r["topics"]["T"].update(replicas=[1, 4]), "topics.T.replicas is [1, 4], not some"),
    "no pace": (lambda r: r["topics"]["T"].pop("pace_ms"), "topics.T has no 'pace_ms'"),
    "paced too fast": (lambda r: r["topics"]["T"].update(pace_ms=0), "topics.T.pace_ms is 0, less than 0.1"),
    "wrong configuration": (lambda r: r["topics"]["T"].update(producer_config={"ack": 1}), "ack"),
    "unknown topic": (lambda r: r["summary"]["topics"].update(U={}), "summary.topics.U: there is no topic 'U'"),
    "no values": (lambda r: r["summary"]["server"].update(fence_record={"n": 1}), "fence_record has no 'values'"),
    "no summary": (lambda r: r.pop("summary"), "fault_made_up has no 'summary'"),
}


@pytest.mark.parametrize(("spoil", "what"), BAD.values(), ids=BAD)
def test_bad_input(spoil: Callable[[dict[str, Any]], object], what: str) -> None:
    recording = copy.deepcopy(made([KILL], {"fence_record": values(1)}))
    spoil(recording)
    with pytest.raises(ConfigError) as refused:
        fault_quantities(recording, 1)
    assert what in str(refused.value)
    assert "\n" not in str(refused.value)
