"""The payment story as it is flown by default, and short variants of it."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from scenarios.uses.payment_fraud import scenario
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import (
    AppStarted,
    AppStopped,
    BrokerFenced,
    BrokerStopped,
    MemberRemoved,
    PartitionsAssigned,
)
from sim.run import Run
from tests.scenarios.flights import facts

ROOT = Path(__file__).parents[2]
SESSION_TIMEOUT_S = 45
PICTURES = {"throughput_lag.png", "topology.png"}
ARTEFACTS = {"facts.jsonl", "manifest.json", "metrics.csv", "verdict.json", "warehouse.duckdb", *PICTURES}
BURST = {
    "duration": "1s",
    "arrivals": "bursts:10,20000,1s,100ms",
    "broker_crash_at": "980ms",
    "broker_back_after": "1s",
    "linger_ms": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("payments")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """The default run; it is flown once for all tests of this file."""
    return scenario.run(out=folder)


@pytest.fixture(scope="module")
def warehouse(run: Run, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    assert not run.partial
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    (row,) = connection.execute(query).fetchall()
    return tuple(row)


def test_no_acknowledged_payment_is_lost(run: Run) -> None:
    assert run.results["payments"] >= 100_000
    assert run.results["unacknowledged"] == run.results["refused"] == 0
    assert run.verdict.acknowledged == run.results["payments"] + sent_alerts(run)
    assert run.verdict.counts() == {"ok": True, "lost": 0, "duplicated": 0, "reordered": 0, "undelivered": 0}
    assert run.simulated_s >= 240


def sent_alerts(run: Run) -> int:
    """Alerts that the detectors have sent, with those sent again after the crash."""
    return int(run.results["alerts"]["raised"] + run.results["alerts"]["repeated"])


def test_every_payment_is_in_the_warehouse_once(run: Run, warehouse: duckdb.DuckDBPyConnection) -> None:
    rows, payments, positions = one(
        warehouse,
        """SELECT count(*), count(DISTINCT payment_id), count(DISTINCT (topic, "partition", "offset")) FROM payments""",
    )
    assert rows == payments == positions == run.results["payments"]
    assert run.verdict.delivered["warehouse"] == rows


def test_the_money_adds_up(run: Run, warehouse: duckdb.DuckDBPyConnection) -> None:
    money = run.results["money"]
    assert money["ok"]
    assert (
        one(warehouse, "SELECT sum(amount_cents) FROM payments") == (money["paid_cents"],) == (money["loaded_cents"],)
    )
    (totals,) = [table for table in run.results["warehouse"] if table["name"] == "totals"]
    assert dict(zip(totals["columns"], totals["rows"][0], strict=True))["amount_cents"] == money["paid_cents"]


def test_the_log_and_the_warehouse_agree(run: Run, warehouse: duckdb.DuckDBPyConnection) -> None:
    query = 'SELECT "partition", max("offset") + 1, count(*) FROM payments GROUP BY "partition" ORDER BY "partition"'
    logs = {name.partition: run.flight.cluster.leader(name) for name in run.flight.cluster.partitions()
            if name.topic == "payments"}  # fmt: skip
    ends = {number: leader.log.log_end_offset for number, leader in logs.items() if leader is not None}
    assert warehouse.execute(query).fetchall() == [(number, end, end) for number, end in sorted(ends.items())]
    assert len(ends) == 6


def test_alerts_against_the_labels(run: Run, warehouse: duckdb.DuckDBPyConnection) -> None:
    alerts = run.results["alerts"]
    assert 0.8 < alerts["precision"] <= 1
    assert 0.7 < alerts["recall"] <= 1
    frauds, kinds = one(warehouse, "SELECT count(*), count(DISTINCT fraud_kind) FROM payments WHERE is_fraud")
    assert kinds == 3
    assert 0.005 < frauds / run.results["payments"] < 0.015
    assert alerts["raised"] * alerts["precision"] == pytest.approx(frauds * alerts["recall"], abs=0.5)
    assert alerts["payment_to_alert"]["count"] == alerts["raised"]
    assert alerts["payment_to_alert"]["p50_ms"] < 200
    assert alerts["payment_to_alert"]["max_ms"] / 1000 < SESSION_TIMEOUT_S + 5


def test_the_broker_is_fenced_when_its_session_is_over(run: Run) -> None:
    ((stopped, _),) = facts(run, BrokerStopped)
    ((fenced, fact),) = facts(run, BrokerFenced)
    assert (stopped, fact.broker_id) == (60, 2)
    assert 7 <= fenced - stopped <= 10.2


def test_nobody_reads_the_partitions_of_a_dead_detector_until_its_session_is_over(run: Run) -> None:
    died = next(time for time, fact in facts(run, AppStopped) if fact.app == "detector-2")
    (removed,) = [
        time for time, fact in facts(run, MemberRemoved) if fact.group_id == "fraud-detection" and time > died
    ]
    assert died == 130
    assert SESSION_TIMEOUT_S - 3 <= removed - died <= SESSION_TIMEOUT_S + 0.1
    assigned = [(time, fact) for time, fact in facts(run, PartitionsAssigned) if fact.group_id == "fraud-detection"]
    orphans = next(
        fact for time, fact in reversed(assigned) if fact.client_id == "detector-2" and time < died
    ).partitions
    assert len(orphans) == 2
    heirs = [time for time, fact in assigned if time > died and set(fact.partitions) & set(orphans)]
    assert min(heirs) >= removed
    for partition in orphans:
        times, lags = run.metrics.series("records-lag", group="fraud-detection", partition=str(partition))
        waiting = [lag for time, lag in zip(times, lags, strict=True) if died + 1 <= time <= removed]
        assert waiting == sorted(waiting)
        assert waiting[-1] > 30 * (removed - died)


def test_the_detector_returns(run: Run) -> None:
    starts = [time for time, fact in facts(run, AppStarted) if fact.app == "detector-2"]
    assert starts == [0, 190]
    last = {fact.client_id: fact.partitions for _, fact in facts(run, PartitionsAssigned)
            if fact.group_id == "fraud-detection"}  # fmt: skip
    assert [len(partitions) for partitions in last.values()] == [2, 2, 2]


def test_all_artefacts_are_there_and_agree(run: Run, folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == ARTEFACTS
    assert json.loads((folder / "verdict.json").read_text())["ok"] is True
    lines = (folder / "facts.jsonl").read_text().splitlines()
    assert len(lines) == len(run.facts)
    assert {json.loads(line)["fact"] for line in lines} >= {"FaultBegan", "BrokerFenced", "LeaderElected", "LogClosed"}
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["metric"] for row in rows} >= {"records-lag", "MessagesInPerSec", "produce-latency-ms", "IsrSize"}
    assert (folder / "throughput_lag.png").read_bytes().startswith(b"\x89PNG")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["scenario"], manifest["seed"], manifest["partial"]) == ("payment-fraud", 0, False)
    assert manifest["trace_sha256"] == run.summary()["trace_sha256"]


def test_a_calm_flight_has_no_trouble() -> None:
    run = scenario.run(set={"duration": "8s"}, faults=False)
    assert run.verdict.ok
    assert run.results["money"]["ok"]
    assert facts(run, BrokerStopped) == []
    assert max(run.metrics.series("UnderReplicatedPartitions")[1]) == 0
    assert not [sentence for sentence in run.sentences() if "too short" in sentence]


def test_with_one_acknowledgement_some_payments_die_with_the_leader() -> None:
    runs = (scenario.run(seed=seed, set={**BURST, "acks": "1"}) for seed in range(6))
    run = next(run for run in runs if run.verdict.lost)
    assert {fate.partition.split("-")[0] for fate in run.verdict.lost} <= {"payments", "alerts"}
    assert all("acknowledged by broker 2" in fate.cause and "truncated" in fate.cause for fate in run.verdict.lost)
    money = run.results["money"]
    assert not money["ok"]
    assert money["missing"] == sum(fate.partition.startswith("payments-") for fate in run.verdict.lost)
    assert money["paid_cents"] > money["loaded_cents"]


@pytest.mark.parametrize("seed", range(3))
def test_with_all_acknowledgements_none_is_lost(seed: int) -> None:
    assert_none_is_lost(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 30))
def test_with_all_acknowledgements_none_is_lost_in_thirty_seeds(seed: int) -> None:
    assert_none_is_lost(seed)


def assert_none_is_lost(seed: int) -> None:
    for settings in (BURST, {"duration": "20s", "broker_crash_at": "8s"}):
        run = scenario.run(seed=seed, set={**settings, "acks": "all"})
        assert run.verdict.lost == []
        assert run.verdict.ok
        assert run.results["money"]["ok"]
        assert len(facts(run, BrokerStopped)) == 1


@pytest.mark.slow
def test_how_often_one_acknowledgement_loses_payments() -> None:
    losing = [seed for seed in range(30) if scenario.run(seed=seed, set={**BURST, "acks": "1"}).verdict.lost]
    assert 10 <= len(losing) < 30


def test_the_trace_depends_on_the_seed_and_on_nothing_else(tmp_path: Path) -> None:
    def trace(hash_seed: str, seed: str) -> str:
        short = ("--until", "9s", "--set", "broker_crash_at=5s", "--set", "arrivals=poisson:100")
        arguments = ("run", "payment-fraud", "--json", *short, "--seed", seed)
        command = (sys.executable, "-c", "from sim.cli.main import main; main()", *arguments, "--out", str(tmp_path))
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return str(json.loads(subprocess.check_output(command, cwd=ROOT, env=environment))["trace_sha256"])

    assert trace("1", "0") == trace("2", "0") != trace("2", "1")


def test_a_full_buffer_refuses_payments_instead_of_stopping_the_gateway() -> None:
    settings = {"duration": "12s", "buffer.memory": "40000", "max.block.ms": "200", "batch.size": "1000",
                "broker_crash_at": "2s", "producer.linger.ms": "0"}  # fmt: skip
    run = scenario.run(set=settings)
    assert run.results["refused"] > 0
    assert run.results["refused"] + run.results["payments"] == pytest.approx(12 * 450, rel=0.1)
    assert run.results["money"]["ok"]
    assert any("were refused" in sentence for sentence in run.sentences())


def test_a_short_run_leaves_out_what_it_cannot_reach() -> None:
    plan = scenario.plan(scenario.settings({"duration": "100s"}))
    assert [str(fault) for fault in plan.faults] == ["broker 2 crashes at 1 min 00 s, until 1 min 30 s"]
    assert scenario.plan(scenario.settings({"duration": "50s"})).faults == ()
    with pytest.raises(ConfigError, match="broker_crash_at=50s: payments arrive for 50s only"):
        scenario.plan(scenario.settings({"duration": "50s", "broker_crash_at": "50s"}))
    assert scenario.plan(scenario.settings({"duration": "50s", "broker_crash_at": "50s"}, faults=False)).faults == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"customers": 1, "merchants": 10},
        {"fraud_share": 0.5, "gateways": 7},
        {"fraud_share": 0, "detectors": 9},
        {"brokers": 1, "replication_factor": 1, "broker_crash": 1, "partitions": 1, "detectors": 1},
        {"arrivals": "constant:0"},
        {"arrivals": "replay:0s,1s,1500ms"},
        {"broker_crash_at": "0s", "broker_back_after": "0s", "detector_crash_at": "0s", "detector_back_after": "0s"},
        {"detector_crash_at": "2s", "detector_back_after": "100ms", "session.timeout.ms": "6s"},
    ],
    ids=str,
)
def test_settings_at_their_limits(settings: dict[str, object]) -> None:
    run = scenario.run(set={"duration": "3s", "arrivals": "poisson:60", **settings})
    assert run.verdict.ok
    assert run.results["money"]["ok"]
