"""What the run remembers outside of Kafka, to compare with what came out of it."""

from collections.abc import Iterator
from typing import NamedTuple

from scenarios.payment_fraud.alerts import Alert
from scenarios.payment_fraud.payments import Payment
from sim.actors.producer_batch import Delivery

__all__ = ["Ledger"]


class Taken(NamedTuple):
    """What is kept of a payment at a gateway: its amount and label, when it arrived, what became of the record."""

    payment_id: str
    amount_cents: int
    is_fraud: bool | None
    fraud_kind: str | None
    arrived: int
    delivery: Delivery


class Ledger:
    """Payments taken and alerts raised, in order; times are simulated nanoseconds."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.alerts: dict[str, tuple[Alert, int]] = {}
        self.repeated_alerts = 0
        self.not_payments = 0
        self.bad_lines = 0

    def take(self, payment: Payment, arrived: int, delivery: Delivery) -> None:
        """A gateway has sent a payment."""
        label = payment.is_fraud, payment.fraud_kind
        self.taken.append(Taken(payment.payment_id, payment.amount_cents, *label, arrived, delivery))

    def alert(self, alert: Alert, time: int) -> None:
        """An alert is raised; a repeated one for the same payment is only counted."""
        if alert.payment_id in self.alerts:
            self.repeated_alerts += 1
        else:
            self.alerts[alert.payment_id] = (alert, time)

    def paid(self) -> Iterator[tuple[str, int]]:
        """Payments whose record was acknowledged, for these the customer was told that it is paid."""
        for taken in self.taken:
            if taken.delivery.done and taken.delivery.batch.error is None:
                yield taken.payment_id, taken.amount_cents

    def alert_delays_ms(self) -> list[float]:
        """From the arrival of a payment to its alert."""
        arrived = {taken.payment_id: taken.arrived for taken in self.taken if taken.payment_id in self.alerts}
        raised = ((payment_id, time) for payment_id, (_, time) in self.alerts.items() if payment_id in arrived)
        return [(time - arrived[payment_id]) / 1e6 for payment_id, time in raised]
