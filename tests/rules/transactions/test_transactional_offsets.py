"""Offsets committed inside of transactions."""

from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transactional_offsets import TransactionalOffsets

NAME = TopicPartition("payments", 0)


def test_offsets_count_when_their_transaction_commits() -> None:
    offsets = TransactionalOffsets()
    offsets.add(1, {NAME: 5})
    assert offsets.fetch(NAME, require_stable=True) is ErrorCode.UNSTABLE_OFFSET_COMMIT
    assert offsets.fetch(NAME, require_stable=False) is None
    offsets.end_transaction(1, commit=False)
    assert offsets.fetch(NAME, require_stable=True) is None
    offsets.add(1, {NAME: 6})
    offsets.add(1, {NAME: 7})
    offsets.end_transaction(1, commit=True)
    offsets.end_transaction(2, commit=True)
    assert offsets.fetch(NAME, require_stable=True) == 7
