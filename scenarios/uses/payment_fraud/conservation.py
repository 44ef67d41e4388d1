"""Money is conserved: what customers were told is paid is in the warehouse, or in the topic and still to be loaded."""

from collections.abc import Iterator

from scenarios.uses.payment_fraud.books import Books
from scenarios.uses.payment_fraud.money import PaidAmount, reconcile
from scenarios.uses.payment_fraud.payments import decode
from sim.world.flight import Flight

__all__ = ["MoneyConserved"]


class MoneyConserved:
    """At every moment the warehouse holds no more than was taken; in the end each payment is accounted for."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def __call__(self, flight: Flight, is_over: bool) -> str | None:
        """What is wrong with the money, or None."""
        taken_cents, loaded_cents = self._books.ledger.taken_cents, self._books.loaded_cents
        if loaded_cents > taken_cents:
            return f"the warehouse holds {loaded_cents / 100:,.2f} although only {taken_cents / 100:,.2f} were taken"
        return self._account(flight) if is_over else None

    def _account(self, flight: Flight) -> str | None:
        ledger, amounts = self._books.ledger, self._books.warehouse.amounts
        report = reconcile(ledger.paid(), amounts())
        waiting = set(to_be_loaded(flight)) if report.missing else set()
        gone = [payment for payment in report.missing if payment not in waiting]
        if gone:
            cents = sum(payment.amount_cents for payment in gone)
            return (
                f"{len(gone):,} payments of {cents / 100:,.2f} are neither in the warehouse nor to be loaded although "
                f"they are paid, the first of them {gone[0].payment_id}"
            )
        unknown = reconcile(ledger.taken(), amounts())
        strange = [payment.payment_id for payment in unknown.extra] + [other.payment_id for other in unknown.differing]
        return f"{len(strange):,} payments in the warehouse are not as taken, such as {strange[0]}" if strange else None


def to_be_loaded(flight: Flight) -> Iterator[PaidAmount]:
    """The payments in the logs of `payments` that the loader has not committed as loaded."""
    committed = flight.cluster.committed_offsets("warehouse") or {}
    for name in flight.cluster.partitions():
        for batch in flight.cluster.log(name).batches(committed.get(name, 0)) if name.topic == "payments" else ():
            for record in batch.records(committed.get(name, 0)):
                try:
                    payment = decode(record.value or b"")
                except ValueError:
                    continue
                yield PaidAmount(payment.payment_id, payment.amount_cents)
