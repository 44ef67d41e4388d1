"""The way of a request through a broker's network threads and the queue before its request handlers.

Source: core/src/main/scala/kafka/network/SocketServer.scala Processor, RequestChannel.scala
Fidelity: approximate — any network thread takes any connection, in Kafka each connection belongs to one; while the
    queue is full a network thread waits with its request, but has sent the answers that it was given before
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.machine.devices import Cpu, RequestQueue

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["RequestChannel"]


class RequestChannel:
    """Network threads and queue of one life of a broker."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._threads = broker.host.cores or Cpu(broker.config.num_network_threads)
        self._queue = RequestQueue(broker.config.queued_max_requests)
        hardware = broker.hardware
        self._is_free = not (hardware.network_request_cost or hardware.network_byte_cost or hardware.ssl)

    def take(self, request: ServerRequest, handle: Callable[[ServerRequest], None]) -> None:
        """Let a network thread read a request; `handle` it as soon as it is in the queue."""
        broker = self._broker
        if broker.heap is not None:
            self.received(request.size_bytes)
        work = 0 if self._is_free else broker.hardware.network_cost(request.size_bytes)
        if work:
            broker.at(self._threads.work(broker.now, work), self._enqueue, request, handle)
        else:
            self._enqueue(request, handle)

    def _enqueue(self, request: ServerRequest, handle: Callable[[ServerRequest], None]) -> None:
        """Where there is no room the network thread waits (queued.max.requests)."""
        broker = self._broker
        begin, now = broker.cpu.free_at, broker.clock._now
        if begin > now:
            room = self._queue.has_room_at(now)
            if room > now:
                self._threads.hold(room)
                broker.at(room, self._enqueue, request, handle)
                return
            self._queue.enter(begin)
        handle(request)

    def received(self, size_bytes: int) -> None:
        """So much has come in, into memory that is garbage soon."""
        broker = self._broker
        if broker.heap is not None:
            broker.allocate(size_bytes * broker.hardware.gc_garbage)

    def leaves(self, time: int, size_bytes: int) -> int:
        """When a network thread has sent an answer that is ready at a time; encrypted, it has been in memory."""
        if self._is_free:
            return time
        hardware = self._broker.hardware
        if hardware.ssl:
            self.received(size_bytes)
        work = hardware.network_cost(size_bytes, copied_bytes=size_bytes)
        return self._threads.work(time, work) if work else time
