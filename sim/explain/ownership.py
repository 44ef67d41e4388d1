"""The times in which nobody of a group read a partition, and why its reader was gone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.explain.chain import Link, Remedy
from sim.explain.looking import app_of, consumers_of, session_remedy
from sim.rules.facts.journal import AppFailed, AppStarted, AppStopped, GroupChanged, MemberRemoved, PartitionsAssigned
from sim.rules.facts.topic import PartitionsCreated
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Gap", "cause_of", "gaps", "told"]

TOGETHER_S = 1.0
UNREADABLE = ("cannot read", "Unreadable", "Deserial", "poison")


@dataclass(frozen=True, slots=True)
class Gap:
    """From when to when (seconds) a partition of a group had no reader that works; `cause` says how it lost it."""

    begin_s: float
    end_s: float
    client_id: str
    cause: str
    detail: str = ""


def gaps(run: "Run", group_id: str, partition: TopicPartition) -> list[Gap]:
    """All such times, in order; the last one may last to the end of the run."""
    found: list[Gap] = []
    owner, gap, error = "", None, ""
    for time, fact in run.facts:
        now_s = time / 1e9
        if isinstance(fact, PartitionsAssigned) and fact.group_id == group_id:
            if partition in fact.partitions:
                if gap is not None:
                    found.append(replace(gap, end_s=now_s))
                owner, gap = fact.client_id, None
            elif fact.client_id == owner and gap is None:
                gap = Gap(now_s, now_s, owner, "rebalance-pause")
        elif isinstance(fact, AppFailed) and owner and fact.app == app_of(run, owner):
            error = fact.error
            if gap is not None and gap.cause in ("member-left", "rebalance-pause"):
                gap, error = replace(gap, cause=_of_failure(error), detail=error), ""
        elif isinstance(fact, AppStopped) and owner and gap is None and fact.app == app_of(run, owner):
            cause = _of_failure(error) if error else "member-left" if fact.finished else "member-crashed"
            gap, error = Gap(now_s, now_s, owner, cause, error), ""
        elif isinstance(fact, MemberRemoved) and fact.group_id == group_id and owner:
            is_owner = fact.member_id.startswith(owner)
            if is_owner and (gap is None or (gap.cause == "rebalance-pause" and now_s - gap.begin_s < TOGETHER_S)):
                gap = removed(run, time, fact, owner)
    if gap is not None:
        found.append(replace(gap, end_s=run.simulated_s))
    return found


def removed(run: "Run", time: int, fact: MemberRemoved, client_id: str) -> Gap:
    """Why a member whose process runs was removed: it hung, was too slow between polls, or left."""
    now_s, polled = time / 1e9, run.recorded().hindsight.idle_since.get((fact.member_id, time), time)
    consumers = consumers_of(run, fact.group_id)
    if fact.reason == "left":
        longest_s = consumers[0].config.max_poll_interval_ms / 1e3 if consumers else float("inf")
        if now_s - polled / 1e9 >= longest_s - 0.1:
            return Gap(polled / 1e9, now_s, client_id, "poll-interval-exceeded")
        return Gap(now_s, now_s, client_id, "member-left")
    if fact.reason == "session timed out":
        remedy = session_remedy(run, fact.group_id)
        return Gap(max(0.0, now_s - int(str(remedy.value)) / 1e3), now_s, client_id, "member-hung")
    return Gap(polled / 1e9, now_s, client_id, "missed-rebalance", fact.reason)


def _of_failure(error: str) -> str:
    return "poison-record" if any(word in error for word in UNREADABLE) else "application-failed"


def cause_of(run: "Run", group_id: str, gap: Gap) -> Gap:
    """The gap with what began it: of a pause for a rebalance, what called for the rebalance."""
    if gap.cause != "rebalance-pause":
        return gap
    triggers = list(_triggers(run, group_id, gap.begin_s))
    return replace(gap, detail=triggers[-1] if triggers else "the members have changed")


def _triggers(run: "Run", group_id: str, until_s: float) -> Iterator[str]:
    members, known = 0, {app_of(run, consumer.client_id) for consumer in consumers_of(run, group_id)}
    for time, fact in run.facts:
        now_s = time / 1e9
        if now_s > until_s:
            return
        recently = until_s - now_s < 10
        if isinstance(fact, GroupChanged) and fact.group_id == group_id:
            if recently and fact.member_count > members > 0:
                yield f"a member joined at {now_s:.1f} s"
            members = fact.member_count
        elif recently and isinstance(fact, AppStarted) and fact.app in known and now_s > 0:
            yield f"{fact.app} started at {now_s:.1f} s"
        elif recently and isinstance(fact, MemberRemoved) and fact.group_id == group_id:
            yield f"{fact.member_id} was removed at {now_s:.1f} s ({fact.reason})"
        elif recently and isinstance(fact, PartitionsCreated):
            yield f"{fact.topic} got more partitions at {now_s:.1f} s"


def told(run: "Run", group_id: str, subject: str, gap: Gap) -> tuple[tuple[Link, ...], Remedy | None]:
    """The links from a gap to its cause, and the setting that decides how long it is."""
    length_s, app = gap.end_s - gap.begin_s, app_of(run, gap.client_id)
    evidence = f"PartitionsAssigned of {group_id}"
    first = Link(gap.begin_s, f"group {group_id} had no owner at work for {subject} for {length_s:.1f} s", evidence)
    session, at = session_remedy(run, group_id), f"at {gap.begin_s:.1f} s"
    consumers = consumers_of(run, group_id)
    config = consumers[0].config if consumers else None
    until = f"nobody knew until {session.key} of {session.value} was over"
    if gap.cause in ("member-crashed", "application-failed", "poison-record"):
        died = f" of {gap.detail}" if gap.detail else ""
        what = f"{app} died {at}{died}, and {until}"
        remedy = None if gap.cause == "poison-record" else session
        return (first, Link(gap.begin_s, what, f"AppStopped {app}")), remedy
    if gap.cause == "member-hung":
        what = f"{app} was heard of {at} for the last time though it had not left, and {until}"
        return (first, Link(gap.begin_s, what, "MemberRemoved, session timed out")), session
    if gap.cause == "poll-interval-exceeded" and config is not None:
        value = config.max_poll_interval_ms
        what = f"{app} was handed records {at} and did not poll again within max.poll.interval.ms of {value}"
        records = max(1, config.max_poll_records // 10)
        remedy = Remedy("consumer.max.poll.records", config.max_poll_records, records)
        return (first, Link(gap.begin_s, what, "MemberRemoved, left")), remedy
    if gap.cause == "missed-rebalance" and config is not None:
        value = config.max_poll_interval_ms
        what = f"{app} took no part in the rebalance, and the others waited max.poll.interval.ms of {value} for it"
        remedy = Remedy("consumer.max.poll.interval.ms", value, max(1000, value // 3))
        return (first, Link(gap.begin_s, what, f"MemberRemoved, {gap.detail}")), remedy
    if gap.cause == "rebalance-pause" and config is not None:
        what = f"the group rebalanced, as {gap.detail}, and took {subject} from {app} meanwhile"
        names = ", ".join(config.partition_assignment_strategy)
        remedy = Remedy("consumer.partition.assignment.strategy", names, "cooperative-sticky")
        if "cooperative" in names or config.group_protocol == "consumer":
            remedy = None
        return (first, Link(gap.begin_s, what, "GroupChanged")), remedy
    return (first, Link(gap.begin_s, f"{app} left {at}", "MemberRemoved, left")), None
