"""How long a process took to start in a recorded run: a property of the machine, read from the recording itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.machine.clock import SECOND, milliseconds
from sim.machine.devices import Hardware
from sim.rules.config import BrokerConfig
from sim.timelines.fault_recording import FaultRun
from sim.timelines.fault_words import OBSERVATIONS, STARTS

__all__ = ["Boot", "booting", "was_delayed"]

LEAST_START_MS = 1000.0
"""No broker's process registers sooner after it was started."""

READY = SECOND
"""From a broker's first attempt to register to the end of its start, where a recording does not show it."""


@dataclass(frozen=True, slots=True)
class Boot:
    """Nanoseconds from the start of a process to its first attempt to register, and on to the end of its start."""

    start: int = Hardware().broker_start
    ready: int = READY


def booting(run: FaultRun, config: BrokerConfig) -> list[Boot]:
    """For each action of a run how long the process takes that it starts."""
    return [_boot(run, number, config) for number in range(len(run.actions))]


def was_delayed(run: FaultRun, number: int, config: BrokerConfig) -> bool:
    """Whether an action starts a broker whose old session may last still, so that it is refused at first."""
    fields = run.actions[number]
    broker, t = fields.values.get("broker"), fields.number("t")
    before = [
        action.number("t")
        for action in run.actions[:number]
        if action.text("ev") not in OBSERVATIONS and action.values.get("broker") == broker
    ]
    ended = [change["t"] for change in run.changes if change.get("broker") == broker and change.get("fenced") == 1]
    if any(stopped <= end <= t for stopped in before[-1:] for end in ended) and not any(end > t for end in ended):
        return False
    return not before or t - before[-1] <= config.broker_session_timeout_ms


def _boot(run: FaultRun, number: int, config: BrokerConfig) -> Boot:
    """As recorded; a broker that was refused has tried again and again, once in each heartbeat interval."""
    fields = run.actions[number]
    broker, t = fields.values.get("broker"), fields.number("t")
    if fields.text("ev") not in STARTS:
        return Boot()
    registered = _next(run.changes, t, type="register", broker=broker)
    if registered is None:
        return Boot()
    if was_delayed(run, number, config):
        tries = (registered - t - LEAST_START_MS) % config.broker_heartbeat_interval_ms
        return Boot(milliseconds(LEAST_START_MS + tries))
    unfenced = _next(run.changes, registered, type="broker", broker=broker, fenced=-1)
    ready = READY if unfenced is None else milliseconds(unfenced - registered)
    return Boot(milliseconds(registered - t), ready)


def _next(changes: Iterable[Mapping[str, Any]], after: float, **wanted: object) -> float | None:
    """When the first such change after a time was written."""
    later = (change for change in changes if change["t"] >= after)
    return next((c["t"] for c in later if all(c.get(name) == value for name, value in wanted.items())), None)
