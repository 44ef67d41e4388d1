"""Why a record did not fare as it should, as far as facts and logs tell."""

from sim.observe.causes.attempts import Attempts
from sim.observe.causes.lost import Losses
from sim.observe.causes.undelivered import Progress

__all__ = ["Attempts", "Losses", "Progress"]
