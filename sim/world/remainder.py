"""What a group has left to read of a log."""

from sim.rules.storage.log import Log
from sim.rules.transactions.transactions import end_transaction_marker

__all__ = ["waits_for_readers"]


def waits_for_readers(log: Log, offset: int) -> bool:
    """Whether from an offset on there is a record that somebody must get: not a marker, nor of an aborted transaction.

    A transaction that is still open counts, for it may yet be committed.
    """
    if offset >= log.log_end_offset:
        return False
    undecided: dict[int, None] = {}
    for batch in log.batches(offset):
        if not batch.is_control:
            if not batch.is_transactional:
                return True
            undecided[batch.producer_id] = None
            continue
        marker = end_transaction_marker(batch)
        if batch.producer_id in undecided:
            if marker is None or marker.committed:
                return True
            del undecided[batch.producer_id]
    return bool(undecided)
