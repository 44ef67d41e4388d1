"""Recordings of a real cluster as cases: the figures of each family, and how the recorded run is flown again.

What was repeated is one case with the median of its repetitions; of three the first ran on a cold JIT and does not
count.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from sim.rules.errors import ConfigError

__all__ = ["Recorded", "recorded_cases"]

Figures = dict[str, float]
REPETITION = ("rep", "records", "max_runs")
METRICS = {
    "records-per-request-avg": "records_per_request",
    "batch-size-avg": "batch_size_bytes",
    "fetch-size-avg": "fetch_size_bytes",
    "produce-throttle-time-max": "throttle_max_ms",
    "produce-throttle-time-avg": "throttle_avg_ms",
}
LATENCIES = ("p50", "p90")
"""What is steady in a run of three seconds on two processors."""


class Recorded(NamedTuple):
    """One case of a recording: setup and figures."""

    id: str
    family: str
    setup: Mapping[str, Any]
    measured: Figures


def recorded_cases(where: str, file: Mapping[str, Any]) -> list[Recorded]:
    """The cases of one recording. Raises ConfigError for a family that is not known, or a case that is none."""
    family, cases = file.get("family"), file.get("cases")
    if family not in FAMILIES:
        raise ConfigError(f"{where}: unknown recording family {family!r}; there are {', '.join(FAMILIES)}")
    if not isinstance(cases, list) or not all(isinstance(case, Mapping) and "setup" in case for case in cases):
        raise ConfigError(f"{where}: cases must be a list of objects with a setup")
    return [_merged(str(family), group) for group in _repetitions(cases)]


def _repetitions(cases: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for case in cases:
        setup = {key: value for key, value in case["setup"].items() if key not in REPETITION}
        groups.setdefault(repr(sorted(setup.items(), key=str)), []).append(case)
    for group in groups.values():
        yield group[1:] if len(group) > 2 else group


def _merged(family: str, group: Sequence[Mapping[str, Any]]) -> Recorded:
    first = group[0]
    name = str(first.get("id", family))
    figures = [FAMILIES[family](case) for case in group]
    merged = {key: median(each[key] for each in figures if key in each) for key in figures[0]}
    conditions = {key: first[key] for key in ("lag_before",) if key in first}
    phase = first.get("client", first.get("observed", {}))
    conditions |= {key: phase[key] for key in ("sent", "send_phase_ms") if key in phase}
    short = name.rpartition("-")[0] if len(group) > 1 or name.endswith(("-0", "-1", "-2")) else name
    return Recorded(short if len(group) > 1 else name, family, {**first["setup"], **conditions}, merged)


def _metrics(case: Mapping[str, Any], *names: str) -> Figures:
    metrics = (
        case.get("metrics") or case.get("fetch_metrics") or case.get("client", case.get("observed", {}))["metrics"]
    )
    return {METRICS[name]: float(metrics[name]) for name in names}


def _latencies(found: Mapping[str, Any]) -> Figures:
    return {f"publish_ms.{name}": float(found["latency_ms"][name]) for name in LATENCIES}


def _batch(case: Mapping[str, Any]) -> Figures:
    in_log = {"records_per_batch": float(case["log"]["mean_records_per_batch"])}
    return {**in_log, **_metrics(case, "records-per-request-avg", "batch-size-avg"), **_latencies(case["client"])}


def _sticky(case: Mapping[str, Any]) -> Figures:
    records = sum(case["per_partition"])
    return {
        "records_per_batch": float(case["log"]["mean_records_per_batch"]),
        "records_per_run": records / case["switches"],
        "largest_share": max(case["per_partition"]) / records,
        **_metrics(case, "records-per-request-avg", "batch-size-avg"),
    }


def _maximum(case: Mapping[str, Any]) -> Figures:
    found = case["observed"]
    names = ("records-per-request-avg", "batch-size-avg")
    return {"records_per_s": float(found["rec_per_s"]), **_metrics(case, *names)}


def _latency(case: Mapping[str, Any]) -> Figures:
    return {**_metrics(case, "records-per-request-avg", "batch-size-avg"), **_latencies(case["observed"])}


def _consumer(case: Mapping[str, Any]) -> Figures:
    return {"records_per_s": float(case["rec_per_s"]), **_metrics(case, "fetch-size-avg", "records-per-request-avg")}


def _end_to_end(case: Mapping[str, Any]) -> Figures:
    acknowledged, read = case["ack_ms_p50_p90_p99"], case["end_to_end_ms_p50_p90_p99"]
    return {
        "publish_ms.p50": acknowledged[0],
        "publish_ms.p90": acknowledged[1],
        "e2e_ms.p50": read[0],
        "e2e_ms.p90": read[1],
    }


def _drain(case: Mapping[str, Any]) -> Figures:
    return {"peak_lag": float(case["peak_lag"]), "drain_ms": float(case["drain_ms_after_resume"])}


def _quota(case: Mapping[str, Any]) -> Figures:
    acknowledged = zip((5, 10, 20), case["acked_payload_bytes_at_5s_10s_20s"], strict=True)
    names = ("batch-size-avg", "records-per-request-avg", "produce-throttle-time-max", "produce-throttle-time-avg")
    return {
        **{f"acked_bytes_at_{second}s": float(count) for second, count in acknowledged},
        "rate_first_20s_bytes_s": float(case["rate_first_20s_bytes_s"]),
        "rate_last_10s_bytes_s": float(case["rate_last_10s_bytes_s"]),
        **_metrics(case, *names),
    }


FAMILIES: Mapping[str, Callable[[Mapping[str, Any]], Figures]] = {
    "perf_batch": _batch,
    "perf_sticky": _sticky,
    "perf_max": _maximum,
    "perf_lat": _latency,
    "perf_cons": _consumer,
    "perf_e2e": _end_to_end,
    "perf_drain": _drain,
    "perf_quota": _quota,
}
"""Which figures of a recorded case are compared, by family."""
