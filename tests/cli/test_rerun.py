"""`kafkasim rerun`: the same facts to the byte."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Kafkasim

DATA = Path(__file__).parents[1] / "data"
SHORT = ("run", "hello-topic", "--until", "2s", "--out", "o")
RUNS = {
    "settings": ("--set", "duration=3s", "--set", "acks=1", "--set", "detectors=2", "--set", "broker_crash_at=1s"),
    "cut": ("--until", "2500ms", "--no-faults"),
    "input": ("--input", "cards.csv", "--speed", "10x", "--reorder-window", "2m", "--on-bad-line", "dead-letter"),
}


@pytest.mark.parametrize("arguments", RUNS.values(), ids=RUNS)
def test_a_rerun_has_the_same_facts_to_the_byte(kafkasim: Kafkasim, arguments: tuple[str, ...]) -> None:
    kafkasim.write("cards.csv", (DATA / "cards_simulated.csv").read_bytes())
    first = kafkasim("run", "payment-fraud", "--seed", "5", *arguments, "--json")
    again = kafkasim("rerun", "runs/payment-fraud/manifest.json", "--json")
    assert (first.code, again.code, again.err) == (0, 0, "")
    summary = json.loads(again.out)
    assert summary["identical"] is True
    assert summary["trace_sha256"] == json.loads(first.out)["trace_sha256"]
    files = kafkasim.files()
    for name in ("facts.jsonl", "manifest.json", "metrics.csv", "verdict.json"):
        assert files[f"runs/payment-fraud-again/{name}"] == files[f"runs/payment-fraud/{name}"], name


def test_a_manifest_in_this_folder(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    kafkasim.left_by(*SHORT)
    monkeypatch.chdir(kafkasim.folder / "o")
    outcome = kafkasim("rerun", "manifest.json")
    assert outcome.code == 0
    assert outcome.out.endswith("Identical to the first run.\n")
    assert (kafkasim.folder / "o-again" / "facts.jsonl").exists()


def test_other_facts_are_told(kafkasim: Kafkasim) -> None:
    kafkasim.left_by(*SHORT)
    path = kafkasim.folder / "o" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "seed": 8, "versions": {**manifest["versions"], "numpy": "0.1"}}))
    outcome = kafkasim("rerun", "o/manifest.json", "--out", "p")
    assert outcome.code == 1
    assert outcome.out.endswith("NOT identical to the first run.\n")
    assert outcome.err.startswith("kafkasim: not the same facts as in o/manifest.json: numpy was 0.1 and is ")
    assert (kafkasim.folder / "p" / "facts.jsonl").exists()


@pytest.mark.parametrize("change", ["gone", "other"])
def test_the_input_must_be_the_same(kafkasim: Kafkasim, change: str) -> None:
    cards = kafkasim.write("cards.csv", (DATA / "cards_simulated.csv").read_bytes())
    assert kafkasim("run", "payment-fraud", "--input", "cards.csv", "--out", "o").code == 0
    if change == "gone":
        cards.unlink()
    else:
        cards.write_bytes(cards.read_bytes() + b"\n")
    before = kafkasim.files()
    outcome = kafkasim("rerun", "o/manifest.json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("kafkasim: cards.csv: the input ")
    assert kafkasim.files() == before


def test_a_partial_run_cannot_be_repeated(kafkasim: Kafkasim) -> None:
    kafkasim.left_by(*SHORT)
    path = kafkasim.folder / "o" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "partial": True}))
    outcome = kafkasim("rerun", "o/manifest.json")
    assert (outcome.code, outcome.out) == (2, "")
    assert "o/manifest.json: that run was interrupted" in outcome.err
