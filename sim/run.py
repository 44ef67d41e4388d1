"""One run: fly a scenario's plan under observation, and keep what came out of it."""

import csv
import gc
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim.observe.anomalies import Anomalies, BlackBox
from sim.observe.invariants import Invariants
from sim.observe.journal import Journal
from sim.observe.metrics import Metrics
from sim.observe.problems import unmet
from sim.observe.recorder import Recorder
from sim.observe.sentences import tell
from sim.observe.verdict import Verdict
from sim.observe.versions import versions
from sim.observe.whole_files import write_whole
from sim.observe.witness import Witness
from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.world.flight import Flight
from sim.world.script.script import Expect
from sim.world.settings import KINDS, Settings

__all__ = ["Run", "file_sha256", "fly", "no_garbage_collection", "prepare_folder"]

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Run:
    """What a flight left: metrics over time, facts in order, the verdict, and the scenario's own results.

    `invariants` were looked at after every event, `anomalies` are what the black box found, `recorder` has what only
    some pictures need; each is None when nobody has asked for it.
    """

    scenario: Scenario
    settings: Settings
    given: Mapping[str, object]
    flight: Flight
    metrics: Metrics
    journal: Journal
    verdict: Verdict
    results: Mapping[str, Any]
    simulated_s: float
    wall_s: float
    partial: bool
    until: int | None
    invariants: Invariants | None = None
    anomalies: Anomalies | None = None
    recorder: Recorder | None = None

    @property
    def facts(self) -> list[tuple[int, Any]]:
        """Pairs of simulated nanoseconds and fact, in order."""
        return self.journal.facts

    def recorded(self) -> Recorder:
        """What a recorder keeps of this run; if there was none aboard, it is flown once more with one."""
        if self.recorder is None:
            until = self.flight.now if self.partial else self.until
            again = fly(self.scenario, replace(self.settings, out=None), self.given, until, recorded=True)
            self.recorder = again.recorder or Recorder(again.flight)
        return self.recorder

    def sentences(self) -> list[str]:
        """The run in sentences: what every scenario can say, then what this one adds."""
        own = [*self.results.get("sentences", []), *self._claimed()]
        checked = [] if self.invariants is None else self.invariants.sentences()
        seen = [] if self.anomalies is None else self.anomalies.sentences()
        return [*tell(self.flight, self.metrics, self.verdict), *checked, *seen, *own]

    def claims(self) -> Mapping[str, bool]:
        """What the story claims of such a run, and whether it is so; of a part of a flight nothing is claimed."""
        if self.partial or self.until is not None or not self.settings.faults:
            return {}
        return self.scenario.claimed(self)

    def _claimed(self) -> list[str]:
        return [f"{'As claimed' if holds else 'Not as claimed'}: {claim}." for claim, holds in self.claims().items()]

    def ignored(self) -> list[str]:
        """Kafka keys that the user has set and that have no effect here."""
        return [
            f"{kind}.{key} is Kafka's, but the simulator does not model it yet; it had no effect"
            for kind, values in self.settings.overrides.items()
            for key in KINDS[kind].of(values).ignored()
        ]

    def summary(self) -> dict[str, Any]:
        """The one JSON object that stands for the run."""
        moved = self.metrics.records_acknowledged + self.metrics.records_delivered
        checked = {} if self.invariants is None else {"invariants": self.invariants.as_json()}
        black_box = {} if self.anomalies is None else {"anomalies": self.anomalies.counts()}
        expected = {} if self.scenario.expect is None else {"unmet": self.unmet()}
        claims = self.claims()
        return {
            "scenario": self.scenario.name,
            "seed": self.settings.seed,
            "simulated_s": self.simulated_s,
            "wall_s": round(self.wall_s, 3),
            "records_produced": self.metrics.records_acknowledged,
            "records_consumed": self.metrics.records_delivered,
            "records_per_wall_s": round(moved / max(self.wall_s, 1e-9)),
            "partial": self.partial,
            "verdict": self.verdict.counts(),
            **checked,
            **black_box,
            **expected,
            **({"claims": dict(claims)} if claims else {}),
            "metrics": self.metrics.summary(),
            "results": dict(self.results),
            "trace_sha256": self.journal.sha256(),
        }

    def manifest(self) -> dict[str, Any]:
        """All that is needed to fly the same again."""
        source = self.settings.input
        return {
            "scenario": self.scenario.name,
            **({} if self.scenario.script is None else {"script": self.scenario.script}),
            "seed": self.settings.seed,
            "set": dict(self.given),
            "faults": self.settings.faults,
            "until_s": None if self.until is None else self.until / 1e9,
            "input": None
            if source is None
            else {
                "path": str(source.path),
                "sha256": file_sha256(source.path) if source.path.is_file() else "",
                "columns": dict(source.columns),
                "speed": source.speed,
                "reorder_window_ms": source.reorder_window_ms,
                "on_bad_line": source.on_bad_line,
            },
            "knobs": dict(self.settings.values),
            "planned_faults": [str(fault) for fault in self.flight.plan.faults],
            "versions": versions(),
            "partial": self.partial,
            "trace_sha256": self.journal.sha256(),
        }

    def unmet(self) -> list[str]:
        """What its scenario file expects and the run has not shown, in sentences; nothing is asked of an early end."""
        if self.scenario.expect is None or self.partial or self.until is not None:
            return []
        return list(unmet(self.scenario.expect, self.flight, self.verdict, self.invariants, self.anomalies))

    def write(self, folder: Path) -> None:
        """Leave manifest, facts, metrics, verdict and the plot in a folder."""
        prepare_folder(folder)
        write_whole(folder / "facts.jsonl", "".join(line + "\n" for line in self.journal.lines()))
        write_whole(folder / "verdict.json", json.dumps(self.verdict.as_json(), indent=1) + "\n")
        if self.anomalies is not None:
            write_whole(folder / "anomalies.json", json.dumps(self.anomalies.as_json(), indent=1) + "\n")
        with (folder / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["time_s", "metric", "labels", "value"])
            for sample in self.metrics.samples:
                labels = ";".join(f"{name}={value}" for name, value in sample.labels)
                writer.writerow([f"{sample.time_s:g}", sample.metric, labels, f"{sample.value:.6g}"])
        self.plot(folder / "throughput_lag.png")
        self.topology(folder / "topology.png")
        write_whole(folder / "manifest.json", json.dumps(self.manifest(), indent=1) + "\n")

    def plot(self, path: str | Path | None = None, what: str = "overview", **options: Any) -> Any:
        """One view of the run, with the faults shaded; returns the matplotlib figure, and writes it to `path` if given.

        `what` is overview, throughput, lag, latency, isr, ownership, staircase, requests, resources, topology or
        sequence; `at_s` (seconds) is for sequence, `partition` for staircase. Raises ConfigError, one line.
        """
        from sim.view.catalogue import draw_view

        return draw_view(self, what, path, **options)

    def topology(self, path: Path | None = None) -> Any:
        """The workflow and the racks of the cluster as a drawing; returns the matplotlib figure, or saves it."""
        from sim.view.topology import draw

        return draw(self, path)

    def report(self, path: str | Path | None = None) -> str:
        """The run as one page of HTML with pictures and a replay, written to `path` if given. Raises ConfigError."""
        from sim.report.page import report

        return report(self, path)

    def explain(self, why: str, at: str | int | None = None, rerun: bool = True) -> Any:
        """The causal chain behind a symptom, such as `lag` or `loss`, at a time such as `31s`."""
        from sim.explain import explain

        return explain(self, why, at, rerun)

    def fork(self, at: str | int, set: Mapping[str, object] | None = None, faults: tuple[Any, ...] = ()) -> "Run":
        """The same flight, to the byte until a time such as `20s`, and with other settings or more faults from then."""
        from sim.forks import fork

        return fork(self, at, set or {}, faults)


def fly(
    scenario: Scenario,
    settings: Settings,
    given: Mapping[str, object],
    until: int | None = None,
    progress: Progress | None = None,
    check_invariants: bool = False,
    black_box: bool = False,
    recorded: bool = False,
) -> Run:
    """Fly a scenario, on demand with its invariants checked, and with a black box and a recorder aboard.

    Ctrl-C ends the flight early; what there is by then is kept as partial. Raises ConfigError for what cannot work.
    """
    if settings.out is not None:
        prepare_folder(settings.out)
    started = time.perf_counter()
    plan = scenario.plan(settings)
    try:
        flight = Flight(plan, settings.seed)
        metrics, journal, witness = Metrics(flight), Journal(flight.machine.facts), Witness(flight)
        expect = scenario.expect or Expect()
        invariants = Invariants(flight) if check_invariants or expect.invariants else None
        box = BlackBox(flight) if black_box or expect.anomalies is not None else None
        recorder = Recorder(flight) if recorded else None
        samplers = [metrics.sample] if recorder is None else [metrics.sample, recorder.sample]
        with no_garbage_collection():
            partial = _fly(flight, samplers, until, progress)
            if invariants is not None:
                invariants.finish()
            anomalies = None if box is None else box.anomalies()
    except BaseException:
        if plan.wrap_up is not None:
            plan.wrap_up(False)
        raise
    journal.close(flight.now, flight.cluster)
    results = plan.wrap_up(True) if plan.wrap_up is not None else {}
    verdict = witness.verdict()
    wall_s = time.perf_counter() - started
    found = metrics, journal, verdict, results
    watched = invariants, anomalies, recorder
    run = Run(scenario, settings, given, flight, *found, flight.now / 1e9, wall_s, partial, until, *watched)
    if settings.out is not None:
        run.write(settings.out)
    return run


def _fly(flight: Flight, samplers: list[Callable[[], None]], until: int | None, progress: Progress | None) -> bool:
    """Let the clock run and sample; True when Ctrl-C has ended it early."""
    try:
        for now in flight.fly(until):
            for sample in samplers:
                sample()
            if progress is not None:
                progress(now, flight.expected() if until is None else until)
    except KeyboardInterrupt:
        for sample in samplers:
            sample()
        return True
    return False


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Records are kept in logs and never in cycles: looking for cycles among them costs a fifth of a run."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def prepare_folder(folder: Path) -> None:
    """Make a folder that can be written to. Raises ConfigError, one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {folder}: {error.strerror or error}; name a folder that can be made") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {folder}: the folder cannot be written to; name another one")


def file_sha256(path: Path) -> str:
    """The hash of a file's bytes, by which a later run knows it again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
