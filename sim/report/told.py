"""A fact as a sentence for people."""

from dataclasses import fields
from enum import Enum
from typing import Any

from sim.rules.facts import journal as kinds
from sim.rules.topics import TopicPartition

__all__ = ["kind_of", "told"]

MOST_CHARACTERS = 160


def told(fact: Any) -> str:
    """`broker 2 leads payments-0, epoch 3`; of a kind without words of its own the fields. Too long a list is cut."""
    text = _cluster(fact) or _clients(fact) or _fields(fact)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def kind_of(fact: Any) -> str:
    """The name of its kind."""
    return type(fact).__name__


def _cluster(fact: Any) -> str:
    match fact:
        case kinds.FaultBegan():
            return f"fault: {fact.fault}"
        case kinds.FaultEnded():
            return f"mended: {fact.fault}"
        case kinds.BrokerStarted():
            return f"broker {fact.broker_id} starts"
        case kinds.BrokerStopped():
            return f"broker {fact.broker_id} stops"
        case kinds.BrokerFenced():
            return f"the controller fences broker {fact.broker_id}"
        case kinds.BrokerUnfenced():
            return f"the controller unfences broker {fact.broker_id}"
        case kinds.LeaderElected() if fact.leader < 0:
            return f"{fact.partition} is offline: nobody can lead it"
        case kinds.LeaderElected():
            return f"broker {fact.leader} leads {fact.partition}, epoch {fact.leader_epoch}"
        case kinds.IsrChanged():
            return f"in sync for {fact.partition}: {_listed(fact.isr)}"
        case kinds.LogTruncated():
            cut = f"from {fact.from_offset:,} to {fact.to_offset:,}"
            return f"broker {fact.broker_id} cuts its log of {fact.partition} {cut}"
        case _:
            return ""


def _clients(fact: Any) -> str:
    match fact:
        case kinds.GroupChanged():
            members = f"{fact.member_count} member" + "s" * (fact.member_count != 1)
            return f"group {fact.group_id} is {fact.state}: generation {fact.generation}, {members}"
        case kinds.MemberRemoved():
            return f"group {fact.group_id} drops {fact.member_id}: {fact.reason}"
        case kinds.PartitionsAssigned():
            return f"{fact.client_id} of {fact.group_id} reads {_listed(fact.partitions)}"
        case kinds.OffsetsCommitted():
            offsets = ", ".join(f"{name} up to {offset:,}" for name, offset in fact.offsets)
            return f"{fact.client_id} of {fact.group_id} commits {offsets}"
        case kinds.BatchRetried():
            return f"{fact.client_id} sends {fact.count:,} records for {fact.partition} again: {fact.error.name}"
        case kinds.BatchFailed():
            count = fact.columns.count
            return f"{fact.client_id} gives {count:,} records for {fact.partition} up: {fact.error.name}"
        case kinds.AppStarted():
            return f"{fact.app} starts"
        case kinds.AppStopped():
            return f"{fact.app} {'has come to its end' if fact.finished else 'is stopped'}"
        case _:
            return ""


def _fields(fact: Any) -> str:
    named = (
        f"{field.name.replace('_', ' ')} {_plain(getattr(fact, field.name))}" for field in fields(fact) if field.repr
    )
    return ", ".join(named)


def _plain(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple) and not isinstance(value, TopicPartition):
        return _listed(value)
    return str(value)


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values)) or "nothing"
