"""The figures of a step: of made-up journals by hand, and of the recorded callbacks as recorded."""

from typing import Any

import pytest

from sim.rules.topics import TopicPartition
from sim.timelines.group_figures import KILLED, Callback, Delivery, Owners, delivery_figures, owner_figures
from tests.timelines.group_files import FAMILIES, recorded

A, B, C = (TopicPartition("t", number) for number in range(3))


def owners(**held: tuple[TopicPartition, ...]) -> Owners:
    return {name: frozenset(member for member, some in held.items() if name in some) for name in (A, B, C)}


def test_a_partition_on_its_way_has_no_owner_meanwhile() -> None:
    callbacks = [Callback(100, "m1", "revoked", (B, C)), Callback(110, "m1", "assigned", ()),
                 Callback(400, "m2", "assigned", (C,)), Callback(450, "m1", "assigned", (B,)),
                 Callback(460, "m2", "assigned", ())]  # fmt: skip
    figures, after = owner_figures(owners(m1=(A, B, C)), callbacks, 1000)
    assert after == owners(m1=(A, B), m2=(C,))
    assert figures == {
        "time_to_last_ownership_change": 450,
        "time_to_last_callback": 460,
        "partitions_in_revoked_callbacks": 2,
        "partitions_in_lost_callbacks": 0,
        "partitions_with_new_owner": 1,
        "partitions_moved_between_survivors": 1,
        "ownerless_ms_max": 350,
        "ownerless_ms_median": 300,
        "ownerless_partitions": 2,
        "double_owned_ms_max": 0,
    }


def test_the_killed_own_nothing_at_once_and_what_nobody_takes_has_no_owner_to_the_end() -> None:
    callbacks = [Callback(0, "m2", KILLED, (B, C)), Callback(700, "m1", "assigned", (B,))]
    figures, _ = owner_figures(owners(m1=(A,), m2=(B, C)), callbacks, 1000, leaver="m2")
    assert (figures["ownerless_ms_max"], figures["ownerless_ms_median"]) == (1000, 700)
    assert (figures["partitions_with_new_owner"], figures["partitions_moved_between_survivors"]) == (1, 0)
    assert figures["time_to_last_ownership_change"] == 700


def test_who_is_not_told_owns_what_another_has_got() -> None:
    callbacks = [Callback(200, "m2", "assigned", (A,)), Callback(900, "m1", "lost", (A,))]
    figures, after = owner_figures(owners(m1=(A,)), callbacks, 1000)
    assert (figures["double_owned_ms_max"], figures["partitions_in_lost_callbacks"]) == (700, 1)
    assert after == owners(m2=(A,))


def test_nothing_happens() -> None:
    figures, after = owner_figures(owners(m1=(A, B, C)), [], 500)
    assert after == owners(m1=(A, B, C))
    assert (figures["time_to_last_callback"], figures["ownerless_ms_max"]) == (None, 0)


def test_gaps_count_between_deliveries_and_duplicates_from_the_event_on() -> None:
    deliveries = [Delivery(-100, A, 5), Delivery(80, A, 0), Delivery(300, A, 2), Delivery(310, A, 1), Delivery(9, B, 0)]
    figures = delivery_figures((A, B, C), deliveries)
    assert figures == {"delivery_gap_ms_max": 220, "delivery_gap_ms_median": 0, "duplicates_delivered": 3}


def partitions(names: list[str]) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic, int(number)) for topic, _, number in (name.rpartition("-") for name in names))


def figures_of(step: dict[str, Any], everything: list[TopicPartition]) -> dict[str, float | None]:
    """The figures of a recorded step from its own callbacks."""
    member, held = step["member"], {name: partitions(some) for name, some in step.get("before", {}).items()}
    before = {name: frozenset(owner for owner, some in held.items() if name in some) for name in everything}
    callbacks = [Callback(call["t"], call["member"], call["cb"], partitions(call["partitions"]))
                 for call in step["callbacks"]]  # fmt: skip
    if step["event"] == "kill9":
        callbacks.insert(0, Callback(0, member, KILLED, held[member]))
    leaver = member if step["event"] in ("kill9", "close") else ""
    return owner_figures(before, callbacks, step["window_ms"], leaver)[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_callbacks_have_the_recorded_figures(family: str) -> None:
    recording = recorded(family)
    everything = [TopicPartition(t, number) for t, n in recording["cluster"]["topics"].items() for number in range(n)]
    steps = [step for run in recording["runs"] for step in run["steps"]]
    assert len(steps) >= 32
    for step in steps:
        figures = figures_of(step, everything)
        assert figures == {name: step[name] for name in figures}
