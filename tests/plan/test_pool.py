"""Workers that die: their runs are flown again, and what kills every worker is told."""

import os
import signal
from dataclasses import replace
from multiprocessing import parent_process
from pathlib import Path

import pytest

from sim.plan import sweep
from sim.rules.errors import ConfigError
from sim.world.plan import Plan
from sim.world.settings import Settings
from tests.plan.tiny import FORMULA, formula

VARY = {"strong": "1..6"}


def fragile(settings: Settings) -> Plan:
    """The formula, but the process that finds the file of this name takes it away and dies."""
    trap = Path(settings["word"])
    if parent_process() is not None and settings["strong"] == 3 and trap.exists():
        trap.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return formula(settings)


def deadly(settings: Settings) -> Plan:
    """The formula, but not in a worker."""
    if parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return formula(settings)


def test_the_runs_of_a_worker_that_dies_are_flown_again(tmp_path: Path) -> None:
    trap, told = tmp_path / "trap", []
    trap.touch()
    given = {"reps": 2, "set": {"word": str(trap), "noise": 1.0}}
    table = sweep(replace(FORMULA, make=fragile), VARY, jobs=2, told=told.append, **given)  # type: ignore[arg-type]
    assert not trap.exists()
    assert len(told) == 1
    assert "a worker died; its runs are flown again" in told[0]
    assert table.equals(sweep(FORMULA, VARY, **given))  # type: ignore[arg-type]


@pytest.mark.slow
def test_runs_that_kill_every_worker_are_given_up() -> None:
    told: list[str] = []
    with pytest.raises(ConfigError, match="3 times a worker died before any run was finished"):
        sweep(replace(FORMULA, make=deadly), VARY, jobs=2, reps=2, told=told.append)
    assert len(told) == 2
