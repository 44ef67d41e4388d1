"""Alert rules by name, and when each of them fires for a group of a run."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sim.alerts.burrow import PartitionHistory, Status, group_status
from sim.alerts.time_lag import LookupTable, Point
from sim.machine.hardware import nearest
from sim.observe.recorder import Recorder
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition

__all__ = ["RULES", "LagHistory", "Rule", "rule_of"]

Firing = list[tuple[float, bool]]
"""At each look (seconds of the run), whether the rule fires."""


@dataclass(frozen=True, slots=True)
class LagHistory:
    """What a monitor can ask of one group: ends of logs and commits, each as pairs of seconds and offset in order."""

    ends: Mapping[TopicPartition, list[tuple[float, int]]]
    commits: Mapping[TopicPartition, list[tuple[float, int]]]
    until_s: float

    @classmethod
    def of(cls, recorder: Recorder, group_id: str, until_s: float) -> "LagHistory":
        """The history of a group in a recorded run."""
        commits: dict[TopicPartition, list[tuple[float, int]]] = {}
        for time_s, fact in recorder.accepted:
            if fact.group_id == group_id:
                for name, offset in fact.offsets:
                    commits.setdefault(name, []).append((time_s, offset))
        steps = recorder.steps
        ends = {name: [(step.time_s, step.log_end_offset) for step in steps.get(name, [])] for name in commits}
        return cls(ends, commits, until_s)

    def looks(self, every_s: float) -> Iterator[float]:
        """The times at which a monitor looks."""
        return (number * every_s for number in range(1, int(self.until_s / every_s) + 1))

    def lags(self, time_s: float) -> dict[TopicPartition, int]:
        """The lag in records of each partition that has been committed by then."""
        found = {}
        for name, commits in self.commits.items():
            end, committed = last(self.ends[name], time_s), last(commits, time_s)
            if end is not None and committed is not None:
                found[name] = max(0, end - committed)
        return found


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of rule: what it means, its usual limit, how often it looks (seconds), and how it judges a history."""

    name: str
    meaning: str
    limit: float
    every_s: float
    fires: Callable[[LagHistory, float, float], Firing]

    def __str__(self) -> str:
        return f"{self.name}={self.limit:g}" if self.limit else self.name

    def firing(self, history: LagHistory) -> Firing:
        """When it fires."""
        return self.fires(history, self.limit, self.every_s)


def last(pairs: list[tuple[float, int]], time_s: float) -> int | None:
    """The value of the last pair up to a time."""
    index = bisect_right(pairs, time_s, key=lambda pair: pair[0])
    return pairs[index - 1][1] if index else None


def _records(history: LagHistory, limit: float, every_s: float) -> Firing:
    return [(time_s, sum(history.lags(time_s).values()) > limit) for time_s in history.looks(every_s)]


def _rising(history: LagHistory, limit: float, every_s: float) -> Firing:
    totals = [(time_s, sum(history.lags(time_s).values())) for time_s in history.looks(every_s)]
    rises, firing = 0, []
    for index, (time_s, total) in enumerate(totals):
        rises = rises + 1 if index and total > totals[index - 1][1] else 0
        firing.append((time_s, rises >= limit))
    return firing


def _seconds(history: LagHistory, limit: float, every_s: float) -> Firing:
    tables = {name: LookupTable() for name in history.commits}
    firing = []
    for time_s in history.looks(every_s):
        now_ms, lags = round(time_s * 1000), []
        for name, table in tables.items():
            end, committed = last(history.ends[name], time_s), last(history.commits[name], time_s)
            if end is not None:
                table.add(Point(end, now_ms))
            if committed is not None:
                lags.append(table.time_lag_s(committed, now_ms))
        firing.append((time_s, any(lag > limit for lag in lags)))
    return firing


def _burrow(least: Status) -> Callable[[LagHistory, float, float], Firing]:
    def fires(history: LagHistory, limit: float, every_s: float) -> Firing:
        kept = {name: PartitionHistory() for name in history.commits}
        firing, before_s = [], 0.0
        for name, partition in kept.items():
            partition.log_ends_at(last(history.ends[name], 0.0) or 0)
        for time_s in history.looks(every_s):
            for name, partition in kept.items():
                for at_s, offset in history.commits[name]:
                    if before_s < at_s <= time_s:
                        partition.committed(round(at_s * 1000), offset)
                end = last(history.ends[name], time_s)
                if end is not None:
                    partition.log_ends_at(end)
            statuses = [each.status(round(time_s * 1000), round(limit)) for each in kept.values() if each.commits]
            firing.append((time_s, group_status(statuses) >= least))
            before_s = time_s
        return firing

    return fires


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("records", "the lag of the group is above so many records", 1000, 10, _records),
        Rule("seconds", "kafka-lag-exporter's time lag of a partition is above so many seconds", 10, 10, _seconds),
        Rule("rising", "the lag of the group has risen at so many looks in a row", 3, 10, _rising),
        Rule("burrow", "Burrow finds an ERROR: a partition stopped, stalled or rewound", 0, 10, _burrow(Status.ERROR)),
        Rule("burrow-warning", "Burrow finds a WARNING or worse", 0, 10, _burrow(Status.WARNING)),
    )
}


def rule_of(text: str) -> Rule:
    """A rule from text such as `records=500`, `seconds=10@5s` (look every 5 s) or `burrow`. Raises ConfigError."""
    words, _, every = text.partition("@")
    name, _, limit = words.partition("=")
    if name not in RULES:
        raise ConfigError(f"unknown rule {name!r}{nearest(name, RULES)}")
    rule = RULES[name]
    try:
        chosen = rule.limit if not limit else float(limit)
        every_s = rule.every_s if not every else float(every.removesuffix("s"))
    except ValueError as error:
        raise ConfigError(f"{text}: a limit is a number, as in {rule}, and a look is every so often, @5s") from error
    if not (0 <= chosen < float("inf") and 0 < every_s < float("inf")):
        raise ConfigError(f"{text}: a limit cannot be less than nothing, and looks need some time between them, @5s")
    return Rule(rule.name, rule.meaning, chosen, every_s, rule.fires)
