"""When TCP tries again: doubling time-outs, a steady probe where the own host drops, even SYNs first."""

from itertools import accumulate

import pytest

from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.retransmission import RETRANSMISSION_TIMEOUT, next_retransmission, syn_timeout


@pytest.mark.parametrize(
    ("now", "timeouts"), [(0, 1), (0.9, 1), (1.1, 3), (3, 3), (3.1, 7), (7.1, 15), (62, 63), (64, 127)]
)
def test_time_outs_double(now: float, timeouts: int) -> None:
    since = 5 * SECOND
    due = next_retransmission(since, since + round(now * RETRANSMISSION_TIMEOUT), False)
    assert due == since + timeouts * RETRANSMISSION_TIMEOUT


@pytest.mark.parametrize("now", [0, 100, 300, 708, 709, 16_000, 20_021])
def test_what_the_own_host_drops_is_tried_every_half_second(now: int) -> None:
    due = next_retransmission(0, now * MILLISECOND, True)
    assert now * MILLISECOND <= due < max(now, 208) * MILLISECOND + 500 * MILLISECOND
    assert (due - RETRANSMISSION_TIMEOUT) % (500 * MILLISECOND) == 0


def test_syns_are_repeated_as_linux_does() -> None:
    assert [each // SECOND for each in accumulate(syn_timeout(repeated, False) for repeated in range(8))] == [
        1, 2, 3, 4, 5, 7, 11, 19,
    ]  # fmt: skip
    assert [syn_timeout(repeated, True) / SECOND for repeated in range(3)] == [1, 0.5, 0.5]
