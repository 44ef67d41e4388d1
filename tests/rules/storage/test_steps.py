"""A column of runs reads like a list of its numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.storage.steps import Steps

RUNS = st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), max_size=8)


@given(RUNS)
def test_it_reads_like_a_list(runs: list[tuple[int, int]]) -> None:
    steps, plain = Steps(), [value for value, count in runs for _ in range(count)]
    for value, count in runs:
        steps.extend(value, count)
    assert list(steps) == plain
    assert len(steps) == len(plain)
    assert [steps[index] for index in range(-len(plain), len(plain))] == plain + plain
    assert steps[1:-1] == plain[1:-1]
    assert not plain or steps.highest() == max(plain)
    assert [value for value, count in steps.runs() for _ in range(count)] == plain


def test_beyond_its_ends_there_is_nothing() -> None:
    steps = Steps()
    steps.extend(7, 3)
    with pytest.raises(IndexError, match="index 3 of 3"):
        steps[3]
    with pytest.raises(IndexError, match="index -4 of 3"):
        steps[-4]
