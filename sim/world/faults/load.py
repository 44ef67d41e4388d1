"""What befalls the load: a burst of traffic, a key that becomes hot."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.rules.errors import ConfigError
from sim.world.faults.client import AppFault

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["KeySkew", "TrafficBurst"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficBurst(AppFault):
    """The arrivals of a source come `factor` times as fast; a source that waits with `app.arrive` heeds it."""

    factor: float = 5.0

    @property
    def subject(self) -> str:
        """What changes."""
        return f"the traffic of {self.app}"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"is {self.factor:g} times as dense"

    @property
    def holds(self) -> tuple[str, ...]:
        """How fast its load comes."""
        return (f"the traffic of {self.app}",)

    def check(self, flight: "Flight") -> None:
        """Refuse a factor that stops or turns time, too."""
        AppFault.check(self, flight)
        if not self.factor > 0:
            raise ConfigError(f"fault {str(self)!r}: factor must be more than 0, such as 5")

    def begin(self, flight: "Flight") -> None:
        """Faster."""
        self.process(flight).conditions.change_load(flight.now, self.factor)

    def end(self, flight: "Flight") -> None:
        """As planned."""
        self.process(flight).conditions.change_load(flight.now, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySkew(AppFault):
    """A share of a source's records gets one and the same key; a source that asks `app.key` heeds it."""

    share: float = 0.5
    key: str = "hot"

    @property
    def subject(self) -> str:
        """What changes."""
        return f"{self.share:.0%} of what {self.app} sends"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"gets the key {self.key}"

    @property
    def holds(self) -> tuple[str, ...]:
        """Which keys its records get."""
        return (f"the keys of {self.app}",)

    def check(self, flight: "Flight") -> None:
        """Refuse what is no share, too."""
        AppFault.check(self, flight)
        if not 0 < self.share <= 1:
            raise ConfigError(f"fault {str(self)!r}: share must be more than 0 and at most 1")

    def begin(self, flight: "Flight") -> None:
        """The key becomes hot."""
        conditions = self.process(flight).conditions
        conditions.hot_key, conditions.hot_share = self.key.encode(), self.share

    def end(self, flight: "Flight") -> None:
        """Keys as planned."""
        self.process(flight).conditions.hot_share = 0.0
