"""Rows slightly out of time order, put right."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from scenarios.uses.payment_fraud.badlines import LineError
from scenarios.uses.payment_fraud.lines import Reject
from scenarios.uses.payment_fraud.rows import ReplayRecord

__all__ = ["MOST_WAITING_ROWS", "in_time_order"]

MOST_WAITING_ROWS = 100_000


def in_time_order(
    records: Iterable[tuple[str, ReplayRecord]], window_ms: int, reject: Reject, most_waiting: int = MOST_WAITING_ROWS
) -> Iterator[ReplayRecord]:
    """The records (each given with its text) by time, equal times by line.

    A record waits until one comes that is more than the window later, or until `most_waiting` others wait. One that
    is further back than the window, or than what has gone, is rejected.
    """
    waiting: list[tuple[int, int, ReplayRecord]] = []
    latest_ms = latest_line = gone_ms = 0
    for text, record in records:
        time_ms = record.time_ms
        if time_ms < max(latest_ms - window_ms, gone_ms):
            reject(record.line, text, _far_backward(time_ms, latest_ms, latest_line))
            continue
        if time_ms > latest_ms:
            latest_ms, latest_line = time_ms, record.line
        heappush(waiting, (time_ms, record.line, record))
        while waiting[0][0] < latest_ms - window_ms or len(waiting) > most_waiting:
            gone_ms = waiting[0][0]
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]


def _far_backward(time_ms: int, latest_ms: int, latest_line: int) -> LineError:
    return LineError(
        f"its time is {(latest_ms - time_ms) / 1000:g} s before that of line {latest_line}",
        "sort the file by time, or widen --reorder-window",
    )
