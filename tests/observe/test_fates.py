"""Fates are counted at once and written out when they are looked at."""

import pytest

from sim.observe.fates import Fates, RecordFate
from sim.observe.verdict import MOST_LISTED, Verdict


def fate_of(cause: str, made: list[int]) -> Fates:
    found = Fates()

    def fate(index: int) -> RecordFate:
        made.append(index)
        return RecordFate("orders-0", "one", index, None, None, None, cause)

    found.add(range(1_000_000), fate)
    found.add((), fate)
    found.add((7, 9), fate)
    return found


def test_millions_are_counted_and_only_what_is_looked_at_is_made() -> None:
    made: list[int] = []
    found = fate_of("why", made)
    assert (len(found), bool(found), made) == (1_000_002, True, [])
    assert [fate.number for fate in (found[0], found[-1], found[1_000_000])] == [0, 9, 7]
    assert [fate.number for fate in found[999_999:]] == [999_999, 7, 9]
    assert len(made) == 6
    with pytest.raises(IndexError):
        found[1_000_002]


def test_fates_equal_a_list_of_them() -> None:
    found, other = Fates(), Fates()
    assert found == []
    one = RecordFate("orders-0", "one", 3, None, None, None, "why")
    found.add((3,), lambda _: one)
    assert found == [one]
    assert found != other


def test_a_verdict_of_millions_lists_the_first_and_counts_the_others() -> None:
    verdict = Verdict(1_000_002, undelivered=fate_of("never read", []))
    told = verdict.as_json()
    listed = told["undelivered"]
    assert isinstance(listed, list)
    assert (len(listed), told["unlisted"], told["lost"]) == (MOST_LISTED, {"undelivered": 1_000_002 - MOST_LISTED}, [])
    assert "unlisted" not in Verdict(1).as_json()
