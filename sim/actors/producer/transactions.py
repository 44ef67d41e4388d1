"""A producer's transactions: its talks with the transaction coordinator and with the coordinators of groups.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java,
    clients/src/main/java/org/apache/kafka/clients/producer/KafkaProducer.java
Fidelity: approximate — coordinators are asked over connections of their own, one request after the other
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from typing import Any

from simpy import Event

from sim.actors.client.calls import Calls, waits
from sim.actors.client.client_errors import ClientError, ClientTimeoutError, ProducerFencedError, TransactionError
from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import CoordinatorClient, error_of
from sim.actors.client.network_client import Directory, NetworkClient
from sim.actors.consumer.group_member import ConsumerGroupMetadata
from sim.actors.producer.sender import Sender
from sim.actors.producer.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ProducerConfig
from sim.rules.errors import ErrorCode, IllegalStateError
from sim.rules.facts.client import TransactionBegan, TransactionEnded, TransactionOffsetsSent
from sim.rules.protocol.messages import InitProducerIdRequest, InitProducerIdResponse, Message
from sim.rules.protocol.transaction import EndTxnRequest, EndTxnResponse, TxnOffsetCommitRequest
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch
from sim.rules.transactions.transaction_manager import ProducerTransactionState, TransactionManager

__all__ = ["TransactionCalls", "Transactions"]

FATAL = ProducerTransactionState.FATAL_ERROR
OPEN = (ProducerTransactionState.IN_TRANSACTION, ProducerTransactionState.ABORTABLE_ERROR)
Outcome = Generator[Event, Any, ErrorCode | None]
Waiting = Generator[Event, Any, None]


class Transactions:
    """The transactions of one producer, one at a time."""

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        origin: str,
        config: ProducerConfig,
        directory: Directory,
        any_broker: NetworkClient,
        metadata: ClientMetadata,
        sequences: Sequences,
        sender: Sender,
        flush: Callable[[], Waiting],
    ) -> None:
        times_ms = (config.request_timeout_ms, config.reconnect_backoff_ms, config.reconnect_backoff_max_ms)
        self._owner = owner
        self._origin = origin
        self._config = config
        self._transactional_id = config.transactional_id or ""
        self._any_broker = any_broker
        self._metadata = metadata
        self._network = NetworkClient(owner, directory, *times_ms, client_id=client_id)
        self._network.on_disconnect = metadata.request_update
        self._coordinator = self._client(self._transactional_id, transactional=True)
        self._groups: dict[str, CoordinatorClient] = {}
        self._sequences = sequences
        self._sender = sender
        self._flush = flush
        self._state = TransactionManager()
        self._pending: tuple[str, Event] | None = None
        sender.on_failure = self._batch_failed

    def init(self) -> Waiting:
        """Get an id and an epoch; whoever had them before is fenced, and its open transaction aborted."""
        yield from self._run("initTransactions", self._state.init_transactions, self._initialise)

    def begin(self) -> None:
        """What is sent from now on belongs together."""
        self._raise(self._state.begin_transaction())
        self._owner.announce(TransactionBegan(self._owner.name, self._origin))

    def add(self) -> None:
        """A record is about to be sent."""
        self._raise(self._state.add_partition())

    def send_offsets(self, offsets: Mapping[TopicPartition, int], group: ConsumerGroupMetadata) -> Waiting:
        """Let a group's offsets be committed with the transaction."""
        wanted = dict(offsets)
        if wanted:
            yield from self._run(
                "sendOffsetsToTransaction", self._state.add_partition, lambda: self._send_offsets(wanted, group)
            )
            self._owner.announce(TransactionOffsetsSent(self._owner.name, self._origin, group.group_id))

    def commit(self) -> Waiting:
        """Everything is sent, and all of it counts."""
        yield from self._run("commitTransaction", self._state.begin_commit, lambda: self._end(True))
        self._owner.announce(TransactionEnded(self._owner.name, self._origin, True))

    def abort(self) -> Waiting:
        """Nothing of it counts; what has not left yet never will."""
        yield from self._run("abortTransaction", self._begin_abort, lambda: self._end(False))
        self._owner.announce(TransactionEnded(self._owner.name, self._origin, False))

    def close(self, abort: bool) -> Waiting:
        """Hang up on the coordinators; a transaction that is still open is aborted first, if there is time."""
        if abort and self._pending is None and self._state.state in OPEN:
            with suppress(ClientError):
                yield from self.abort()
        self._network.close()

    def _begin_abort(self) -> ErrorCode | None:
        error = self._state.begin_abort()
        if error is None:
            self._sender.give_up(ErrorCode.OPERATION_NOT_ATTEMPTED, drained=False)
        return error

    def _run(self, name: str, begin: Callable[[], ErrorCode | None], steps: Callable[[], Outcome]) -> Waiting:
        """Wait up to max.block.ms for the end of a call; the same call after a time-out waits on.

        Raises TransactionError, ClientTimeoutError, and IllegalStateError for a call that must not be made now.
        """
        if self._pending is None:
            self._raise(begin())
            self._pending = name, self._owner.clock.event()
            self._owner.spawn(self._finish(steps(), self._pending[1]))
        elif self._pending[0] != name:
            raise IllegalStateError(f"{self._pending[0]} has timed out and must be called again before {name}")
        done = self._pending[1]
        if not done.triggered:
            yield done | self._owner.sleep(self._config.max_block_ms * MILLISECOND)
        if not done.triggered:
            raise ClientTimeoutError(f"{name} of {self._transactional_id} within {self._config.max_block_ms} ms")
        self._pending = None
        self._raise(done.value)

    def _finish(self, steps: Outcome, done: Event) -> Waiting:
        done.succeed((yield from steps))

    def _initialise(self) -> Outcome:
        request = InitProducerIdRequest(self._transactional_id, self._config.transaction_timeout_ms)

        def taken(response: Message, error: ErrorCode) -> ErrorCode | None:
            return self._state.initialised(error, _identity(response))

        error = yield from self._ask(self._coordinator, request, taken)
        if error is None:
            self._sequences.begin(*self._state.producer)
        return error

    def _send_offsets(self, offsets: dict[TopicPartition, int], group: ConsumerGroupMetadata) -> Outcome:
        client = self._groups.get(group.group_id)
        if client is None:
            client = self._groups[group.group_id] = self._client(group.group_id)
        producer = self._state.producer
        _, generation, member_id, instance_id = group
        request = TxnOffsetCommitRequest(
            self._transactional_id, group.group_id, *producer, generation, member_id, instance_id, offsets
        )
        return (yield from self._ask(client, request, lambda _, error: self._state.offsets_sent(error)))

    def _end(self, committed: bool) -> Outcome:
        """Everything sent has its fate first; a commit that something has failed meanwhile is none."""
        yield from self._flush()
        state = self._state
        if state.last_error is not None or not state.started:
            if state.last_error is None:
                state.finish()
            return state.last_error

        def taken(response: Message, error: ErrorCode) -> ErrorCode | None:
            return state.ended(error, _identity(response))

        request = EndTxnRequest(self._transactional_id, *state.producer, committed)
        error = yield from self._ask(self._coordinator, request, taken)
        if error is None:
            self._sequences.begin(*state.producer)
        return error

    def _ask(
        self,
        client: CoordinatorClient,
        request: Message,
        taken: Callable[[Message, ErrorCode], ErrorCode | None],
    ) -> Outcome:
        """Ask a coordinator until the answer is no retriable error."""
        while True:
            response = yield from client.call(request)
            error = taken(response, error_of(response))
            if error is None or not error.retriable:
                return error
            yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)

    def _batch_failed(self, error: ErrorCode) -> None:
        """A batch is given up: nothing more of this transaction leaves."""
        if self._state.state is FATAL:
            return
        self._state.batch_failed(error)
        fatal = self._state.state is FATAL
        self._sender.give_up(self._state.last_error or ErrorCode.OPERATION_NOT_ATTEMPTED, drained=fatal)

    def _client(self, key: str, transactional: bool = False) -> CoordinatorClient:
        return CoordinatorClient(self._owner, key, self._any_broker, self._network, self._metadata, transactional)

    def _raise(self, error: ErrorCode | None) -> None:
        if error is ErrorCode.PRODUCER_FENCED:
            raise ProducerFencedError(error, self._transactional_id)
        if error is not None:
            raise TransactionError(error, self._transactional_id)


def _identity(response: Message) -> ProducerIdAndEpoch:
    """Who a producer is from now on, as far as the answer says."""
    if isinstance(response, InitProducerIdResponse | EndTxnResponse):
        return ProducerIdAndEpoch(response.producer_id, response.producer_epoch)
    return ProducerIdAndEpoch(-1, -1)


class TransactionCalls:
    """The methods of a producer with a transactional.id; IllegalStateError for one without.

    They raise TransactionError with Kafka's name of the reason, ProducerFencedError when the producer is of no use any
    more, ClientTimeoutError after max.block.ms, and IllegalStateError for a call that must not be made now.
    """

    calls: Calls
    _transactions: Transactions | None = None

    @waits
    def init_transactions(self) -> Waiting:
        """Fence former producers of this transactional.id; to be called once, before everything else."""
        yield from self._need().init()

    def begin_transaction(self) -> None:
        """What is sent from now on belongs together."""
        self._need().begin()

    @waits
    def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, int], group: ConsumerGroupMetadata
    ) -> Waiting:
        """Commit a consumer's offsets with the transaction; `group` is its `consumer_group_metadata()`."""
        yield from self._need().send_offsets(offsets, group)

    @waits
    def commit_transaction(self) -> Waiting:
        """Send what is left, and let all of the transaction count."""
        yield from self._need().commit()

    @waits
    def abort_transaction(self) -> Waiting:
        """Let nothing of the transaction count."""
        yield from self._need().abort()

    def _join_transaction(self) -> None:
        """A record is about to be sent."""
        if self._transactions is not None:
            self._transactions.add()

    def _need(self) -> Transactions:
        if self._transactions is None:
            raise IllegalStateError("transactions need a transactional.id")
        return self._transactions
