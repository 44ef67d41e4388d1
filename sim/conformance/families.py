"""The families of vectors and how each is put to the rules."""

from collections.abc import Callable, Mapping
from typing import Any

from sim.conformance.assignors import STICKY, client_assignor, exact_placement, server_assignor, share_record_transition
from sim.conformance.defaults import defaults
from sim.conformance.disk import (
    storage_batch_bytes,
    storage_batch_splitting,
    storage_delete_records,
    storage_retention,
    storage_segment_roll,
)
from sim.conformance.disk_compaction import storage_compaction
from sim.conformance.groups import classic_group_transition
from sim.conformance.producers import idempotent_sequences, murmur2_partition, transactions_lso, txn_state_transition
from sim.conformance.replication import (
    hw_advance,
    isr_decision,
    leader_election_elr,
    leader_epoch_cache,
    replica_placement,
    truncation,
)
from sim.conformance.storage import (
    compaction,
    log_reads,
    record_batch_constants,
    record_batch_size,
    retention,
    segment_roll_size,
    segment_roll_time,
    varint_size,
)
from sim.conformance.transactions import transactions

__all__ = ["ADAPTERS", "PLACEMENTS", "Adapter"]

Adapter = Callable[[Mapping[str, Any]], tuple[object, object]]
"""Takes a vector and gives Kafka's answer and that of the rules, to be compared as JSON."""

ADAPTERS: dict[str, Adapter] = {
    adapter.__name__: adapter
    for adapter in (
        varint_size,
        record_batch_constants,
        record_batch_size,
        segment_roll_size,
        segment_roll_time,
        log_reads,
        retention,
        compaction,
        storage_batch_bytes,
        storage_batch_splitting,
        storage_segment_roll,
        storage_retention,
        storage_delete_records,
        storage_compaction,
        leader_epoch_cache,
        truncation,
        hw_advance,
        isr_decision,
        leader_election_elr,
        replica_placement,
        murmur2_partition,
        idempotent_sequences,
        transactions_lso,
        txn_state_transition,
        transactions,
        classic_group_transition,
        client_assignor,
        server_assignor,
        share_record_transition,
        defaults,
    )
}


def _sticky_placement(vector: Mapping[str, Any]) -> bool | None:
    """Sticky assignors are checked by balance and moves; whether each partition is where Kafka's is stands apart."""
    return exact_placement(vector) if vector["assignor"] in STICKY else None


PLACEMENTS: dict[str, Callable[[Mapping[str, Any]], bool | None]] = {"client_assignor": _sticky_placement}
