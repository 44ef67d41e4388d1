"""What an administrator may ask and order of partitions: offsets, records, leaders, replicas.

Source: clients/src/main/java/org/apache/kafka/clients/admin/KafkaAdminClient.java
Fidelity: approximate — leaders are asked one after the other, not side by side
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from sim.actors.admin.admin_calls import AdminCalls, Asking, require_success
from sim.actors.client.client_errors import ClientTimeoutError
from sim.machine.clock import MILLISECOND
from sim.rules.controller.reassignment import Assignment
from sim.rules.errors import ErrorCode
from sim.rules.protocol.admin import DeletedRecords, DeleteRecordsRequest, DeleteRecordsResponse
from sim.rules.protocol.controller import (
    AlterPartitionReassignmentsRequest,
    ElectLeadersRequest,
    ListPartitionReassignmentsRequest,
)
from sim.rules.protocol.messages import ListOffsetsRequest, ListOffsetsResponse, Message
from sim.rules.storage.offset_lookup import FoundOffset
from sim.rules.topics import TopicPartition

__all__ = ["AdminPartitions"]


class AdminPartitions(AdminCalls):
    """Requests for leaders go to each of them; those for the controller to any broker."""

    def list_offsets(self, timestamps_ms: Mapping[TopicPartition, int]) -> Asking[dict[TopicPartition, FoundOffset]]:
        """The offset for each time, or for EARLIEST_TIMESTAMP and its like; -1 where no record is that late."""
        found: dict[TopicPartition, FoundOffset] = {}

        def request(names: Sequence[TopicPartition]) -> Message:
            return ListOffsetsRequest({name: timestamps_ms[name] for name in names})

        def take(response: Message) -> dict[TopicPartition, ErrorCode]:
            assert isinstance(response, ListOffsetsResponse)
            found.update(response.offsets)
            return {**dict.fromkeys(response.offsets, ErrorCode.NONE), **response.errors}

        yield from self._ask_leaders(timestamps_ms, request, take)
        return {name: found[name] for name in timestamps_ms}

    def delete_records(self, records_to_delete: Mapping[TopicPartition, int]) -> Asking[dict[TopicPartition, int]]:
        """Delete records below offsets, -1 for all; returns the low watermarks when all live replicas have done so.

        Raises AdminError (OFFSET_OUT_OF_RANGE, POLICY_VIOLATION…).
        """
        deleted: dict[TopicPartition, DeletedRecords] = {}

        def request(names: Sequence[TopicPartition]) -> Message:
            offsets = {name: records_to_delete[name] for name in names}
            return DeleteRecordsRequest(offsets, self.config.request_timeout_ms)

        def take(response: Message) -> dict[TopicPartition, ErrorCode]:
            assert isinstance(response, DeleteRecordsResponse)
            deleted.update(response.partitions)
            return {name: result.error for name, result in response.partitions.items()}

        yield from self._ask_leaders(records_to_delete, request, take)
        return {name: deleted[name].low_watermark for name in records_to_delete}

    def elect_leaders(
        self, election: Literal["preferred", "unclean"], partitions: Sequence[TopicPartition] | None = None
    ) -> Asking[dict[TopicPartition, ErrorCode]]:
        """Elect leaders, None for all partitions; what became of each, NONE or for instance ELECTION_NOT_NEEDED."""
        response = yield from self._ask_any(ElectLeadersRequest(election, partitions))
        return dict(response.partitions)

    def alter_partition_reassignments(
        self, reassignments: Mapping[TopicPartition, Sequence[int] | None]
    ) -> Asking[None]:
        """Move partitions to other replicas, or cancel a move with None. Raises AdminError; returns when it begins."""
        targets = {name: None if target is None else tuple(target) for name, target in reassignments.items()}
        response = yield from self._ask_any(AlterPartitionReassignmentsRequest(targets))
        require_success(response.partitions)

    def list_partition_reassignments(
        self, partitions: Sequence[TopicPartition] | None = None
    ) -> Asking[dict[TopicPartition, Assignment]]:
        """The partitions on the move."""
        response = yield from self._ask_any(ListPartitionReassignmentsRequest(partitions))
        return dict(response.partitions)

    def _ask_leaders(self, wanted: Iterable[TopicPartition], request: "RequestFor", take: "Take") -> Asking[None]:
        """Ask the leaders, again where one has changed. Raises AdminError, ClientTimeoutError."""
        deadline = self._owner.now + self.config.default_api_timeout_ms * MILLISECOND
        open_names = list(wanted)
        yield self._metadata.next_update()
        while True:
            by_leader: dict[int, list[TopicPartition]] = {}
            for name in open_names:
                by_leader.setdefault(self._metadata.leader(name), []).append(name)
            by_leader.pop(-1, None)
            for leader, names in by_leader.items():
                response = yield from self._send(leader, request(names))
                outcome = take(response) if isinstance(response, Answers) else {}
                require_success({name: error for name, error in outcome.items() if not error.retriable})
                open_names = [name for name in open_names if outcome.get(name) is not ErrorCode.NONE]
            if not open_names:
                return
            if self._owner.now >= deadline:
                raise ClientTimeoutError(f"{self.client_id}: no answer about {open_names[0]}")
            yield self._metadata.next_update()
            yield self._owner.sleep(self.config.retry_backoff_ms * MILLISECOND)


Answers = (ListOffsetsResponse, DeleteRecordsResponse)
RequestFor = Callable[[Sequence[TopicPartition]], Message]
Take = Callable[[Message], dict[TopicPartition, ErrorCode]]
