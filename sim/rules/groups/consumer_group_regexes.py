"""Regular expressions that members of a consumer group subscribe to: the coordinator resolves them to topics."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_members import ConsumerGroupMember
from sim.rules.groups.consumer_group_metadata import group_metadata_hash, subscribed_topics
from sim.rules.groups.consumer_group_records import ConsumerGroupRecord, EpochRecord, RegexRecord, ResolvedRegex
from sim.rules.groups.consumer_groups import ConsumerGroup

__all__ = ["RegexChange", "RegexContext", "regex_change", "regexes_resolved", "resolve_regexes"]

REFRESH_MIN_INTERVAL_MS = 10_000


@dataclass(frozen=True, slots=True)
class RegexContext:
    """When a heartbeat comes, which version of the metadata last brought a new topic, and what is under way."""

    now_ms: int
    new_topics_version: int
    refresh_interval_ms: int
    is_resolving: bool = False


@dataclass(frozen=True, slots=True)
class RegexChange:
    """Whether a member's regular expression is another, whether its topics are known, and which have to be resolved."""

    is_changed: bool = False
    is_resolved: bool = False
    records: tuple[RegexRecord, ...] = ()
    to_resolve: tuple[str, ...] = ()


def regex_change(
    group: ConsumerGroup, member: ConsumerGroupMember, heard: ConsumerGroupMember, context: RegexContext
) -> RegexChange | ErrorCode:
    """What a heartbeat means for the group's regular expressions; INVALID_REGULAR_EXPRESSION for a malformed one.

    They are all resolved together, so that one rebalance is enough.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        maybeUpdateRegularExpressions
    Fidelity: approximate — the syntax is Python's, not RE2J's
    """
    old, new = member.subscribed_topic_regex, heard.subscribed_topic_regex
    if old == new and not group.regex_counts:
        return _NO_CHANGE
    is_new = bool(new) and old != new and new not in group.regex_counts
    if is_new and not _is_valid(new):
        return ErrorCode.INVALID_REGULAR_EXPRESSION
    is_last = old != new and group.regex_counts.get(old) == 1
    return RegexChange(
        is_changed=old != new,
        is_resolved=old != new and (new in group.resolved if new else True) and not is_new,
        records=(RegexRecord(group.group_id, old, None),) if is_last else (),
        to_resolve=_to_resolve(group, heard, context, is_new),
    )


_NO_CHANGE = RegexChange()


def _is_valid(regex: str) -> bool:
    try:
        re.compile(regex)
    except re.error:
        return False
    return True


def _to_resolve(
    group: ConsumerGroup, heard: ConsumerGroupMember, context: RegexContext, is_new: bool
) -> tuple[str, ...]:
    if context.is_resolving or not (is_new or group.regex_counts):
        return ()
    known = next(iter(group.resolved.values()), None)
    if known is not None and context.now_ms <= known.timestamp_ms + REFRESH_MIN_INTERVAL_MS:
        return ()
    wanted = {member.subscribed_topic_regex for member in group.members_with(heard).values()} - {""}
    is_due = (
        is_new
        or known is None
        or len(wanted) != len(group.resolved)
        or known.version < context.new_topics_version
        or context.now_ms > known.timestamp_ms + context.refresh_interval_ms
    )
    return tuple(sorted(wanted)) if is_due else ()


def resolve_regexes(
    regexes: Iterable[str], topics: Iterable[str], version: int, now_ms: int
) -> dict[str, ResolvedRegex]:
    """The topics whose whole name matches each regular expression.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        refreshRegularExpressions
    Fidelity: approximate — the syntax is Python's, not RE2J's
    """
    names = list(topics)
    return {
        regex: ResolvedRegex(frozenset(filter(re.compile(regex).fullmatch, names)), version, now_ms)
        for regex in regexes
    }


def regexes_resolved(
    group: ConsumerGroup, found: Mapping[str, ResolvedRegex], topic_hash: Callable[[str], str]
) -> list[ConsumerGroupRecord]:
    """Records for regular expressions that are resolved anew; the group's epoch rises if that changes its topics.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        handleRegularExpressionsResult
    Fidelity: exact
    """
    wanted = {regex: resolved for regex, resolved in found.items() if regex in group.regex_counts}
    records: list[ConsumerGroupRecord] = [
        RegexRecord(group.group_id, regex, resolved) for regex, resolved in wanted.items()
    ]
    nothing = ResolvedRegex(frozenset(), 0, 0)
    is_other = any(group.resolved.get(regex, nothing).topics != resolved.topics for regex, resolved in wanted.items())
    topics = subscribed_topics(group.members.values(), {**group.resolved, **wanted})
    metadata_hash = group_metadata_hash({topic: topic_hash(topic) for topic in topics})
    if is_other or metadata_hash != group.metadata_hash:
        records.append(EpochRecord(group.group_id, group.epoch + 1, metadata_hash))
    return records
