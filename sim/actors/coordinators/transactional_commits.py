"""A group coordinator's part in transactions: offsets that a producer commits with its records.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java
    commitTransactionalOffsets
Fidelity: approximate — offsets without notes; they count as pending from the append on, not when it is committed
"""

from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.coordinator_shard import CoordinatorShard
from sim.rules.errors import ErrorCode, InvalidProducerEpochError
from sim.rules.facts.group import CommitAccepted
from sim.rules.groups.coordinator import OffsetRecord, encode_offset
from sim.rules.producer.producer_state_entry import VerificationState
from sim.rules.protocol.group import OffsetCommitRequest
from sim.rules.protocol.transaction import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["commit_in_transaction"]

NO_SEQUENCE = -1


def commit_in_transaction(
    broker: "Broker", shard: CoordinatorShard, request: ServerRequest, body: TxnOffsetCommitRequest
) -> None:
    """Let this part of `__consumer_offsets` join the transaction, then check and write the offsets."""
    producer = ProducerIdAndEpoch(body.producer_id, body.producer_epoch)
    verification: VerificationState | None = None

    def answer(error: ErrorCode) -> None:
        unavailable = error is ErrorCode.NOT_ENOUGH_REPLICAS
        broker.reply(request, TxnOffsetCommitResponse(ErrorCode.COORDINATOR_NOT_AVAILABLE if unavailable else error))

    def verified(error: ErrorCode) -> None:
        refusal = error if error is not ErrorCode.NONE else refused(broker, shard, body)
        if refusal is not None:
            answer(refusal)
            return
        records = [encode_offset(OffsetRecord(body.group_id, *item)) for item in body.offsets.items()]
        if shard.write_in_transaction(records, producer, verification, answer):
            broker.announce(
                CommitAccepted(body.group_id, body.member_id, body.generation_id, tuple(body.offsets.items()))
            )
            shard.take_pending(body.group_id, body.producer_id, body.offsets)

    try:
        verification = broker.verification.begin(shard.name, *producer, NO_SEQUENCE)
    except InvalidProducerEpochError as error:
        answer(error.code)
        return
    if verification is None:
        verified(ErrorCode.NONE)
    else:
        broker.verification.add(body.transactional_id, producer, [shard.name], verified)


def refused(broker: "Broker", shard: CoordinatorShard, body: TxnOffsetCommitRequest) -> ErrorCode | None:
    """Why the group does not take the offsets, or None; a producer need not be a member."""
    partition = broker.replicas.partitions.get(shard.name)
    if partition is None or not partition.is_leader:
        return ErrorCode.NOT_COORDINATOR
    if body.generation_id < 0 and not body.member_id and body.group_instance_id is None:
        return None
    plain = OffsetCommitRequest(body.group_id, body.generation_id, body.member_id, body.offsets, body.group_instance_id)
    error = shard.validate_commit(plain, is_transactional=True)
    return ErrorCode.ILLEGAL_GENERATION if error is ErrorCode.STALE_MEMBER_EPOCH else error
