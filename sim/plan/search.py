"""From a requirement to an answer: the smallest cluster of each machine that holds in flight, and all its flights."""

from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from math import ceil
from typing import Any

from sim.plan.answer import Answer, Flown
from sim.plan.candidates import Candidate, candidate, smallest
from sim.plan.deploying import PROTOCOLS, fly_deployment
from sim.plan.failing import fly_failover, fly_return
from sim.plan.lagging import fly_outage
from sim.plan.prices import Prices, read_prices
from sim.plan.ramp import SHARES, at_share, ramp
from sim.plan.requirement import Requirement
from sim.plan.slices import losing, returning, slice_of
from sim.plan.steady import fly_steady
from sim.plan.sweeping import checked_pool
from sim.rules.errors import ConfigError

__all__ = ["fly_all", "plan"]

GROWTH, TRIES, PATIENCE, MOST_LOSSES = 1.15, 4, 3, 3
MARGIN = 0.9
"""A cluster is large enough if its 99th percentile is below that share of what is allowed, at the first seed."""

Progress = Callable[[int, int, str], object]
Told = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Settled:
    """The cluster of a machine that was found: what was tried on the way is brokers and milliseconds."""

    candidate: Candidate
    by_formula: int
    binding: str
    tried: tuple[tuple[int, float], ...]


def plan(
    requirement: Requirement,
    seeds: int = 3,
    jobs: int = 2,
    progress: Progress = lambda *_: None,
    told: Told = lambda _: None,
) -> Answer:
    """Find the cheapest cluster. Raises ConfigError, one line, if none meets the requirement, with what binds.

    The steady state is flown with `seeds` seeds, the same of all candidates; `told` hears of workers that died.
    """
    checked_pool(jobs, None, told)
    if seeds < 1:
        raise ConfigError(f"--seeds {seeds}: must be at least 1, such as 3")
    prices = read_prices(requirement.prices, requirement.machines) if requirement.prices else None
    searches: dict[Any, tuple[Any, ...]] = {machine: (settle, requirement, machine) for machine in requirement.machines}
    found = fly_all(searches, jobs, lambda done, total: progress(done, total, "sizes"), told)
    settled = [found[machine] for machine in requirement.machines]
    refused = tuple(each for each in settled if isinstance(each, str))
    sized = [each for each in settled if not isinstance(each, str)]
    if not sized:
        raise ConfigError("; ".join(refused))
    _check_latency(requirement, sized)
    tasks = {key: task for number, each in enumerate(sized) for key, task in _tasks(number, each, seeds).items()}
    tasks |= {("deployment", protocol): (fly_deployment, protocol, 0) for protocol in PROTOCOLS}
    flown = fly_all(tasks, jobs, lambda done, total: progress(done, total, "flights"), told)
    candidates = tuple(_collect(number, each, flown, seeds, prices) for number, each in enumerate(sized))
    answer = Answer(
        requirement,
        candidates,
        refused,
        {protocol: flown["deployment", protocol] for protocol in PROTOCOLS},
        seeds,
        prices.currency if prices else "",
    )
    if answer.chosen is None:
        failings = "; ".join(f"{each.candidate.machine}: {' and '.join(each.failings)}" for each in candidates)
        raise ConfigError(f"no candidate meets the requirement in flight: {failings}; try more --headroom")
    return answer


def settle(requirement: Requirement, machine: str) -> Settled | str:
    """The smallest cluster by the formulas, made larger until it is quick enough; why there is none, as a line."""
    try:
        first, binding = smallest(requirement, machine)
    except ConfigError as error:
        return str(error)
    tried: list[tuple[int, float]] = []
    now = first
    for _ in range(TRIES):
        flown = fly_steady(slice_of(now), 0)
        tried.append((now.brokers, flown.publish_p99_ms))
        if flown.keeps_up and flown.publish_p99_ms <= MARGIN * requirement.p99 * 1000:
            break
        larger = candidate(requirement, machine, ceil(now.brokers * GROWTH))
        if larger.brokers > requirement.brokers_at_most or len(tried) == TRIES:
            break
        now = larger
    return Settled(now, first.brokers, binding if now is first else "p99", tuple(tried))


def _check_latency(requirement: Requirement, sized: list[Settled]) -> None:
    """Refuse a latency that no cluster came near to."""
    nearest_ms = min(latency for each in sized for _, latency in each.tried)
    if nearest_ms > requirement.p99 * 1000:
        raise ConfigError(
            f"--p99 {requirement.p99 * 1000:g}ms: no cluster that was flown is as quick; latency binds, and the "
            f"nearest feasible value is --p99 {ceil(nearest_ms / MARGIN)}ms"
        )


def _tasks(number: int, settled: Settled, seeds: int) -> dict[Any, tuple[Any, ...]]:
    """What to fly of a candidate, the longest flights first."""
    found = settled.candidate
    tasks: dict[Any, tuple[Any, ...]] = {}
    if found.requirement.survive != "none":
        losses = range(min(seeds, MOST_LOSSES))
        tasks |= {(number, "failover", seed): (fly_failover, losing(found), seed) for seed in losses}
    tasks |= {(number, "ramp", share): (fly_steady, at_share(found, share), 0, True) for share in SHARES}
    if found.requirement.groups:
        tasks[number, "outage"] = (fly_outage, slice_of(found), 0)
    tasks[number, "return"] = (fly_return, returning(found), 0)
    return tasks | {(number, "steady", seed): (fly_steady, slice_of(found), seed) for seed in range(seeds)}


def _collect(number: int, settled: Settled, flown: Mapping[Any, Any], seeds: int, prices: Prices | None) -> Flown:
    found = settled.candidate
    return Flown(
        found,
        settled.by_formula,
        settled.binding,
        settled.tried,
        steady=tuple(flown[number, "steady", seed] for seed in range(seeds)),
        failovers=tuple(value for key, value in flown.items() if key[:2] == (number, "failover")),
        back=flown[number, "return"],
        outage=flown.get((number, "outage")),
        ramp=ramp(found, [flown[number, "ramp", share] for share in SHARES]),
        month=prices.month(found) if prices else None,
    )


def _call(key: Any, function: Callable[..., Any], *arguments: Any) -> tuple[Any, Any]:
    return key, function(*arguments)


def fly_all(
    tasks: Mapping[Any, tuple[Any, ...]], jobs: int, progress: Callable[[int, int], object], told: Told
) -> dict[Any, Any]:
    """All results by their keys, in the order of the tasks. Raises ConfigError if workers die again and again."""
    from joblib import Parallel, delayed

    progress(0, len(tasks))
    found: dict[Any, Any] = {}
    for _ in range(PATIENCE):
        parallel = Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="all")
        try:
            for key, result in parallel(delayed(_call)(key, *task) for key, task in tasks.items() if key not in found):
                found[key] = result
                progress(len(found), len(tasks))
            return {key: found[key] for key in tasks}
        except BrokenProcessPool:
            told(f"a worker died; its flights are flown by another, {len(tasks) - len(found):,} are left")
    raise ConfigError(f"{PATIENCE} times a worker died, perhaps for want of memory; try --jobs 1")
