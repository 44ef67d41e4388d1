"""The figures by the recordings' definitions: from journals made by hand, and from what was really recorded."""

import json
from pathlib import Path

import pytest

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.timelines.fault_client_figures import TopicSeen, client_figures, duplicate_figures
from sim.timelines.fault_recording import fault_recording
from sim.timelines.fault_server_figures import server_figures
from sim.timelines.reading import BUNDLED

MS = 1_000_000
RECORDED = sorted(BUNDLED.glob("fault_*.json"))
OTHER_TOPICS_MS = 150  # the recorded first and last full ISR may be that of a topic which is not in the file


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_changes_give_the_recorded_figures(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    recording = fault_recording(content)
    replicas = {name: len(topic.replicas) for name, topic in recording.topics.items()}
    compared = 0
    for run, raw in zip(recording.runs, content["runs"], strict=True):
        found = server_figures(run.changes, run.actions, replicas, None)
        told = {name: value for name, value in raw["derived"].items() if value is not None and name != "process_exit"}
        for name, value in told.items():
            tolerance = OTHER_TOPICS_MS if "isr_full" in name else 0
            assert found[name] == pytest.approx(value, abs=tolerance), name
        compared += len(told)
    assert compared >= len(recording.runs)


def columns(first_number: int, *sent_ms: int) -> RecordColumns:
    return RecordColumns(len(sent_ms), sent_ms, 100, sent_at=[ms * MS for ms in sent_ms], first_number=first_number)


def batch(base_offset: int, of: RecordColumns) -> RecordBatch:
    return RecordBatch(of, base_offset, 0)


def test_what_clients_saw() -> None:
    early, one, two, lost, twice = (
        columns(0, 80, 90),
        columns(2, 100),
        columns(3, 110, 120),
        columns(5, 500),
        columns(6, 510),
    )
    log = [batch(0, early), batch(2, one), batch(3, two), batch(5, twice), batch(6, twice)]
    acknowledged = [(early, 95 * MS), (one, 105 * MS), (two, 400 * MS), (lost, 505 * MS), (twice, 530 * MS)]
    seen = TopicSeen(
        [ms * MS for ms in (80, 90, 100, 110, 120, 500, 510, 900)], acknowledged, [90 * MS, 110 * MS, 610 * MS], log
    )
    assert client_figures(seen, (100 * MS, 600 * MS), 200 * MS) == {
        "sent": 5,
        "acked": 5,
        "lost_acked": 1,
        "duplicated": 1,
        "max_ack_latency": 290.0,
        "longest_ack_gap": 295.0,
        "gap_from": -95.0,
    }
    assert client_figures(seen, (100 * MS, 700 * MS), 0)["consumer_longest_gap"] == 500.0


def test_what_repeats_itself_in_the_log() -> None:
    one, two = columns(0, 100, 101), columns(2, 102)
    log = [batch(0, two), batch(1, one), batch(3, two), batch(4, two), batch(5, columns(3, 900))]
    seen = TopicSeen([], [], [], log)
    assert duplicate_figures(seen, (100 * MS, 600 * MS)) == {
        "records_duplicated": 1,
        "extra_copies": 2,
        "order_inversions_in_log": 1,
        "max_copies": 3,
    }
    assert duplicate_figures(TopicSeen([], [], [], []), (0, MS))["max_copies"] == 0
