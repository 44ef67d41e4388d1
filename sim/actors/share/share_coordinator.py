"""The share coordinator of one broker: it leads parts of `__share_group_state` and keeps the states written there.

Source: share-coordinator/src/main/java/org/apache/kafka/coordinator/share/ShareCoordinatorService.java,
    ShareCoordinatorShard.java
Fidelity: approximate — loading takes no time; a state is seen before its write is committed; the leader epoch of a
    read is remembered, not written
Left out: snapshots and pruning, deletion of states.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.coordinator_log import CoordinatorLog
from sim.machine.clock import SECOND
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode
from sim.rules.share.share_group_state import (
    SHARE_GROUP_STATE_TOPIC,
    ReadShareGroupStateRequest,
    ShareGroupStateResponse,
    SharePartitionKey,
    SharePartitionState,
    WriteShareGroupStateRequest,
    decode_share_state,
    encode_share_state,
    merged_state,
    partition_for_share_key,
)
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ShareCoordinator"]

WRITE_TIMEOUT = 5 * SECOND
"""share.coordinator.write.timeout.ms, which cannot be configured here."""


class ShareCoordinator:
    """States by partition of the internal topic that this broker leads."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._timeouts = Deadlines(broker, WRITE_TIMEOUT)
        self._logs: dict[int, CoordinatorLog] = {}
        self._states: dict[int, dict[SharePartitionKey, SharePartitionState]] = {}

    def elected(self, partition: Partition) -> None:
        """Read the states from the log."""
        if partition.name.topic != SHARE_GROUP_STATE_TOPIC:
            return
        states: dict[SharePartitionKey, SharePartitionState] = {}
        for batch in partition.log.batches():
            for record in batch.records():
                if record.key is not None and record.value is not None:
                    key, state = decode_share_state(record.key, record.value)
                    states[key] = state
        self._states[partition.name.partition] = states
        self._logs[partition.name.partition] = CoordinatorLog(self._broker, partition.name, self._timeouts)

    def resigned(self, partition: Partition) -> None:
        """Another broker keeps these states now."""
        if partition.name.topic == SHARE_GROUP_STATE_TOPIC:
            self._logs.pop(partition.name.partition, None)
            self._states.pop(partition.name.partition, None)

    def write(self, request: ServerRequest) -> None:
        """WriteShareGroupState, InitializeShareGroupState: answered when it is committed."""
        body = request.body
        assert isinstance(body, WriteShareGroupStateRequest)
        number = self._number(body.states[0][0])
        states = self._states.get(number)
        if states is None:
            self._broker.reply(request, ShareGroupStateResponse(ErrorCode.NOT_COORDINATOR))
            return
        records = []
        for key, new in body.states:
            merged = merged_state(states.get(key), new)
            if isinstance(merged, ErrorCode):
                self._broker.reply(request, ShareGroupStateResponse(merged))
                return
            if merged is not states.get(key):
                states[key] = merged
                records.append(encode_share_state(key, merged))

        def written(error: ErrorCode) -> None:
            self._broker.reply(request, ShareGroupStateResponse(error))

        self._logs[number].write(records, written)

    def read(self, request: ServerRequest) -> None:
        """ReadShareGroupState."""
        body = request.body
        assert isinstance(body, ReadShareGroupStateRequest)
        states = self._states.get(self._number(body.key))
        if states is None:
            answer = ShareGroupStateResponse(ErrorCode.NOT_COORDINATOR)
        elif (known := states.get(body.key)) is None:
            answer = ShareGroupStateResponse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        elif body.leader_epoch < known.leader_epoch:
            answer = ShareGroupStateResponse(ErrorCode.FENCED_LEADER_EPOCH)
        else:
            states[body.key] = known = replace(known, leader_epoch=body.leader_epoch)
            answer = ShareGroupStateResponse(ErrorCode.NONE, known)
        self._broker.reply(request, answer)

    def start_offsets(self, group_id: str) -> dict[TopicPartition, int]:
        """What observers read: where a group stands in each partition whose state is kept here."""
        return {
            key.partition: state.start_offset
            for states in self._states.values()
            for key, state in states.items()
            if key.group_id == group_id and state.start_offset >= 0
        }

    def _number(self, key: SharePartitionKey) -> int:
        count = self._broker.image.partition_counts.get(SHARE_GROUP_STATE_TOPIC, 1)
        return partition_for_share_key(key, count)
