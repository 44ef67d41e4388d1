"""The warehouse: a DuckDB file into which payments are loaded in batches, each payment once."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import numpy as np

from scenarios.uses.payment_fraud.payments import Payment

__all__ = ["Table", "Warehouse", "WarehouseRow"]

REPORTS = ("totals", "per_hour", "per_minute", "fraud_by_category", "fraud_by_kind", "load_latency")
SETTINGS: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": "256MB"}
ROWS_PER_FETCH = 4096


class WarehouseRow(NamedTuple):
    """A payment with the position it was read from, and when it was appended there and loaded (simulated time)."""

    payment: Payment
    topic: str
    partition: int
    offset: int
    appended_ms: float
    loaded_ms: float


class Table(NamedTuple):
    """A result: its name, its column names, and its rows."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@cache
def statements() -> dict[str, str]:
    """The SQL statements of warehouse.sql by name."""
    text = Path(__file__).with_name("warehouse.sql").read_text(encoding="utf-8")
    named = (part.split("\n", 1) for part in text.split("-- name: ")[1:])
    return {name.strip(): statement.strip() for name, statement in named}


class Warehouse:
    """A DuckDB file that appears under its name when it is closed; until then it is written beside it.

    As a context manager it is closed in the end, also when Ctrl-C ends the run; after any other exception it is
    discarded, and an older file of this name stays as it was.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._unfinished = self.path.with_name(self.path.name + ".unfinished")
        self._remove_unfinished()
        self._connection = duckdb.connect(self._unfinished, config=SETTINGS)
        self._connection.execute(statements()["create"])
        self._open = True
        self.loaded_cents = 0

    def load(self, rows: Sequence[WarehouseRow]) -> int:
        """Insert the payments that are not there yet, all or none of the batch; how many were new."""
        if not rows:
            return 0
        payments, *position = zip(*rows, strict=True)
        columns = [*zip(*payments, strict=True), *position]
        batch = {f"c{index:02d}": _column(values) for index, values in enumerate(columns)}
        self._connection.register("batch", batch)
        try:
            (inserted,) = self._connection.execute(statements()["load_new"]).fetchall()
            self.loaded_cents += sum(payment.amount_cents for payment, *_ in rows)
        except duckdb.ConstraintException:
            (inserted,) = self._connection.execute(statements()["load_again"]).fetchall()
            self.loaded_cents = self.total_cents()
        self._connection.unregister("batch")
        return int(inserted[0])

    def total_cents(self) -> int:
        """The sum of all amounts."""
        ((total,),) = self._connection.execute("SELECT coalesce(sum(amount_cents), 0) FROM payments").fetchall()
        return int(total)

    def amounts(self) -> Iterator[tuple[str, int]]:
        """(payment id, amount in cents) of every row, ordered by id."""
        cursor = self._connection.cursor()
        cursor.execute("SELECT payment_id, amount_cents FROM payments ORDER BY payment_id")
        while rows := cursor.fetchmany(ROWS_PER_FETCH):
            yield from rows

    def report(self) -> list[Table]:
        """The tables of warehouse.sql, in its order."""
        return [self._table(name) for name in REPORTS]

    def close(self) -> None:
        """Complete the file and give it its name; once only."""
        if self._open:
            self._open = False
            self._connection.close()
            self._unfinished.replace(self.path)

    def discard(self) -> None:
        """Drop what was loaded; nothing is left of it."""
        if self._open:
            self._open = False
            self._connection.close()
            self._remove_unfinished()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):
            self.close()
        else:
            self.discard()

    def _table(self, name: str) -> Table:
        result = self._connection.execute(statements()[name])
        return Table(name, tuple(column[0] for column in result.description or ()), result.fetchall())

    def _remove_unfinished(self) -> None:
        for suffix in ("", ".wal"):
            Path(f"{self._unfinished}{suffix}").unlink(missing_ok=True)


def _column(values: tuple[Any, ...]) -> Any:
    """Integers as a plain array, all else as objects, which may be None."""
    if type(values[0]) is int and all(type(value) is int for value in values):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=object)
