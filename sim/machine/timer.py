"""One time-out that is set again and again; only the latest setting counts."""

from collections.abc import Callable

from sim.machine.actor import Actor

__all__ = ["Timer"]


class Timer:
    """Calls a function of its actor's life when the time last set is over."""

    __slots__ = ("_actor", "_booking", "_expires", "_function")

    def __init__(self, actor: Actor, function: Callable[[], object]) -> None:
        self._actor = actor
        self._function = function
        self._booking = self._expires = 0

    @property
    def remaining(self) -> int:
        """Nanoseconds until it rings; 0 when it has rung."""
        return max(0, self._expires - self._actor.now)

    def set(self, delay: int) -> None:
        """Ring after a delay in nanoseconds, instead of when it was set to before."""
        self._booking += 1
        self._expires = self._actor.now + delay
        self._actor.after(delay, self._ring, self._booking)

    def cancel(self) -> None:
        """Do not ring."""
        self._booking += 1

    def _ring(self, booking: int) -> None:
        if booking == self._booking:
            self._function()
