"""Card payments: taken by gateways, judged by detectors, loaded into a warehouse, and accounted for to the cent."""

from scenarios.uses.payment_fraud.story import scenario

__all__ = ["scenario"]
