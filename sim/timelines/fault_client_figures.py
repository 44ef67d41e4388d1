"""What clients saw of one topic: its figures in a run, by the definitions of the recordings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim.rules.storage.batch import RecordBatch, RecordColumns

__all__ = ["TopicSeen", "client_figures", "duplicate_figures", "longest_gap"]

MILLISECOND = 1e6
Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TopicSeen:
    """What is known of a topic after a flight; all times are nanoseconds of the flight.

    `sent` are the times of send(), `acknowledged` the batches with the time of their acknowledgement, `delivered` the
    times at which the consumer got something; `log` is what the partition holds in the end.
    """

    sent: Sequence[int]
    acknowledged: Sequence[tuple[RecordColumns, int]]
    delivered: Sequence[int]
    log: Sequence[RecordBatch]


def client_figures(seen: TopicSeen, window: Window, zero: int) -> dict[str, float]:
    """Milliseconds and numbers of records sent inside the window; `zero` is the time of the first action."""
    begins, ends = window
    copies = Counter(batch.columns.written for batch in seen.log)
    acked = [
        (at, time, copies[columns])
        for columns, time in seen.acknowledged
        for at in columns.sent_at
        if begins <= at < ends
    ]
    found: dict[str, float] = {
        "sent": sum(begins <= at < ends for at in seen.sent),
        "acked": len(acked),
        "lost_acked": sum(not count for _, _, count in acked),
        "duplicated": sum(count > 1 for _, _, count in acked),
    }
    if acked:
        found["max_ack_latency"] = max(time - at for at, time, _ in acked) / MILLISECOND
    gap = longest_gap(sorted(time for _, time in seen.acknowledged), window)
    if gap is not None:
        found["longest_ack_gap"], found["gap_from"] = gap[0] / MILLISECOND, (gap[1] - zero) / MILLISECOND
    silence = longest_gap(seen.delivered, window)
    if silence is not None:
        found["consumer_longest_gap"] = silence[0] / MILLISECOND
    return found


def longest_gap(times: Sequence[int], window: Window) -> tuple[int, int] | None:
    """The longest time between two consecutive times inside the window, and when it begins; None for less than two."""
    inside = [time for time in times if window[0] <= time <= window[1]]
    return max(((later - time, time) for time, later in pairwise(inside)), default=None, key=lambda gap: gap[0])


def duplicate_figures(seen: TopicSeen, window: Window) -> dict[str, float]:
    """How often the log repeats itself: records twice or more, copies too many, neighbours in the wrong order."""
    numbers = list(_numbers(seen.log, window))
    copies = Counter(numbers)
    return {
        "records_duplicated": sum(count > 1 for count in copies.values()),
        "extra_copies": len(numbers) - len(copies),
        "order_inversions_in_log": sum(later < number for number, later in pairwise(numbers)),
        "max_copies": max(copies.values(), default=0),
    }


def _numbers(log: Iterable[RecordBatch], window: Window) -> Iterator[int]:
    """The running numbers of the records in a log that were sent inside the window, in order."""
    for batch in log:
        columns = batch.columns.written
        for index, at in enumerate(columns.sent_at):
            if window[0] <= at < window[1]:
                yield columns.first_number + index
