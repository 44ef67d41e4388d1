"""What a scenario claims, asked of its flights: at seed 0, and once more with its cure."""

import scenarios
from sim.run import Run
from tests.scenarios.golden_files import golden, kept

__all__ = ["claiming", "curable", "cured_difference", "difference"]


def claiming(theme: str) -> list[str]:
    """The scenarios of a theme that claim something."""
    return [name for name in scenarios.themes()[theme] if scenarios.find(name).claims is not None]


def curable(theme: str) -> list[str]:
    """Those that know a cure."""
    return [name for name in claiming(theme) if scenarios.find(name).cure]


def difference(name: str) -> list[str]:
    """Claims that do not hold at seed 0, and whether the flight counts and times anything else than its file says."""
    run = scenarios.find(name).run(seed=0)
    return [*_unmet(run), *([] if golden(run) == kept(run) else ["the summary is another one than the kept one"])]


def cured_difference(name: str) -> list[str]:
    """Claims of the cured flight that do not hold."""
    scenario = scenarios.find(name)
    return _unmet(scenario.run(seed=0, set=scenario.cure))


def _unmet(run: Run) -> list[str]:
    claims = run.claims()
    return [claim for claim, holds in claims.items() if not holds] if claims else ["it claims nothing"]
