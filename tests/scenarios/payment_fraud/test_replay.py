"""Real input, as it should be."""

import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from scenarios.uses.payment_fraud.badlines import InputError
from scenarios.uses.payment_fraud.payments import decode, encode
from scenarios.uses.payment_fraud.reorder import in_time_order
from scenarios.uses.payment_fraud.replay import Replay, parse_speed, read_payments
from scenarios.uses.payment_fraud.rows import ReplayRecord
from tests.scenarios.payment_fraud.samples import generated

DATA = Path(__file__).parents[2] / "data"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "input.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_simulated_card_data_set_is_recognised() -> None:
    records = list(read_payments(DATA / "cards_simulated.csv"))
    assert [record.line for record in records] == [2, 3, 5, 4]
    first, last = records[0], records[3]
    assert (first.time_ms, first.key, first.amount_cents) == (1_546_300_818_000, b"9999000000000011", 497)
    assert first.payment_id == "0b242abb623afc578575680df30655b9"
    assert [record.label for record in records] == [False, False, False, True]
    assert last.arrival_ns == 33_000_000_000
    assert first.payment
    assert first.payment.merchant == "fraud_Rowe, Inc"
    assert (first.payment.latitude, first.payment.longitude) == (36.011293, -82.048315)
    assert json.loads(first.value or b"")["job"] == "Teacher, primary"
    assert json.loads(records[2].value or b"")["merchant"] == 'fraud_Say "Yes"'
    assert records[2].amount_cents == 4501


def test_the_anonymised_card_data_set_is_recognised_and_has_no_keys() -> None:
    records = list(read_payments(DATA / "cards_anonymised.csv"))
    assert [record.time_ms for record in records] == [0, 0, 1000, 1500]
    assert [record.amount_cents for record in records] == [14_962, 269, 37_866, 0]
    assert [record.label for record in records] == [False, False, False, True]
    assert {record.key for record in records} == {None}
    assert [record.payment_id for record in records] == ["line-2", "line-3", "line-4", "line-5"]
    assert records[0].payment
    assert (records[0].payment.card, records[0].payment.merchant, records[0].payment.city) == (None, None, None)


def test_what_kcat_prints_is_replayed_with_its_keys_payloads_and_tombstones() -> None:
    records = list(read_payments(DATA / "kcat.jsonl"))
    assert [record.line for record in records] == [1, 3, 2, 4]
    assert [record.arrival_ns for record in records] == [0, 200_000_000, 250_000_000, 1_000_000_000]
    assert [record.key for record in records] == [b"card-1", b"card-2", None, b"card-1"]
    assert [record.amount_cents for record in records] == [1210, None, 30, None]
    assert records[0].value == '{"card":"card-1","amount":12.10,"is_fraud":0,"merchant":"café"}'.encode()
    assert (records[1].value, records[1].payment) == (None, None)
    assert (records[3].value, records[3].payment) == (b"opaque text", None)


def test_payments_of_a_run_can_be_replayed_from_a_topic(tmp_path: Path) -> None:
    payments = generated(11)[:200]
    envelope = {"topic": "payments", "partition": 0, "offset": 0}
    lines = [
        json.dumps({**envelope, "ts": payment.time_ms, "key": payment.card, "payload": encode(payment).decode()})
        for payment in payments
    ]
    records = list(read_payments(written(tmp_path, "\n".join(lines))))
    assert [record.payment for record in records] == list(payments)
    assert [decode(record.value or b"") for record in records] == list(payments)


def test_columns_of_the_payload_go_before_time_and_key_of_the_record(tmp_path: Path) -> None:
    payload = json.dumps({"at": "2024-01-01 00:00:00", "who": 7, "sum": "1.10"})
    line = json.dumps({"topic": "t", "partition": 0, "offset": 0, "ts": 5, "key": "k", "payload": payload})
    columns = {"time": "at", "key": "who", "amount": "sum"}
    (record,) = read_payments(written(tmp_path, line), columns)
    assert (record.time_ms, record.key, record.amount_cents) == (1_704_067_200_000, b"7", 110)


def test_payloads_and_keys_may_be_json_themselves(tmp_path: Path) -> None:
    line = '{"topic":"t","partition":0,"offset":0,"ts":1700000000000,"key":{"id": 1},"payload":{"amount": 0.10}}'
    (record,) = read_payments(written(tmp_path, line))
    assert (record.key, record.value, record.amount_cents) == (b'{"id":1}', b'{"amount":0.1}', 10)


def test_bare_json_lines_are_read_by_column_names(tmp_path: Path) -> None:
    text = '{"time": 1, "amount": 0.30, "card": "a"}\n\n{"time": 2, "amount": "4", "extra": [1]}\n'
    records = list(read_payments(written(tmp_path, text)))
    assert [(record.time_ms, record.amount_cents, record.key) for record in records] == [
        (1000, 30, b"a"),
        (2000, 400, None),
    ]
    assert records[1].value == b'{"time": 2, "amount": "4", "extra": [1]}'


def test_any_column_names_will_do(tmp_path: Path) -> None:
    text = "when,who,how much,bad\n1700000000.25,ann,3.5,true\n"
    columns = {"time": "when", "key": "who", "amount": "how much", "label": "bad"}
    (record,) = read_payments(written(tmp_path, text), columns)
    assert record[:6] == (
        1_700_000_000_250,
        0,
        b"ann",
        b'{"when":"1700000000.25","who":"ann","how much":"3.5","bad":"true"}',
        350,
        True,
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_marks_quotes_and_blank_lines_do_no_harm(tmp_path: Path, end: str) -> None:
    rows = ["", "time,amount,note", '1,2.00,"two', 'lines, ""quoted"""', "", "2,3.00,plain", '3,4.00,6" pipe', "", "  "]
    records = list(read_payments(written(tmp_path, "\ufeff" + end.join(rows))))
    assert [record.line for record in records] == [3, 6, 7]
    notes = [json.loads(record.value or b"")["note"] for record in records]
    assert notes == [f'two{end}lines, "quoted"', "plain", '6" pipe']


def test_rows_out_of_order_within_the_window_are_put_right(tmp_path: Path) -> None:
    times = [100, 130, 90, 100, 150, 95, 200]
    path = written(tmp_path, "time,amount\n" + "".join(f"{time},1\n" for time in times))
    records = list(read_payments(path))
    assert [(record.time_ms // 1000, record.line) for record in records] == [
        (90, 4), (95, 7), (100, 2), (100, 5), (130, 3), (150, 6), (200, 8),
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"line 4: its time is 40 s before that of line 3; .*--reorder-window"):
        list(read_payments(path, reorder_window_ms=39_999))
    assert len(list(read_payments(path, reorder_window_ms=55_000))) == 7


def test_shuffles_within_the_window_all_come_back_in_order() -> None:
    random = Random(1)
    blank = ReplayRecord(0, 0, None, None, None, None, "", 0, None)
    records = [blank._replace(time_ms=base * 10 + random.randint(0, 500), line=base) for base in range(2000)]

    rejected: list[int] = []

    def note(line: int, *_: object) -> None:
        rejected.append(line)

    ordered = list(in_time_order((("", record) for record in records), 500, note))
    assert ordered == sorted(records, key=lambda record: (record.time_ms, record.line))
    assert not rejected
    few = in_time_order((("", r) for r in records), 500, note, most_waiting=5)
    kept = [record.time_ms for record in few]
    assert kept == sorted(kept)
    assert len(kept) + len(rejected) == 2000
    assert rejected


def test_speed_divides_arrivals_exactly(tmp_path: Path) -> None:
    path = written(tmp_path, "time,amount\n1700000000.000,1\n1700000000.007,1\n1700031536.000,1\n")
    for speed in (1.0, 10.0, 0.5, 3.0):
        arrivals = [record.arrival_ns for record in read_payments(path, speed=speed)]
        assert arrivals == [int(ms * 10**6 / Fraction(speed)) for ms in (0, 7, 31_536_000)]


def test_speed_is_a_factor() -> None:
    assert [parse_speed(text) for text in ("10x", "10", "0.5X", " .5 ", "2.x")] == [10.0, 10.0, 0.5, 0.5, 2.0]
    for text in ("", "x", "0x", "-1x", "fast", "1e3", "nan", "inf", "9" * 400):
        with pytest.raises(InputError, match=r"^--speed: .* is no speed; write a number above 0"):
            parse_speed(text)


def many_rows(path: Path, rows: int) -> Path:
    with path.open("w") as file:
        file.write("time,card,amount,is_fraud\n")
        file.writelines(f"{1_700_000_000 + row // 10},card-{row % 100},{row}.25,0\n" for row in range(rows))
    return path


def count_and_sum(records: Iterable[ReplayRecord]) -> tuple[int, int]:
    amounts = [record.amount_cents or 0 for record in records]
    return len(amounts), sum(amounts)


def test_a_long_file_is_read_as_a_stream(tmp_path: Path) -> None:
    rows = 50_000
    replay = read_payments(many_rows(tmp_path / "long.csv", rows))
    assert replay.fraction_read < 0.05
    for _ in range(1000):
        next(replay)
    assert replay.fraction_read < 0.1
    assert count_and_sum(replay) == (rows - 1000, sum(row * 100 + 25 for row in range(1000, rows)))
    assert replay.fraction_read == 1.0


def test_a_replay_can_be_closed_early(tmp_path: Path) -> None:
    replay: Replay = read_payments(many_rows(tmp_path / "long.csv", 2000))
    next(replay)
    replay.close()
    assert list(replay) == []
