"""Regular expressions that the coordinator resolves."""

from typing import Any

from sim.rules.errors import ErrorCode
from tests.rules.consumer_groups import Coordinator, parts

REGEX: dict[str, Any] = {"subscribed_topic_names": (), "rebalance_timeout_ms": 1, "topic_partitions": frozenset()}


def test_the_topics_of_a_regular_expression_come_with_the_second_heartbeat() -> None:
    coordinator = Coordinator(orders=1, orders_eu=1, payments=1)
    joined = coordinator.answer("a", 0, subscribed_topic_regex="orders.*", **REGEX)
    assert joined.assignment == frozenset()
    answer = coordinator.answer("a", joined.member_epoch)
    assert answer.assignment == parts(0, topic="orders") | parts(0, topic="orders_eu")
    assert answer.member_epoch == joined.member_epoch + 1


def test_a_malformed_one_is_refused_and_nothing_is_written() -> None:
    coordinator = Coordinator(orders=1)
    assert coordinator.refused("a", 0, subscribed_topic_regex="(", **REGEX) is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert coordinator.log == []


def test_a_new_topic_is_found_10_s_after_the_last_look_at_the_earliest() -> None:
    coordinator = Coordinator(orders=1)
    epoch = coordinator.answer("a", 0, subscribed_topic_regex="orders.*", **REGEX).member_epoch + 1
    coordinator.settle(1)
    coordinator.topics["orders_eu"] = 1
    coordinator.version = 2
    coordinator.now_ms = 10_000
    coordinator.answer("a", epoch)
    assert coordinator.group.epoch == epoch
    coordinator.now_ms = 10_001
    coordinator.answer("a", epoch)
    assert coordinator.group.epoch == epoch + 1
    assert len(coordinator.answer("a", epoch).assignment or ()) == 2


def test_a_second_member_with_the_same_one_starts_a_rebalance_at_once() -> None:
    coordinator = Coordinator(orders=2)
    coordinator.answer("a", 0, subscribed_topic_regex="orders.*", **REGEX)
    coordinator.settle(1)
    before = coordinator.group.epoch
    coordinator.answer("b", 0, subscribed_topic_regex="orders.*", **REGEX)
    assert coordinator.group.epoch == before + 1
    coordinator.settle()
    assert coordinator.assigned() == {"a": [0], "b": [1]} or coordinator.assigned() == {"a": [1], "b": [0]}


def test_the_last_member_takes_its_regular_expression_along() -> None:
    coordinator = Coordinator(orders=1, t=1)
    coordinator.answer("a", 0, subscribed_topic_regex="orders", **REGEX)
    coordinator.join("b", "t")
    assert set(coordinator.group.resolved) == {"orders"}
    coordinator.answer("a", -1)
    assert coordinator.group.resolved == {}
    assert coordinator.group.regex_counts == {}


def test_names_instead_of_a_regular_expression() -> None:
    coordinator = Coordinator(orders=1, t=1)
    coordinator.answer("a", 0, subscribed_topic_regex="orders", **REGEX)
    coordinator.settle(2)
    member = coordinator.group.members["a"]
    assert member.assigned == parts(0, topic="orders")
    coordinator.answer("a", member.member_epoch, subscribed_topic_regex="", subscribed_topic_names=("t",))
    coordinator.settle(2)
    assert coordinator.group.members["a"].assigned == parts(0)
    assert coordinator.group.resolved == {}
