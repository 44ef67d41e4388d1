"""Runs made by hand, with as much in them as a picture needs."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, cast

from sim.observe.latency import Histogram
from sim.observe.metrics import Sample
from sim.observe.verdict import Verdict
from sim.rules.facts.journal import FaultBegan, FaultEnded
from sim.run import Run
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

SECOND = 1_000_000_000

PLAN = Plan(
    duration=100 * SECOND,
    topics=(Topic("payments", 6, 3), Topic("alerts", 3, 3)),
    apps=(AppSpec("gateway", lambda _: iter(()), finite=True),),  # type: ignore[arg-type, return-value]
    groups=(GroupSpec("fraud", ("payments",)), GroupSpec("warehouse", ("payments",))),
)


def gauges(metric: str, values: Mapping[int, float], usual: float = 0.0, **labels: str) -> list[Sample]:
    """One value for each of 100 seconds: `usual`, but for those seconds that `values` names."""
    return [Sample(t, metric, tuple(labels.items()), values.get(t, usual)) for t in range(1, 101)]


def fault(name: str, begins: int, ends: int | None = None) -> list[tuple[int, Any]]:
    """The facts of a fault between these seconds."""
    text = f"{name} crashes at {begins} s, {'for good' if ends is None else f'until {ends} s'}"
    facts: list[tuple[int, Any]] = [(begins * SECOND, FaultBegan(text))]
    return facts if ends is None else [*facts, (ends * SECOND, FaultEnded(text))]


def made_run(
    samples: Iterable[Sample] = (),
    facts: Iterable[tuple[int, Any]] = (),
    plan: Plan = PLAN,
    acknowledged: Mapping[str, int] | None = None,
    verdict: Verdict | None = None,
    until: int | None = None,
    simulated_s: float = 100.0,
) -> Run:
    """A run of 100 seconds in which the metrics are these samples."""
    histograms = {}
    for topic, count in (acknowledged or {}).items():
        histograms["produce-latency-ms", (("topic", topic),)] = histogram = Histogram()
        histogram.add([5_000_000] * count)
    clock = gauges("UnderReplicatedPartitions", {}) if simulated_s else []
    return cast(
        Run,
        SimpleNamespace(
            scenario=SimpleNamespace(name="made"),
            settings=SimpleNamespace(seed=7),
            metrics=SimpleNamespace(samples=[*clock, *samples], histograms=histograms),
            facts=sorted(facts, key=lambda pair: pair[0]),
            verdict=verdict or Verdict(),
            results={},
            flight=SimpleNamespace(plan=plan),
            simulated_s=simulated_s,
            until=until,
            partial=False,
        ),
    )
