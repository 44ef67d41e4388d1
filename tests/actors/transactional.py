"""An application with a transactional producer, and consumers of both isolation levels, for stories."""

from collections.abc import Callable, Generator
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.client.client_errors import ProducerFencedError, TransactionError
from sim.actors.producer.producer import Producer
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_coordinator import partition_for_transactional_id
from sim.rules.transactions.transaction_log import TRANSACTION_STATE_TOPIC, decode_transaction
from sim.rules.transactions.transaction_metadata import TransactionState
from tests.actors.flights import P, Sink, Story

Run = Generator[Event, Any, Any]
FEW = {"transaction.state.log.num.partitions": 3}


class Writer:
    """An application with a transactional producer; what it does is a generator, what became of it a list."""

    def __init__(self, steps: Callable[["Writer"], Run], transactional_id: str = "writer", **config: object) -> None:
        self.steps, self.config = steps, {"transactional_id": transactional_id, "linger_ms": 0, **config}
        self.log: list[tuple[str, str, float]] = []
        self.producer: Producer
        self.app: App

    def __call__(self, app: App) -> Run:
        self.app, self.producer = app, app.producer(**self.config)
        yield from self.attempt("init", self.producer.init_transactions())
        yield from self.steps(self)

    def attempt(self, name: str, call: Run) -> Run:
        """Make a call, and note how it ended and how many milliseconds it took."""
        began = self.app.now
        try:
            yield from call
            result = "ok"
        except ProducerFencedError as error:
            result = f"fenced: {error.code.name}"
        except TransactionError as error:
            result = error.code.name
        self.log.append((name, result, (self.app.now - began) / 1e6))

    def send(self, *numbers: int) -> Run:
        """Send records, wait for them, and note the error of the last one."""
        began = self.app.now
        delivery = None
        for number in numbers:
            delivery = yield from self.producer.send(P.topic, value=str(number).encode(), partition=0)
        yield from self.producer.flush()
        assert delivery is not None
        error = delivery.batch.error
        self.log.append(("send", "ok" if error is None else error.name, (self.app.now - began) / 1e6))

    def transaction(self, *numbers: int, commit: bool = True) -> Run:
        """Begin, send, end."""
        self.producer.begin_transaction()
        yield from self.send(*numbers)
        yield from self.end(commit)

    def end(self, commit: bool) -> Run:
        """Commit or abort."""
        if commit:
            yield from self.attempt("commit", self.producer.commit_transaction())
        else:
            yield from self.attempt("abort", self.producer.abort_transaction())

    @property
    def results(self) -> list[tuple[str, str]]:
        """What was called, and how it ended."""
        return [(name, result) for name, result, _ in self.log]


class Readers:
    """One consumer of each isolation level."""

    def __init__(self) -> None:
        self.committed = Sink("committed", isolation_level="read_committed")
        self.every = Sink("every", isolation_level="read_uncommitted")

    @property
    def apps(self) -> dict[str, Callable[[App], Run]]:
        return {"committed": self.committed, "every": self.every}


def story(apps: dict[str, Callable[[App], Run]], **broker_config: object) -> Story:
    return Story(1, apps=apps, broker_config={**FEW, **broker_config})


def coordinator(flown: Story, transactional_id: str = "writer") -> int:
    """The broker that coordinates a transactional id."""
    number = partition_for_transactional_id(transactional_id, 3)
    return flown.cluster.controller.image.leader(TopicPartition(TRANSACTION_STATE_TOPIC, number))


def states(flown: Story, transactional_id: str = "writer") -> list[TransactionState]:
    """What `__transaction_state` says of a transactional id, in order."""
    name = TopicPartition(TRANSACTION_STATE_TOPIC, partition_for_transactional_id(transactional_id, 3))
    log = flown.broker(coordinator(flown)).storage[name]
    records = [record for batch in log.batches() for record in batch.records()]
    return [decode_transaction(record.key or b"", record.value or b"").state for record in records]
