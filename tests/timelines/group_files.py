"""The recordings that come with the simulator, and a made-up one."""

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

FAMILIES = ("coop", "range", "roundrobin", "srange", "u848")


def recorded(family: str) -> dict[str, Any]:
    """A recording of a group."""
    place = files("sim.timelines").joinpath(f"recordings/group_{family}.json")
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return found


def made_up(steps: Iterable[tuple[str, str, int]], **consumer_config: object) -> dict[str, Any]:
    """A recording that nobody made: two brokers, two topics, other durations; without a summary."""
    return {
        "family": "group_made",
        "cluster": {"brokers": [1, 2], "topics": {"left": 3, "controller": 5}, "record_every_ms": 25},
        "consumer_config": {"poll_ms": 100, "heartbeat.interval.ms": 1000, **consumer_config},
        "runs": [{"steps": [{"event": e, "member": m, "window_ms": w, "after": {m: []}} for e, m, w in steps]}],
    }
