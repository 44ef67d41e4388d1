"""What the adapters of the assignors accept and what they refuse."""

from typing import Any

import pytest

from sim.conformance.assignors import client_assignor, exact_placement, server_assignor
from sim.rules.assignors import CLIENT_ASSIGNORS, Assignment
from sim.rules.topics import TopicPartition

KAFKA = [
    {"topics": {"t": 4}, "subscriptions": {"a": ["t"]}, "assignment": {"a": ["t-0", "t-1", "t-2", "t-3"]}},
    {"topics": {"t": 4}, "subscriptions": {"a": ["t"], "b": ["t"]}, "assignment": {"a": ["t-0", "t-1"], "b": []},
     "followup_rebalances": [{"assignment": {"a": ["t-0", "t-1"], "b": ["t-2", "t-3"]}}]},
]  # fmt: skip


def vector(assignor: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": "made", "assignor": assignor, "steps": list(steps)}


def answer(monkeypatch: pytest.MonkeyPatch, **given: str) -> None:
    """Makes the sticky assignor give the same answer always."""
    found: Assignment = {m: [TopicPartition("t", int(n)) for n in numbers] for m, numbers in given.items()}
    monkeypatch.setitem(CLIENT_ASSIGNORS, "sticky", lambda *_: found)


def test_rebalances_that_follow_start_from_the_one_before() -> None:
    expected, got = client_assignor(vector("cooperative-sticky", *KAFKA))
    assert got == expected
    assert isinstance(got, list)
    assert [outcome["counts"] for outcome in got] == [{"a": 4}, {"a": 2, "b": 0}, {"a": 2, "b": 2}]
    assert [outcome["moved"] for outcome in got] == [0, 2, 0]
    assert exact_placement(vector("cooperative-sticky", *KAFKA))


def test_sticky_may_place_otherwise_but_not_move_more(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"topics": {"t": 4}, "subscriptions": {"a": ["t"], "b": ["t"]}}
    before = {**one, "assignment": {"a": ["t-0", "t-2"], "b": ["t-1", "t-3"]}}
    answer(monkeypatch, a="01", b="23")
    expected, got = client_assignor(vector("sticky", before))
    assert got == expected
    assert not exact_placement(vector("sticky", before))
    expected, got = client_assignor(vector("sticky", before, before))
    assert got != expected


@pytest.mark.parametrize("wrong", [{"a": "01", "b": "12"}, {"a": "01", "b": "2"}, {"a": "012", "b": "3"}])
def test_sticky_may_not_give_twice_leave_out_or_unbalance(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    step = {"topics": {"t": 4}, "subscriptions": {"a": ["t"], "b": ["t"]}}
    answer(monkeypatch, **wrong)
    expected, got = client_assignor(
        vector("sticky", {**step, "assignment": {"a": ["t-0", "t-2"], "b": ["t-1", "t-3"]}})
    )
    assert got != expected


def test_a_step_without_an_answer_or_an_assignor_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="assignment"):
        client_assignor(vector("range", {"topics": {"t": 1}, "subscriptions": {"a": ["t"]}}))
    step = {"topics": {"t": 1}, "subscriptions": {"a": ["t"]}, "subscription_type": "homogeneous"}
    with pytest.raises(KeyError, match="target_assignment"):
        server_assignor(vector("uniform", step))
    for adapter in (client_assignor, server_assignor):
        with pytest.raises(ValueError, match="'best' is none of"):
            adapter(vector("best", *KAFKA))


def test_an_error_is_expected_by_kafkas_name() -> None:
    step = {"topics": {"t": 1}, "subscriptions": {"a": ["x"]}, "subscription_type": "homogeneous"}
    for assignor in ("uniform", "range", "simple"):
        expected, got = server_assignor(vector(assignor, {**step, "error": "PartitionAssignorException"}))
        assert got == expected == ["PartitionAssignorException"]
        expected, got = server_assignor(vector(assignor, {**step, "target_assignment": {"a": []}}))
        assert got != expected


def test_uniform_takes_topics_in_any_one_order() -> None:
    step = {"topics": {"t1": 1, "t2": 2}, "subscriptions": {"a": ["t1", "t2"], "b": ["t1", "t2"]}}
    kind = {"subscription_type": "homogeneous"}
    last_first = {"a": ["t2-0"], "b": ["t1-0", "t2-1"]}
    expected, got = server_assignor(vector("uniform", {**step, **kind, "target_assignment": last_first}))
    assert got == expected
    by_name = {"a": ["t1-0"], "b": ["t2-0", "t2-1"]}
    assert server_assignor(vector("uniform", {**step, **kind, "target_assignment": by_name}))[1] == [by_name]
    neither = {"a": ["t2-1"], "b": ["t1-0", "t2-0"]}
    expected, got = server_assignor(vector("uniform", {**step, **kind, "target_assignment": neither}))
    assert got == [by_name] != expected
