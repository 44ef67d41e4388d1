"""Tracks of a trace in the JSON that Perfetto reads: processes, lanes in them, and what happens on the lanes.

Source: Trace Event Format, https://perfetto.dev/docs/getting-started/other-formats
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["Tracks"]

Event = dict[str, Any]


class Tracks:
    """Events in the order in which they were added; times are simulated nanoseconds, in the file microseconds."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._processes: dict[str, int] = {}
        self._threads: dict[tuple[str, str], int] = {}
        self._ends: dict[tuple[str, str], list[int]] = {}

    def piece(
        self, process: str, track: str, name: str, begin: int, end: int, about: Mapping[str, Any] | None = None
    ) -> tuple[str, str]:
        """Something that lasts; returns its lane. Pieces of one track that overlap get lanes of their own."""
        lanes = self._ends.setdefault((process, track), [])
        number = next((number for number, until in enumerate(lanes) if until <= begin), len(lanes))
        lanes[number:] = [end, *lanes[number + 1 :]]
        lane = process, track if number == 0 else f"{track} ({number + 1})"
        self._add("X", lane, begin, name=name, dur=(end - begin) / 1e3, args=dict(about or {}))
        return lane

    def moment(self, process: str, track: str, name: str, time: int, about: Mapping[str, Any] | None = None) -> None:
        """Something that takes no time."""
        self._add("i", (process, track), time, name=name, s="t", args=dict(about or {}))

    def counter(self, process: str, name: str, time: int, values: Mapping[str, float]) -> None:
        """Values that hold from a time on."""
        self._add("C", (process, ""), time, name=name, args=dict(values))

    def flow(self, number: int, name: str, lanes: list[tuple[tuple[str, str], int]]) -> None:
        """An arrow through pieces, each by its lane and a time within it."""
        for index, (lane, time) in enumerate(lanes):
            kind = "s" if index == 0 else "f" if index == len(lanes) - 1 else "t"
            self._add(kind, lane, time, name=name, cat="record", id=number, bp="e")

    def as_json(self) -> dict[str, Any]:
        """The content of the file: names of processes and lanes first."""
        named: list[Event] = [
            {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": process}}
            for process, pid in self._processes.items()
        ]
        named += [
            {"ph": "M", "name": "thread_name", "pid": self._processes[process], "tid": tid, "args": {"name": track}}
            for (process, track), tid in self._threads.items()
            if track
        ]
        return {"traceEvents": [*named, *self.events], "displayTimeUnit": "ms"}

    def _add(self, kind: str, lane: tuple[str, str], time: int, **rest: Any) -> None:
        pid = self._processes.setdefault(lane[0], len(self._processes) + 1)
        tid = self._threads.setdefault(lane, len(self._threads) + 1) if lane[1] else 0
        self.events.append({"ph": kind, "pid": pid, "tid": tid, "ts": time / 1e3, **rest})
