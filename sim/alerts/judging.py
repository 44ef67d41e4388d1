"""A rule tried on a run: how late it told of what was late, and how often it told of nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.alerts.rules import LagHistory, Rule
from sim.rules.errors import ConfigError
from sim.run import Run

__all__ = ["Judgement", "Period", "judge", "late_periods"]

Period = tuple[float, float]
"""From and to, in seconds of the run."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule made of a group's run.

    `late` are the periods in which a record really waited too long; `alerts` those in which the rule fired. `delays_s`
    belong to the late periods: from the beginning until the first alert, 0 if it was there before, None if none came.
    `false_alarms` are alerts that began and ended while nothing was late.
    """

    rule: Rule
    group_id: str
    late: tuple[Period, ...]
    alerts: tuple[Period, ...]
    delays_s: tuple[float | None, ...]
    false_alarms: tuple[Period, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "rule": str(self.rule),
            "group": self.group_id,
            "late": [list(period) for period in self.late],
            "alerts": [list(period) for period in self.alerts],
            "delays_s": list(self.delays_s),
            "missed": self.delays_s.count(None),
            "false_alarms": len(self.false_alarms),
        }


def judge(run: Run, rules: Sequence[Rule], group_id: str, late_s: float) -> list[Judgement]:
    """Try rules on one group of a run; a record is late when it waits longer than `late_s` seconds.

    Whether it does is read from the true log, which no monitor sees. Raises ConfigError, one line, for a group that
    the run does not follow.
    """
    known = [group.group_id for group in run.flight.plan.groups]
    if group_id not in known:
        raise ConfigError(f"there is no group {group_id!r} in {run.scenario.name}; there are {', '.join(known)}")
    history = LagHistory.of(run.recorded(), group_id, run.simulated_s)
    late = late_periods(run, group_id, late_s)
    return [_judged(rule, group_id, late, _alerts(rule, history)) for rule in rules]


def late_periods(run: Run, group_id: str, late_s: float) -> tuple[Period, ...]:
    """When the oldest record that the group has not committed had waited longer than so many seconds."""
    waits: dict[float, float] = {}
    for sample in run.metrics.samples:
        if sample.metric == "records-lag-seconds" and ("group", group_id) in sample.labels:
            waits[sample.time_s] = max(waits.get(sample.time_s, 0.0), sample.value)
    return periods([(time_s, wait > late_s) for time_s, wait in waits.items()])


def periods(looks: Sequence[tuple[float, bool]]) -> tuple[Period, ...]:
    """The stretches in which something was so at each look, from the first to the last of those looks."""
    found: list[Period] = []
    before = False
    for time_s, is_so in looks:
        if is_so:
            found.append((found.pop()[0] if before else time_s, time_s))
        before = is_so
    return tuple(found)


def _alerts(rule: Rule, history: LagHistory) -> tuple[Period, ...]:
    return periods(rule.firing(history))


def _judged(rule: Rule, group_id: str, late: tuple[Period, ...], alerts: tuple[Period, ...]) -> Judgement:
    """An alert may come up to one look after a late period has ended: the monitor has not looked since."""
    belonging = [[alert for alert in alerts if _meet(alert, period, rule.every_s)] for period in late]
    delays = tuple(
        max(0.0, own[0][0] - period[0]) if own else None for period, own in zip(late, belonging, strict=True)
    )
    false = tuple(alert for alert in alerts if not any(alert in own for own in belonging))
    return Judgement(rule, group_id, late, alerts, delays, false)


def _meet(alert: Period, period: Period, slack_s: float) -> bool:
    return alert[0] <= period[1] + slack_s and alert[1] >= period[0]
