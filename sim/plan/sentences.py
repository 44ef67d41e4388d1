"""The plan in sentences, with every number from a formula or a flight, and every assumption that it rests on."""

from math import isfinite

from sim.machine.clock import SECOND, format_duration
from sim.plan.answer import Answer, Flown
from sim.plan.candidates import SPACE_USED
from sim.plan.comparing import comparisons
from sim.plan.failing import BACK_S, CRASH_S, copying_s
from sim.plan.lagging import PAUSE_S
from sim.plan.search import GROWTH, MARGIN, MOST_LOSSES
from sim.plan.slices import FINE, FINE_FOR_LONG, MEASURED_S, WARM_UP_S, slice_of
from sim.plan.statistics import Interval
from sim.plan.units import show_bytes

__all__ = ["assumptions", "differences", "figure", "money", "sentences", "with_interval"]


def with_interval(value: Interval, unit: str) -> str:
    """A mean with its 95 % half width, if there is one."""
    spread = f" ± {value.half_width:,.2g}" if isfinite(value.half_width) else ""
    return f"{value.mean:,.3g}{spread} {unit}"


def money(flown: Flown, currency: str) -> str:
    """What a candidate costs in a month, or that there is no price."""
    return "no price" if flown.month is None else f"{flown.month:,.0f} {currency}"


def figure(value: float) -> str:
    """Three digits, and all before the point."""
    return f"{value:,.0f}" if 1000 <= value < float("inf") else f"{value:.3g}"


def sentences(answer: Answer) -> tuple[str, ...]:
    """The plan: what to buy, how to set it, what it does, what breaks first."""
    chosen = answer.chosen
    if chosen is None:
        return ("No candidate meets the requirement in flight.",)
    return (
        _what(answer, chosen),
        *_size(chosen),
        _settings(chosen),
        _steady(chosen),
        *_lost(chosen),
        _back(chosen),
        *_added(chosen),
        *_outage(chosen),
        _ramp(chosen),
        _deploy(answer),
        *_others(answer, chosen),
    )


def _what(answer: Answer, chosen: Flown) -> str:
    found, asked = chosen.candidate, answer.requirement
    cost = f", {money(chosen, answer.currency)} a month" if chosen.month is not None else ""
    return (
        f"Take {found.brokers:,} brokers {found.machine}{cost}, for a peak of {show_bytes(asked.planned_write)}/s "
        f"({asked.growth:g} times today's): {found.partitions:,} partitions with {asked.replication} replicas, "
        f"{found.consumers:,} consumers in each of {asked.groups} groups, and {show_bytes(found.space_bytes)} of disk "
        f"for each broker."
    )


def _size(chosen: Flown) -> tuple[str, ...]:
    brokers, binding = chosen.candidate.brokers, chosen.binding
    if brokers == chosen.by_formula:
        return (f"By the formulas {binding} binds; in flight the cluster of that size holds.",)
    way = ", ".join(f"{count:,} brokers {latency:,.0f} ms" for count, latency in chosen.tried)
    return (f"The formulas ask for {chosen.by_formula:,} brokers; in flight the p99 binds ({way}).",)


def _settings(chosen: Flown) -> str:
    asked, producing = chosen.candidate.requirement, chosen.candidate.producing
    return (
        f"{producing.producers:,} producers with acks=all and idempotence: linger.ms={producing.linger_ms}, "
        f"batch.size={producing.batch_size_bytes:,}, buffer.memory={producing.buffer_memory_bytes:,}; "
        f"min.insync.replicas={asked.min_insync}."
    )


def _steady(chosen: Flown) -> str:
    device = chosen.busiest
    share = chosen.share(device)
    return (
        f"At that peak a record is acknowledged within {with_interval(chosen.p99_ms, 'ms')} (p99, "
        f"{chosen.candidate.requirement.p99 * 1000:g} ms are allowed); {device} of the busiest broker is used at "
        f"{share.mean:.0%}."
    )


def _lost(chosen: Flown) -> tuple[str, ...]:
    recovery = chosen.recovery_s
    if recovery is None or not chosen.failovers:
        return ()
    first, survive = chosen.failovers[0], chosen.candidate.requirement.survive
    device = max(first.shares, key=lambda name: first.shares[name], default="request handlers")
    worst_s = max(flown.worst_ms for flown in chosen.failovers) / 1000
    return (
        f"Losing a {survive} at the peak: partitions have new leaders after {first.outage_s:.1f} s, latency is "
        f"as required again after {with_interval(recovery, 's')}, the slowest record waits {worst_s:.1f} s, "
        f"{sum(flown.lost for flown in chosen.failovers):,} acknowledged records are lost; then {device} of the "
        f"busiest broker is used at {first.shares.get(device, 0):.0%}.",
    )


def _back(chosen: Flown) -> str:
    """As long as that of a flight, scaled to the time that a lost broker is away."""
    back, down = chosen.back, chosen.candidate.requirement.down
    if back.catch_up_s is None:
        return "A broker that comes back was not in sync again when its flight ended."
    scaled = round(back.catch_up_s / back.missed_s * down * SECOND)
    return (
        f"A broker that missed {back.missed_s:.1f} s of records was in sync {back.catch_up_s:.1f} s after its start; "
        f"after {format_duration(round(down * SECOND))} that becomes about "
        f"{format_duration(scaled // SECOND * SECOND)}."
    )


def _added(chosen: Flown) -> tuple[str, ...]:
    copied = copying_s(chosen.candidate, chosen.back)
    if copied is None:
        return ()
    return (
        f"A broker that is added copies its share at that pace in about {copied / 3600:,.1f} h without a throttle.",
    )


def _outage(chosen: Flown) -> tuple[str, ...]:
    outage, asked = chosen.outage, chosen.candidate.requirement
    if outage is None or outage.times is None:
        return ()
    drained = format_duration(round(outage.times * asked.outage) * SECOND)
    kept = "keeps all of it" if asked.outage < asked.retention else "deletes a part before it is read"
    slower = outage.publish_p99_ms - outage.publish_p99_before_ms
    return (
        f"A group that is away for {format_duration(round(asked.outage * SECOND))} has caught up {drained} later "
        f"({outage.times:.1f} times as long), and the retention {kept}; meanwhile the p99 of producers changes by "
        f"{slower:+.0f} ms, and reading takes {outage.read_from_disk:.0%} of the disks.",
    )


def _ramp(chosen: Flown) -> str:
    slow = chosen.ramp.slow_at
    if slow is None:
        return (
            f"As load grows, nothing broke up to {show_bytes(max(load for load, _ in chosen.ramp.flights))}/s; "
            f"{chosen.ramp.breaks} is busiest there."
        )
    return (
        f"As load grows, {chosen.ramp.breaks} breaks first: at {show_bytes(slow)}/s the p99 is above what is allowed, "
        f"or not all is taken; AWS's law says {show_bytes(chosen.ramp.limit)}/s."
    )


def _deploy(answer: Answer) -> str:
    told = ", ".join(f"{name} {flown.longest_s:.1f} s" for name, flown in answer.deployments.items())
    best = min(answer.deployments, key=lambda name: answer.deployments[name].longest_s)
    return f"A deployment of a group pauses a partition for at most: {told}; least with {best}."


def _others(answer: Answer, chosen: Flown) -> tuple[str, ...]:
    return tuple(
        f"Instead, {other.candidate.brokers:,} brokers {other.candidate.machine} ({money(other, answer.currency)}) "
        + (f"fail: {' and '.join(other.failings)}." if other.failings else f"do as well; {other.binding} binds there.")
        for other in answer.candidates
        if other is not chosen
    ) + tuple(f"{line}." for line in answer.refused)


def differences(answer: Answer) -> tuple[str, ...]:
    """Where formula and flight are more than a fifth apart, and why."""
    return tuple(
        f"{flown.candidate.machine}, {each.quantity}: formula {figure(each.formula)}, flight {figure(each.flown)} "
        f"{each.unit}; {each.reason}."
        for flown in answer.candidates
        for each in comparisons(flown)
        if each.is_far
    )


def assumptions(answer: Answer) -> tuple[str, ...]:
    """All that was supposed or scaled."""
    asked = answer.requirement
    slices = " and ".join(
        f"{slice_of(each.candidate).brokers} of {each.candidate.brokers:,} ({each.candidate.machine})"
        for each in answer.candidates
    )
    best = "that costs least in a month" if asked.prices else "with the fewest brokers, as no prices were given"
    return (
        f"Flown are slices: {slices} brokers, each with what it carries in the whole cluster; {WARM_UP_S} s of "
        f"warm-up, then {MEASURED_S} s measured. A broker of a large cluster follows more leaders, in smaller fetches.",
        f"Above {show_bytes(FINE)}/s, or {show_bytes(FINE_FOR_LONG)}/s in flights of failures, records, batches "
        f"and producers are coarser: fewer and larger, the same bytes.",
        f"{answer.seeds} seeds for the steady state, at most {MOST_LOSSES} for a loss, 1 for the rest; ± is half of a "
        f"95 % Student-t interval.",
        f"A cluster grows by {GROWTH - 1:.0%} until its p99 at the first seed is below {MARGIN:.0%} of the allowed.",
        f"Disks are filled at the average rate, {asked.average:.0%} of the peak, for the whole retention, and at most "
        f"{SPACE_USED:.0%} full; compression is not counted.",
        f"A broker is away for {BACK_S - CRASH_S} s in flight with its page cache full, a group for {PAUSE_S} s with a "
        f"page cache that is as much smaller; longer absences are scaled in proportion.",
        "A broker that is added is not flown: it is supposed to copy as fast as the one that comes back.",
        f"Records have no keys and are {asked.record:,} bytes; a partition takes {show_bytes(asked.partition_rate)}/s "
        f"and a consumer {show_bytes(asked.consumer_rate)}/s.",
        f"Brokers are spread over {asked.racks} racks; burst credits of disks and cards are used up.",
        "A deployment restarts two members of four with two partitions each; pauses grow with members, not with bytes.",
        f"Of the candidates that meet the requirement, the one is chosen {best}.",
    )
