"""Real payments, from the file to the last cent in the warehouse."""

import csv
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from zlib import crc32

import duckdb
import pytest

from scenarios.uses.payment_fraud import scenario
from scenarios.uses.payment_fraud.feed import Arrival, Feed
from scenarios.uses.payment_fraud.payments import encode
from sim.machine.clock import SECOND
from sim.rules.storage.batch import Record
from sim.run import Run
from sim.world.settings import Input, Settings
from tests.scenarios.payment_files import anonymised, kcat, simulated, written
from tests.scenarios.payment_fraud.samples import generated

ROOT = Path(__file__).parents[2]


def cents_in(path: Path, column: str) -> int:
    """The sum of a column, by other means than the scenario's."""
    with path.open(encoding="utf-8", newline="") as file:
        return int(sum(Decimal(row[column]) for row in csv.DictReader(file)) * 100)


def loaded(folder: Path) -> tuple[int, int]:
    """Rows and cents in the warehouse."""
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as warehouse:
        ((rows, cents),) = warehouse.execute("SELECT count(*), sum(amount_cents) FROM payments").fetchall()
    return rows, cents


def in_log(run: Run, topic: str) -> Iterator[Record]:
    for name in run.flight.cluster.partitions():
        leader = run.flight.cluster.leader(name)
        if name.topic == topic and leader is not None:
            for batch in leader.log.batches():
                yield from batch.records()


def assert_all_is_well(run: Run) -> None:
    assert run.verdict.ok
    assert run.results["money"]["ok"]
    assert run.results["unacknowledged"] == run.results["refused"] == 0


def test_a_file_of_simulated_cards(tmp_path: Path) -> None:
    path = written(tmp_path / "cards.csv", simulated(1500))
    run = scenario.run(input=Input(path, speed=4000.0), out=tmp_path)
    assert_all_is_well(run)
    assert loaded(tmp_path) == (1500, cents_in(path, "amt"))
    assert run.results["alerts"]["recall"] is not None
    assert len({record.key for record in in_log(run, "payments")}) > 500


def test_a_file_without_cards_is_sent_with_null_keys(tmp_path: Path) -> None:
    path = written(tmp_path / "cards.csv", anonymised(1500))
    run = scenario.run(input=Input(path, speed=20.0), out=tmp_path)
    assert_all_is_well(run)
    assert loaded(tmp_path) == (1500, cents_in(path, "Amount"))
    assert {record.key for record in in_log(run, "payments")} == {None}
    assert run.results["alerts"]["raised"] == 0
    assert "Alerts: none was raised." in run.sentences()


def test_a_topic_as_kcat_prints_it(tmp_path: Path) -> None:
    path = written(tmp_path / "payments.jsonl", kcat(1000))
    run = scenario.run(input=Input(path), out=tmp_path)
    assert_all_is_well(run)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    payments = [json.loads(record["payload"]) for record in records if (record["payload"] or "").startswith("{")]
    assert loaded(tmp_path) == (len(payments), round(sum(100 * payment["amount"] for payment in payments)))
    assert run.results["not_payments"] == 1000 - len(payments) > 20
    sent = [(record.key, record.value) for record in in_log(run, "payments")]
    assert len(sent) == 1000
    assert sum(value is None for _, value in sent) == sum(record["payload"] is None for record in records)


def test_what_a_run_has_produced_can_be_replayed(tmp_path: Path) -> None:
    envelope = {"topic": "payments", "partition": 0, "offset": 0}
    lines = [
        json.dumps({**envelope, "ts": payment.time_ms, "key": payment.card, "payload": encode(payment).decode()})
        for payment in generated(11)[:3000]
    ]
    run = scenario.run(input=Input(written(tmp_path / "payments.jsonl", lines)), out=tmp_path)
    assert_all_is_well(run)
    assert loaded(tmp_path) == (3000, sum(payment.amount_cents for payment in generated(11)[:3000]))
    assert run.results["alerts"]["recall"] > 0


def test_columns_of_any_name(tmp_path: Path) -> None:
    lines = ["when,who,how much,wrong", *(f"{second},c{second % 5},{second}.10,no" for second in range(60))]
    columns = {"time": "when", "key": "who", "amount": "how much", "label": "wrong"}
    run = scenario.run(input=Input(written(tmp_path / "own.csv", lines), columns, speed=10.0), out=tmp_path)
    assert_all_is_well(run)
    assert loaded(tmp_path) == (60, sum(100 * second + 10 for second in range(60)))


@pytest.mark.parametrize(("speed", "lasts_s"), [(1.0, 60), (5.0, 12), (0.5, 120)])
def test_speed_compresses_the_times_and_the_run_ends_when_the_file_has_drained(
    tmp_path: Path, speed: float, lasts_s: int
) -> None:
    lines = ["time,card,amount", *(f"{second},c{second % 5},1" for second in range(61))]
    run = scenario.run(input=Input(written(tmp_path / "c.csv", lines), speed=speed), faults=False)
    assert_all_is_well(run)
    assert run.results["payments"] == 61
    assert lasts_s < run.simulated_s < lasts_s + 8


def test_rows_within_the_window_are_put_right(tmp_path: Path) -> None:
    random, (header, *rows) = Random(3), ["time,card,amount", *(f"{second},c,1.01" for second in range(300))]
    rows.sort(key=lambda row: int(row.split(",")[0]) + random.uniform(0, 50))
    path = written(tmp_path / "cards.csv", [header, *rows])
    run = scenario.run(input=Input(path, speed=60.0), out=tmp_path)
    assert_all_is_well(run)
    assert loaded(tmp_path) == (300, 30_300)
    sent_at = [record.sent_at for record in in_log(run, "payments")]
    assert sent_at == sorted(second * 1_000_000_000 // 60 for second in range(300))


@pytest.mark.parametrize("on_bad_line", ["skip", "dead-letter"])
def test_bad_lines_are_left_out_and_the_rest_arrives(tmp_path: Path, on_bad_line: str) -> None:
    rows = list(simulated(400))
    bad = {10: "half a row", 200: rows[200].replace(",NC,", ",NC,NC,"), 401: "2019-01-01 00:00:00,é"}
    path = written(tmp_path / "cards.csv", [bad.get(index, row) for index, row in enumerate([*rows, ""])])
    run = scenario.run(input=Input(path, speed=4000.0, on_bad_line=on_bad_line), out=tmp_path)  # type: ignore[arg-type]
    assert_all_is_well(run)
    good = written(tmp_path / "good.csv", [row for index, row in enumerate(rows) if index not in bad])
    assert loaded(tmp_path) == (398, cents_in(good, "amt"))
    assert run.results["bad_lines"] == 3
    what = "set aside" if on_bad_line == "dead-letter" else "skipped"
    assert f"Input: 3 bad lines were {what}, the first is line 11: 1 fields where the header has 23." in run.sentences()
    letters = [record.value for record in in_log(run, "payments-dead-letter")]
    file = tmp_path / "dead_letters.jsonl"
    if on_bad_line == "skip":
        assert (letters, file.exists()) == ([], False)
    else:
        assert [json.loads(letter or b"")["line"] for letter in letters] == [11, 201, 402]
        assert json.loads(letters[0] or b"")["text"] == "half a row\n"
        assert file.read_bytes() == b"".join((letter or b"") + b"\n" for letter in letters)
    assert not list(tmp_path.glob("*.unfinished*"))


def test_without_a_folder_dead_letters_are_in_their_topic(tmp_path: Path) -> None:
    path = written(tmp_path / "cards.csv", ["time,amount", "1,2", "x,y", "3,4"])
    run = scenario.run(input=Input(path, on_bad_line="dead-letter"))
    assert_all_is_well(run)
    assert len(list(in_log(run, "payments-dead-letter"))) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["cards.csv"]


def test_a_gateway_that_gets_nothing_does_not_read_the_file_into_memory(tmp_path: Path) -> None:
    rows = (f"{second},only,1.00" for second in range(5000))
    feed = Feed(Settings(input=Input(written(tmp_path / "cards.csv", ["time,card,amount", *rows]))), 2)
    idle = crc32(b"only") % 2 ^ 1
    now = 0
    while now < 60 * SECOND:
        asked_again_at = feed.take(idle, now)
        assert isinstance(asked_again_at, int)
        assert now < asked_again_at <= now + 3 * SECOND
        now = asked_again_at
    waiting = 0
    while isinstance(arrival := feed.take(idle ^ 1, now), Arrival) and arrival.time <= now + 2 * SECOND:
        waiting += 1
    assert waiting == pytest.approx(now / SECOND, abs=3)
    feed.close()


def test_payments_without_a_card_take_turns_at_the_gateways(tmp_path: Path) -> None:
    feed = Feed(Settings(input=Input(written(tmp_path / "cards.csv", anonymised(100)), speed=1000.0)), 4)
    dealt = [len(list(iter(partial(feed.take, gateway, SECOND), None))) for gateway in range(4)]
    assert dealt == [25] * 4


def test_fifteen_thousand_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "cards.csv", anonymised(15_000))
    run = scenario.run(input=Input(path, speed=850.0), out=tmp_path)
    assert_all_is_well(run)
    assert loaded(tmp_path) == (15_000, cents_in(path, "Amount"))


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "column", "speed"), [(anonymised, "Amount", "700x"), (simulated, "amt", "150000x")])
def test_a_million_rows(tmp_path: Path, rows: object, column: str, speed: str) -> None:
    assert callable(rows)
    path = written(tmp_path / "cards.csv", rows(1_000_000))
    command = (sys.executable, "-c", "from sim.cli.main import main; main()", "run", "payment-fraud", "--json")
    arguments = ("--input", str(path), "--speed", speed, "--out", str(tmp_path / "o"))
    summary = json.loads(subprocess.check_output([*command, *arguments], cwd=ROOT))
    assert summary["verdict"]["ok"]
    assert summary["metrics"]["money"]["ok"]
    assert loaded(tmp_path / "o") == (1_000_000, cents_in(path, column))
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert peak_mib < 1400, f"{summary['wall_s']} s, {peak_mib} MiB"
