"""Many seeds, in one process or several: what each has shown, in order of the seeds."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from sim.fuzz.drawing import draw_script
from sim.fuzz.shrinking import shrink
from sim.fuzz.trial import Trial, combined_sha256, fly
from sim.fuzz.trouble import draw_faults
from sim.machine.clock import MINUTE
from sim.machine.streams import Streams
from sim.observe.allowances import FATES
from sim.observe.anomalies.report import NAMES
from sim.observe.problems import Problem
from sim.world.plan import Plan
from sim.world.script import Script, plan_of, write_script
from sim.world.script.script import Expect

__all__ = ["Finding", "Report", "Subject", "run_seeds"]

CHUNK = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """What is fuzzed: whatever a seed draws, or, with a `base`, somebody's script under drawn faults.

    `plan_of_base` makes the plan of a base that names a scenario of the library; it is a function of a module, so that
    other processes find it.
    """

    base: Script | None = None
    plan_of_base: Callable[[Script, int], Plan] | None = None

    def script(self, seed: int) -> Script:
        """The scenario file of a seed."""
        if self.base is None:
            return draw_script(seed)
        plain = replace(self.base, seed=seed, faults=())
        plan = self.plan(plain)
        load = MINUTE if plan.duration is None else plan.duration
        return replace(plain, faults=draw_faults(Streams(seed)["fuzz"], plan, load))

    def plan(self, script: Script) -> Plan:
        """The plan of a script of a seed, as it was drawn or smaller."""
        if self.plan_of_base is None or not script.scenario:
            return plan_of(script)
        return replace(self.plan_of_base(script, script.seed), faults=script.faults)


@dataclass(frozen=True, slots=True)
class Finding:
    """A seed with problems that nothing explains, and the smallest scenario file that still shows the first of them."""

    trial: Trial
    script: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "seed": self.trial.seed,
            "problems": [{"name": each.name, "sentence": each.sentence} for each in self.trial.unexplained],
            "faults": list(self.trial.faults),
            "script": self.script,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All trials in order of their seeds, and what nothing explains."""

    trials: list[Trial]
    findings: list[Finding]

    def as_json(self) -> dict[str, Any]:
        """For programs: the seeds, what was explained and why, what was not, and a hash of everything that happened."""
        explained = [
            {"seed": trial.seed, "name": each.name, "sentence": each.sentence, "reason": each.reason}
            for trial in self.trials
            for each in trial.explained
        ]
        return {
            "seeds": len(self.trials),
            "explained": explained,
            "unexplained": [finding.as_json() for finding in self.findings],
            "simulated_s": round(sum(trial.simulated_s for trial in self.trials), 3),
            "trace_sha256": combined_sha256(self.trials),
        }


def run_seeds(
    seeds: Iterable[int],
    subject: Subject | None = None,
    jobs: int = 1,
    told: Callable[[Trial], object] = lambda _: None,
) -> Report:
    """Fly every seed, in so many processes; the report does not depend on how many. `told` hears of each in order."""
    subject = subject or Subject()
    trials: list[Trial] = []
    for trial in _trials(list(seeds), subject, jobs):
        told(trial)
        trials.append(trial)
    findings = [Finding(trial, _smallest(subject, trial)) for trial in trials if trial.unexplained]
    return Report(trials, findings)


def _trials(seeds: list[int], subject: Subject, jobs: int) -> Iterator[Trial]:
    if jobs == 1 or len(seeds) < 2:
        yield from (_trial(subject, seed) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_trial, [subject] * len(seeds), seeds, chunksize=CHUNK)


def _trial(subject: Subject, seed: int) -> Trial:
    return fly(subject.plan(subject.script(seed)), seed)


def _smallest(subject: Subject, trial: Trial) -> str:
    """The scenario file of the smallest script that shows the same first problem, and expects that it does not."""
    first, seed = trial.unexplained[0], trial.seed
    shown = [first]

    def fails(script: Script) -> bool:
        found = [each for each in fly(subject.plan(script), seed).unexplained if each.name == first.name]
        shown[:] = found[:1] or shown
        return bool(found)

    smallest = shrink(subject.script(seed), fails)
    told = f"Found by kafkasim fuzz at seed {seed}, {shown[0].name}: {shown[0].sentence}"
    return write_script(replace(smallest, seed=seed, description=told, expect=_expected(shown[0])))


def _expected(problem: Problem) -> Expect:
    """What the scenario file asks for, and does not get."""
    topics = (problem.subject,) if problem.subject else ()
    if problem.name in FATES:
        return Expect(converged=True, topics=topics, **{problem.name: 0})  # type: ignore[arg-type]
    if problem.name in NAMES:
        return Expect(converged=True, topics=topics, anomalies=())
    is_promise, is_liveness = problem.name == "exactly-once", problem.name == "liveness"
    return Expect(converged=True, exactly_once=is_promise, invariants=not is_promise and not is_liveness)
