"""The command as a process of its own: signals, pipes, terminals, encodings."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from sim.cli.main import main; main()")
LONG = ("run", "payment-fraud", "--set", "arrivals=poisson:40", "--set", "duration=2h", "--out", "o")
PICTURES = {"throughput_lag.png", "topology.png"}
ARTEFACTS = {"facts.jsonl", "manifest.json", "metrics.csv", "verdict.json", "warehouse.duckdb", *PICTURES}


def started(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def flying(folder: Path) -> Iterator[None]:
    """Ends when the warehouse has been opened, some simulated seconds after the start."""
    while not list(folder.glob("o/.unfinished-*/warehouse.duckdb*")):
        yield


def test_ctrl_c_writes_what_is_there_and_says_that_it_is_partial(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG, "--json")
    for _ in flying(tmp_path):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"kafkasim: interrupted; what is in o is partial, it ends at .* s\n", err)
    summary = json.loads(out)
    assert summary["partial"] is True
    assert 0 < summary["simulated_s"] < 7200
    assert {path.name for path in (tmp_path / "o").iterdir()} - {"money.json"} == ARTEFACTS
    assert json.loads((tmp_path / "o" / "manifest.json").read_text())["partial"] is True
    assert len((tmp_path / "o" / "facts.jsonl").read_text().splitlines()) > 10


def test_however_often_ctrl_c_comes_all_or_nothing_is_written(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    for _ in flying(tmp_path):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
        assert process.poll() is None
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("\n") == 1
    if "nothing was written" in err:
        assert (out, list(tmp_path.iterdir())) == ("", [])
    else:
        assert {path.name for path in (tmp_path / "o").iterdir()} - {"money.json"} == ARTEFACTS


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    process = started(tmp_path, "info", "payment-fraud")
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) == 1


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    arguments = ("run", "payment-fraud", "--until", "1s", "--set", "arrivals=constant:30")
    process = started(tmp_path, *arguments, environment=environment)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.isascii()
    assert "In runs/payment-fraud: facts.jsonl" in out


def test_bad_input_as_a_process(tmp_path: Path) -> None:
    (tmp_path / "cards.csv").write_text("time,amount\n1,2\n2,x\n")
    process = started(tmp_path, "run", "payment-fraud", "--input", "cards.csv")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("kafkasim: cards.csv, line 3: amount 'x' is not a number; an amount is")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cards.csv"]


def test_progress_is_shown_on_a_terminal_and_there_alone(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", "payment-fraud", "--until", "4s", "--set", "arrivals=constant:30", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b"".join(terminal(ours))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["simulated_s"] == 4
    assert re.search(rb"payment-fraud: \d s of 4 s flown", shown)


def terminal(descriptor: int) -> Iterator[bytes]:
    """What is written to a terminal until the other side hangs up."""
    try:
        while piece := os.read(descriptor, 65536):
            yield piece
    except OSError:
        return
    finally:
        os.close(descriptor)
