"""Values and columns as real files write them."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.uses.payment_fraud.badlines import InputError, LineError
from scenarios.uses.payment_fraud.columns import find_columns, parse_columns
from scenarios.uses.payment_fraud.fields import (
    parse_amount_cents,
    parse_coordinate,
    parse_label,
    parse_text,
    parse_time_ms,
)


@pytest.mark.parametrize(
    ("value", "time_ms"),
    [
        ("2019-01-01 00:00:18", 1_546_300_818_000),
        ("2019-01-01T00:00:18Z", 1_546_300_818_000),
        ("2019-01-01T02:00:18.5+02:00", 1_546_300_818_500),
        ("2019-01-01", 1_546_300_800_000),
        ("1546300818", 1_546_300_818_000),
        ("1546300818.0015", 1_546_300_818_001),
        ("1546300818123", 1_546_300_818_123),
        (1_546_300_818_123, 1_546_300_818_123),
        (Decimal("1.5"), 1500),
        ("0", 0),
        (" 172792.0 ", 172_792_000),
        ("1.7e3", 1_700_000),
    ],
)
def test_times(value: object, time_ms: int) -> None:
    assert parse_time_ms(value) == time_ms


def test_a_column_in_milliseconds_is_never_taken_for_seconds() -> None:
    assert parse_time_ms("1500", in_ms=True) == 1500
    assert parse_time_ms("1500", in_ms=False) == 1_500_000


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("", "empty"),
        ("yesterday", "not a number"),
        ("2019-13-01 00:00:00", "unparsable"),
        ("2019-01-01 25:00:00", "unparsable"),
        ("1969-12-31 23:59:59", "negative"),
        ("-1", "negative"),
        ("-0.0001", "negative"),
        ("nan", "finite"),
        ("inf", "finite"),
        ("1e300", "out of range"),
        ("15463008181234567", "out of range|too large"),
        ("1_000", "not a number"),
        ("１２", "not a number"),
        (None, "missing"),
        (True, "not a number"),
        ({}, "not a number"),
        ("0001-01-01T00:00:00+14:00", "negative|unparsable"),
    ],
)
def test_times_that_are_none(value: object, what: str) -> None:
    with pytest.raises(LineError, match=what):
        parse_time_ms(value)


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        ("4.97", 497),
        ("0", 0),
        ("107", 10_700),
        ("45.005", 4501),
        ("0.004999", 0),
        ("1e2", 10_000),
        (" 3.1 ", 310),
        ("12.", 1200),
        (Decimal("0.1"), 10),
        (7, 700),
        ("0.005", 1),
        ("9999999999999.99", 999_999_999_999_999),
        ("1.0049999999999999999999999999999999", 100),
    ],
)
def test_amounts(value: object, cents: int) -> None:
    assert parse_amount_cents(value) == cents


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("$5", "not a number"),
        ("1,50", "not a number"),
        ("-3", "negative"),
        ("NaN", "finite"),
        ("-Infinity", "finite"),
        ("1e999999999", "out of range"),
        ("1e-999999999", "out of range"),
        ("9" * 5000, "out of range|not a number"),
        (None, "missing"),
        (False, "not a number"),
        ([1], "not a number"),
    ],
)
def test_amounts_that_are_none(value: object, what: str) -> None:
    with pytest.raises(LineError, match=what):
        parse_amount_cents(value)


def test_amounts_in_cents_are_whole() -> None:
    assert parse_amount_cents("497", in_cents=True) == 497
    with pytest.raises(LineError, match="whole"):
        parse_amount_cents("4.97", in_cents=True)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**15 - 1))
def test_cents_survive_their_decimal_text(cents: int) -> None:
    assert parse_amount_cents(f"{cents // 100}.{cents % 100:02d}") == cents


def test_labels_texts_and_places() -> None:
    assert [parse_label(value) for value in ("0", "1", 0, 1, False, True, "TRUE", " no ")] == [
        False, True, False, True, False, True, True, False,
    ]  # fmt: skip
    for no_label in ("", "2", None, "fraud"):
        with pytest.raises(LineError, match="label"):
            parse_label(no_label)
    assert (parse_text(None), parse_text(""), parse_text(5)) == (None, None, "5")
    assert parse_coordinate("-81.1781", "longitude", 180) == -81.1781
    assert parse_coordinate("", "longitude", 180) is None
    no_places: tuple[object, ...] = ("nan", "181", "west", [], 10**400)
    for value in no_places:
        with pytest.raises(LineError, match="longitude"):
            parse_coordinate(value, "longitude", 180)


def test_columns_are_given_by_role() -> None:
    assert parse_columns("time=when, amount = price,key=Card No") == {
        "time": "when",
        "amount": "price",
        "key": "Card No",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amuont=price", "unknown role 'amuont'; did you mean 'amount'"),
        ("zzz=price", "unknown role 'zzz'; known are 'time', 'key'"),
        ("time", "'time' is not role=column"),
        ("time=", "'time=' is not role=column"),
        ("", "'' is not role=column"),
        ("time=a,time=b", "given twice"),
    ],
)
def test_columns_that_are_none(text: str, message: str) -> None:
    with pytest.raises(InputError, match="^--columns: .*" + message):
        parse_columns(text)


def test_well_known_names_are_found_and_wanted_ones_come_first() -> None:
    names = ["", "unix_time", "trans_date_trans_time", "Amount", "price"]
    assert find_columns(names, {}, ["time", "amount"]).names == {"time": "trans_date_trans_time", "amount": "Amount"}
    assert find_columns(names, {"amount": "price"}, ["time"]).names["amount"] == "price"
    units = find_columns(["time_ms", "amount_cents"], {}, [])
    assert (units.time_in_ms, units.amount_in_cents) == (True, True)


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        (["time", "amount"], {"key": "crad"}, "no column 'crad' for key"),
        (["time", "amount", "card_no"], {"key": "card_on"}, "did you mean 'card_no'"),
        (["when", "amount"], {}, "no column for time; name it with --columns time=…, the columns are 'when', 'amount'"),
        (["time;amount"], {}, "not by ';'"),
    ],
)
def test_missing_columns(names: list[str], wanted: dict[str, str], message: str) -> None:
    with pytest.raises(LineError, match=message):
        find_columns(names, wanted, ["time", "amount"])
