"""`kafkasim run`: what it prints, and what it leaves in the folder."""

import json
import re
from pathlib import Path

import duckdb
import pytest

from tests.cli.command import Kafkasim

SHORT = ("run", "payment-fraud", "--set", "duration=3s", "--set", "arrivals=poisson:60")
ARTEFACTS = {"facts.jsonl", "manifest.json", "metrics.csv", "throughput_lag.png", "topology.png", "verdict.json"}
KEYS = (
    "scenario seed simulated_s wall_s records_produced records_consumed records_per_wall_s verdict metrics trace_sha256"
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_one_json_object_and_nothing_else(kafkasim: Kafkasim) -> None:
    outcome = kafkasim(*SHORT, "--seed", "3", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("\n") == 1
    summary = json.loads(outcome.out)
    assert list(summary) == KEYS.split()
    assert (summary["scenario"], summary["seed"]) == ("payment-fraud", 3)
    assert summary["verdict"] == {"ok": True, "lost": 0, "duplicated": 0, "reordered": 0, "undelivered": 0}
    assert summary["records_produced"] == summary["metrics"]["payments"] + summary["metrics"]["alerts"]["raised"]
    assert summary["records_consumed"] >= 2 * summary["metrics"]["payments"]
    assert summary["metrics"]["money"]["ok"] is True
    assert summary["wall_s"] > 0
    assert summary["simulated_s"] >= 3
    assert re.fullmatch("[0-9a-f]{64}", summary["trace_sha256"])


def test_for_people_tables_sentences_and_where_the_artefacts_are(kafkasim: Kafkasim) -> None:
    outcome = kafkasim(*SHORT)
    assert (outcome.code, outcome.err) == (0, "")
    for expected in (
        r"payment-fraud, seed 0: \d+ s simulated in [\d.]+ s",
        "Verdict: all [0-9,]+ acknowledged records are in the log once, in order, and delivered.",
        "Money: ([0-9,.]+) paid, \\1 in the warehouse, the same to the cent, payment by payment.",
        "The run is too short for broker_crash_at=60s, so that crash did not happen.",
        "In runs/payment-fraud: .*warehouse.duckdb",
    ):
        assert re.search(expected, outcome.out), outcome.out
    assert names(kafkasim.folder / "runs" / "payment-fraud") == {*ARTEFACTS, "warehouse.duckdb"}


def test_until_cuts_the_run_and_says_what_did_not_happen(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("run", "payment-fraud", "--until", "1500ms", "--set", "arrivals=constant:20")
    assert outcome.code == 0
    assert "Did not happen, because the run ended at 1.5 s: broker 2 crashes at 1 min 00 s" in outcome.out
    assert json.loads((kafkasim.folder / "runs/payment-fraud/manifest.json").read_text())["until_s"] == 1.5


def test_no_faults(kafkasim: Kafkasim) -> None:
    arguments = [*SHORT, "--set", "broker_crash_at=1s", "--set", "broker_back_after=500ms"]
    kafkasim(*arguments, "--out", "stormy")
    kafkasim(*arguments, "--no-faults", "--out", "calm")
    stormy, calm = kafkasim.folder / "stormy", kafkasim.folder / "calm"
    assert (
        "broker 2 crashes at 1 s, until 1.5 s" in json.loads((stormy / "manifest.json").read_text())["planned_faults"]
    )
    assert json.loads((calm / "manifest.json").read_text())["planned_faults"] == []
    assert '"BrokerStopped"' in (stormy / "facts.jsonl").read_text()
    assert '"BrokerStopped"' not in (calm / "facts.jsonl").read_text()


def test_the_artefacts_of_another_run_do_not_survive(kafkasim: Kafkasim) -> None:
    assert kafkasim(*SHORT, "--out", "o").code == 0
    folder = kafkasim.folder / "o"
    first = kafkasim.files()
    kafkasim.write("o/notes.txt", "mine")
    kafkasim.write("o/dead_letters.jsonl", "of an older run")
    assert kafkasim("run", "hello-topic", "--until", "2s", "--out", "o").code == 0
    assert names(folder) == {*ARTEFACTS, "notes.txt"}
    again = kafkasim.files()
    assert all(again[f"o/{name}"] != first[f"o/{name}"] for name in ARTEFACTS)


@pytest.mark.parametrize("out", [".", "new/deep", "o/../o"])
def test_the_folder_may_be_anywhere(kafkasim: Kafkasim, out: str) -> None:
    (kafkasim.folder / "o").mkdir()
    assert kafkasim("run", "hello-topic", "--until", "1s", "--out", out, "--json").code == 0
    assert names((kafkasim.folder / out).resolve()) >= ARTEFACTS


def test_the_warehouse_is_a_real_file_that_agrees_with_the_summary(kafkasim: Kafkasim) -> None:
    summary = json.loads(kafkasim(*SHORT, "--json").out)
    with duckdb.connect(str(kafkasim.folder / "runs/payment-fraud/warehouse.duckdb"), read_only=True) as warehouse:
        ((count, cents),) = warehouse.execute("SELECT count(*), sum(amount_cents) FROM payments").fetchall()
    assert count == summary["metrics"]["payments"] > 100
    assert cents == summary["metrics"]["money"]["paid_cents"]


def test_a_key_that_has_no_effect_is_named(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("run", "hello-topic", "--until", "1s", "--set", "topic.compression.type=zstd")
    assert "topic.compression.type is Kafka's, but the simulator does not model it yet; it had no effect" in outcome.out


def test_narrow_terminals_lose_no_figure(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    outcome = kafkasim(*SHORT)
    assert outcome.code == 0
    assert "…" not in outcome.out
    assert "In runs/payment-fraud: facts.jsonl, manifest.json, metrics.csv, throughput_lag.png" in outcome.out


def test_a_black_box_adds_what_clients_saw(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("run", "hello-topic", "--until", "5s", "--black-box", "--out", "o")
    assert outcome.code == 0
    assert re.search(r"Black box: [0-9,]+ operations, [0-9,]+ records sent, [0-9,]+ polled\.", outcome.out)
    assert names(kafkasim.folder / "o") == {*ARTEFACTS, "anomalies.json"}
    outcome = kafkasim("run", "hello-topic", "--until", "5s", "--black-box", "--json")
    assert list(json.loads(outcome.out)) == KEYS.replace("verdict", "verdict anomalies").split()


def test_invariants_are_checked_on_demand(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("run", "hello-topic", "--until", "5s", "--check-invariants")
    assert outcome.code == 0
    assert re.search("Invariants: none was violated in [0-9,]+ events.", outcome.out)


def test_a_violated_invariant_ends_in_exit_code_1(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sim.actors.broker.partition.next_high_watermark", lambda _, log_end_offset, *__: log_end_offset
    )
    outcome = kafkasim("run", "broker-failure", "--until", "3s", "--check-invariants", "--json")
    assert (outcome.code, outcome.err) == (1, "")
    found = json.loads(outcome.out)["invariants"]
    assert found["checked_events"] > 100
    assert {violation["name"] for violation in found["violations"]} == {"isr-holds-high-watermark"}
