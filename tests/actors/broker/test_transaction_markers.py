"""Transactions on brokers and in consumers, with batches and markers written by single requests."""

from collections.abc import Generator, Mapping
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import (
    FetchData,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    Message,
    ProduceRequest,
    ProduceResponse,
)
from sim.rules.protocol.transaction import TxnMarkerEntry, WriteTxnMarkersRequest, WriteTxnMarkersResponse
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.offset_lookup import LATEST_TIMESTAMP
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Probe, Sink, Story, seconds

ELSEWHERE = TopicPartition("nowhere", 0)
UNVERIFIED = {"transaction.partition.verification.enable": False}
"""Leaders take batches of transactions that no coordinator knows of."""


class Transactions:
    """Transactional producers by id, as a leader sees them: records with running numbers, then a marker."""

    def __init__(self, story: Story, probe: Probe) -> None:
        self.story, self.probe, self.leader = story, probe, story.first_leader
        self.number = 0
        self.states: dict[int, tuple[int, int]] = {}

    def send(self, producer_id: int = -1, count: int = 1) -> ErrorCode:
        """Records of a transaction; plain ones without a producer id."""
        values = [str(self.number + index).encode() for index in range(count)]
        self.number += count
        batch = RecordBatch(RecordColumns.of([0] * count, None, values))
        if producer_id >= 0:
            epoch, sequence = self.states.get(producer_id, (0, 0))
            batch.producer_id, batch.producer_epoch, batch.base_sequence = producer_id, epoch, sequence
            batch.is_transactional = True
            self.states[producer_id] = epoch, sequence + count
        (answer,) = self.probe.ask(self.leader, ProduceRequest(-1, 30_000, [(P, batch)]), wait_s=0.05)
        assert isinstance(answer, ProduceResponse)
        return answer.partitions[P].error

    def end(self, producer_id: int, commit: bool) -> dict[TopicPartition, ErrorCode]:
        """The marker of a transaction, in the partition and in one that does not exist."""
        epoch = self.states.get(producer_id, (0, 0))[0] + 1
        self.states[producer_id] = epoch, 0
        return self.mark(TxnMarkerEntry(producer_id, epoch, 0, commit, [P, ELSEWHERE]))

    def mark(self, *markers: TxnMarkerEntry) -> dict[TopicPartition, ErrorCode]:
        (answer,) = self.probe.ask(self.leader, WriteTxnMarkersRequest(markers), wait_s=0.05)
        assert isinstance(answer, WriteTxnMarkersResponse)
        return answer.errors[markers[0].producer_id]


def flight(apps: Mapping[str, Sink] | None = None) -> Transactions:
    story = Story(1, apps=apps or {}, broker_config=UNVERIFIED)
    return Transactions(story, Probe(story))


def fetch(offset: int, wait_ms: int = 500, min_bytes: int = 1) -> FetchRequest:
    """A read_committed fetch in a session of its own."""
    wanted = {P: FetchPartition(offset, 1 << 20)}
    return FetchRequest(-1, 0, 0, wait_ms, min_bytes, 1 << 20, wanted, read_committed=True)


def fetched(answers: list[Message]) -> FetchData:
    (answer,) = answers
    assert isinstance(answer, FetchResponse)
    return answer.partitions[P]


def test_a_fetch_ends_where_a_transaction_is_open_and_tells_of_aborted_ones() -> None:
    made = flight()
    for producer_id in (7, -1, 8, 7):
        assert made.send(producer_id) is ErrorCode.NONE
    assert made.end(8, commit=True) == {P: ErrorCode.NONE, ELSEWHERE: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    data = fetched(made.probe.ask(made.leader, fetch(0, 0)))
    assert (data.batches, data.high_watermark) == ([], 5)
    made.end(7, commit=False)
    data = fetched(made.probe.ask(made.leader, fetch(0)))
    assert [batch.base_offset for batch in data.batches] == [0, 1, 2, 3, 4, 5]
    assert data.aborted == [(7, 0, 5, 6)]
    assert FetchResponse(ErrorCode.NONE, 0, {P: data}).size_bytes() == 32 + 40 + data.size_bytes + 16
    log = made.story.broker(made.leader).storage[P]
    assert [batch.size_bytes for batch in log.batches(4)] == [78, 78]


@pytest.mark.parametrize("min_bytes", [1, 100])
def test_a_parked_fetch_waits_for_the_marker_and_not_for_other_records(min_bytes: int) -> None:
    made = flight()
    made.send(7)
    parked = Probe(made.story, "parked")
    answers: list[Message] = []
    parked.network.connect(
        made.leader, lambda _: parked.network.send(made.leader, fetch(0, 10_000, min_bytes), answers.append)
    )
    made.send()
    made.send()
    assert answers == []
    made.end(7, commit=True)
    assert [batch.base_offset for batch in fetched(answers).batches] == [0, 1, 2, 3]
    assert made.story.now_s < 1


def test_the_latest_offset_of_a_committed_reader_is_the_last_stable_one() -> None:
    made = flight()
    made.send()
    made.send(7)
    made.send()
    for read_committed, expected in ((False, 3), (True, 1)):
        (answer,) = made.probe.ask(made.leader, ListOffsetsRequest({P: LATEST_TIMESTAMP}, read_committed))
        assert isinstance(answer, ListOffsetsResponse)
        assert answer.offsets[P].offset == expected


def test_consumers_see_what_their_isolation_level_allows_and_move_past_the_rest() -> None:
    committed = Sink("committed", isolation_level="read_committed")
    every = Sink("every", isolation_level="read_uncommitted")
    made = flight({"committed": committed, "every": every})
    made.story.fly(5)
    made.send(7, 3)
    made.send()
    made.send(8, 2)
    made.end(8, commit=True)
    made.story.fly(7)
    assert (committed.numbers, every.numbers) == ([], [0, 1, 2, 3, 4, 5])
    made.end(7, commit=False)
    made.story.fly(9)
    assert committed.numbers == [3, 4, 5]
    made.send(7)
    made.end(7, commit=True)
    made.send(8)
    made.end(8, commit=False)
    made.story.fly(11)
    assert (committed.numbers, every.numbers) == ([3, 4, 5, 6], list(range(8)))
    end = made.story.broker(made.leader).storage[P].log_end_offset
    for group in ("committed", "every"):
        assert made.story.cluster.committed_offsets(group) == {P: end}
    assert made.story.logs_agree()
    logs = [made.story.broker(broker_id).storage[P] for broker_id in made.story.followers]
    assert [log.last_stable_offset(end) for log in logs] == [end, end]


def test_a_poll_hands_back_nothing_when_it_has_only_moved_past_markers() -> None:
    polls: list[tuple[float, int, int | None]] = []

    def read(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer("reader", [P.topic], auto_offset_reset="earliest", max_poll_records=2)
        while True:
            records = yield from consumer.poll(60_000)
            yield from consumer.commit()
            offsets = yield from consumer.committed([P])
            polls.append((seconds(app.now), len(records), offsets.get(P)))

    story = Story(1, apps={"reader": read}, broker_config=UNVERIFIED)
    made = Transactions(story, Probe(story))
    made.send(7, 2)
    made.end(7, commit=True)
    made.story.fly(6)
    assert [(count, offset) for _, count, offset in polls] == [(2, 2), (0, 3)]
    made.end(7, commit=False)
    made.story.fly(7)
    assert [(count, offset) for _, count, offset in polls[2:]] == [(0, 4)]
    assert 6 < polls[2][0] < 6.2


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_poll_limit_in_the_middle_of_a_transaction_loses_nothing(limit: int) -> None:
    sink = Sink("committed", isolation_level="read_committed", max_poll_records=limit)
    made = flight({"committed": sink})
    for commit in (True, False, True, False, False, True):
        made.send(7, 2)
        made.end(7, commit)
    made.story.fly(6)
    assert sink.numbers == [0, 1, 4, 5, 10, 11]
    assert made.story.cluster.committed_offsets("committed") == {P: 18}


def test_a_new_leader_knows_the_open_transactions_and_ends_them() -> None:
    sink = Sink("committed", isolation_level="read_committed")
    made = flight({"committed": sink})
    made.send(7, 2)
    made.send()
    made.story.fly(2)
    made.story.broker(made.leader).stop()
    made.story.fly(20)
    made.leader = made.story.cluster.controller.image.leader(P)
    partition = made.story.broker(made.leader).replicas.partitions[P]
    assert partition.log.last_stable_offset(partition.high_watermark.value) == 0
    assert sink.numbers == []
    assert made.end(7, commit=True)[P] is ErrorCode.NONE
    made.story.fly(25)
    assert sink.numbers == [0, 1, 2]


def test_markers_that_a_leader_refuses() -> None:
    made = flight()
    made.send(7)
    made.end(7, commit=True)
    late = TxnMarkerEntry(7, 0, 0, False, [P])
    assert made.mark(late) == {P: ErrorCode.INVALID_PRODUCER_EPOCH}
    assert made.mark(TxnMarkerEntry(7, 2, -1, False, [P])) == {P: ErrorCode.TRANSACTION_COORDINATOR_FENCED}
    assert made.mark(TxnMarkerEntry(7, 2, 0, False, [P]), TxnMarkerEntry(9, 0, 0, True, [P])) == {P: ErrorCode.NONE}
    (empty,) = made.probe.ask(made.leader, WriteTxnMarkersRequest([]))
    assert empty == WriteTxnMarkersResponse()
    made.leader = made.story.followers[0]
    assert made.mark(late) == {P: ErrorCode.NOT_LEADER_OR_FOLLOWER}
    log = made.story.broker(made.story.first_leader).storage[P]
    assert [batch.is_control for batch in log.batches()] == [False, True, True, True]
