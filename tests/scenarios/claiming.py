"""What a scenario claims, asked of its flights: at seed 0, and once more with its cure."""

import scenarios
from tests.scenarios.golden_files import golden, kept

__all__ = ["check", "check_cure", "claiming", "curable"]


def claiming(theme: str) -> list[str]:
    """The scenarios of a theme that claim something."""
    return [name for name in scenarios.themes()[theme] if scenarios.find(name).claims is not None]


def curable(theme: str) -> list[str]:
    """Those that know a cure."""
    return [name for name in claiming(theme) if scenarios.find(name).cure]


def check(name: str) -> None:
    """All claims hold, and the flight counts and times what its file says."""
    run = scenarios.find(name).run(seed=0)
    claims = run.claims()
    assert claims
    assert [claim for claim, holds in claims.items() if not holds] == []
    assert golden(run) == kept(run)


def check_cure(name: str) -> None:
    """All claims of the cured flight hold."""
    scenario = scenarios.find(name)
    claims = scenario.run(seed=0, set=scenario.cure).claims()
    assert claims
    assert [claim for claim, holds in claims.items() if not holds] == []
