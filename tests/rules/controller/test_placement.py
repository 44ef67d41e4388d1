"""Where replicas go."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.controller.placement import UsableBroker, place_replicas
from sim.rules.errors import InvalidReplicationFactorError


@pytest.mark.parametrize(("fenced", "factor"), [(False, 0), (False, 2), (True, 1)])
def test_refuses_what_cannot_be(fenced: bool, factor: int) -> None:
    with pytest.raises(InvalidReplicationFactorError):
        place_replicas([UsableBroker(1, fenced=fenced)], 1, factor, lambda _: 0)


def test_single_live_broker_leads_everything() -> None:
    brokers = [UsableBroker(1, "a"), UsableBroker(2, "b", fenced=True)]
    assert place_replicas(brokers, 3, 2, lambda _: 0) == [[1, 2]] * 3


@given(
    st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.booleans()), min_size=1, max_size=7),
    st.integers(1, 9),
    st.data(),
)
def test_replicas_differ_and_fenced_brokers_never_lead(
    shapes: list[tuple[str | None, bool]], partitions: int, data: st.DataObject
) -> None:
    brokers = [UsableBroker(0, "a"), *(UsableBroker(id + 1, *shape) for id, shape in enumerate(shapes))]
    factor = data.draw(st.integers(1, len(brokers)))
    placed = place_replicas(brokers, partitions, factor, Random(partitions).randrange)
    fenced = {broker.id for broker in brokers if broker.fenced}
    assert len(placed) == partitions
    assert all(len(set(replicas)) == factor for replicas in placed)
    assert not fenced & {replicas[0] for replicas in placed}


@given(st.integers(2, 5), st.integers(0, 99))
def test_one_round_gives_every_broker_of_equal_racks_one_leader(brokers_per_rack: int, seed: int) -> None:
    brokers = [UsableBroker(id, "abc"[id % 3]) for id in range(3 * brokers_per_rack)]
    placed = place_replicas(brokers, 3, 3, Random(seed).randrange)
    leaders = Counter(replicas[0] for replicas in placed)
    assert max(leaders.values()) == 1
    assert all({id % 3 for id in replicas} == {0, 1, 2} for replicas in placed)


def test_a_rack_whose_turn_comes_with_the_same_number_twice_is_passed_over_as_in_kafka() -> None:
    racks = [UsableBroker(id, rack) for id, rack in zip((1, 2, 3), "abc", strict=True)]
    assert place_replicas(racks, 6, 1, lambda bound: bound - 1) == [[3], [1], [2], [1], [1], [3]]
    alike = [UsableBroker(id) for id in (1, 2, 3)]
    for seed in range(20):
        leaders = Counter(leader for [leader] in place_replicas(alike, 6, 1, Random(seed).randrange))
        assert leaders == {1: 2, 2: 2, 3: 2}
