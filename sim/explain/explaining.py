"""From a run and a symptom to the chain behind it, with what would have been as another flight on the same seed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sim.explain.chain import Chain
from sim.explain.lag import lag
from sim.explain.latency import latency
from sim.explain.loss import loss
from sim.explain.rebalance import rebalance
from sim.explain.replicas import under_replicated
from sim.explain.unavailable import unavailable
from sim.machine.clock import format_duration, parse_duration
from sim.rules.errors import ConfigError

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["SYMPTOMS", "check_symptom", "explain"]

SYMPTOMS: Mapping[str, Callable[["Run", float | None], Chain]] = {
    "lag": lag,
    "latency": latency,
    "loss": loss,
    "unavailable": unavailable,
    "rebalance": rebalance,
    "under-replicated": under_replicated,
}


def explain(run: "Run", why: str, at: str | int | None = None, rerun: bool = True) -> Chain:
    """The causal chain behind a symptom, at a time such as `31s` or where it was worst.

    With `rerun` the scenario is flown again, same seed, with the setting at the chain's end changed. Raises
    ConfigError, one line, for an unknown symptom and for a time out of range.
    """
    check_symptom(why)
    chain = SYMPTOMS[why](run, _seconds(run, at))
    if chain.measure is None:
        return chain
    chain = replace(chain, size=chain.measure(run))
    return _flown_again(run, chain) if rerun and chain.remedy is not None else chain


def check_symptom(why: str) -> None:
    """Refuse a symptom that is not known. Raises ConfigError, one line with the nearest one."""
    if why not in SYMPTOMS:
        near = get_close_matches(why, SYMPTOMS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SYMPTOMS)}"
        raise ConfigError(f"--why {why}: no symptom of this name, {hint}")


def _seconds(run: "Run", at: str | int | None) -> float | None:
    if at is None:
        return None
    try:
        time = parse_duration(at)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from error
    if not 0 <= time <= run.flight.now:
        raise ConfigError(f"--at {at}: the run lasts from 0 s to {format_duration(run.flight.now)}")
    return time / 1e9


def _flown_again(run: "Run", chain: Chain) -> Chain:
    """The chain with what would have been; a value that the story does not allow leaves it open."""
    remedy, settings = chain.remedy, run.settings
    if remedy is None or chain.measure is None:
        return chain
    given = {**run.given, remedy.key: remedy.other}
    try:
        other = run.scenario.run(settings.seed, given, run.until, settings.faults, settings.input, recorded=True)
    except ConfigError:
        return chain
    return replace(chain, would_be=chain.measure(other))
