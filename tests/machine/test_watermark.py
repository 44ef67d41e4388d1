"""An offset that only rises and can be waited for."""

from hypothesis import given
from hypothesis import strategies as st

from sim.machine.watermark import Watermark


def test_each_waiter_is_called_once_in_the_order_of_offsets() -> None:
    watermark, called = Watermark(), []  # type: tuple[Watermark, list[str]]
    for name, offset in (("c", 3), ("a", 1), ("b", 2), ("b again", 2), ("d", 9)):
        watermark.when(offset, lambda name=name: called.append(name))  # type: ignore[misc]
    watermark.advance(3)
    assert called == ["a", "b", "b again", "c"]
    watermark.advance(8)
    assert len(called) == 4
    watermark.advance(9)
    watermark.advance(10)
    assert called[4:] == ["d"]


def test_an_offset_already_reached_calls_back_at_once() -> None:
    called: list[int] = []
    Watermark(5).when(5, lambda: called.append(5))
    assert called == [5]


def test_a_lower_value_changes_nothing() -> None:
    watermark, called = Watermark(5), []  # type: tuple[Watermark, list[int]]
    watermark.when(6, lambda: called.append(6))
    watermark.advance(4)
    watermark.advance(5)
    assert (watermark.value, called) == (5, [])


def test_a_waiter_may_raise_the_watermark_and_wait_again() -> None:
    watermark, called = Watermark(), []  # type: tuple[Watermark, list[str]]

    def first() -> None:
        called.append("first")
        watermark.when(1, lambda: called.append("nested"))
        watermark.advance(5)

    watermark.when(1, first)
    watermark.when(2, lambda: called.append("second"))
    watermark.when(5, lambda: called.append("fifth"))
    watermark.advance(2)
    assert called == ["first", "nested", "second", "fifth"]
    assert watermark.value == 5


def test_abandoning_returns_the_callbacks_and_forgets_them() -> None:
    watermark, called = Watermark(), []  # type: tuple[Watermark, list[int]]
    for offset in (3, 1, 2):
        watermark.when(offset, lambda offset=offset: called.append(offset))  # type: ignore[misc]
    for callback in watermark.abandon():
        callback()
    assert called == [1, 2, 3]
    watermark.advance(10)
    assert called == [1, 2, 3]


@given(
    st.lists(st.one_of(st.tuples(st.just("when"), st.integers(0, 20)), st.tuples(st.just("to"), st.integers(0, 20))))
)
def test_a_waiter_has_been_called_exactly_when_the_offset_is_reached(steps: list[tuple[str, int]]) -> None:
    watermark = Watermark()
    waited: list[int] = []
    called: list[int] = []
    for step, offset in steps:
        if step == "when":
            waited.append(offset)
            watermark.when(offset, lambda offset=offset: called.append(offset))  # type: ignore[misc]
        else:
            before = watermark.value
            watermark.advance(offset)
            assert watermark.value == max(before, offset)
        assert sorted(called) == sorted(offset for offset in waited if offset <= watermark.value)
