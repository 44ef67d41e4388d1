"""Rows for a warehouse, each once: the offset belongs where the rows are, in the same transaction.

Covers: sink connectors, offsets stored outside of Kafka, at least once, exactly once into a database, DuckDB.

Story: A loader reads sales and inserts them into a warehouse, a real DuckDB table, batch by batch. As usual it first
commits the rows and then their offsets to its group, which takes a moment. Twice it is killed (`kill -9`) and begins
anew. With `--set offsets_with_rows=true` it stores the offsets in a table of the warehouse instead, in the
transaction of the rows, and seeks there when it gets its partitions (the way that the documentation of KafkaConsumer
gives under "Storing Offsets Outside Kafka").

Watch for: the rows between the two commits, which come again; the sum that the table tells for ever after. The verdict
finds nothing wrong: the brokers have delivered what was asked for, and to ask for it again was the loader's doing.

Predict: How many rows are there twice after each kill? Can they be more with a larger `--set max.poll.records=500`?
Would a shorter `commit_ms` mend it, or only hide it?
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import duckdb
from simpy import Event

from scenarios.streams.parts import numbered
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import ConsumerRecord, RebalanceListener
from sim.machine.clock import parse_duration
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("constant:100", "how sales come, per second: poisson:100, constant:100, bursts:…, daily:…"),
    "duration": Knob("40s", "how long sales come"),
    "offsets_with_rows": Knob(False, "whether offsets are stored in the transaction of the rows, not in the group"),
    "insert_ms": Knob(50, "milliseconds that the warehouse takes to insert a batch", 1, 10_000),
    "commit_ms": Knob(450, "milliseconds from the commit of the rows to that of the offsets in the group", 0, 10_000),
    "crash_at": Knob("12s", "when the loader is killed"),
    "crash_again_at": Knob("26s", "when it is killed once more"),
    "back_after": Knob("1s", "how long until its process is started again"),
}
PARTITIONS = 2
TABLES = """
CREATE TABLE sales (sale BIGINT NOT NULL, "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL);
CREATE TABLE positions ("partition" INTEGER PRIMARY KEY, "offset" BIGINT NOT NULL);
"""


class Warehouse:
    """A database of its own that survives the loader; whoever connects anew finds what was committed."""

    def __init__(self) -> None:
        self._database = duckdb.connect(":memory:", config={"threads": 1})
        self._database.execute(TABLES)
        self._session = self._database.cursor()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A session; that of a dead process is closed, and what it has not committed is rolled back."""
        self._session.close()
        self._session = self._database.cursor()
        return self._session

    def counts(self) -> tuple[int, int]:
        """How many rows there are, and how many sales."""
        found = self._database.execute("SELECT count(*), count(DISTINCT sale) FROM sales").fetchone() or (0, 0)
        return int(found[0]), int(found[1])


class Resume(RebalanceListener):
    """Seeks to the positions of the warehouse when partitions are assigned."""

    def __init__(self, consumer: Consumer, session: duckdb.DuckDBPyConnection) -> None:
        self._consumer = consumer
        self._session = session

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Go on behind the last row of each."""
        known = dict(self._session.execute("SELECT * FROM positions").fetchall())
        for partition in partitions:
            self._consumer.seek(partition, known.get(partition.partition, 0))


def insert(session: duckdb.DuckDBPyConnection, sales: Sequence[ConsumerRecord], with_offsets: bool) -> None:
    """The rows of a batch, and on demand the offsets behind them, in the transaction that is open."""
    rows = [(int(sale.value or b""), sale.partition, sale.offset) for sale in sales]
    columns = [list(column) for column in zip(*rows, strict=True)]
    session.execute("INSERT INTO sales SELECT unnest(?), unnest(?), unnest(?)", columns)
    if with_offsets:
        ends = {sale.partition: sale.offset + 1 for sale in sales}
        session.execute("INSERT OR REPLACE INTO positions SELECT unnest(?), unnest(?)", [[*ends], [*ends.values()]])


def loader(warehouse: Warehouse, settings: Settings) -> Behaviour:
    """Inserts batch by batch; commits offsets with the rows or after them."""
    with_rows, insert_ms, commit_ms = settings["offsets_with_rows"], settings["insert_ms"], settings["commit_ms"]

    def run(app: App) -> Generator[Event, Any, None]:
        session = warehouse.connect()
        consumer = app.consumer(
            "loader",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            max_poll_records=100,
        )
        consumer.subscribe(["sales_transactions"], Resume(consumer, session) if with_rows else None)
        while True:
            if sales := (yield from consumer.poll()):
                session.begin()
                insert(session, sales, with_rows)
                yield app.busy(ms=insert_ms)
                session.commit()
                yield app.busy(ms=commit_ms)
                yield from consumer.commit()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    warehouse, duration = Warehouse(), parse_duration(settings["duration"])
    sales = numbered("sales_transactions", parse_workload(settings["arrivals"]), duration, UniformKeys(100))
    back = settings["back_after"]
    return Plan(
        duration=duration,
        topics=(Topic("sales_transactions", PARTITIONS, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("tills", sales, "tills", finite=True),
            AppSpec("loader", loader(warehouse, settings), "loader"),
        ),
        groups=(GroupSpec("loader", ("sales_transactions",)),),
        faults=tuple(AppCrash(app="loader", at=settings[at], lasts=back) for at in ("crash_at", "crash_again_at")),
        stages=(("tills", "sales_transactions"), ("sales_transactions", "loader")),
        wrap_up=lambda complete: results(warehouse) if complete else {},
    )


def results(warehouse: Warehouse) -> Mapping[str, object]:
    """What the table tells."""
    rows, sales = warehouse.counts()
    return {
        "rows": rows,
        "sales": sales,
        "duplicates": rows - sales,
        "finding": f"{rows:,} rows in the warehouse for {sales:,} sales: {rows - sales:,} too many",
        "sentences": [f"The warehouse holds {rows:,} rows for {sales:,} sales: {rows - sales:,} are there twice."],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Offsets that are committed apart are late after a crash."""
    return {
        "no sale is missing in the warehouse": run.results["sales"] == run.metrics.records_acknowledged,
        "sales are in the warehouse twice": run.results["duplicates"] > 0,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """Offsets in the transaction of the rows cannot be."""
    return {
        "no sale is missing in the warehouse": run.results["sales"] == run.metrics.records_acknowledged,
        "no sale is in the warehouse twice": run.results["duplicates"] == 0,
    }


scenario = Scenario(
    name="warehouse-sink",
    summary="A loader is killed between rows and offsets: rows twice, unless both are in one transaction.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"offsets_with_rows": True},
    cured=cured,
)
