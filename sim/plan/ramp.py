"""What breaks first as load grows: the same cluster at growing shares of what AWS's law says that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.plan.candidates import Candidate
from sim.plan.slices import Slice, slice_of
from sim.plan.steady import Steady

__all__ = ["SHARES", "Ramp", "at_share", "ramp"]

SHARES = (0.6, 0.75, 0.9, 1.1)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Flights by their load in bytes per second of the whole cluster, in order.

    `taken` is the most that was acknowledged in any, `limit` what the law says, `slow_at` the first load at which the
    99th percentile is too long, None for none; `breaks` is the device that was then busiest.
    """

    flights: tuple[tuple[float, Steady], ...]
    taken: float
    limit: float
    slow_at: float | None
    breaks: str


def at_share(candidate: Candidate, share: float) -> Slice:
    """A slice with a share of the law's limit."""
    return slice_of(candidate).growing(share * candidate.aws_limit / candidate.requirement.planned_write)


def ramp(candidate: Candidate, flights: Sequence[Steady]) -> Ramp:
    """What the flights at each of `SHARES` show."""
    loads = tuple(zip((share * candidate.aws_limit for share in SHARES), flights, strict=True))
    limit_ms = candidate.requirement.p99 * 1000
    slow = [(load, flown) for load, flown in loads if flown.publish_p99_ms > limit_ms or not flown.keeps_up]
    return Ramp(
        flights=loads,
        taken=max(load * flown.sent for load, flown in loads),
        limit=candidate.aws_limit,
        slow_at=slow[0][0] if slow else None,
        breaks=(slow[0] if slow else loads[-1])[1].busiest,
    )
