"""Which figures of a recording carry noise of the machine, by the file's own words: reported, but not counted."""

from statistics import median

from sim.rules.config import BrokerConfig
from sim.timelines.fault_booting import was_delayed
from sim.timelines.fault_recording import FaultRecording
from sim.timelines.fault_server_figures import back_action
from sim.timelines.fault_words import STARTS

__all__ = ["CLIENT_TIMES", "noise"]

CLIENT_TIMES = ("longest_ack_gap", "max_ack_latency", "consumer_longest_gap", "gap_from")

SUB_SECOND_MS = 1000.0
"""Client-side times below this drown in what a loaded machine adds."""


def noise(recording: FaultRecording, case: str, quantity: str) -> str:
    """Why a figure is not counted; nothing if it is. `case` is a topic's name, or `server`."""
    if case == "server":
        return _of_a_process(recording, quantity)
    if quantity in CLIENT_TIMES and recording.loaded and _gap(recording, case, quantity) < SUB_SECOND_MS:
        return "a time below a second that clients saw on a loaded machine"
    return ""


def _of_a_process(recording: FaultRecording, quantity: str) -> str:
    """What contains the end or the start of a process.

    A broker that was refused for long has started all else meanwhile, so that what follows its registration does not.
    """
    if quantity == "process_exit":
        return "contains the end of a process"
    config = BrokerConfig.of(recording.broker_config)
    backs = [(run, back_action(run.actions)) for run in recording.runs]
    starts = [(run, run.actions.index(back)) for run, back in backs if back is not None and back.text("ev") in STARTS]
    if quantity.endswith("_after_back") and starts:
        return "contains the start of a process"
    if quantity.endswith("_after_register") and not all(was_delayed(run, number, config) for run, number in starts):
        return "contains the rest of the start of a process, which goes on after it has registered"
    return ""


def _gap(recording: FaultRecording, topic: str, quantity: str) -> float:
    """The measured time itself; for the place of a gap, how long the gap was."""
    name = "longest_ack_gap" if quantity == "gap_from" else quantity
    figures = recording.measured.get(topic, {})
    return median(figures[name]) if figures.get(name) else SUB_SECOND_MS
