"""The room: a clock, graphs of what has been so far, a diagnosis, a fix; and the debrief when all is over."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sim.forks import fork
from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.teach.incidents.causes import check_cause
from sim.teach.incidents.debrief import Debrief
from sim.teach.incidents.fixes import names_of, read_fix
from sim.teach.incidents.gauges import GAUGES, known_gauge
from sim.teach.incidents.incident import Incident
from sim.teach.incidents.readings import Lines, up_to
from sim.teach.incidents.scoring import Score, cause_points, fix_points, hint_costs, recovery_of, time_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Room"]

LOOK_S = 2.0
"""Whoever looks at a graph spends this time on it, and the cluster goes on meanwhile."""
DASHBOARD = (
    "records-lag-max",
    "MessagesInPerSec",
    "records-consumed-rate",
    "produce-latency-ms",
    "end-to-end-latency-ms",
    "UnderReplicatedPartitions",
)


class Room:
    """One incident with one seed; what is behind it cannot be seen before the debrief.

    `now_s` is the simulated time in seconds from the start; it goes on with every look.
    """

    def __init__(self, incident: Incident, seed: int, flown: Run | None = None) -> None:
        self.incident, self.seed = incident, seed
        self._case, flight_seed = incident.draw(seed)
        scenario, until = self._case.scenario(incident.incident_id), f"{self._case.end_s:g}s"
        self._unfixed = flown or scenario.run(flight_seed, until=until, recorded=True)
        self._run: Run = self._unfixed
        self._diagnosis: tuple[str, str] = ("", "")
        self._fixes: list[tuple[float, Mapping[str, object]]] = []
        self.now_s = self._case.page_s
        self.asked: list[str] = []
        self.hints: list[str] = []
        self.over = False

    def again(self) -> "Room":
        """The same incident from the page on, without flying what was flown."""
        return Room(self.incident, self.seed, self._unfixed)

    @property
    def page(self) -> str:
        """What the person on call is told."""
        return self._case.page

    @property
    def end_s(self) -> float:
        """When the run ends."""
        return self._case.end_s

    def metrics(self) -> list[str]:
        """The names of all metrics, as Kafka has them."""
        return list(GAUGES)

    def names(self) -> Mapping[str, Sequence[str]]:
        """The brokers, applications, groups, topics and partitions that a diagnosis or a fix may name."""
        return names_of(self._run)._asdict()

    def series(self, name: str) -> Lines:
        """The lines of one metric up to now; costs a look. Raises ConfigError for an unknown metric."""
        self._need_open()
        known = known_gauge(name)
        self.asked.append(known)
        self._pass(LOOK_S)
        return self._lines(known)

    def graph(self, name: str) -> "Figure":
        """One metric up to now as a matplotlib figure; costs a look. Raises ConfigError for an unknown metric."""
        from sim.teach.incidents.drawing import draw

        lines = self.series(name)
        return draw({self.asked[-1]: lines}, self.now_s, self.incident.title)

    def dashboard(self) -> "Figure":
        """Six metrics up to now as one matplotlib figure; costs a look."""
        from sim.teach.incidents.drawing import draw

        self._need_open()
        self.asked.append("dashboard")
        self._pass(LOOK_S)
        return draw({name: self._lines(name) for name in DASHBOARD}, self.now_s, self.incident.title)

    def wait(self, duration: str) -> float:
        """Let simulated time pass, such as `10s`; returns the time now. Raises ConfigError."""
        self._need_open()
        try:
            self._pass(parse_duration(duration) / SECOND)
        except ValueError as error:
            raise ConfigError(f"wait: {error}") from error
        return self.now_s

    def hint(self) -> str:
        """The next hint, which costs points. Raises ConfigError when there are no more."""
        self._need_open()
        if len(self.hints) == len(self._case.hints):
            raise ConfigError("there are no more hints")
        self.hints.append(self._case.hints[len(self.hints)])
        return self.hints[-1]

    def diagnose(self, cause: str, subject: str = "") -> None:
        """Say what the cause is, and of what; the last diagnosis counts. Raises ConfigError, one line."""
        self._need_open()
        known, named = check_cause(cause), "-".join(subject.split())
        if named:
            everything = tuple(dict.fromkeys(name for names in self.names().values() for name in names))
            names_of(self._run).known("broker, application, group, topic or partition", named, everything)
        self._diagnosis = known, named

    def fix(self, settings: Mapping[str, object] | None = None, **more: object) -> None:
        """Change settings or operate now, as `fix({"max.poll.records": 100})` or `fix(restart="broker-2")`.

        The run goes on with it; a later fix comes on top. Raises ConfigError, one line, for what cannot be done.
        """
        self._need_open()
        given = {**(settings or {}), **more}
        at = f"{round(self.now_s * 1000)}ms"
        wanted = read_fix(names_of(self._run), given, at)
        self._run = fork(self._run, at, wanted.settings, wanted.operations)
        self._fixes.append((self.now_s, given))

    def debrief(self) -> Debrief:
        """End it: the true cause, why, a good fix with the run that proves it, and the score."""
        self.over = True
        case, at_s = self._case, self._case.page_s
        best = recovery_of(case, self._unfixed, self._well_fixed(), at_s)
        mine = recovery_of(case, self._unfixed, self._run, self._fixes[-1][0]) if self._fixes else None
        chain = self._unfixed.explain(case.why, rerun=False)
        agreed = chain if chain.cause in case.slugs else None
        return Debrief(case, self._diagnosis, tuple(self._fixes), self._score(), mine, best, agreed)

    def _well_fixed(self) -> Run:
        """The run with the fix of the catalogue, right after the page."""
        case, at = self._case, f"{round(self._case.page_s * 1000)}ms"
        if self._fixes == [(case.page_s, case.fix)]:
            return self._run
        wanted = read_fix(names_of(self._unfixed), case.fix, at)
        return fork(self._unfixed, at, wanted.settings, wanted.operations)

    def _score(self) -> Score:
        case, share, time = self._case, 0.0, 0
        if self._fixes:
            at_s = self._fixes[-1][0]
            share = recovery_of(case, self._unfixed, self._run, at_s).share
            time = time_points(share, at_s - case.page_s, case.end_s - case.page_s)
        return Score(cause_points(case, *self._diagnosis), fix_points(share), time, hint_costs(len(self.hints)))

    def _lines(self, name: str) -> Lines:
        return up_to(GAUGES[name].read(self._run), self.now_s)

    def _pass(self, seconds: float) -> None:
        self.now_s = min(self.now_s + seconds, self.end_s - 1)

    def _need_open(self) -> None:
        if self.over:
            raise ConfigError("this incident is over; open the room again with another seed")
