"""A scenario: a story with a name, its knobs, and the plan that it makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.machine.clock import parse_duration
from sim.world.plan import Plan
from sim.world.script.script import Expect
from sim.world.settings import Input, Knob, Settings, settings_from

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Claims", "Scenario"]

TOO_LITTLE = "the run has enough in it to measure what the story claims"
Claims = Callable[["Run"], Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `story` is the docstring of its file: *Covers, Story, Watch for, Predict*.

    `claims` says of a run, sentence by sentence, whether what the story claims is so; `cure` are the settings that mend
    the trouble it is about, and `cured` is what it claims of a run with them.
    One that was read from a scenario file has its text as `script`, its own `seed`, and what it must show as `expect`.
    """

    name: str
    summary: str
    story: str
    make: Callable[[Settings], Plan]
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    level: str = "beginner"
    takes_input: bool = False
    claims: Claims | None = None
    cure: Mapping[str, object] = field(default_factory=dict)
    cured: Claims | None = None
    script: str | None = None
    seed: int = 0
    expect: Expect | None = None

    def is_cured(self, given: Mapping[str, object]) -> bool:
        """Whether what a user has set holds the cure, in whatever spelling."""
        return bool(self.cure) and _as_text(self.cure).items() <= _as_text(given).items()

    def claimed(self, run: "Run") -> Mapping[str, bool]:
        """What it claims of a run, and whether that is so; a run without what is to be measured does not show it."""
        claims = self.cured if self.is_cured(run.given) else self.claims
        try:
            return {} if claims is None else claims(run)
        except (ArithmeticError, LookupError, StopIteration, ValueError):
            return {TOO_LITTLE: False}

    def settings(self, given: Mapping[str, object] | None = None, **rest: Any) -> Settings:
        """Check what a user sets. Raises ConfigError, one line."""
        return settings_from(self.knobs, given or {}, **rest)

    def plan(self, settings: Settings) -> Plan:
        """The plan of one flight."""
        return settings.applied(self.make(settings))

    def run(
        self,
        seed: int = 0,
        set: Mapping[str, object] | None = None,
        until: str | int | None = None,
        faults: bool = True,
        input: Input | None = None,
        out: str | Path | None = None,
        progress: Callable[[int, int], None] | None = None,
        check_invariants: bool = False,
        black_box: bool = False,
        recorded: bool = False,
    ) -> "Run":
        """Fly it. `set` takes knobs and Kafka keys; `until` cuts the run short (`"90s"`); `out` keeps its files.

        `check_invariants` adds `invariants` to the run: what must hold at every moment, looked at after every event.
        A `black_box` aboard adds `anomalies`: what clients saw and should not have.
        One that is `recorded` need not fly again for the pictures that need a recorder.
        """
        from sim.run import fly

        folder = None if out is None else Path(out)
        settings = self.settings(set, seed=seed, faults=faults, input=input, out=folder)
        end = None if until is None else parse_duration(until)
        return fly(self, settings, dict(set or {}), end, progress, check_invariants, black_box, recorded)


def _as_text(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings in one spelling, as a command line gives texts where Python gives numbers."""
    return {key.replace("_", ".").replace("-", "."): str(value).lower() for key, value in settings.items()}
