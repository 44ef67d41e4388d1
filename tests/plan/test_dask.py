"""A real Dask cluster finds the rows that this process finds, also when one of its workers is killed in the middle."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

import scenarios
from sim.plan import sweep

VARY = {"partitions": "1..2", "linger.ms": "0,20"}
GIVEN: dict[str, Any] = {"reps": 4, "until": "4s"}


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    given = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(n_workers=workers, **given) as found:
        yield found


def test_a_cluster_finds_the_same_rows() -> None:
    scenario = scenarios.find("hello-topic")
    few = {**GIVEN, "reps": 2}
    alone = sweep(scenario, VARY, **few)
    with cluster(2) as found:
        there = sweep(scenario, VARY, dask=found.scheduler_address, **few)
    assert len(alone) == 8
    assert there.equals(alone)


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    scenario, out, told = scenarios.find("hello-topic"), tmp_path / "sweep.duckdb", []
    with cluster(3) as found:
        victim = next(iter(found.workers.values())).pid

        def progress(count: int, _: int) -> None:
            if count == 5:
                os.kill(victim, signal.SIGKILL)

        there = sweep(
            scenario, VARY, dask=found.scheduler_address, out=out, progress=progress, told=told.append, **GIVEN
        )
    assert there.equals(sweep(scenario, VARY, **GIVEN))
    with duckdb.connect(str(out)) as database:
        assert database.execute("select count(*) from runs").fetchone() == (16,)
    assert len(told) == 1
    assert "is gone" in told[0]
