"""The file of a sweep: what a killed one has finished is kept, and what is of another sweep is refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sim.plan import sweep
from sim.plan.store import Store
from sim.rules.errors import ConfigError
from tests.plan.tiny import FORMULA

VARY = {"strong": "1..3"}
GIVEN: dict[str, Any] = {"set": {"noise": 1.0}, "reps": 4, "measure": "height"}
KILLED = """
import os, signal, sys
from sim.plan import sweep
from tests.plan.test_store import GIVEN, VARY
from tests.plan.tiny import FORMULA

def progress(count, total):
    if count == 5:
        os.kill(os.getpid(), signal.SIGKILL)

sweep(FORMULA, VARY, out=sys.argv[1], progress=progress, **GIVEN)
"""


def rows(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path)) as database:
        return database.execute("select configuration, replicate, wall_s from runs order by all").fetchall()


def test_a_killed_sweep_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    out, root = tmp_path / "sweep.duckdb", Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(out)], cwd=root, check=False)
    assert killed.returncode == -9
    before = rows(out)
    assert len(before) == 5
    table = sweep(FORMULA, VARY, out=out, **GIVEN)
    assert table.attrs["flown"] == 7
    assert table.equals(sweep(FORMULA, VARY, **GIVEN))
    assert set(before) <= set(rows(out))


def test_a_finished_sweep_is_read_and_a_larger_one_flies_only_what_is_new(tmp_path: Path) -> None:
    out = tmp_path / "sweep.duckdb"
    first = sweep(FORMULA, VARY, out=out, **GIVEN)
    again = sweep(FORMULA, VARY, out=out, **GIVEN)
    assert (first.attrs["flown"], again.attrs["flown"]) == (12, 0)
    assert again.equals(first)
    assert sweep(FORMULA, VARY, out=out, **{**GIVEN, "reps": 6}).attrs["flown"] == 6


def test_a_parquet_file_has_all_figures_and_manifests_once_all_is_flown(tmp_path: Path) -> None:
    out = tmp_path / "it's.parquet"
    table = sweep(FORMULA, VARY, out=out, **GIVEN)
    found = duckdb.read_parquet(str(out)).df()
    heights = found[found["measure"] == "results/height"]
    assert heights["value"].tolist() == table["results/height"].tolist()
    assert heights["manifest"].str.contains("trace_sha256").all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it's.duckdb", "it's.parquet"]
    assert sweep(FORMULA, VARY, out=out, **GIVEN).attrs["flown"] == 0


def test_each_run_has_its_manifest_and_the_view_is_tidy(tmp_path: Path) -> None:
    out = tmp_path / "sweep.duckdb"
    table = sweep(FORMULA, VARY, out=out, **GIVEN)
    with duckdb.connect(str(out)) as database:
        heights = database.execute("select value from tidy where measure = 'results/height'").fetchall()
        seeds = database.execute("select seed, manifest->>'$.seed', manifest->>'$.set.strong' from runs").fetchall()
    assert [value for (value,) in heights] == table["results/height"].tolist()
    assert sorted((int(seed), int(strong)) for _, seed, strong in seeds) == [
        (s, k) for s in range(4) for k in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 1}, "whose seed is 0 and not 1"),
        ({"until": "1ms"}, "other until_s"),
        ({"set": {"noise": 2.0}}, "other settings"),
        ({"vary": {"strong": "1..4"}}, "other configurations"),
        ({"faults": False}, "whose faults is True and not False"),
    ],
    ids=str,
)
def test_the_file_of_another_sweep_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    out = tmp_path / "sweep.duckdb"
    given = {**GIVEN, "reps": 1, "vary": {"strong": [1]}}
    sweep(FORMULA, out=out, **given)
    with pytest.raises(ConfigError, match=told):
        sweep(FORMULA, out=out, **{**given, **change})
    assert len(rows(out)) == 1


def test_the_file_of_another_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "s.duckdb", {"versions": {"kafkasim": "0.0.1", "numpy": "2"}}).close()
    with pytest.raises(ConfigError, match=r"was written with kafkasim 0\.0\.1, and this is 0\.0\.2"):
        Store(tmp_path / "s.duckdb", {"versions": {"kafkasim": "0.0.2", "numpy": "2"}})


def test_what_is_no_file_of_a_sweep_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, other, used = tmp_path / "text", tmp_path / "other.duckdb", tmp_path / "used.duckdb"
    text.write_text("hello")
    with duckdb.connect(str(other)) as database:
        database.execute("create table mine(x integer)")
    holder = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", holder, str(used)], **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        for path, told in (
            (text, "is no DuckDB file"),
            (other, "not of a sweep"),
            (used, "is in use by another process"),
            (tmp_path / "runs.csv", r"name it .*runs\.duckdb"),
            (tmp_path, "name a file in a folder"),
            (tmp_path / "no" / "file", "name a file in a folder"),
        ):
            with pytest.raises(ConfigError, match=told):
                Store(path, {})
        process.stdin.close()
    assert text.read_text() == "hello"
