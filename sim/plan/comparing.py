"""Formula against flight: what calculators say of a candidate, what happened, and why that is not the same."""

from sim.plan.answer import Comparison, Flown

__all__ = ["comparisons"]

FULL = 0.9
"""A device that is used so much decides how fast others are."""


def comparisons(flown: Flown) -> tuple[Comparison, ...]:
    """Every quantity that both know."""
    return (_device(flown), _limit(flown), *_recovery(flown), _return(flown), *_drain(flown))


def _device(flown: Flown) -> Comparison:
    device = flown.busiest
    return Comparison(
        f"{device} of the busiest broker",
        "% of it",
        100 * flown.candidate.shares[device],
        100 * flown.share(device).mean,
        "the formula spreads bytes evenly and leaves out headers, requests and what waits to be written; a producer "
        "stays with one partition for up to twice batch.size",
    )


def _limit(flown: Flown) -> Comparison:
    ramp = flown.ramp
    most = max(load for load, _ in ramp.flights)
    if ramp.taken < ramp.limit:
        reason = f"{ramp.breaks} of the busiest broker is full before that of the others"
    else:
        reason = f"the law counts sustained disks; the page cache took what came of {most / 1e6:,.0f} MB/s"
    return Comparison("most that is acknowledged (AWS's law)", "MB/s", ramp.limit / 1e6, ramp.taken / 1e6, reason)


def _recovery(flown: Flown) -> tuple[Comparison, ...]:
    if flown.recovery_s is None:
        return ()
    first = flown.failovers[0]
    device = max(first.shares, key=lambda name: first.shares[name], default="")
    if device and first.shares[device] >= FULL:
        reason = (
            f"{device} of the busiest broker that is left was used at {first.shares[device]:.0%}: the backlog is uneven"
        )
    else:
        reason = "a part of what waits is sent while leaders are elected, and the slowest of a hundred decide the rest"
    return (Comparison("recovery from a loss", "s", first.formula_s, flown.recovery_s.mean, reason),)


def _return(flown: Flown) -> Comparison:
    back = flown.back
    return Comparison(
        "catch-up of a broker that comes back",
        "s",
        back.formula_s,
        float("inf") if back.catch_up_s is None else back.catch_up_s,
        "the formula gives catching up what its usual load leaves of the device; in flight the broker leads nothing "
        "yet, and fetches as fast as the leaders' cards send",
    )


def _drain(flown: Flown) -> tuple[Comparison, ...]:
    outage = flown.outage
    if outage is None:
        return ()
    device = max(outage.shares, key=lambda name: outage.shares[name])
    if outage.shares[device] >= FULL:
        reason = f"{device} of the busiest broker was used at {outage.shares[device]:.0%}"
    else:
        reason = "the fullest partition decides when a group has caught up, and partitions are not equally full"
    times = float("inf") if outage.times is None else outage.times
    return (Comparison("drain after a group's outage", "times the outage", outage.times_by_formula, times, reason),)
