"""How much a client may produce, fetch and keep the brokers busy, and how long it must rest when it was too much.

Left out: quotas on the controller's mutations and on connections; a quota callback of one's own.
"""

from collections.abc import Mapping
from math import floor, inf
from typing import NamedTuple

from sim.rules.errors import ConfigError

__all__ = [
    "ANONYMOUS",
    "DEFAULT",
    "QUOTA_KEYS",
    "ClientQuota",
    "Entity",
    "SampledRate",
    "quotas_from",
    "throttle_time_ms",
]

ANONYMOUS = "ANONYMOUS"
"""The user of every connection without authentication."""

DEFAULT = "<default>"
QUOTA_KEYS = ("producer_byte_rate", "consumer_byte_rate", "request_percentage")


class Entity(NamedTuple):
    """Whom a quota is for: a user, a client id or both; `DEFAULT` stands for any, the empty string for not named."""

    user: str
    client_id: str


class Sample:
    """What was recorded in one window."""

    __slots__ = ("last_event_ms", "start_ms", "value")

    def __init__(self, now_ms: int) -> None:
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        """Begin anew."""
        self.value, self.start_ms, self.last_event_ms = 0.0, now_ms, now_ms


class SampledRate:
    """A rate per second over the last `sample_count` windows, with one more that overlaps their beginning.

    Source: clients/src/main/java/org/apache/kafka/common/metrics/stats/Rate.java, SampledStat.java, WindowedSum.java
    Fidelity: exact
    """

    __slots__ = ("_current", "_sample_count", "_samples", "_window_ms")

    def __init__(self, sample_count: int = 11, window_ms: int = 1000) -> None:
        self._sample_count = sample_count
        self._window_ms = window_ms
        self._samples: list[Sample] = []
        self._current = 0

    def record(self, value: float, now_ms: int) -> None:
        """Count a value; a negative one takes back what was counted before."""
        samples = self._samples
        if not samples:
            samples.append(Sample(now_ms))
        sample = samples[self._current]
        if now_ms - sample.start_ms >= self._window_ms:
            sample = self._advance(now_ms)
        sample.value += value
        sample.last_event_ms = now_ms

    def measure(self, now_ms: int) -> float:
        """The rate now, per second."""
        self._purge(now_ms)
        return sum(sample.value for sample in self._samples) / (self.window_size_ms(now_ms) / 1000.0)

    def window_size_ms(self, now_ms: int) -> int:
        """The time that the rate is taken over: never less than `sample_count` - 1 whole windows."""
        self._purge(now_ms)
        elapsed_ms = now_ms - min((sample.start_ms for sample in self._samples), default=now_ms)
        missing_windows = self._sample_count - 1 - elapsed_ms // self._window_ms
        return max(elapsed_ms + max(missing_windows, 0) * self._window_ms, 1)

    def _advance(self, now_ms: int) -> Sample:
        self._current = (self._current + 1) % (self._sample_count + 1)
        if self._current >= len(self._samples):
            self._samples.append(Sample(now_ms))
        else:
            self._samples[self._current].reset(now_ms)
        return self._samples[self._current]

    def _purge(self, now_ms: int) -> None:
        expire_age_ms = self._sample_count * self._window_ms
        for sample in self._samples:
            if now_ms - sample.last_event_ms >= expire_age_ms:
                sample.reset(now_ms)


def throttle_time_ms(rate: float, bound: float, window_ms: int, longest_ms: int | None = None) -> int:
    """How long to rest until a rate over a window of this length is back at its bound, at most `longest_ms`.

    Source: server-common/src/main/java/org/apache/kafka/server/quota/QuotaUtils.java throttleTime, boundedThrottleTime
    Fidelity: exact
    """
    if rate <= bound:
        return 0
    rest_ms = floor((rate - bound) / bound * window_ms + 0.5)
    return rest_ms if longest_ms is None else min(rest_ms, longest_ms)


class ClientQuota:
    """One kind of quota of one broker: bounds per second by entity, and what each has used.

    `longest_ms` caps a throttle time: one window for the share of request handler time, no cap for bytes.

    Source: server/src/main/java/org/apache/kafka/server/quota/ClientQuotaManager.java;
        core/src/main/java/kafka/server/ClientRequestQuotaManager.java
    Fidelity: exact
    """

    __slots__ = ("_bounds", "_longest_ms", "_rates", "_sample_count", "_window_ms")

    def __init__(
        self,
        bounds: Mapping[Entity, float],
        sample_count: int = 11,
        window_ms: int = 1000,
        longest_ms: int | None = None,
    ) -> None:
        self._bounds = dict(bounds)
        self._sample_count = sample_count
        self._window_ms = window_ms
        self._longest_ms = longest_ms
        self._rates: dict[Entity, SampledRate] = {}

    @property
    def enabled(self) -> bool:
        """Whether anybody has a bound."""
        return bool(self._bounds)

    def bound_of(self, user: str, client_id: str) -> tuple[Entity, float]:
        """With whom a client shares its use, and their bound, infinite if there is none.

        The most specific entity counts: a user comes before a client id, a name before the default.
        """
        shared = Entity(user, client_id)
        for entity, together in (
            (shared, shared),
            (Entity(user, DEFAULT), shared),
            (Entity(user, ""), Entity(user, "")),
            (Entity(DEFAULT, client_id), shared),
            (Entity(DEFAULT, DEFAULT), shared),
            (Entity(DEFAULT, ""), Entity(user, "")),
            (Entity("", client_id), Entity("", client_id)),
            (Entity("", DEFAULT), Entity("", client_id)),
        ):
            bound = self._bounds.get(entity)
            if bound is not None:
                return together, bound
        return Entity("", client_id), inf

    def record(self, user: str, client_id: str, value: float, now_ms: int) -> int:
        """Count what a client has used; returns for how many milliseconds it must rest."""
        entity, bound = self.bound_of(user, client_id)
        if bound == inf:
            return 0
        rate = self._rates.get(entity)
        if rate is None:
            rate = self._rates[entity] = SampledRate(self._sample_count, self._window_ms)
        rate.record(value, now_ms)
        return throttle_time_ms(rate.measure(now_ms), bound, rate.window_size_ms(now_ms), self._longest_ms)

    def unrecord(self, user: str, client_id: str, value: float, now_ms: int) -> None:
        """Take back what was counted for a response that is not sent after all."""
        entity, _ = self.bound_of(user, client_id)
        if entity in self._rates:
            self._rates[entity].record(-value, now_ms)

    def most_in_window(self, user: str, client_id: str) -> float:
        """The largest value that is not throttled after a long rest."""
        _, bound = self.bound_of(user, client_id)
        return bound * (self._sample_count - 1) * self._window_ms / 1000


def quotas_from(given: Mapping[str | tuple[str, str], Mapping[str, float]], key: str) -> dict[Entity, float]:
    """The bounds of one key by entity, from settings by client id or by (user, client id). Raises ConfigError.

    Source: metadata/src/main/java/org/apache/kafka/controller/ClientQuotaControlManager.java validateQuotaKeyValue
    Fidelity: approximate — keys of other kinds of quota are refused
    """
    bounds: dict[Entity, float] = {}
    for name, settings in given.items():
        entity = Entity("", name) if isinstance(name, str) else Entity(*name)
        if not any(entity):
            raise ConfigError("Invalid empty client quota entity")
        for setting, value in settings.items():
            if setting not in QUOTA_KEYS:
                raise ConfigError(f"Invalid configuration key {setting}; there are {', '.join(QUOTA_KEYS)}")
            if value <= 0:
                raise ConfigError(f"Quota {setting} must be greater than 0")
            if setting != "request_percentage" and value % 1:
                raise ConfigError(f"{setting} cannot be a fractional value.")
        if key in settings:
            bounds[entity] = float(settings[key])
    return bounds
