"""Bad input: one clear line that says what, where, and what would be right."""

import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.uses.payment_fraud.badlines import BadLine, InputError, OnBadLine
from scenarios.uses.payment_fraud.lines import LONGEST_LINE_BYTES
from scenarios.uses.payment_fraud.replay import read_payments

HEADER = "time,card,amount,is_fraud\n"
GOOD = "1700000000,a,1.00,0\n"
LATER = "1700000009,b,2.00,1\n"


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "input.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def error_of(path: Path, columns: dict[str, str] | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        list(read_payments(path, columns))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(error_text := message.removeprefix(str(path))) < 400, error_text
    return caught.value


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", None, "is empty"),
        (" \n\r\n\n", None, "is empty"),
        (b"\xef\xbb\xbf", None, "is empty"),
        (HEADER, None, "no rows"),
        (HEADER + "\n\n", None, "no rows"),
        (b"time,amount\n\x00\x01\x02", 2, "binary"),
        ((HEADER + GOOD).encode("utf-16"), None, "UTF-16"),
        (gzip.compress(b"time,amount\n", mtime=0), None, "gzip"),
        (b"PK\x03\x04....", None, "zip"),
        (HEADER.encode() + GOOD.encode() + "1700000001,café,1,0\n".encode("latin-1"), 3, "byte 0xe9 at column 15"),
        (b"PAR1\x15\x04", None, "Parquet"),
        ('[{"time":1,"amount":2}]', 1, "JSON array"),
        ("time,amount,time\n1,2,3\n", 1, "'time' appears twice"),
        ("when,amount\n1,2\n", 1, "no column for time"),
        ("time;amount\n1;2\n", 1, "no column for time"),
        ("time,amount\r1,2\r3,4\r", 1, "carriage return"),
        ('time,"amount\n1,2\n', 1, "header is no CSV"),
        (HEADER + GOOD + "1700000001,a,-3,0\n", 3, "amount '-3' is negative"),
        (HEADER + GOOD + "1700000001,a,nan,0\n", 3, "amount 'nan' is not a finite number"),
        (HEADER + GOOD + "1700000001,a,,0\n", 3, "amount is empty"),
        (HEADER + GOOD + "-5,a,1,0\n", 3, "time '-5' is negative"),
        (HEADER + GOOD + "noon,a,1,0\n", 3, "time 'noon' is not a number"),
        (HEADER + GOOD + "1699999900,a,1,0\n", 3, "its time is 100 s before that of line 2"),
        (HEADER + GOOD + "1700000001,a,1,maybe\n", 3, "label 'maybe'"),
        (HEADER + GOOD + "1700000001,a,1,0,9\n", 3, "5 fields where the header has 4"),
        (HEADER + GOOD + "1700000001,a\n", 3, "2 fields where the header has 4"),
        (HEADER + GOOD + "1700000001,a", 3, "the last line is cut"),
        (HEADER + GOOD + '1700000001,"a', 3, "a quote is opened and never closed"),
        (HEADER + GOOD + '1700000001,"a"b,1,0\n', 3, "the row is no CSV"),
        (HEADER + GOOD + f'1700000001,"{"a" * 200_000}",1,0\n', 3, "field larger than"),
        (HEADER + GOOD + "a" * (LONGEST_LINE_BYTES + 1), 3, "longer than"),
        ('{"time":1,"amount":1}\n{"time":2,"amo', 2, "the last line is cut"),
        ('{"time":1,"amount":1}\n{"time":2,"amo\n', 2, "no JSON"),
        ('{"time":1,"amount":1}\n[1]\n', 2, "is no JSON object"),
        ('{"time":1,"amount":1}\n' + '{"a":' * 100_000 + "\n", 2, "nested too deeply|no JSON"),
        ('{"time":1,"amount":1}\n{"time":2}\n', 2, "no column for amount"),
        ('{"time":1,"amount":NaN}\n', 1, "finite"),
        ('{"time":1,"amount":1,"card":"\\ud800"}\n', 1, "surrogate"),
        ('{\n  "time": 1,\n  "amount": 1\n}\n', 1, "no JSON"),
        ('{"topic":"t","offset":0,"partition":0,"tstype":"unknown","ts":-1,"payload":"{}"}\n', 1, "negative"),
        ('{"topic":"t","offset":0,"partition":0,"payload":"{}"}\n', 1, "time is missing"),
    ],
)
def test_each_fault_is_named_with_its_line(tmp_path: Path, content: str | bytes, line: int | None, what: str) -> None:
    error = error_of(written(tmp_path, content))
    assert error.line == line
    assert re.search(what, error.what), error
    assert error.hint


def test_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    assert error_of(tmp_path).what == "is a directory"
    written(tmp_path, HEADER)
    assert error_of(tmp_path / "inptu.csv").hint == f"did you mean {tmp_path / 'input.csv'}?"
    assert error_of(tmp_path / "nowhere" / "x.csv").hint == f"there is no directory {tmp_path / 'nowhere'}"
    assert error_of(tmp_path / ("x" * 300)).what == "cannot be read: File name too long"
    with pytest.raises(InputError, match="cannot be read: embedded null byte"):
        read_payments(tmp_path / "a\0b")


def test_a_column_that_was_asked_for_and_is_not_there(tmp_path: Path) -> None:
    error = error_of(written(tmp_path, HEADER + GOOD), {"key": "crad"})
    assert (error.line, error.what, error.hint) == (1, "no column 'crad' for key", "did you mean 'card'?")
    line = json.dumps({"topic": "t", "partition": 0, "offset": 0, "ts": 5, "key": "k", "payload": "text"})
    assert "payload is no JSON object" in error_of(written(tmp_path, line), {"amount": "sum"}).what


def test_what_concerns_the_whole_file_is_raised_before_the_first_record_is_asked_for(tmp_path: Path) -> None:
    for content in ("", HEADER, "a,b\n1,2\n", HEADER + "x,y\n"):
        with pytest.raises(InputError):
            read_payments(written(tmp_path, content))


@pytest.mark.parametrize("arguments", [{"speed": 0.0}, {"speed": float("nan")}, {"reorder_window_ms": -1}])
def test_arguments_out_of_range(tmp_path: Path, arguments: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"--speed|--reorder-window"):
        read_payments(written(tmp_path, HEADER + GOOD), **arguments)  # type: ignore[arg-type]


def test_an_unknown_choice_for_bad_lines(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--on-bad-line: unknown choice 'skipp'; did you mean 'skip'"):
        read_payments(written(tmp_path, HEADER + GOOD), on_bad_line="skipp")  # type: ignore[arg-type]


BAD_ROWS = ["x,a,1,0\n", "1700000001,a,-1,0\n", "1600000000,a,1,0\n", '1700000002,"a,1,0\n', "1,2\n"]


def test_skipping_leaves_out_the_bad_lines_and_no_other(tmp_path: Path) -> None:
    content = HEADER + GOOD + LATER.join(["", *BAD_ROWS, ""])
    replay = read_payments(written(tmp_path, content), on_bad_line="skip")
    assert [record.line for record in replay] == [2, 3, 5, 7, 9, 11, 13]
    assert replay.bad_count == 5
    assert [bad.line for bad in replay.take_bad_lines()] == [4, 6, 8, 10, 12]
    assert replay.take_bad_lines() == []


def test_dead_letters_are_whole(tmp_path: Path) -> None:
    long_row = f"noon,{'a' * 5000},1,0\n"
    path = written(tmp_path, HEADER + GOOD + long_row + LATER)
    replay = read_payments(path, on_bad_line="dead-letter")
    assert [record.line for record in replay] == [2, 4]
    hint = "a time is ISO 8601, YYYY-mm-dd HH:MM:SS, or seconds or milliseconds since 1970"
    assert replay.take_bad_lines() == [BadLine(3, long_row, "time 'noon' is not a number", hint)]
    skipping = read_payments(path, on_bad_line="skip")
    list(skipping)
    assert len(skipping.take_bad_lines()[0].text) == 200


def test_a_header_that_cannot_be_read_is_not_skipped(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: the header cannot be read: byte 0xe9"):
        read_payments(written(tmp_path, b"time,caf\xe9\n" + GOOD.encode()), on_bad_line="skip")


def test_lines_that_are_no_text_can_be_skipped_too(tmp_path: Path) -> None:
    filler = (GOOD * 500).encode()
    bad = b"1700000001,caf\xe9,1,0\n" + b"1700000001,\0,1,0\n" + b"y" * (3 * LONGEST_LINE_BYTES) + b"\n"
    replay = read_payments(written(tmp_path, HEADER.encode() + filler + bad + LATER.encode()), on_bad_line="skip")
    assert [record.line for record in replay] == [*range(2, 502), 505]
    assert [bad_line.line for bad_line in replay.take_bad_lines()] == [502, 503, 504]


def test_few_skipped_lines_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    replay = read_payments(written(tmp_path, HEADER + GOOD + "bad\n" * 3000), on_bad_line="skip")
    assert len(list(replay)) == 1
    assert replay.bad_count == 3000
    assert len(replay.take_bad_lines()) == 1000


def test_a_file_of_bad_lines_alone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2: none of its 2 lines can be used, the first because 1 fields"):
        read_payments(written(tmp_path, HEADER + "bad\nworse\n"), on_bad_line="skip")


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([b"", HEADER.encode(), (HEADER + GOOD).encode(), b'{"time":1,"amount":1'])
)
def test_whatever_the_bytes_nothing_but_an_input_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.csv"
    path.write_bytes(head + noise)
    choices: tuple[OnBadLine, ...] = ("stop", "skip")
    for on_bad_line in choices:
        try:
            records = list(read_payments(path, on_bad_line=on_bad_line))
        except InputError as error:
            message = str(error)
        else:
            message = f"{len(records)} records"
            assert records
        assert message.isprintable()
