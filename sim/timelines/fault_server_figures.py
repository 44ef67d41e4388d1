"""What the controller wrote, and when: the server's figures of a run, by the definitions of the recordings.

They are computed from changes as a recording lists them (`metadata_changes`), be they recorded or simulated.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.timelines.fault_words import BACK, OBSERVATIONS, STARTS
from sim.timelines.fields import Fields

__all__ = ["back_action", "server_figures"]

Change = Mapping[str, Any]


def back_action(actions: Sequence[Fields]) -> Fields | None:
    """The first action that brought a broker back."""
    return next((fields for fields in actions if fields.text("ev") in BACK), None)


def server_figures(
    changes: Sequence[Change], actions: Sequence[Fields], replicas: Mapping[str, int], exit_ms: float | None
) -> dict[str, float]:
    """Each figure that a run has, in milliseconds; `replicas` is how many each topic has.

    Those named `..._after_register` and `..._after_unfence` count from the last registration, or unfencing, before
    them, where a process had to start.
    """
    first = next((fields for fields in actions if fields.text("ev") not in OBSERVATIONS), None)
    struck = None if first is None else first.values.get("broker")
    found: dict[str, float | None] = {
        "fence_record": _first(changes, type="broker", broker=struck, fenced=1),
        "controlled_shutdown_record": _first(changes, type="broker", broker=struck, inControlledShutdown=1),
        "process_exit": exit_ms,
    }
    for topic in replicas:
        mine = [change for change in changes if change.get("type") == "partition" and change.get("topic") == topic]
        found[f"first_isr_change_{topic}"] = next((change["t"] for change in mine if "isr" in change), None)
        found[f"new_leader_{topic}"] = next((change["t"] for change in mine if change.get("leader", -1) >= 0), None)
    back = back_action(actions)
    if back is not None:
        found |= _after(changes, back, replicas)
    return {name: float(value) for name, value in found.items() if value is not None}


def _after(changes: Sequence[Change], back: Fields, replicas: Mapping[str, int]) -> dict[str, float | None]:
    """What happens once a broker is back, counted from the action that brought it back, and from registrations."""
    at = back.number("t")
    later = [change for change in changes if change["t"] > at]
    broker = back.values.get("broker")
    full = [
        change
        for change in later
        if change.get("type") == "partition" and len(change.get("isr", ())) == replicas.get(change["topic"], -1)
    ]
    moments = {
        "register": _first(later, type="register", broker=broker),
        "unfence": _first(later, type="broker", broker=broker, fenced=-1),
        "first_isr_full": full[0]["t"] if full else None,
        "last_isr_full": full[-1]["t"] if full else None,
    }
    found = {f"{name}_after_back": None if t is None else t - at for name, t in moments.items()}
    if back.text("ev") in STARTS:
        registered = [change["t"] for change in later if change.get("type") == "register"]
        unfenced = [change["t"] for change in later if change.get("fenced") == -1]
        for name in ("unfence", "first_isr_full", "last_isr_full"):
            found[f"{name}_after_register"] = _since(registered, moments[name])
        for name in ("first_isr_full", "last_isr_full"):
            found[f"{name}_after_unfence"] = _since(unfenced, moments[name])
    return {"back_action_at": at, **found}


def _since(times: Iterable[float], moment: float | None) -> float | None:
    """How long before a moment the last of these times lies."""
    return None if moment is None else min((moment - t for t in times if t <= moment), default=None)


def _first(changes: Iterable[Change], **wanted: object) -> float | None:
    """When a change with these values was written first."""
    return next((c["t"] for c in changes if all(c.get(name) == value for name, value in wanted.items())), None)
