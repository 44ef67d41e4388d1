"""What a scenario claims, asked of its flights: at seed 0, and once more with its cure."""

import scenarios
from sim.run import Run
from tests.scenarios.golden_files import golden, kept

__all__ = ["claiming", "curable", "cured_difference", "difference"]

CAUSES = {
    "poison-pill": ("lag", "poison-record"),
    "hot-key": ("lag", "hot-partition"),
    "idle-pods": ("lag", "idle-consumers"),
    "catch-up": ("lag", "processing-slow"),
    "redelivery-storm": ("rebalance", "poll-interval-exceeded"),
    "double-charge": ("rebalance", "poll-interval-exceeded"),
    "silent-loss": ("loss", "acks-1"),
    "all-means-all": ("loss", "isr-of-one"),
    "slow-reader-loses-data": ("loss", "retention-overtook"),
    "shrunken-isr": ("unavailable", "no-in-sync-replica"),
}
"""Symptoms, and the cause that an explanation of the flight names for each."""


def claiming(theme: str) -> list[str]:
    """The scenarios of a theme that claim something."""
    return [name for name in scenarios.themes()[theme] if scenarios.find(name).claims is not None]


def curable(theme: str) -> list[str]:
    """Those that know a cure."""
    return [name for name in claiming(theme) if scenarios.find(name).cure]


def difference(name: str) -> list[str]:
    """Claims that do not hold at seed 0, and what the flight counts, times or explains otherwise than is written."""
    run = scenarios.find(name).run(seed=0)
    other = [] if golden(run) == kept(run) else ["the summary is another one than the kept one"]
    return [*_unmet(run), *other, *_unexplained(run)]


def cured_difference(name: str) -> list[str]:
    """Claims of the cured flight that do not hold."""
    scenario = scenarios.find(name)
    return _unmet(scenario.run(seed=0, set=scenario.cure))


def _unexplained(run: Run) -> list[str]:
    if run.scenario.name not in CAUSES:
        return []
    why, cause = CAUSES[run.scenario.name]
    chain = run.explain(why, rerun=False)
    known = chain.cause == cause and len(chain.links) >= 2
    return [] if known else [f"{why} is explained by {chain.cause} with {len(chain.links)} links, not by {cause}"]


def _unmet(run: Run) -> list[str]:
    claims = run.claims()
    return [claim for claim, holds in claims.items() if not holds] if claims else ["it claims nothing"]
