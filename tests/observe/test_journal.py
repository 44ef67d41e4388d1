"""The journal: one line per fact, and a hash that changes with any record."""

import json

from sim.machine.facts import Facts
from sim.observe.journal import Journal, line
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchRetried, BrokerFenced, LogTruncated
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import Plan
from sim.world.topics import Topic

NAME = TopicPartition("t", 0)


def test_a_line_is_json_with_time_in_seconds_and_kafka_names() -> None:
    text = line(1_500_000_000, BatchRetried("p", NAME, ErrorCode.NOT_ENOUGH_REPLICAS, 2, 7))
    assert json.loads(text) == {
        "t": 1.5,
        "fact": "BatchRetried",
        "client_id": "p",
        "partition": "t-0",
        "error": "NOT_ENOUGH_REPLICAS",
        "attempt": 2,
        "count": 7,
    }


def test_records_stay_out_of_the_lines() -> None:
    columns = RecordColumns.of([0], None, [b"secret"])
    text = line(0, LogTruncated(1, NAME, 1, 0, 3, (RecordBatch(columns),)))
    assert "removed" not in json.loads(text)


def test_facts_are_kept_in_order_and_hashed() -> None:
    facts = Facts()
    one, other = Journal(facts), Journal(facts)
    facts.announce(1, BrokerFenced(1))
    assert one.sha256() == other.sha256()
    facts.announce(2, BrokerFenced(2))
    assert [fact.broker_id for _, fact in one.facts] == [1, 2]
    empty = Journal(Facts()).sha256()
    assert one.sha256() != empty


def test_the_hash_covers_the_bytes_of_every_record() -> None:
    assert closed(b"a") == closed(b"a")
    assert closed(b"a") != closed(b"b")


def closed(value: bytes) -> str:
    flight = Flight(Plan(duration=0, topics=(Topic("t", 1, 1),)), seed=0)
    journal = Journal(Facts())
    flight.cluster.start()
    leader = flight.cluster.leader(NAME)
    assert leader is not None
    leader.log.append_as_leader(RecordBatch(RecordColumns.of([0], None, [value])), 0)
    journal.close(0, flight.cluster)
    return journal.sha256()
