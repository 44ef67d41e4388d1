"""Bad input: one line on standard error that says what, where and what would be right; exit code 2; no trace left."""

import gzip
import re
from pathlib import Path

import pytest

from tests.cli.command import Kafkasim, Outcome

HEADER = "time,card,amount,is_fraud\n"
GOOD = "".join(f"{1_700_000_000 + second},card-{second % 7},{second}.25,0\n" for second in range(40))
LAST = "1700000040,card-1,"


def assert_refused(outcome: Outcome, what: str) -> None:
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith("kafkasim: ")
    assert outcome.err.strip().isprintable()
    assert re.search(what, outcome.err), outcome.err


ARGUMENTS = [
    ("nope", "No such command 'nope'.*kafkasim --help"),
    ("rum payment-fraud", "(?i)did you mean 'run'"),
    ("list --jsn", "(?i)did you mean '--json'"),
    ("info", "Missing argument 'NAME'.*kafkasim info --help"),
    ("info payment-frod", "unknown scenario 'payment-frod', did you mean 'payment-fraud'"),
    ("run", "Missing argument 'NAME'.*kafkasim run --help"),
    ("run nope", "unknown scenario 'nope', kafkasim list shows those there are"),
    ("run payment-fraud extra", "unexpected extra argument .extra"),
    ("run payment-fraud --nofaults", "(?i)did you mean.*'--no-faults'"),
    ("run payment-fraud --seed x", "'--seed': 'x' is not a valid integer"),
    ("run payment-fraud --set acks", "--set acks: write it as key=value, for instance --set acks=1"),
    ("run payment-fraud --set =1", "--set =1: write it as key=value"),
    ("run payment-fraud --set acks=", r"invalid value '' for acks: expected a word in \[all, -1, 0, 1\]"),
    ("run payment-fraud --set acks=2", r"invalid value '2' for acks: expected a word in \[all, -1, 0, 1\]"),
    ("run payment-fraud --set ack=1", "unknown setting 'ack', did you mean 'acks'"),
    ("run payment-fraud --set detector=1", "unknown setting 'detector', did you mean 'detectors'"),
    ("run payment-fraud --set producer.lingr.ms=1", "did you mean 'producer.linger.ms'"),
    ("run payment-fraud --set qqq=1", "unknown setting 'qqq'; there are arrivals, .* and Kafka's own keys"),
    ("run payment-fraud --set request.timeout.ms=9s", "ambiguous: write producer.request.timeout.ms or consumer"),
    ("run payment-fraud --set detectors=x", "detectors=x: write it like detectors=3"),
    ("run payment-fraud --set detectors=2.5", "detectors=2.5: write it like detectors=3"),
    ("run payment-fraud --set detectors=0", "detectors=0: must lie between 1 and 100"),
    ("run payment-fraud --set merchants=3", "merchants=3: must lie between 10 and"),
    ("run payment-fraud --set fraud_share=nan", "fraud_share=nan: must lie between 0 and 0.5"),
    ("run payment-fraud --set duration=4", "duration=4: write it like duration=4m"),
    ("run payment-fraud --set duration=0s", "duration=0s: must be more than nothing"),
    ("run payment-fraud --set duration=-4s", "duration=-4s: write it like duration=4m"),
    ("run payment-fraud --set arrivals=poison:3", "workload 'poison:3': write it like constant:100, poisson:450"),
    ("run payment-fraud --set arrivals=poisson:-3", "workload 'poisson:-3': .*0 or more"),
    ("run payment-fraud --set arrivals=poisson:inf", "workload 'poisson:inf': .*finite"),
    ("run payment-fraud --set producer.linger.ms=abc", "invalid value 'abc' for linger.ms: expected milliseconds"),
    ("run payment-fraud --set linger.ms=-1", "linger_ms=-1: must lie between 0 and"),
    ("run payment-fraud --set replication_factor=5", "replication factor 5 is not between 1 and .* brokers, 3"),
    ("run payment-fraud --set brokers=2", "replication factor 3 is not between 1 and the number of brokers, 2"),
    ("run payment-fraud --set min.insync.replicas=4", "min.insync.replicas 4 is more than its replication factor 3"),
    ("run payment-fraud --set session.timeout.ms=1s", "heartbeat.interval.ms is 3000, session.timeout.ms 1000"),
    ("run payment-fraud --set acks=1 --set enable.idempotence=true", "Must set acks to all"),
    ("run payment-fraud --set max.in.flight.requests.per.connection=6", "at most 5. Current value is 6"),
    ("run payment-fraud --set delivery.timeout.ms=1", "equal to or larger than linger.ms . request.timeout.ms"),
    ("run batching-frontier --set acks=0", "acks=0: .*; write acks=1 or acks=all"),
    ("run double-capture --set group.protocol=consumer", "pod-1: partition.assignment.strategy cannot be set when"),
    ("run hello-topic --set transactional.id=x", "greeter: a producer with a transactional.id cannot send before"),
    ("run payment-fraud --set broker_crash=4", "there is no broker 4; there are 1, 2, 3"),
    ("run payment-fraud --set broker_crash_at=soon", "broker_crash_at=soon: write it like broker_crash_at=60s"),
    ("run payment-fraud --set broker_crash_at=4m", "broker_crash_at=4m: payments arrive for 4m only; set an earlier"),
    ("run payment-fraud --set detector_crash_at=1h", "detector_crash_at=1h: payments arrive for 4m only"),
    ("run payment-fraud --until 5", "--until: '5' is not a duration; write it like 20ms, 45s"),
    ("run payment-fraud --until soon", "--until: 'soon' is not a duration"),
    ("run payment-fraud --until -5s", "--until: '-5s' is not a duration"),
    ("run payment-fraud --until 0s", "--until 0s: must be more than nothing"),
    ("run payment-fraud --speed 10x", "--speed .* name the file with --input FILE"),
    ("run payment-fraud --columns time=t", "--columns .* name the file with --input FILE"),
    ("run payment-fraud --reorder-window 5m", "--reorder-window .* name the file with --input FILE"),
    ("run payment-fraud --on-bad-line skip", "--on-bad-line .* name the file with --input FILE"),
    ("run hello-topic --input good.csv", "--input: hello-topic makes its own records; payment-fraud takes a file"),
    ("run payment-fraud --input nope.csv", "nope.csv: no such file"),
    ("run payment-fraud --input god.csv", "god.csv: no such file; did you mean good.csv"),
    ("run payment-fraud --input no/such.csv", "no/such.csv: no such file; there is no directory no"),
    ("run payment-fraud --input .", ".: is a directory; name a CSV or JSON lines file"),
    ("run payment-fraud --input good.csv --on-bad-line skipp", "'skipp' is not one of 'stop', 'skip', 'dead-letter'"),
    ("run payment-fraud --input good.csv --speed fast", "--speed: 'fast' is no speed; write a number above 0"),
    ("run payment-fraud --input good.csv --speed 0x", "--speed: '0x' is no speed"),
    ("run payment-fraud --input good.csv --speed -2", "--speed: '-2' is no speed"),
    ("run payment-fraud --input good.csv --speed=", "--speed: '' is no speed"),
    ("run payment-fraud --input good.csv --reorder-window 5", "--reorder-window: '5' is not a duration"),
    ("run payment-fraud --input good.csv --reorder-window=-1m", "--reorder-window: '-1m' is not a duration"),
    ("run payment-fraud --input good.csv --columns tme=t", "--columns: unknown role 'tme'; did you mean 'time'"),
    ("run payment-fraud --input good.csv --columns time", "--columns: 'time' is not role=column; write time=when"),
    ("run payment-fraud --input good.csv --columns=", "--columns: '' is not role=column"),
    ("run payment-fraud --input good.csv --columns key=a,key=b", "--columns: role 'key' is given twice"),
    ("run payment-fraud --input good.csv --columns key=crad", "line 1: no column 'crad' for key; did you .*'card'"),
    ("run payment-fraud --input good.csv --set arrivals=poisson:5", "arrivals=poisson:5: .* the file says that"),
    ("run payment-fraud --input good.csv --set duration=5m", "duration=5m: .* with --input the file says that"),
    ("run payment-fraud --input good.csv --set replication_factor=5", "replication factor 5 is not between"),
    ("run payment-fraud --out good.csv", "--out good.csv: is a file; name a folder"),
    ("run payment-fraud --out good.csv/sub", "--out good.csv/sub: Not a directory; name a folder that can be"),
    ("run payment-fraud --out /proc/nope", "--out /proc/nope: .*; name a folder that can be written to"),
    ("run payment-fraud --out=", "--out: the name of the folder is empty"),
    ("rerun", "Missing argument 'MANIFEST'"),
    ("rerun nope.json", "nope.json: No such file or directory; name the manifest.json that a run has left"),
    ("rerun god.csv", "god.csv: No such file or directory; did you mean good.csv"),
    ("rerun good.csv", "good.csv: is no JSON; name the manifest.json"),
    ("rerun .", ".: Is a directory"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "what"), ARGUMENTS, ids=[arguments for arguments, _ in ARGUMENTS])
def test_wrong_arguments_are_one_line(kafkasim: Kafkasim, arguments: str, what: str) -> None:
    kafkasim.write("good.csv", HEADER + GOOD)
    assert_refused(kafkasim(*arguments.split()), what)
    assert list(kafkasim.files()) == ["good.csv"]
    assert not (kafkasim.folder / "runs").exists()


INPUTS = {
    "empty": ("", "input.csv: is empty; a CSV header and rows, or JSON lines"),
    "header alone": (HEADER, "input.csv: has a header and no rows"),
    "binary": (b"time,amount\n\x00\x01\x02", "input.csv, line 2: is binary"),
    "UTF-16": ((HEADER + GOOD).encode("utf-16"), "input.csv: is UTF-16 text; save it as UTF-8"),
    "Latin-1": ((HEADER + GOOD + "1700000040,café,1,0\n").encode("latin-1"), "line 42: byte 0xe9 .* encoding is UTF-8"),
    "gzip": (gzip.compress(b"time,amount\n", mtime=0), "input.csv: is compressed by gzip; decompress it first"),
    "no time": ("when,amount\n1,2\n", "line 1: no column for time; name it with --columns time=…"),
    "no amount": ("time,card\n1,2\n", "line 1: no column for amount; name it with --columns amount=…"),
    "semicolons": ("time;amount\n1;2\n", "line 1: .*separated by commas"),
    "negative time": (HEADER + GOOD + "-5,a,1,0\n", "line 42: time '-5' is negative, before 1970"),
    "unparsable time": (HEADER + GOOD + "noon,a,1,0\n", "line 42: time 'noon' is not a number; a time is ISO 8601"),
    "far-backward time": (HEADER + GOOD + "1699999900,a,1,0\n", "line 42: its time is 139 s before that of line 41"),
    "amount no number": (HEADER + GOOD + LAST + "much,0\n", "line 42: amount 'much' is not a number; an amount is"),
    "amount NaN": (HEADER + GOOD + LAST + "nan,0\n", "line 42: amount 'nan' is not a finite number"),
    "amount infinite": (HEADER + GOOD + LAST + "inf,0\n", "line 42: amount 'inf' is not a finite number"),
    "amount negative": (HEADER + GOOD + LAST + "-3,0\n", "line 42: amount '-3' is negative"),
    "amount empty": (HEADER + GOOD + LAST + ",0\n", "line 42: amount is empty"),
    "label": (HEADER + GOOD + LAST + "1,maybe\n", "line 42: label 'maybe' is neither 0 nor 1"),
    "too many fields": (HEADER + GOOD + LAST + "1,0,9\n", "line 42: 5 fields where the header has 4"),
    "too few fields": (HEADER + GOOD + LAST + "1\n", "line 42: 3 fields where the header has 4"),
    "cut last line": (HEADER + GOOD + LAST + "1", "line 42: the last line is cut: .*complete or remove it"),
    "cut in a quote": (HEADER + GOOD + '1700000040,"card', "line 42: a quote is opened and never closed"),
    "cut JSON": ('{"time":1,"amount":1}\n{"time":2,"amo', "line 2: the last line is cut: half a JSON object"),
    "bad JSON": ('{"time":1,"amount":1}\n{"time":2;}\n', "line 2: no JSON"),
    "JSON array": ('[{"time":1,"amount":2}]', "line 1: is a JSON array; write one JSON object on each line"),
    "kcat without time": ('{"topic":"t","partition":0,"offset":0,"payload":"{}"}\n', "line 1: time is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "what"), INPUTS.values(), ids=INPUTS)
def test_a_bad_file_is_named_with_its_line_and_leaves_nothing(
    kafkasim: Kafkasim, content: str | bytes, what: str
) -> None:
    kafkasim.write("input.csv", content)
    assert_refused(kafkasim("run", "payment-fraud", "--input", "input.csv", "--out", "deep/folder"), what)
    assert list(kafkasim.files()) == ["input.csv"]
    assert not (kafkasim.folder / "deep").exists()


@pytest.mark.parametrize("on_bad_line", ["stop", "dead-letter"])
def test_a_failed_run_leaves_an_earlier_one_as_it_was(kafkasim: Kafkasim, on_bad_line: str) -> None:
    kafkasim.write("good.csv", HEADER + GOOD)
    assert kafkasim("run", "payment-fraud", "--input", "good.csv", "--out", "o").code == 0
    before = kafkasim.files()
    broken = HEADER + "noon,a,1,0\n" * (on_bad_line == "dead-letter") + GOOD
    kafkasim.write("good.csv", broken + ("-1,a,1,0\n" if on_bad_line == "stop" else "1700000040,a,1"))
    arguments = ["--set", "acks=all", "--until", "1m"]
    if on_bad_line == "dead-letter":
        arguments = ["--set", "delivery.timeout.ms=30s"]
    outcome = kafkasim(
        "run", "payment-fraud", "--input", "good.csv", "--out", "o", "--on-bad-line", on_bad_line, *arguments
    )
    assert_refused(outcome, "line 42: time '-1' is negative|delivery.timeout.ms should be equal to or larger")
    before["good.csv"] = (kafkasim.folder / "good.csv").read_bytes()
    assert kafkasim.files() == before


@pytest.mark.parametrize("manifest", ["{}", "[]", "7", '{"scenario": 3}', "{" * 100_000])
def test_a_manifest_that_is_none(kafkasim: Kafkasim, manifest: str) -> None:
    kafkasim.write("manifest.json", manifest)
    assert_refused(kafkasim("rerun", "manifest.json"), "manifest.json: .*; name the manifest.json that a run has left")


def test_a_folder_with_a_manifest_is_suggested(kafkasim: Kafkasim) -> None:
    (kafkasim.folder / "runs").mkdir()
    kafkasim.write("runs/manifest.json", "{}")
    assert_refused(kafkasim("rerun", "runs"), "runs: Is a directory; did you mean runs/manifest.json")


def test_without_a_command_the_commands_are_shown(kafkasim: Kafkasim) -> None:
    outcome = kafkasim()
    assert (outcome.code, outcome.out) == (2, "")
    assert "Commands:" in outcome.err


def test_a_disk_without_room_is_one_line(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "o/facts.jsonl")

    monkeypatch.setattr(Path, "write_text", full)
    outcome = kafkasim("run", "hello-topic", "--until", "1s", "--out", "o")
    assert_refused(outcome, "facts.jsonl: No space left on device")
    assert kafkasim.files() == {}
