"""The black box of whole runs: on request only, without a trace of its own, and fast."""

import gc
import json
import time
from pathlib import Path

from scenarios.basics.hello_topic import scenario
from sim.observe.anomalies import BlackBox, check
from sim.observe.anomalies.history import History, Operation, Poll, Records, Send
from sim.rules.facts import client
from sim.rules.facts.journal import JOURNAL
from sim.world.flight import Flight
from sim.world.plan import Plan
from sim.world.topics import Topic
from tests.observe.anomalies.histories import OK, Diary, X, send


def test_a_run_has_anomalies_on_request_and_the_same_trace(tmp_path: Path) -> None:
    plain = scenario.run(seed=3, until="20s")
    boxed = scenario.run(seed=3, until="20s", black_box=True, out=tmp_path)
    assert plain.anomalies is None
    assert "anomalies" not in plain.summary()
    assert boxed.journal.sha256() == plain.journal.sha256()
    assert boxed.anomalies is not None
    assert boxed.anomalies.sent > 300
    kept = json.loads((tmp_path / "anomalies.json").read_text())
    assert kept == json.loads(json.dumps(boxed.anomalies.as_json()))
    assert boxed.summary()["anomalies"] == boxed.anomalies.counts()
    assert set(boxed.anomalies.sentences()) <= set(boxed.sentences())


def test_facts_of_clients_are_in_no_journal_and_nobody_else_wants_them() -> None:
    kinds = [getattr(client, name) for name in client.__all__]
    assert not set(kinds) & set(JOURNAL)
    run = scenario.run(seed=3, until="2s")
    assert not any(run.flight.machine.facts.wanted(kind) for kind in kinds)


def test_topics_that_remove_records_are_known_by_their_configuration() -> None:
    topics = (
        Topic("plain", 1, 3),
        Topic("compacted", 1, 3, {"cleanup.policy": "compact"}),
        Topic("short", 1, 3, {"retention.ms": 1000}),
    )
    box = BlackBox(Flight(Plan(None, topics=topics), 0))
    assert box._removing_topics() == {"compacted", "short"}


def test_the_report_tells_counts_first_cases_and_reasons() -> None:
    diary = Diary()
    diary.transaction("t", send("a0", 0), send("a1", 2))
    for number in range(5):
        diary.sends(send(f"b{number}", 1 if number == 0 else number + 2))
    diary.polls((0, "a0"), (1, "b0"), (2, "a1"), (6, "b4"))
    found = diary.check()
    assert found.counts() == {
        "ok": False,
        "found": {"lost-write": 3, "int-poll-skip": 1, "unseen": 1, "int-send-skip": 1},
        "unexpected": {"lost-write": 3, "int-poll-skip": 1, "unseen": 1},
    }
    told = found.sentences(most=2)
    assert told[0] == "Black box: 7 operations, 7 records sent, 4 polled."
    assert told[1].startswith("lost-write, 3 unexpected: b #1 of x-0 was written at offset 3 and never polled")
    assert told[1].count("never polled") == 2
    assert told[3] == "int-send-skip, 1 allowed: records of others come between those of a transaction."
    assert Diary().check().sentences() == ["Black box: 0 operations, 0 records sent, 0 polled.", "No anomaly."]


def long_history(records: int, per_batch: int) -> History:
    """A producer and a consumer that goes along."""
    operations: list[Operation] = []
    for number in range(0, records, per_batch):
        rows = Records(X, "p", number, per_batch, number)
        operations.append(Operation("p", OK, number, number + 1, (Send(rows),)))
        operations.append(Operation("c", OK, number + 1, number + 2, (Poll("c", number, (rows,)),)))
    return History(operations)


def test_a_check_takes_its_time_by_batches() -> None:
    gc.disable()
    try:
        for history, most_s in ((long_history(100_000, 10), 2.0), (long_history(5_000, 1), 0.25)):
            began = time.process_time()
            found = check(history)
            assert time.process_time() - began < most_s
            assert found.cases == []
            assert found.sent == found.polled
    finally:
        gc.enable()
