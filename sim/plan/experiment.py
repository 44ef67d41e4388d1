"""An experiment: configurations, each flown with the same seeds, and when there are enough runs of one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.observe.versions import versions
from sim.plan.factors import Configuration, named
from sim.plan.flights import Task
from sim.plan.statistics import interval
from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["Experiment", "Stopping"]

LEAST_REPS = 5
GROWTH = 1.4


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is flown: replicate r of each configuration with seed + r, so that all meet the same chance.

    `fixed` are the settings that do not vary, `until` is in nanoseconds. Raises ConfigError, one line, for settings
    that do not go together.
    """

    scenario: Scenario
    configurations: Sequence[Configuration]
    fixed: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    until: int | None = None
    faults: bool = True

    def __post_init__(self) -> None:
        for configuration in self.configurations:
            try:
                self.scenario.settings({**self.fixed, **configuration})
            except ConfigError as error:
                raise ConfigError(f"with {named(configuration)}: {error}") from error

    def task(self, configuration: int, replicate: int) -> Task:
        """One flight of it."""
        varied = self.configurations[configuration]
        seed = self.seed + replicate
        return Task(self.scenario, configuration, replicate, seed, varied, self.fixed, self.until, self.faults)

    def identity(self) -> dict[str, Any]:
        """All that decides how its runs come out, as JSON has it; how many there are is no part of it."""
        return {
            "versions": versions(),
            "scenario": self.scenario.name,
            "script": self.scenario.script,
            "seed": self.seed,
            "until_s": None if self.until is None else self.until / 1e9,
            "faults": self.faults,
            "settings": json.loads(json.dumps(dict(self.fixed), default=str)),
            "configurations": [dict(configuration) for configuration in self.configurations],
        }


@dataclass(frozen=True, slots=True)
class Stopping:
    """How many replicates a configuration gets: `reps`, or fewer once the interval of the measure is narrow enough.

    With a `precision` (0.05 for 5 %) the interval is looked at after 5, 7, 10, 14, 20, ... replicates, in the order of
    their seeds, so the answer does not depend on which run was finished first. A sequence of looks holds the true mean
    a little less often than its last interval says; there are few looks for that reason.
    """

    reps: int
    precision: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.reps <= 100_000:
            raise ConfigError(f"--reps {self.reps}: between 1 and 100,000, such as 20")
        if self.precision is not None and not 0 < self.precision < 1:
            raise ConfigError(f"--precision {self.precision:g}: a share of the mean, such as 5%")
        if self.precision is not None and self.reps <= LEAST_REPS:
            raise ConfigError(
                f"--reps {self.reps} with --precision: {LEAST_REPS} are flown before the first look; "
                f"allow more, such as --reps 20"
            )

    def looks(self) -> Iterator[int]:
        """Numbers of replicates after which a configuration may end, the last one at `reps`."""
        look = self.reps if self.precision is None else LEAST_REPS
        while look < self.reps:
            yield look
            look = round(look * GROWTH)
        yield self.reps

    def is_enough(self, values: Sequence[float | None]) -> bool:
        """Whether these values of the measure, one of each replicate, are precise enough; not if one is missing."""
        known = [value for value in values if value is not None]
        if self.precision is None or len(known) < len(values):
            return False
        return interval(known).precision <= self.precision
