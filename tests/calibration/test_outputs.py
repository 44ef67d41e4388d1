"""What the tools print is read in their formats."""

import json
from pathlib import Path

import pytest

from sim.calibration.outputs import read_output
from sim.rules.errors import ConfigError

PRODUCER = """2510 records sent, 501.8 records/sec (0.48 MB/sec), 1.2 ms avg latency, 25.0 ms max latency.
500000 records sent, 99980.003999 records/sec (95.35 MB/sec), 12.34 ms avg latency, 450.00 ms max latency, \
2 ms 50th, 40 ms 95th, 200 ms 99th, 350 ms 99.9th.
"""
HEADER = (
    "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, "
    "fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n"
)
CONSUMER = f"""{HEADER}WARNING: Exiting before consuming the expected number of messages
2023-07-12 15:17:10:576, 2023-07-12 15:17:23:636, 476.8372, 36.5113, 5000000, 382848.3920, 1574, 11486, 41.5146, \
435312.5544
"""
OMB = {
    "workload": "1 topic",
    "driver": "Kafka",
    "messageSize": 1024,
    "partitions": 16,
    "producersPerTopic": 4,
    "consumersPerTopic": 4,
    "publishRate": [49900.0, 50100.0],
    "consumeRate": [50000.0],
    "aggregatedPublishLatencyAvg": 2.5,
    "aggregatedPublishLatency50pct": 2.1,
    "aggregatedPublishLatency99pct": 9.0,
    "aggregatedEndToEndLatency50pct": 3.0,
}


def file(folder: Path, text: str) -> Path:
    path = folder / "output"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_total_of_the_producer_and_what_whole_milliseconds_tell(tmp_path: Path) -> None:
    kind, figures, shape = read_output(file(tmp_path, PRODUCER))
    assert (kind, shape) == ("producer", {"record_bytes": 1000})
    assert figures == pytest.approx(
        {"records_per_s": 99980.004, "publish_ms.avg": 12.34, "publish_ms.p95": 40, "publish_ms.p99": 200}
    )


def test_the_consumers_rate_is_that_of_fetching(tmp_path: Path) -> None:
    kind, figures, shape = read_output(file(tmp_path, CONSUMER))
    assert (kind, figures, shape) == ("consumer", {"consumed_per_s": 435312.5544}, {"record_bytes": 100})
    old = CONSUMER.replace("41.5146, 435312.5544", "-0.0000, -0.0000")
    assert read_output(file(tmp_path, old)).figures == {"consumed_per_s": 382848.392}


def test_a_result_of_the_benchmark_tells_its_own_setup(tmp_path: Path) -> None:
    kind, figures, shape = read_output(file(tmp_path, json.dumps(OMB)))
    assert kind == "omb"
    assert shape == {"record_bytes": 1024, "partitions": 16, "producers": 4, "consumers": 4}
    assert figures["records_per_s"] == 50000
    assert figures["publish_ms.p99"] == 9
    assert figures["e2e_ms.p50"] == 3
    assert "publish_ms.p75" not in figures


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello", "holds no total"),
        (PRODUCER.splitlines()[0], "holds no total"),
        (HEADER, "no line of figures"),
        (CONSUMER.replace(" 5000000,", " 0,"), "read nothing"),
        ("{}", "there is no 'publishRate'"),
        ("{", "is no result of OpenMessaging Benchmark"),
    ],
)
def test_another_file_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        read_output(file(tmp_path, text))
