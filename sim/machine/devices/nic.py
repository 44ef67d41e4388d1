"""Network cards."""

from sim.machine.clock import SECOND, Clock
from sim.machine.devices.fair_lane import FairLane

__all__ = ["Nic"]


class Nic:
    """A full-duplex network card: one queue out, one queue in; with a clock also `lanes` out and in, shared fairly."""

    __slots__ = ("_in_until", "_ns_per_byte", "_out_until", "lanes", "received_bytes", "sent_bytes")

    def __init__(self, bytes_per_s: float = 1.25e9, clock: Clock | None = None) -> None:
        self.lanes = None if clock is None else (FairLane(clock, bytes_per_s), FairLane(clock, bytes_per_s))
        self._ns_per_byte = SECOND / bytes_per_s
        self._out_until = self._in_until = 0
        self.sent_bytes = self.received_bytes = 0

    def time_for(self, size_bytes: int) -> int:
        """How long so many bytes take by themselves."""
        return int(size_bytes * self._ns_per_byte)

    def send(self, now: int, size_bytes: int) -> int:
        """When the last byte has left."""
        self.sent_bytes += size_bytes
        begin = self._out_until if self._out_until > now else now
        self._out_until = left = begin + int(size_bytes * self._ns_per_byte)
        return left

    def sent_but(self, size_bytes: int) -> int:
        """When no more than so many bytes of all that was handed over still wait: a time that is over if it is so."""
        return self._out_until - self.time_for(size_bytes)

    def receive(self, last_byte: int, size_bytes: int) -> int:
        """When the last byte is in, if it reaches this card at `last_byte` at the earliest."""
        self.received_bytes += size_bytes
        received = self._in_until + int(size_bytes * self._ns_per_byte)
        self._in_until = received = received if received > last_byte else last_byte
        return received
