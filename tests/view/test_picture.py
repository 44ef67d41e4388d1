from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sim.view.picture import Picture, rows

EXTENTS = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1])))


@given(EXTENTS.map(sorted), st.floats(0.01, 1))
def test_labels_of_one_row_keep_their_distance(extents: list[tuple[float, float]], gap: float) -> None:
    chosen = rows(extents, gap)
    assert len(chosen) == len(extents)
    for row in set(chosen):
        in_row = [extent for extent, its_row in zip(extents, chosen, strict=True) if its_row == row]
        assert all(one[1] + gap <= two[0] for one, two in pairwise(in_row))


def test_labels_with_room_share_the_first_row() -> None:
    assert rows([(0, 1), (2, 3), (2.5, 4), (5, 6)], gap=0.5) == [0, 0, 1, 0]


def test_text_is_measured_in_inches_from_the_upper_left() -> None:
    picture = Picture(10, 5)
    text = picture.write(1, 2, "ten inches wide?", fontsize=36, va="top", ha="left")
    box = text.get_window_extent()
    assert (round(box.x0 / picture.dpi, 1), round(box.y1 / picture.dpi, 1)) == (1.0, 3.0)
    assert picture.width_of(text) == box.width / picture.dpi


def test_a_notebook_shows_the_same_bytes_each_time() -> None:
    pictures = [Picture(2, 1), Picture(2, 1)]
    for picture in pictures:
        picture.write(0.5, 0.5, "the same")
    first, second = (picture._repr_png_() for picture in pictures)
    assert first == second
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
