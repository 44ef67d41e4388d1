"""Payments on their way in: generated, or replayed from a file, and handed to the gateways in order of arrival."""

from collections import deque
from collections.abc import Iterator
from itertools import tee
from typing import NamedTuple
from zlib import crc32

from scenarios.uses.payment_fraud.generator import generate_payments
from scenarios.uses.payment_fraud.payments import Payment, encode
from scenarios.uses.payment_fraud.replay import Replay, read_payments
from sim.machine.clock import SECOND, parse_duration
from sim.machine.streams import Streams
from sim.world.settings import Settings
from sim.world.workload import parse_workload

__all__ = ["Arrival", "Feed"]

LOOK_AHEAD = SECOND


class Arrival(NamedTuple):
    """One record to send: when (simulated nanoseconds), with which key and value, and the payment if it is one."""

    time: int
    key: bytes | None
    value: bytes | None
    payment: Payment | None


class Feed:
    """One stream of arrivals, dealt out to the gateways: a card always uses the same one, payments without take turns.

    It reads ahead no more than a second, however uneven the cards are dealt. Raises InputError or ConfigError for
    what cannot be read.
    """

    def __init__(self, settings: Settings, gateways: int) -> None:
        self._queues: list[deque[Arrival]] = [deque() for _ in range(gateways)]
        self._turn = 0
        self.replay: Replay | None = None
        if settings.input is None:
            self._arrivals = _generated(settings)
        else:
            source = settings.input
            self.replay = read_payments(
                source.path, source.columns, source.on_bad_line, source.reorder_window_ms, source.speed
            )
            self._arrivals = _replayed(self.replay)

    def take(self, gateway: int, now: int) -> Arrival | int | None:
        """The next arrival at a gateway; or a time to ask again, or None when nothing comes any more."""
        own = self._queues[gateway]
        while not own:
            arrival = next(self._arrivals, None)
            if arrival is None:
                return None
            self._queues[self._gateway_of(arrival.key)].append(arrival)
            if arrival.time > now + LOOK_AHEAD and not own:
                return arrival.time
        return own.popleft()

    def close(self) -> None:
        """Nothing more is wanted."""
        if self.replay is not None:
            self.replay.close()

    def _gateway_of(self, key: bytes | None) -> int:
        if key is not None:
            return crc32(key) % len(self._queues)
        self._turn += 1
        return self._turn % len(self._queues)


def _generated(settings: Settings) -> Iterator[Arrival]:
    streams = Streams(settings.seed)
    workload = parse_workload(settings["arrivals"])
    times, ahead = tee(workload.arrivals(streams.columns("payment arrivals"), parse_duration(settings["duration"])))
    payments = generate_payments(
        streams.columns("payments"),
        arrivals_s=(time / 1e9 for time in ahead),
        customers=settings["customers"],
        merchants=settings["merchants"],
        fraud_share=settings["fraud_share"],
    )
    return (
        Arrival(time, None if payment.card is None else payment.card.encode(), encode(payment), payment)
        for time, payment in zip(times, payments, strict=True)
    )


def _replayed(replay: Replay) -> Iterator[Arrival]:
    for record in replay:
        value = record.value if record.payment is None else encode(record.payment)
        yield Arrival(record.arrival_ns, record.key, value, record.payment)
