"""Which figures of a recording carry noise of the machine, by the file's own words: reported, but not counted."""

from statistics import median

from sim.timelines.fault_words import STARTS
from sim.timelines.fault_recording import FaultRecording
from sim.timelines.fault_server_figures import back_action

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
    if quantity == "process_exit":
        return "contains the end of a process"
    backs = [back_action(run.actions) for run in recording.runs]
    if quantity.endswith("_after_back") and any(back is not None and back.text("ev") in STARTS for back in backs):
        return "contains the start of a process"
    return ""


def _gap(recording: FaultRecording, topic: str, quantity: str) -> float:
    """The measured time itself; for the place of a gap, how long the gap was."""
    name = "longest_ack_gap" if quantity == "gap_from" else quantity
    figures = recording.measured.get(topic, {})
    return median(figures[name]) if figures.get(name) else SUB_SECOND_MS
