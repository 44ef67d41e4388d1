"""Recordings told in other words than the bundled ones."""

from typing import Any

import pytest

from sim.conformance.reading import Fields, MissingFieldError
from sim.conformance.transaction_words import transactions_in
from sim.conformance.transactions import transactions

FENCED = "ProducerFencedException: There is a newer producer with the same transactionalId"


def view(records: list[list[Any]], position: int) -> dict[str, Any]:
    return {"records_offset_value": records, "position": position, "endOffset": position, "lag": 0}


def test_a_zombie_that_commits() -> None:
    case = {
        "id": "zombie-commit",
        "setup": "zombie: p2 inits the same transactional.id while p1 has an open transaction",
        "observed": [
            {"step": "p1 begin+send z0", "result": "ok", "took_ms": 3},
            {"step": "p2 initTransactions (same transactional.id)", "result": "ok", "took_ms": 200},
            {"step": "p1 commit", "result": FENCED},
            {"step": "p1 abort", "result": FENCED},
            {"step": "p1 beginTransaction", "result": FENCED},
            {"step": "p1 send z1", "result": f"ExecutionException: x.{FENCED} <- {FENCED}"},
            {"step": "p2 commitTransaction", "result": "IllegalStateException: Invalid transition attempted"},
            {"view_end": {"at_ms": 1, "read_uncommitted": view([[0, "z0"]], 2), "read_committed": view([], 2)}},
        ],
    }
    expected, got = transactions(case)
    assert got == expected
    assert len(got) == 8  # type: ignore[arg-type]


def test_counted_records_and_ends_that_an_event_takes_for_granted() -> None:
    both_then = {"read_uncommitted": view([[0, "a"], [1, "a"]], 3)}
    both = {"read_uncommitted": view([[0, "a"], [1, "a"], [3, "b"]], 4), "read_committed": view([[3, "b"]], 4)}
    case = {
        "setup": "one producer aborts, a plain one goes on",
        "observed": [
            {"op": "loader send 2 records a", "offset": 1},
            {"op": "after loader abort", "view": {**both_then, "read_committed": view([], 3)}},
            {"op": "plain send b", "offset": 3},
            {"view_at_end": both, "took_ms": 4},
        ],
    }
    expected, got = transactions(case)
    assert got == expected


def test_words_that_nobody_understands_differ_from_every_result() -> None:
    case = {"setup": "", "observed": [{"step": "p1 juggles", "result": "ok"}, {"op": "p1 send x", "offset": 7}]}
    assert transactions(case) == ([[], 7], [["not understood: p1 juggles"], 0])


def test_latencies_count_transactions() -> None:
    case = {"setup": "3 one-record transactions; latency in microseconds", "observed": [5, 6, 7]}
    assert transactions(case) == (3, 3)
    assert transactions({**case, "observed": [5, 6]}) == (2, 3)


def test_values_after_one_verb_calls_joined_by_words_and_other_names_of_producers() -> None:
    case = {
        "setup": "zombie: a new producer takes the same transactional id",
        "observed": [
            {"op": "p1 send a, b and c", "offset": 2},
            {"op": "while it is open", "lso": 0, "high_watermark": 3},
            {"op": "p1 commit then begin and send d", "offset": 4},
            {"op": "new producer initTransactions", "endOffsets": {"read_uncommitted": 6, "read_committed": 6}},
            {"step": "zombie aborts", "result": FENCED},
            {"step": "zombie close", "result": "ok"},
            {"step": "zombie send e", "result": "IllegalStateException: closed"},
            {"step": "the new producer begin + commit", "result": "ok"},
            {"step": "new producer commit", "result": "IllegalStateException: wrong state"},
            {"step": "new producer send f without begin", "result": "IllegalStateException: wrong state"},
        ],
    }
    expected, got = transactions(case)
    assert got == expected


def test_a_closed_producer_aborts_what_is_open_and_one_that_dies_does_not() -> None:
    case = {
        "setup": "two producers",
        "observed": [
            {"op": "p1 send a", "offset": 0},
            {"op": "p2 send b", "offset": 1},
            {"op": "p1 close", "last_stable_offset": 1, "log_end_offset": 3},
            {"op": "p2 close at once", "last_stable_offset": 1, "log_end_offset": 3},
        ],
    }
    expected, got = transactions(case)
    assert got == expected == [0, 1, 1, 3, 1, 3]


def test_views_named_after_events_are_steps() -> None:
    before = {"read_uncommitted": view([[0, "x"]], 1), "read_committed": view([], 0)}
    after = {"read_uncommitted": view([[0, "x"]], 2), "read_committed": view([], 2)}
    observed = {"view_while_open": before, "view_after_abort": after}
    expected, got = transactions({"setup": "transaction left open", "observed": observed})
    assert got == expected


@pytest.mark.parametrize(
    ("setup", "sizes_and_ends"),
    [
        ("3-record commit, empty abort, one-record abort", [(3, "commit"), (0, "abort"), (1, "abort")]),
        ("two records aborted, then a commit of 5 records", [(2, "abort"), (5, "commit")]),
        ("2 aborted transactions of 3 records, then one-record commit", [(3, "abort")] * 2 + [(1, "commit")]),
        ("3 transactions, alternately committed and aborted", [(1, "commit"), (1, "abort"), (1, "commit")]),
        ("2 empty transactions", [(0, "commit")] * 2),
        ("one producer, one partition", []),
    ],
)
def test_transactions_that_a_setup_counts(setup: str, sizes_and_ends: list[tuple[int, str]]) -> None:
    assert transactions_in(setup) == sizes_and_ends


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        ({"op": "p1 send a"}, "offset"),
        ({"op": "p1 send a", "took_ms": 3}, "offset"),
        ({"step": "p1 commit", "took_ms": 3}, "result"),
        ({"result": "ok"}, "step"),
        ({"offset": 0}, "step"),
        ({"op": "after p1 commit"}, "view"),
        ({"op": "end", "took_ms": 1}, "view"),
        ({}, "view"),
        ({"view": {"read_committed": view([], 0)}}, "read_uncommitted"),
        ({"view_end": {"read_uncommitted": view([], 0)}}, "read_committed"),
    ],
)
def test_a_step_of_which_nothing_is_known_is_no_answer(step: dict[str, Any], missing: str) -> None:
    observed = [Fields({name: Fields(value) if isinstance(value, dict) else value for name, value in step.items()})]
    with pytest.raises(MissingFieldError, match=missing):
        transactions({"setup": "", "observed": observed})


def test_a_field_that_nobody_understands_differs_from_every_value() -> None:
    case = {"setup": "", "observed": [{"op": "p1 commit", "juggled": 3}]}
    assert transactions(case) == ([3], ["not understood: juggled"])
