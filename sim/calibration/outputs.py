"""Reads what the tools print: kafka-producer-perf-test, kafka-consumer-perf-test, OpenMessaging Benchmark.

Source: tools/src/main/java/org/apache/kafka/tools/ProducerPerformance.java printTotal and
    ConsumerPerformance.java printHeader; openmessaging/benchmark, TestResult.java
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from sim.rules.errors import ConfigError

__all__ = ["Output", "read_output"]

PRODUCER = re.compile(
    r"(?P<records>\d+) records sent, (?P<rate>[\d.]+) records/sec \((?P<mb>[\d.]+) MB/sec\), (?P<avg>[\d.]+) ms avg "
    r"latency, [\d.]+ ms max latency, (?P<p50>\d+) ms 50th, (?P<p95>\d+) ms 95th, (?P<p99>\d+) ms 99th"
)
CONSUMER_HEADER = "start.time, end.time, data.consumed.in.MB, MB.sec"
ENDINGS = {"avg": "Avg", "p50": "50pct", "p75": "75pct", "p95": "95pct", "p99": "99pct"}
MEBIBYTE = 1024 * 1024
WHOLE_MS = 3.0
"""The tool prints whole milliseconds: a percentile below this says too little."""


class Output(NamedTuple):
    """What one tool measured: `kind` is producer, consumer or omb; figures by name, such as `records_per_s`.

    Latencies are `publish_ms.p99` and `e2e_ms.avg`; `shape` has what a result says of its own setup: record size in
    bytes, topics, partitions, producers and consumers.
    """

    kind: str
    figures: Mapping[str, float]
    shape: Mapping[str, int]


def read_output(path: Path) -> Output:
    """The figures in a file that a tool has printed or written. Raises ConfigError, one line, for any other."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: this is no text in UTF-8") from error
    if text.lstrip().startswith("{"):
        return _benchmark(path, text)
    if CONSUMER_HEADER in text:
        return _consumer(path, text)
    totals = list(PRODUCER.finditer(text))
    if not totals:
        raise ConfigError(
            f"{path}: holds no total; it needs the last line of kafka-producer-perf-test, the table of "
            "kafka-consumer-perf-test, or a result of OpenMessaging Benchmark"
        )
    return _producer(totals[-1])


def _producer(total: re.Match[str]) -> Output:
    rate = float(total["rate"])
    figures = {"records_per_s": rate, "publish_ms.avg": float(total["avg"])}
    for name in ("p50", "p95", "p99"):
        if float(total[name]) >= WHOLE_MS:
            figures[f"publish_ms.{name}"] = float(total[name])
    return Output("producer", figures, {"record_bytes": round(float(total["mb"]) * MEBIBYTE / rate)})


def _consumer(path: Path, text: str) -> Output:
    """The rate is that of fetching, without the rebalance, where the tool tells it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    at = next(number for number, line in enumerate(lines) if CONSUMER_HEADER in line)
    names = [name.strip() for name in lines[at].split(",")]
    rows = [[value.strip() for value in line.split(",")] for line in lines[at + 1 :]]
    rows = [row for row in rows if len(row) == len(names)]
    try:
        row = dict(zip(names, rows[-1], strict=True))
        count, mebibytes = float(row["data.consumed.in.nMsg"]), float(row["data.consumed.in.MB"])
        fetched = float(row.get("fetch.nMsg.sec", 0))
        rate = fetched if fetched > 0 else float(row["nMsg.sec"])
    except (IndexError, KeyError, ValueError) as error:
        raise ConfigError(f"{path}: the table of kafka-consumer-perf-test has no line of figures") from error
    if count <= 0 or rate <= 0:
        raise ConfigError(f"{path}: the consumer read nothing")
    return Output("consumer", {"consumed_per_s": rate}, {"record_bytes": round(mebibytes * MEBIBYTE / count)})


def _benchmark(path: Path, text: str) -> Output:
    try:
        found = json.loads(text)
        figures = {"records_per_s": fmean(found["publishRate"]), "consumed_per_s": fmean(found["consumeRate"])}
        for side, name in (("publish_ms", "aggregatedPublishLatency"), ("e2e_ms", "aggregatedEndToEndLatency")):
            for figure, ending in (
                ("avg", "Avg"),
                ("p50", "50pct"),
                ("p75", "75pct"),
                ("p95", "95pct"),
                ("p99", "99pct"),
            ):
                if float(found.get(f"{name}{ending}", 0)) > 0:
                    figures[f"{side}.{figure}"] = float(found[f"{name}{ending}"])
    except (ValueError, KeyError, TypeError) as error:
        missing = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{path}: is no result of OpenMessaging Benchmark: {missing}") from error
    names = {
        "record_bytes": "messageSize",
        "partitions": "partitions",
        "producers": "producersPerTopic",
        "consumers": "consumersPerTopic",
    }
    shape = {ours: int(found[theirs]) for ours, theirs in names.items() if isinstance(found.get(theirs), int)}
    return Output("omb", figures, shape)
