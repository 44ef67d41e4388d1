"""What the run remembers outside of Kafka, to compare with what came out of it."""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from scenarios.uses.payment_fraud.alerts import Alert
from scenarios.uses.payment_fraud.payments import Payment
from sim.actors.producer.delivery import Delivery
from sim.actors.producer.producer_batch import ProducerBatch

__all__ = ["Label", "Labelled", "Ledger"]

Label = tuple[bool | None, str | None]


class Labelled(NamedTuple):
    """A payment's id and label."""

    payment_id: str
    is_fraud: bool | None
    fraud_kind: str | None


class Ledger:
    """Payments taken and alerts raised, in order; times are simulated nanoseconds.

    Payments are kept as columns, some 100 bytes each, because a replayed file may hold millions.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._cents = array("q")
        self._arrived = array("q")
        self._labels: list[Label] = []
        self._batches: list[ProducerBatch] = []
        self._shared: dict[Label, Label] = {}
        self.alerts: dict[str, tuple[Alert, int]] = {}
        self.repeated_alerts = 0
        self.taken_cents = 0
        self.refused = 0
        self.not_payments = 0

    def take(self, payment: Payment, arrived: int, delivery: Delivery) -> None:
        """A gateway has sent a payment."""
        self.taken_cents += payment.amount_cents
        label = payment.is_fraud, payment.fraud_kind
        self._ids.append(payment.payment_id)
        self._cents.append(payment.amount_cents)
        self._arrived.append(arrived)
        self._labels.append(self._shared.setdefault(label, label))
        self._batches.append(delivery.batch)

    def alert(self, alert: Alert, time: int) -> None:
        """An alert is raised; a repeated one for the same payment is only counted."""
        if alert.payment_id in self.alerts:
            self.repeated_alerts += 1
        else:
            self.alerts[alert.payment_id] = (alert, time)

    @property
    def count(self) -> int:
        """How many payments were taken."""
        return len(self._ids)

    @property
    def is_labelled(self) -> bool:
        """Whether some payment carries a label."""
        return any(is_fraud is not None for is_fraud, _ in self._shared)

    def taken(self) -> Iterator[tuple[str, int]]:
        """All payments: their ids and amounts in cents."""
        return zip(self._ids, self._cents, strict=True)

    def paid(self) -> Iterator[tuple[str, int]]:
        """Payments whose record was acknowledged, for these the customer was told that it is paid."""
        for payment_id, cents, batch in zip(self._ids, self._cents, self._batches, strict=True):
            if batch.done and batch.error is None:
                yield payment_id, cents

    def labelled(self) -> Iterator[Labelled]:
        """All payments with their labels."""
        for payment_id, label in zip(self._ids, self._labels, strict=True):
            yield Labelled(payment_id, *label)

    def alert_delays_ms(self) -> list[float]:
        """From the arrival of a payment to its alert, in the order of the payments."""
        return [
            (self.alerts[payment_id][1] - arrived) / 1e6
            for payment_id, arrived in zip(self._ids, self._arrived, strict=True)
            if payment_id in self.alerts
        ]
