"""All checkers over one history."""

from collections.abc import Iterator
from dataclasses import replace

from sim.observe.anomalies.allowed import Terms, why_allowed
from sim.observe.anomalies.cycles import cycles
from sim.observe.anomalies.evidence import Evidence
from sim.observe.anomalies.history import History
from sim.observe.anomalies.isolation import aborted_reads, precommitted_reads
from sim.observe.anomalies.lost_writes import lost_writes, unseen
from sim.observe.anomalies.offsets import duplicates, inconsistent_offsets
from sim.observe.anomalies.polls import PollOrder
from sim.observe.anomalies.report import NAMES, Anomalies, Anomaly
from sim.observe.anomalies.sends import send_order
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["check"]


def check(history: History, terms: Terms | None = None) -> Anomalies:
    """Find every anomaly of a history, by name, and tell which of them the terms allow."""
    evidence, terms = Evidence(history), terms or Terms()
    cases = [
        replace(case, allowed=why_allowed(case.name, case.circumstances, terms)) for case in _found(evidence, terms)
    ]
    cases.sort(key=lambda case: NAMES.index(case.name))
    return Anomalies(cases, len(evidence.operations), len(evidence.sends.value), len(evidence.reads.value))


def _found(evidence: Evidence, terms: Terms) -> Iterator[Anomaly]:
    order, gone = VersionOrder(evidence), evidence.of_topics(terms.removing_topics)
    polls = PollOrder(evidence, order, gone)
    yield from inconsistent_offsets(evidence, order)
    yield from duplicates(evidence, order)
    yield from lost_writes(evidence, order, gone)
    yield from aborted_reads(evidence)
    yield from precommitted_reads(evidence)
    yield from polls.between()
    yield from polls.within()
    yield from send_order(evidence, order)
    yield from unseen(evidence, order, gone)
    yield from cycles(evidence, order)
