"""What an application's surroundings do to it: to its load and keys, to its work, to its clock.

All is as usual until a fault changes it.
"""

from dataclasses import dataclass

from sim.machine.clock import MILLISECOND

__all__ = ["Conditions"]


@dataclass(slots=True)
class Conditions:
    """Of one application. `slowness` is a factor on its own work, `hot_share` the share of records with the hot key.

    The load has a time of its own that runs `load_factor` times as fast as the clock; arrivals are due in that time.
    """

    slowness: float = 1.0
    clock_skew: int = 0
    hot_key: bytes = b""
    hot_share: float = 0.0
    load_factor: float = 1.0
    _since: int = 0
    _load_time: int = 0

    def wall_clock_ms(self, now: int) -> int:
        """What the host's own clock shows, in milliseconds."""
        return (now + self.clock_skew) // MILLISECOND

    def change_load(self, now: int, factor: float) -> None:
        """From now on the load comes so many times as fast as planned."""
        self._load_time += round((now - self._since) * self.load_factor)
        self._since, self.load_factor = now, factor

    def due(self, load_time: int) -> int:
        """When an arrival planned for a time is due, if nothing changes before; it may be past."""
        return self._since + round((load_time - self._load_time) / self.load_factor)
