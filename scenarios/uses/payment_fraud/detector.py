"""A fraud detector that keeps a window per card and never sees a label."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from scenarios.uses.payment_fraud.alerts import Alert
from scenarios.uses.payment_fraud.fraud import AMOUNT_SPIKE, CARD_TESTING, IMPOSSIBLE_TRAVEL
from scenarios.uses.payment_fraud.payments import Payment
from scenarios.uses.payment_fraud.places import great_circle_km

__all__ = ["CardWindow", "DetectorLimits", "FraudDetector"]

MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class DetectorLimits:
    """Where the three rules draw the line, and how much is remembered."""

    small_cents: int = 150
    small_payments: int = 3
    small_window_ms: int = 10_000
    speed_km_per_h: float = 900.0
    travel_km: float = 500.0
    place_support: int = 6
    spike_factor: int = 8
    spike_history: int = 5
    remembered_payments: int = 128
    remembered_cards: int = 100_000


class CardWindow:
    """What a detector remembers of one card; bounded whatever the card does."""

    __slots__ = ("judged", "payments", "place", "place_support", "small_times_ms", "total_cents")

    def __init__(self) -> None:
        self.small_times_ms: deque[int] = deque(maxlen=64)
        self.payments = 0
        self.total_cents = 0
        self.place: tuple[float, float, int] | None = None
        self.place_support = 0
        self.judged: dict[str, Alert | None] = {}


class FraudDetector:
    """Judges payments one by one, card by card.

    A payment that is delivered again gets the same answer and changes nothing, as long as it is among the last
    `remembered_payments` of its card. A detector that takes over a partition starts with empty windows, unless it
    is given those that the former owner let go.
    """

    __slots__ = ("limits", "windows")

    def __init__(self, limits: DetectorLimits | None = None) -> None:
        self.limits = limits or DetectorLimits()
        self.windows: OrderedDict[str, CardWindow] = OrderedDict()

    def inspect(self, payment: Payment) -> Alert | None:
        """The alert that this payment deserves, if any; a payment without a card deserves none."""
        card = payment.card
        if card is None:
            return None
        window = self.windows.get(card)
        if window is None:
            window = self._open_window(card)
        judged = window.judged
        if payment.payment_id in judged:
            return judged[payment.payment_id]
        alert = self._judge(card, window, payment)
        judged[payment.payment_id] = alert
        if len(judged) >= 2 * self.limits.remembered_payments:
            window.judged = dict(list(judged.items())[-self.limits.remembered_payments :])
        return alert

    def release(self, cards: Iterable[str]) -> dict[str, CardWindow]:
        """Let go of these cards, and return what was remembered of them."""
        return {card: self.windows.pop(card) for card in cards if card in self.windows}

    def adopt(self, windows: dict[str, CardWindow]) -> None:
        """Take over windows that another detector let go."""
        for card, window in windows.items():
            self._open_window(card)
            self.windows[card] = window

    def _open_window(self, card: str) -> CardWindow:
        """A new window; beyond the limit the card that was opened first is forgotten."""
        window = self.windows[card] = CardWindow()
        if len(self.windows) > self.limits.remembered_cards:
            self.windows.popitem(last=False)
        return window

    def _judge(self, card: str, window: CardWindow, payment: Payment) -> Alert | None:
        """Ask the three rules; each of them must see the payment, and the first that objects names the alert."""
        testing = self._card_testing(window, payment)
        travel = self._impossible_travel(window, payment)
        spike = self._amount_spike(window, payment)
        if not (testing or travel or spike):
            return None
        kind, score = (
            (CARD_TESTING, testing) if testing else (IMPOSSIBLE_TRAVEL, travel) if travel else (AMOUNT_SPIKE, spike)
        )
        return Alert(payment.payment_id, card, kind, round(score, 3), payment.time_ms)

    def _card_testing(self, window: CardWindow, payment: Payment) -> float:
        """Several small payments within seconds; 0.0 when it looks well."""
        limits = self.limits
        if payment.amount_cents > limits.small_cents:
            return 0.0
        times_ms = window.small_times_ms
        while times_ms and times_ms[0] < payment.time_ms - limits.small_window_ms:
            times_ms.popleft()
        times_ms.append(payment.time_ms)
        return len(times_ms) / limits.small_payments if len(times_ms) >= limits.small_payments else 0.0

    def _impossible_travel(self, window: CardWindow, payment: Payment) -> float:
        """Too far from the card's place for the time between.

        A place out of reach is not believed at once, so the next payment at home looks well; every such payment
        takes support from the old place, every other gives it some, and a place without support is given up.
        """
        latitude, longitude, time_ms = payment.latitude, payment.longitude, payment.time_ms
        if latitude is None or longitude is None:
            return 0.0
        score = self._speed_score(window.place, latitude, longitude, time_ms)
        window.place_support += -1 if score else 1 if window.place_support < self.limits.place_support else 0
        if not score or window.place_support <= 0:
            window.place = (latitude, longitude, time_ms)
            window.place_support = max(1, window.place_support)
        return score

    def _speed_score(
        self, place: tuple[float, float, int] | None, latitude: float, longitude: float, time_ms: int
    ) -> float:
        if place is None:
            return 0.0
        distance_km = great_circle_km(place[0], place[1], latitude, longitude)
        if distance_km <= self.limits.travel_km:
            return 0.0
        score = distance_km * MS_PER_HOUR / max(1, abs(time_ms - place[2])) / self.limits.speed_km_per_h
        return score if score > 1.0 else 0.0

    def _amount_spike(self, window: CardWindow, payment: Payment) -> float:
        """A multiple of the card's mean; a spike counts as no more than the limit, a small payment not at all."""
        limits, amount_cents = self.limits, payment.amount_cents
        if amount_cents <= limits.small_cents:
            return 0.0
        score = 0.0
        if window.payments >= limits.spike_history:
            limit_cents = limits.spike_factor * window.total_cents // window.payments
            if amount_cents > limit_cents:
                score = amount_cents / limit_cents
                amount_cents = limit_cents
        window.payments += 1
        window.total_cents += amount_cents
        return score
