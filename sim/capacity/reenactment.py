"""A recorded run, flown again on the test machine."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

from sim.actors.broker.quota_managers import ClientQuotas
from sim.capacity.cases import Case, Predicted, Recreation
from sim.capacity.load import LEAD, Load
from sim.capacity.probe import Outcome, fly_load
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.profiles import profile_named

__all__ = ["reenactment"]

MACHINE = "test-machine"
BROKERS = 3
TICK = 50_000
"""Records that are due within so many nanoseconds are sent together."""

SETTLE = 500 * MILLISECOND
"""What is sent last is acknowledged within this time and linger.ms."""


def reenactment(case: Case) -> Recreation:
    """Fly a recorded case again. Raises ConfigError for what its setup lacks."""
    family = str(case.config["recording"])
    load = LOADS[family](case)
    return lambda: FIGURES[family](case, fly_load(load))


def _base(case: Case) -> Load:
    machines = profile_named(MACHINE, f"case {case.id}").machines()
    producer: dict[str, object] = {}
    for name in ("linger_ms", "batch_size"):
        if name in case.config:
            producer[name] = case.config[name]
    for setting in (*_list(case, "config"), *_list(case, "producer")):
        key, _, value = str(setting).partition("=")
        producer[key] = value
    producer["acks"] = str(producer.get("acks", case.config.get("acks", "all")))
    return Load(
        machines.hardware,
        machines.client_hardware,
        BROKERS,
        partitions=case.whole("partitions", 1),
        replication_factor=case.whole("rf", 1),
        value_size=case.whole("record_bytes", 100),
        producer_config=producer,
        broker_config={"num.io.threads": 4, "num.network.threads": 2},
        first_alone=True,
        on_schedule=True,
        begin=0,
    )


def _list(case: Case, key: str) -> list[object]:
    found = case.config.get(key, [])
    return list(found) if isinstance(found, list) else []


def _for(load: Load, length: int, rate: float | None) -> Load:
    """Send for a length of time after the first record, and wait for the acknowledgements."""
    linger_ms = int(str(load.producer_config.get("linger_ms", load.producer_config.get("linger.ms", 5))))
    stop = LEAD + length
    return replace(load, rate=rate, stop=stop, until=stop + linger_ms * MILLISECOND + SETTLE, tick=TICK)


def _paced(case: Case) -> Load:
    return _for(_base(case), case.whole("send_phase_ms", 3000) * MILLISECOND, case.number("rate_rec_s"))


def _sticky(case: Case) -> Load:
    if case.config.get("rate_rec_s") == "unlimited":
        return replace(_for(_base(case), 2 * SECOND, None), begin=LEAD)
    rate = case.number("rate_rec_s")
    return _for(_base(case), int(case.number("records", 9000) / rate * SECOND), rate)


def _maximum(case: Case) -> Load:
    return replace(_base(case), begin=SECOND, until=2 * SECOND)


def _fraction(case: Case) -> Load:
    rate = case.number("fraction_of_max") * case.number("max_rec_s_median3")
    return _for(_base(case), case.whole("send_phase_ms", 3000) * MILLISECOND, rate)


def _end_to_end(case: Case) -> Load:
    pace_ms = case.number("pace_ms")
    load = replace(_base(case), groups=(1,), begin=LEAD + 20 * int(pace_ms) * MILLISECOND)
    return _for(load, int(case.number("records") * pace_ms * MILLISECOND), 1000 / pace_ms)


def _consumer(case: Case) -> Load:
    return replace(_base(case), producers=0, groups=(1,), backlog=8_000_000, begin=SECOND // 4, until=SECOND * 5 // 4)


def _drain(case: Case) -> Load:
    rate, most = case.number("produce_rec_s"), case.number("consumer_max_rec_s")
    pause = int(case.number("stopped_s") * SECOND)
    drained = pause * rate / max(most - rate, 1)
    load = replace(_base(case), groups=(1,), consumer_rate=most, pause_at=2 * SECOND, pause=pause, rate=rate)
    return replace(load, tick=1, until=int(2 * SECOND + pause + 2 * drained + 2 * SECOND), first_alone=False)


def _quota(case: Case) -> Load:
    load = _base(case)
    name = str(load.producer_config.get("client.id", "<default>"))
    quotas: ClientQuotas = {name: {"producer_byte_rate": case.number("producer_byte_rate")}}
    rate = case.number("offered_bytes_s") / case.number("record_bytes")
    return replace(load, quotas=quotas, rate=rate, tick=1, until=20 * SECOND, first_alone=False)


LOADS: Mapping[str, Callable[[Case], Load]] = {
    "perf_batch": _paced,
    "perf_sticky": _sticky,
    "perf_max": _maximum,
    "perf_lat": _fraction,
    "perf_cons": _consumer,
    "perf_e2e": _end_to_end,
    "perf_drain": _drain,
    "perf_quota": _quota,
}


def _figures(_: Case, outcome: Outcome) -> Predicted:
    """What every flight with a producer has."""
    requests, batches = max(1, len(outcome.requests)), max(1, outcome.batches)
    return {
        "records_per_s": outcome.produced_per_s,
        "records_per_request": outcome.acknowledged / requests,
        "records_per_batch": outcome.acknowledged / batches,
        "batch_size_bytes": outcome.batch_bytes / batches,
        **{f"publish_ms.{name}": value for name, value in outcome.publish_ms().items()},
        **{f"e2e_ms.{name}": value for name, value in outcome.end_to_end_ms().items()},
    }


def _choice_figures(case: Case, outcome: Outcome) -> Predicted:
    """How long the producer stayed with a partition, and how evenly that fell out."""
    runs = 1 + sum(one[1] != other[1] for one, other in pairwise(sorted(outcome.sent)))
    share = max(outcome.per_partition.values()) / outcome.acknowledged
    return {**_figures(case, outcome), "records_per_run": outcome.acknowledged / runs, "largest_share": share}


def _consumer_figures(_: Case, outcome: Outcome) -> Predicted:
    return {"records_per_s": outcome.consumed_per_s}


def _drain_figures(case: Case, outcome: Outcome) -> Predicted:
    """The highest lag, and how long after the pause it is back to what it was before."""
    load, extra = outcome.load, int(case.config.get("lag_before", 0))
    resumed = load.pause_at + load.pause
    lag = before = peak = 0
    drained = load.until
    for time, sent, read in outcome.progress:
        lag += sent - read
        if time <= load.pause_at:
            before = max(before, lag)
        peak = max(peak, lag)
        if time > resumed and lag <= max(60, before):
            drained = min(drained, time)
    return {"peak_lag": float(peak + extra), "drain_ms": (drained - resumed) / MILLISECOND}


def _quota_figures(case: Case, outcome: Outcome) -> Predicted:
    value_size = outcome.load.value_size
    marks = {f"acked_bytes_at_{second}s": second * SECOND for second in (5, 10, 20)}
    acked = {name: float(value_size * sum(sent for time, sent, _ in outcome.progress if time <= at))
             for name, at in marks.items()}  # fmt: skip
    throttled = outcome.throttles_ms
    return {
        **_figures(case, outcome),
        **acked,
        "rate_first_20s_bytes_s": acked["acked_bytes_at_20s"] / 20,
        "rate_last_10s_bytes_s": (acked["acked_bytes_at_20s"] - acked["acked_bytes_at_10s"]) / 10,
        "throttle_max_ms": float(max(throttled, default=0)),
        "throttle_avg_ms": sum(throttled) / max(1, len(outcome.requests)),
    }


FIGURES: Mapping[str, Callable[[Case, Outcome], Predicted]] = {
    **dict.fromkeys(LOADS, _figures),
    "perf_sticky": _choice_figures,
    "perf_cons": _consumer_figures,
    "perf_drain": _drain_figures,
    "perf_quota": _quota_figures,
}
