"""Payments on their way in: generated, or replayed from a file, and handed to the gateways in order of arrival."""

from collections import deque
from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import NamedTuple

from scenarios.payment_fraud.generator import generate_payments
from scenarios.payment_fraud.partners import gateway_of
from scenarios.payment_fraud.payments import Payment, encode
from scenarios.payment_fraud.replay import Replay, read_payments
from sim.machine.clock import parse_duration
from sim.machine.streams import Streams
from sim.world.settings import Settings
from sim.world.workload import parse_workload

__all__ = ["Arrival", "Feed"]


class Arrival(NamedTuple):
    """One record to send: when (simulated nanoseconds), with which key and value, and the payment if it is one."""

    time: int
    key: bytes | None
    value: bytes | None
    payment: Payment | None


class Feed:
    """One stream of arrivals, dealt out to the gateways so that a card always uses the same one."""

    def __init__(self, settings: Settings, gateways: int) -> None:
        self._gateways = gateways
        self._queues: list[deque[Arrival]] = [deque() for _ in range(gateways)]
        self.replay: Replay | None = None
        if settings.input is None:
            self._arrivals = _generated(settings)
        else:
            source = settings.input
            self.replay = read_payments(
                source.path, source.columns, source.on_bad_line, source.reorder_window_ms, source.speed
            )
            self._arrivals = _replayed(self.replay)

    def close(self) -> None:
        """Nothing more is wanted."""
        if self.replay is not None:
            self.replay.close()

    def of(self, gateway: int) -> Iterator[Arrival]:
        """What arrives at one gateway, until nothing comes any more."""
        own = self._queues[gateway]
        while True:
            while not own:
                arrival = next(self._arrivals, None)
                if arrival is None:
                    return
                self._queues[gateway_of(arrival.key, self._gateways)].append(arrival)
            yield own.popleft()


def _generated(settings: Settings) -> Iterator[Arrival]:
    streams = Streams(settings.seed)
    workload = parse_workload(settings["arrivals"])
    arrivals = workload.arrivals(streams.columns("payment arrivals"), parse_duration(settings["duration"]))
    times, ahead = tee(arrivals)
    payments = generate_payments(
        streams.columns("payments"),
        arrivals_s=(time / 1e9 for time in ahead),
        customers=settings["customers"],
        merchants=settings["merchants"],
        fraud_share=settings["fraud_share"],
    )
    for time, payment in zip(times, payments, strict=True):
        yield Arrival(time, None if payment.card is None else payment.card.encode(), encode(payment), payment)


def _replayed(replay: Replay) -> Iterator[Arrival]:
    for record in replay:
        value = record.value if record.payment is None else encode(record.payment)
        yield Arrival(record.arrival_ns, record.key, value, record.payment)


def dead_letter_file(settings: Settings) -> Path | None:
    """Where bad lines go when they are wanted."""
    if settings.out is None or settings.input is None or settings.input.on_bad_line != "dead-letter":
        return None
    return settings.out / "dead_letters.jsonl"
