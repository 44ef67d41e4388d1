"""The times of a batch without content: a range as long as they are evenly spaced, and always the same times."""

from hypothesis import given
from hypothesis import strategies as st

from sim.actors.producer.producer_batch import joined

PIECES = st.lists(
    st.one_of(
        st.builds(range, st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 4)),
        st.lists(st.integers(-20, 20), max_size=4),
    ),
    max_size=5,
)


@given(PIECES)
def test_joined_times_are_those_of_the_pieces(pieces: list[range | list[int]]) -> None:
    times = joined([], [])
    for piece in pieces:
        times = joined(times, piece)
    assert list(times) == [time for piece in pieces for time in piece]


def test_what_goes_on_evenly_stays_a_range() -> None:
    assert joined(range(0, 30, 10), range(30, 60, 10)) == range(0, 60, 10)
    assert joined(range(0, 10, 10), range(10, 40, 10)) == range(0, 40, 10)
    assert joined(range(0, 30, 10), range(30, 31, 10)) == range(0, 40, 10)
    assert not isinstance(joined(range(0, 30, 10), range(31, 60, 10)), range)
