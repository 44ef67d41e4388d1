"""A broker's answer to requests that write transaction markers.

Source: core/src/main/scala/kafka/server/KafkaApis.scala handleWriteTxnMarkersRequest
Fidelity: approximate — a group's offsets change when the marker is committed, not when it is appended
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.rules.errors import ErrorCode
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.protocol.messages import ProduceData
from sim.rules.protocol.transaction import TxnMarkerEntry, WriteTxnMarkersRequest, WriteTxnMarkersResponse
from sim.rules.storage.batch import RecordBatch
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["TransactionMarkers"]

ACKS_ALL = -1
MARKER_BATCH_SIZE_BYTES = 78
Outcomes = Callable[[dict[TopicPartition, ProduceData]], None]


class TransactionMarkers:
    """Markers of one broker: one append with acks=all per transaction, one answer when all are through."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker

    def handle(self, request: ServerRequest) -> None:
        """Write the markers as soon as a request handler has gone through the request."""
        body = request.body
        assert isinstance(body, WriteTxnMarkersRequest)
        broker = self._broker
        cost = broker.hardware.cost(len(body.markers), request.size_bytes)
        broker.at(broker.cpu.work(broker.now, cost), self._append_all, request, body)

    def _append_all(self, request: ServerRequest, body: WriteTxnMarkersRequest) -> None:
        written = ((name, MARKER_BATCH_SIZE_BYTES, 1) for entry in body.markers for name in entry.partitions)
        self._broker.log_storage.when_appended(request.size_bytes, written, lambda: self._write_all(request, body))

    def _write_all(self, request: ServerRequest, body: WriteTxnMarkersRequest) -> None:
        response = WriteTxnMarkersResponse()
        waiting = dict.fromkeys(range(len(body.markers)))

        def written(number: int, outcomes: dict[TopicPartition, ProduceData]) -> None:
            entry = body.markers[number]
            errors = response.errors.setdefault(entry.producer_id, {})
            for name, data in outcomes.items():
                errors[name] = data.error
                if data.error is ErrorCode.NONE:
                    self._broker.groups.end_transaction(name, entry.producer_id, entry.commit)
            del waiting[number]
            if not waiting:
                request.reply(response)

        for number, entry in enumerate(body.markers):
            self._write(entry, response, partial(written, number))
        if not body.markers:
            request.reply(response)

    def _write(self, entry: TxnMarkerEntry, response: WriteTxnMarkersResponse, then: Outcomes) -> None:
        """One transaction's markers; of partitions that are not here none is written."""
        broker = self._broker
        batches: list[tuple[TopicPartition, RecordBatch]] = []
        for name in entry.partitions:
            if name in broker.replicas.partitions:
                marker = EndTransactionMarker(entry.commit, entry.coordinator_epoch)
                batch = end_transaction_batch(entry.producer_id, entry.producer_epoch, marker, broker.now_ms)
                batches.append((name, batch))
            else:
                errors = response.errors.setdefault(entry.producer_id, {})
                errors[name] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        timeout_ms, version = broker.config.request_timeout_ms, entry.transaction_version
        broker.produces.append(batches, ACKS_ALL, timeout_ms, then, AppendOrigin.COORDINATOR, version)
