"""Card payments under fire: what happens to every payment when a broker and a fraud detector die.

Covers: producing with acks=all, keys and partitions, replication and ISR, consumer groups and rebalance,
idempotent loading, delivery at least once.

Story: Gateways take card payments (1) and send them, keyed by card, to the topic `payments` with six
partitions on three brokers (2). Three fraud detectors share the topic and send what looks wrong to
`alerts` (3). A loader fills a warehouse, a real DuckDB file (4), and an alerting service raises the alerts
(5). Halfway a broker is killed and comes back; later a detector is killed and comes back.

Watch for: the flat line of acknowledgements while the controller has not yet missed the dead broker; leaders
that do not return with it; the lag of two partitions that nobody reads until the dead detector's session is over.

Predict: Which costs more, the broker or the detector? Is a payment lost? Does the warehouse hold every cent?
"""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

from scenarios.payment_fraud.feed import Feed, dead_letter_file
from scenarios.payment_fraud.ledger import Ledger
from scenarios.payment_fraud.money import MoneyReport, reconcile
from scenarios.payment_fraud.scoring import Delays, Score, score_alerts, summarise_delays
from scenarios.payment_fraud.stages import alerting, detector, gateway, loader
from scenarios.payment_fraud.warehouse import Warehouse
from sim.machine.clock import parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import AppCrash, BrokerCrash, Fault
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:450", "how payments arrive, per second: poisson:450, constant:450, bursts:…, daily:…"),
    "duration": Knob("4m", "how long payments arrive"),
    "gateways": Knob(2, "payment gateways, each with one producer", 1, 100),
    "linger_ms": Knob(20, "linger.ms of the gateways' producers", 0, 60_000),
    "detectors": Knob(3, "members of the fraud-detection group", 1, 100),
    "partitions": Knob(6, "partitions of the topic payments", 1, 1000),
    "brokers": Knob(3, "brokers in the cluster", 1, 100),
    "replication_factor": Knob(3, "replicas of each partition", 1, 100),
    "customers": Knob(2000, "card holders", 1, 1_000_000),
    "merchants": Knob(300, "merchants", 1, 100_000),
    "fraud_share": Knob(0.01, "share of payments that belong to fraud episodes", 0, 0.5),
    "broker_crash": Knob(2, "the broker that is killed", 1, 100),
    "broker_crash_at": Knob("60s", "when it is killed"),
    "broker_back_after": Knob("30s", "how long until its process is started again"),
    "detector_crash_at": Knob("130s", "when the second detector (or the only one) is killed"),
    "detector_back_after": Knob("60s", "how long until its process is started again"),
}
STAGES = (
    ("gateways", "payments"),
    ("payments", "fraud detectors"),
    ("fraud detectors", "alerts"),
    ("payments", "warehouse loader"),
    ("warehouse loader", "warehouse.duckdb"),
    ("alerts", "alerting"),
)


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    ledger, feed = Ledger(), Feed(settings, settings["gateways"])
    scratch = tempfile.TemporaryDirectory(prefix="kafkasim-") if settings.out is None else None
    folder = settings.out if scratch is None else Path(scratch.name)

    @cache
    def warehouse() -> Warehouse:
        return Warehouse(Path(folder or ".") / "warehouse.duckdb")

    dead_letters = dead_letter_file(settings)
    if dead_letters is not None:
        dead_letters.unlink(missing_ok=True)
    config = {"min.insync.replicas": min(2, settings["replication_factor"])}
    copies = settings["replication_factor"]
    topics = [Topic("payments", settings["partitions"], copies, config), Topic("alerts", 3, copies, config)]
    if dead_letters is not None:
        topics.append(Topic("payments-dead-letter", 1, copies, config))
    apps = [
        AppSpec(
            f"gateway-{number + 1}",
            gateway(feed, number, ledger, settings["linger_ms"], dead_letters),
            "gateways",
            finite=True,
        )
        for number in range(settings["gateways"])
    ]
    apps += [
        AppSpec(f"detector-{number + 1}", detector(ledger), "fraud detectors")
        for number in range(settings["detectors"])
    ]
    apps.append(AppSpec("loader", loader(warehouse), "warehouse loader"))
    apps.append(AppSpec("alerting", alerting(ledger), "alerting"))

    def wrap_up(complete: bool) -> Mapping[str, object]:
        feed.close()
        results = _results(ledger, warehouse()) if complete else {}
        if not complete and warehouse.cache_info().currsize:
            warehouse().discard()
        if scratch is not None:
            scratch.cleanup()
        return results

    return Plan(
        duration=parse_duration(settings["duration"]) if settings.input is None else None,
        progress=None if feed.replay is None else lambda: feed.replay.fraction_read if feed.replay else 1.0,
        cluster=ClusterSpec(brokers=settings["brokers"], racks=3),
        topics=tuple(topics),
        apps=tuple(apps),
        groups=(
            GroupSpec("fraud-detection", ("payments",)),
            GroupSpec("warehouse", ("payments",)),
            GroupSpec("alerting", ("alerts",)),
        ),
        faults=_faults(settings),
        stages=STAGES,
        wrap_up=wrap_up,
    )


def _faults(settings: Settings) -> tuple[Fault, ...]:
    victim = f"detector-{min(2, settings['detectors'])}"
    return (
        BrokerCrash(
            broker=settings["broker_crash"],
            at=settings["broker_crash_at"],
            restart_after=settings["broker_back_after"],
        ),
        AppCrash(app=victim, at=settings["detector_crash_at"], restart_after=settings["detector_back_after"]),
    )


def _results(ledger: Ledger, warehouse: Warehouse) -> Mapping[str, object]:
    """Money, alerts and the warehouse's own report."""
    money = reconcile(ledger.paid(), warehouse.amounts())
    score = score_alerts(ledger.taken, ledger.alerts)
    tables = [{"name": table.name, "columns": table.columns, "rows": table.rows} for table in warehouse.report()]
    warehouse.close()
    labelled = any(taken.is_fraud is not None for taken in ledger.taken)
    delays = summarise_delays(ledger.alert_delays_ms())
    return {
        "sentences": _sentences(money, score if labelled else None, delays, len(ledger.alerts)),
        "payments": len(ledger.taken),
        "not_payments": ledger.not_payments,
        "bad_lines": ledger.bad_lines,
        "money": {**asdict(money), "ok": money.ok},
        "alerts": {
            "raised": len(ledger.alerts),
            "repeated": ledger.repeated_alerts,
            "precision": round(score.precision, 4) if labelled else None,
            "recall": round(score.recall, 4) if labelled else None,
            "payment_to_alert": asdict(delays),
        },
        "warehouse": tables,
    }


def _sentences(money: MoneyReport, score: Score | None, delays: Delays, alerts: int) -> list[str]:
    paid, loaded = money.paid_cents / 100, money.loaded_cents / 100
    wrong = len(money.missing) + len(money.extra) + len(money.differing)
    told = [
        f"Money: {paid:,.2f} paid, {loaded:,.2f} in the warehouse"
        + (", the same to the cent, payment by payment." if money.ok else f"; {wrong:,} payments differ.")
    ]
    if delays.p50_ms is not None and delays.max_ms is not None:
        told.append(
            f"Alerts: {alerts:,} raised, half of them within {delays.p50_ms / 1e3:.2f} s of the payment, "
            f"the slowest after {delays.max_ms / 1e3:.1f} s."
        )
    if score is not None:
        told.append(f"Against the labels: precision {score.precision:.1%}, recall {score.recall:.1%}.")
    return told


scenario = Scenario(
    name="payment-fraud",
    summary="Card payments pass gateways, fraud detectors and a warehouse while a broker and a detector die.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    takes_input=True,
)
