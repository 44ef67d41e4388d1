"""The warehouse: a real file, each payment once, all or nothing."""

from pathlib import Path

import duckdb
import pytest

from scenarios.uses.payment_fraud.money import reconcile
from scenarios.uses.payment_fraud.payments import Payment
from scenarios.uses.payment_fraud.warehouse import Table, Warehouse, WarehouseRow
from tests.scenarios.payment_fraud.samples import PLAIN, generated


def rows(payments: tuple[Payment, ...]) -> list[WarehouseRow]:
    return [
        WarehouseRow(payment, "payments", index % 6, index // 6, index * 2.0, index * 2.0 + index % 101)
        for index, payment in enumerate(payments)
    ]


def tables(warehouse: Warehouse) -> dict[str, Table]:
    return {table.name: table for table in warehouse.report()}


def as_dicts(table: Table) -> list[dict[str, object]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_file_holds_each_payment_once_though_some_are_delivered_again(tmp_path: Path) -> None:
    payments = generated(11)[:6000]
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        loaded = sum(warehouse.load(rows(payments)[start : start + 900]) for start in range(0, 6000, 700))
        assert loaded == 6000
        assert warehouse.load(rows(payments)[:10] + rows(payments)[:10]) == 0
        assert warehouse.total_cents() == sum(payment.amount_cents for payment in payments)
        assert reconcile(((p.payment_id, p.amount_cents) for p in payments), warehouse.amounts()).ok
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as file:
        fields = ", ".join(Payment._fields)
        stored = file.execute(f"SELECT {fields} FROM payments ORDER BY payment_id").fetchall()
    assert [Payment._make(row) for row in stored] == sorted(payments)


def test_the_first_delivery_counts_also_within_a_batch(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        first = WarehouseRow(PLAIN, "payments", 0, 0, 0.0, 1.0)
        assert warehouse.load([first, first._replace(offset=9, payment=PLAIN._replace(amount_cents=1))]) == 1
        assert list(warehouse.amounts()) == [(PLAIN.payment_id, PLAIN.amount_cents)]


def test_the_report_adds_up(tmp_path: Path) -> None:
    payments = generated(11)
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        warehouse.load(rows(payments))
        report = tables(warehouse)
    cents, fraud = sum(p.amount_cents for p in payments), sum(bool(p.is_fraud) for p in payments)
    (totals,) = as_dicts(report["totals"])
    assert totals == {
        "payments": len(payments),
        "amount_cents": cents,
        "cards": len({p.card for p in payments}),
        "fraud_payments": fraud,
        "fraud_cents": sum(p.amount_cents for p in payments if p.is_fraud),
    }
    for name in ("per_hour", "per_minute", "fraud_by_category"):
        parts = as_dicts(report[name])
        assert sum(int(str(part["amount_cents"])) for part in parts) == cents
        assert sum(int(str(part["fraud_payments"])) for part in parts) == fraud
    assert [part["minute_utc"] for part in as_dicts(report["per_minute"])] == [f"2026-01-01 10:0{n}" for n in range(4)]
    overall, *per_partition = as_dicts(report["load_latency"])
    assert overall == {
        "topic": None,
        "partition": None,
        "payments": len(payments),
        "p50_ms": 50,
        "p95_ms": 95,
        "max_ms": 100,
    }
    assert [part["partition"] for part in per_partition] == list(range(6))


def test_payments_over_days_are_shown_per_hour_alone_and_unknown_labels_have_no_rate(tmp_path: Path) -> None:
    late = PLAIN._replace(payment_id="p2", time_ms=PLAIN.time_ms + 86_400_000, is_fraud=None, category=None)
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        warehouse.load(rows((PLAIN, late)))
        report = tables(warehouse)
    assert report["per_minute"].rows == []
    assert report["per_hour"].rows == [("2023-11-14 22:00", 1, 450, 0, 0.0), ("2023-11-15 22:00", 1, 450, 0, None)]
    assert report["fraud_by_category"].rows == [("coffee", 1, 450, 0, 0.0), ("unknown", 1, 450, 0, None)]


def test_an_empty_warehouse_reports_nothing(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        assert warehouse.load([]) == 0
        assert warehouse.total_cents() == 0
        assert {name: len(table.rows) for name, table in tables(warehouse).items()} == {
            "totals": 1, "per_hour": 0, "per_minute": 0, "fraud_by_category": 0, "fraud_by_kind": 0, "load_latency": 0,
        }  # fmt: skip


def test_an_error_leaves_the_older_file_and_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(b"older")

    def broken_run() -> None:
        with Warehouse(path) as warehouse:
            warehouse.load(rows((PLAIN,)))
            raise RuntimeError("the run broke")

    with pytest.raises(RuntimeError):
        broken_run()
    assert path.read_bytes() == b"older"
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.duckdb"]


def test_a_batch_is_loaded_whole_or_not_at_all(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        bad = WarehouseRow(PLAIN._replace(payment_id="p2"), "payments", 2**40, 0, 0.0, 0.0)
        with pytest.raises(duckdb.Error):
            warehouse.load([*rows((PLAIN,)), bad])
        assert warehouse.total_cents() == 0
        assert warehouse.load(rows((PLAIN,))) == 1


def test_ctrl_c_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"

    def interrupted_run() -> None:
        with Warehouse(path) as warehouse:
            warehouse.load(rows((PLAIN,)))
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    with duckdb.connect(str(path), read_only=True) as file:
        assert file.execute("SELECT count(*) FROM payments").fetchone() == (1,)
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.duckdb"]
