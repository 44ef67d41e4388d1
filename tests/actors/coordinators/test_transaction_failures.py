"""Transactions of zombies, of producers that hang, and under crashes of coordinators and leaders."""

import pytest

from sim.actors.client.app import App
from sim.actors.client.client_errors import ClientTimeoutError
from sim.machine.clock import SECOND
from sim.rules.transactions.transaction_metadata import TransactionState
from tests.actors.flights import P, seconds
from tests.actors.transactional import Readers, Run, Writer, coordinator, states, story


def zombie(open_before: bool) -> tuple[Writer, Writer, Readers]:
    """A second producer initialises the transactional id of the first."""

    def first(writer: Writer) -> Run:
        if open_before:
            writer.producer.begin_transaction()
            yield from writer.send(0)
        yield writer.app.until(8 * SECOND)
        if not open_before:
            writer.producer.begin_transaction()
        yield from writer.send(1)
        yield from writer.end(commit=True)
        yield from writer.end(commit=False)

    def second(writer: Writer) -> Run:
        yield writer.app.until(9 * SECOND)
        yield from writer.transaction(2)

    def later(app: App) -> Run:
        yield app.until(6 * SECOND)
        yield from new(app)

    old, new, readers = Writer(first), Writer(second), Readers()
    story({"old": old, "new": later, **readers.apps}).fly(12)
    return old, new, readers


def test_a_zombie_with_an_open_transaction_is_fenced() -> None:
    old, new, readers = zombie(open_before=True)
    assert old.results == [
        ("init", "ok"),
        ("send", "ok"),
        ("send", "INVALID_PRODUCER_EPOCH"),
        ("commit", "INVALID_PRODUCER_EPOCH"),
        ("abort", "fenced: PRODUCER_FENCED"),
    ]
    assert new.results == [("init", "ok"), ("send", "ok"), ("commit", "ok")]
    assert 100 < new.log[0][2] < 250  # CONCURRENT_TRANSACTIONS first, and once more after retry.backoff.ms
    assert (readers.committed.numbers, readers.every.numbers) == ([2], [0, 2])


def test_a_zombie_without_an_open_transaction_is_fenced() -> None:
    old, new, readers = zombie(open_before=False)
    assert [result for _, result in old.results] == [
        "ok",
        "INVALID_PRODUCER_EPOCH",
        "INVALID_PRODUCER_EPOCH",
        "fenced: PRODUCER_FENCED",
    ]
    assert new.log[0][2] < 100
    assert (readers.committed.numbers, readers.every.numbers) == ([2], [2])


def test_a_transaction_that_is_open_for_too_long_is_aborted_and_its_producer_goes_on() -> None:
    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield writer.app.until(15 * SECOND)
        yield from writer.send(1)
        yield from writer.end(commit=True)
        yield from writer.end(commit=False)
        yield from writer.transaction(2)

    writer, readers = Writer(steps, transaction_timeout_ms=3000), Readers()
    flown = story({"writer": writer, **readers.apps})
    leader = flown.broker(flown.first_leader)
    flown.fly(9.9)
    assert leader.storage[P].last_stable_offset(1) == 0
    flown.fly(11)
    assert leader.storage[P].last_stable_offset(2) == 2
    flown.fly(18)
    refused = "INVALID_PRODUCER_EPOCH"
    assert [result for _, result in writer.results] == ["ok", "ok", refused, refused, "ok", "ok", "ok"]
    assert (readers.committed.numbers, readers.every.numbers) == ([2], [0, 2])


def test_a_transaction_survives_the_coordinator() -> None:
    """Its successor reads from the log what is open, and what is decided but has no marker yet."""

    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield writer.app.until(15 * SECOND)
        yield from writer.end(commit=True)
        yield from writer.transaction(1, commit=False)
        yield from writer.transaction(2)

    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(5)
    flown.broker(coordinator(flown)).stop()
    flown.fly(30)
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == [0, 2]
    assert sorted(readers.every.numbers) == [0, 1, 2]


def test_a_call_that_has_timed_out_is_made_again() -> None:
    """The coordinator cannot write while too few replicas are in sync; the decision comes when they are back."""

    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        others = [broker for broker in flown.cluster.brokers if broker != coordinator(flown)]
        for broker in others:
            flown.broker(broker).stop()
            flown.at(20, flown.broker(broker).start)
        for _ in range(2):
            began = writer.app.now
            with pytest.raises(ClientTimeoutError):
                yield from writer.producer.commit_transaction()
            waited.append(seconds(writer.app.now - began))
        with pytest.raises(ValueError, match="commitTransaction has timed out"):
            yield from writer.producer.abort_transaction()
        yield writer.app.until(30 * SECOND)
        yield from writer.end(commit=True)

    waited: list[float] = []
    writer, readers = Writer(steps, max_block_ms=3000), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(45)
    assert waited == [3.0, 3.0]
    assert writer.results[-1] == ("commit", "ok")
    assert readers.committed.numbers == [0]


@pytest.mark.parametrize("commit", [True, False])
def test_a_decision_is_carried_out_by_the_next_coordinator(commit: bool) -> None:
    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield from writer.end(commit)
        decided.append(states(flown)[-1])
        flown.broker(coordinator(flown)).stop()
        yield from writer.transaction(1)

    decided: list[TransactionState] = []
    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(40)
    prepared, completed = (
        (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)
        if commit
        else (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
    )
    assert decided == [prepared]
    assert states(flown)[1:4] == [TransactionState.ONGOING, prepared, completed]
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == ([0, 1] if commit else [1])
    assert readers.every.numbers == [0, 1]


def test_the_leader_of_a_transaction_dies() -> None:
    def steps(writer: Writer) -> Run:
        yield writer.app.until(3 * SECOND)
        for number in range(40):
            yield from writer.transaction(2 * number, 2 * number + 1, commit=number % 4 != 3)
            yield writer.app.busy(ms=250)

    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(5)
    flown.broker(flown.first_leader).stop()
    flown.fly(60)
    assert len(writer.log) == 81
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == [n for n in range(80) if n // 2 % 4 != 3]
