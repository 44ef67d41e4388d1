"""Which requests fit into one picture: a time to look at, a window around it, and one request in the middle of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sim.machine.clock import MILLISECOND
from sim.rules.errors import ConfigError
from sim.rules.facts.requests import RequestSent

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["WELL", "Window", "chosen_time", "window_at"]

WIDTHS_MS = (200, 100, 50, 20, 10, 5, 2, 1)
BEFORE = 0.2
MOST_ARROWS = 34
WELL = frozenset({"", "acknowledged", "no record"})
"""Outcomes of a produce, or of what brings no records, that are no trouble."""


class Window(NamedTuple):
    """Requests of which something happens between two times (nanoseconds), and the one to be told of."""

    begin: int
    end: int
    requests: list[RequestSent]
    focus: RequestSent | None

    def holds(self, time: int) -> bool:
        """Whether a time lies in it."""
        return self.begin <= time < self.end


def chosen_time(run: "Run") -> int:
    """When the first produce came to grief, or else the first of any in the second half of the run (nanoseconds)."""
    sent = [fact for fact in _shown(run.recorded().requests) if fact.kind == "Produce"] or run.recorded().requests
    if not sent:
        raise ConfigError(f"{run.scenario.name}: no request was sent, so there is no sequence to draw")
    grieved = [fact for fact in sent if _is_grieved(fact, run)]
    later = [fact for fact in sent if fact.sent_at >= run.simulated_s * 5e8]
    return (grieved or later or sent)[0].sent_at


def window_at(requests: Sequence[RequestSent], time: int) -> Window:
    """The widest window around a time of which all fits into a picture; what controllers are asked is left out."""
    shown = _shown(requests)
    for width_ms in WIDTHS_MS:
        begin = max(0, time - int(BEFORE * width_ms * MILLISECOND))
        window = Window(begin, begin + width_ms * MILLISECOND, [], None)
        inside = [fact for fact in shown if window.holds(fact.sent_at) or window.holds(fact.returned_at)]
        arrows = sum(window.holds(fact.sent_at) + window.holds(fact.returned_at) for fact in inside)
        if arrows <= MOST_ARROWS:
            break
    inside = inside[:MOST_ARROWS]
    sent = [fact for fact in inside if fact.sent_at >= time] or inside
    focus = next((fact for fact in sent if fact.kind == "Produce"), sent[0] if sent else None)
    return window._replace(requests=inside, focus=focus)


def _shown(requests: Sequence[RequestSent]) -> list[RequestSent]:
    return [fact for fact in requests if fact.server.startswith("broker")]


def _is_grieved(fact: RequestSent, run: "Run") -> bool:
    lost = fact.returned_at < 0 and fact.answer_wanted and fact.sent_at < run.simulated_s * 1e9 - 1e9
    return lost or (fact.answered_at >= 0 and fact.outcome not in WELL)
