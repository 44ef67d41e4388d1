"""Summaries of runs at seed 0, kept as files: what a scenario counts and times must not change silently.

`UPDATE_GOLDEN=1` writes the files anew.
"""

import json
import os
from pathlib import Path
from typing import Any

from sim.run import Run

__all__ = ["FOLDER", "golden", "kept", "read"]

FOLDER = Path(__file__).parent / "golden"
LEFT_OUT = ("wall_s", "records_per_wall_s", "trace_sha256")


def kept(run: Run) -> Any:
    """The part of a summary that a file keeps, as JSON gives it back: no wall time, no hash."""
    return json.loads(json.dumps({name: value for name, value in run.summary().items() if name not in LEFT_OUT}))


def golden(run: Run) -> Any:
    """What the file says, written first from this run if that is asked for."""
    path = FOLDER / f"{run.scenario.name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(json.dumps(kept(run), indent=1) + "\n", encoding="utf-8")
    return read(run.scenario.name)


def read(name: str) -> Any:
    """What the file of a scenario says."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
