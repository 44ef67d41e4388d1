"""A flight with its progress on the terminal, its end on Ctrl-C, and its artefacts."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sim.cli.folder import artefacts
from sim.machine.clock import format_duration
from sim.run import Run
from sim.scenario import Scenario
from sim.world.settings import Input

__all__ = ["fly"]

PATIENCE = 3


class Interruption:
    """The first Ctrl-C ends the flight at the next simulated second; the third one drops it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: int, __: FrameType | None) -> None:
        self.count += 1
        if self.count == PATIENCE:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise click.Abort


def fly(
    scenario: Scenario,
    seed: int,
    given: Mapping[str, object],
    until: int | None,
    faults: bool,
    data: Input | None,
    folder: Path,
    check_invariants: bool = False,
    black_box: bool = False,
) -> Run:
    """Fly and leave the artefacts in the folder, all or none. Raises ConfigError, and Abort for a third Ctrl-C."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with (
        interruptible() as interruption,
        artefacts(folder) as staging,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task(scenario.name, total=None)

        def flown(now: int, expected: int) -> None:
            if interruption.count:
                raise KeyboardInterrupt
            total = max(now, expected)
            where = f"{scenario.name}: {format_duration(now)} of {format_duration(total)} flown"
            progress.update(task, total=total, completed=now, description=where)

        return scenario.run(seed, given, until, faults, data, staging, flown, check_invariants, black_box)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Takes Ctrl-C over for a while; one that was heard is enough, and what follows may finish in peace."""
    interruption = Interruption()
    before = signal.signal(signal.SIGINT, interruption)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if interruption.count else before)
