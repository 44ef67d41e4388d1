"""The books of a run: what the gateways took, what the warehouse holds, and what the two say together."""

import json
import tempfile
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from scenarios.uses.payment_fraud.dead_letters import DeadLetters
from scenarios.uses.payment_fraud.ledger import Ledger
from scenarios.uses.payment_fraud.money import MoneyReport, reconcile
from scenarios.uses.payment_fraud.scoring import Delays, Score, score_alerts, summarise_delays
from scenarios.uses.payment_fraud.warehouse import Warehouse

__all__ = ["Books"]


class Books:
    """Ledger, dead letters and warehouse; the files are in `folder`, or are thrown away without one."""

    def __init__(self, dead_letters: DeadLetters, folder: Path | None) -> None:
        self.ledger = Ledger()
        self.dead_letters = dead_letters
        self._folder = folder
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @cached_property
    def warehouse(self) -> Warehouse:
        """Opened when it is first asked for."""
        folder = self._folder
        if folder is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="kafkasim-")
            folder = Path(self._scratch.name)
        return Warehouse(folder / "warehouse.duckdb")

    @property
    def loaded_cents(self) -> int:
        """What the warehouse holds, nothing before it is opened."""
        return self.warehouse.loaded_cents if "warehouse" in self.__dict__ else 0

    def close(self) -> dict[str, Any]:
        """Give the files their names, and tell what all of them say."""
        ledger, warehouse = self.ledger, self.warehouse
        money = reconcile(ledger.paid(), warehouse.amounts())
        score = score_alerts(ledger.labelled(), ledger.alerts) if ledger.is_labelled else None
        delays = summarise_delays(ledger.alert_delays_ms())
        tables = [{"name": table.name, "columns": table.columns, "rows": table.rows} for table in warehouse.report()]
        if self._folder is not None and not money.ok:
            (self._folder / "money.json").write_text(json.dumps(asdict(money), indent=1) + "\n", encoding="utf-8")
        warehouse.close()
        self.dead_letters.close()
        return {
            "sentences": [
                _money_sentence(money),
                *_alert_sentences(len(ledger.alerts), score, delays),
                *_loose_ends(ledger, ledger.count - money.paid_count),
                *self.dead_letters.sentences(),
            ],
            "payments": ledger.count,
            "unacknowledged": ledger.count - money.paid_count,
            "refused": ledger.refused,
            "not_payments": ledger.not_payments,
            "bad_lines": self.dead_letters.count,
            "money": _money_counts(money),
            "alerts": {
                "raised": len(ledger.alerts),
                "repeated": ledger.repeated_alerts,
                "precision": None if score is None else round(score.precision, 4),
                "recall": None if score is None else round(score.recall, 4),
                "payment_to_alert": asdict(delays),
            },
            "warehouse": tables,
        }

    def discard(self) -> None:
        """Leave nothing unfinished behind, and nothing at all when no folder was given."""
        if "warehouse" in self.__dict__:
            self.warehouse.discard()
        self.dead_letters.discard()
        if self._scratch is not None:
            self._scratch.cleanup()


def _money_counts(money: MoneyReport) -> dict[str, Any]:
    """The report with counts in place of lists, which are in money.json."""
    return {
        "ok": money.ok,
        "paid_cents": money.paid_cents,
        "loaded_cents": money.loaded_cents,
        "missing": len(money.missing),
        "extra": len(money.extra),
        "differing": len(money.differing),
    }


def _money_sentence(money: MoneyReport) -> str:
    told = f"Money: {money.paid_cents / 100:,.2f} paid, {money.loaded_cents / 100:,.2f} in the warehouse"
    if money.ok:
        return f"{told}, the same to the cent, payment by payment."
    counts = {"missing there": money.missing, "never acknowledged": money.extra, "of another amount": money.differing}
    wrong = ", ".join(f"{len(payments):,} {what}" for what, payments in counts.items() if payments)
    return f"{told}; payments that differ: {wrong}. money.json lists each."


def _alert_sentences(alerts: int, score: Score | None, delays: Delays) -> list[str]:
    if delays.p50_ms is None or delays.max_ms is None:
        return ["Alerts: none was raised."]
    told = (
        f"Alerts: {alerts:,} raised, half of them within {delays.p50_ms / 1e3:.2f} s of the payment, "
        f"the slowest after {delays.max_ms / 1e3:.1f} s."
    )
    if score is None:
        return [told]
    return [told, f"Against the labels: precision {score.precision:.1%}, recall {score.recall:.1%}."]


def _loose_ends(ledger: Ledger, unacknowledged: int) -> list[str]:
    counts = {
        "payments were refused, because the producer's buffer stayed full for max.block.ms": ledger.refused,
        "payments were given up or still on their way, so nobody was told that they are paid": unacknowledged,
        "records of the input tell no amount; they were sent as they are": ledger.not_payments,
    }
    return [f"{count:,} {what}." for what, count in counts.items() if count]
