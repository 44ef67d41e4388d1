"""What a broker's machine, and a client's, can do.

The figures here are estimates for a small server of today, and clients whose own work takes no time; machines with
figures of known origin are in `sim.machine.profiles`. TLS and garbage are off unless a machine asks for them. Their
prices are remembered (AES-GCM in a JVM whose processor has instructions for it: 1 GB/s; copying: 4 GB/s) or published
(pauses: 90 % within 21 ms, see `sim.machine.devices.heap`).
"""

from dataclasses import dataclass
from random import Random

from sim.machine.clock import MICROSECOND, MILLISECOND, SECOND
from sim.machine.devices.heap import Heap

__all__ = ["ClientHardware", "Hardware"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a broker's machine can do: times in nanoseconds, sizes in bytes; each log directory has a disk of its own.

    A request costs a request handler `request_cost`, `batch_cost` for each batch and `byte_cost` for each byte, and a
    network thread `network_request_cost` and `network_byte_cost`. With `cores` all that runs on these machines, brokers
    and clients, shares so many processors. A message takes `wire_overhead` times its size on the wire, and a round trip
    for each `socket_buffer_bytes`; `nic_fair` cards serve all connections at once.
    `flush_latency` passes until a flush is confirmed. Above `disk_bytes_per_s` a disk with `disk_burst_bytes_per_s` is
    so fast until it has used up its `disk_credit_bytes`, which grow again below.
    With `ssl` network threads and clients pay `ssl_byte_cost` for what they encrypt and decrypt, and a broker
    `ssl_copy_cost` for what it sends, which has to be read into the heap first: there is no zero copy.
    With `gc_young_bytes` a broker stops for `gc_pause` on average each time that it has allocated so much: `gc_garbage`
    bytes for each byte that it receives or, encrypted, sends.
    A broker's process registers `broker_start` after it was started, and has started all else `broker_ready` later; one
    that is killed keeps its connections for `process_clearing`, while its memory is given back; one that goes on after
    it was stopped needs `backlog_cost` for each message and timer that has waited.
    """

    request_cost: int = 25 * MICROSECOND
    batch_cost: int = 4 * MICROSECOND
    byte_cost: float = 0.4
    network_request_cost: int = 0
    network_byte_cost: float = 0.0
    cores: int = 0
    ssl: bool = False
    ssl_byte_cost: float = 1.0
    ssl_copy_cost: float = 0.25
    gc_young_bytes: int = 0
    gc_pause: int = 9_120 * MICROSECOND
    gc_garbage: float = 1.0
    nic_bytes_per_s: float = 1.25e9
    nic_fair: bool = False
    wire_overhead: float = 1.0
    socket_buffer_bytes: int = 0
    link_latency: int = 50 * MICROSECOND
    link_jitter: int = 10 * MICROSECOND
    disk_bytes_per_s: float = 4.0e8
    disk_seek: int = 100 * MICROSECOND
    flush_latency: int = 0
    disk_burst_bytes_per_s: float = 0.0
    disk_credit_bytes: int = 0
    page_cache_bytes: int = 4 << 30
    dirty_limit_bytes: int = 800 << 20
    broker_start: int = 3 * SECOND
    broker_ready: int = 0
    process_clearing: int = 15 * MILLISECOND
    backlog_cost: int = 60 * MICROSECOND

    def cost(self, batch_count: int, size_bytes: int) -> int:
        """Processor time for one request, in nanoseconds."""
        return self.request_cost + batch_count * self.batch_cost + int(size_bytes * self.byte_cost)

    def copying_cost(self, batch_count: int, size_bytes: int) -> int:
        """Processor time of a follower for what it has fetched, and decrypted by itself, in nanoseconds."""
        return self.cost(batch_count, size_bytes) + int(size_bytes * self.ssl_byte_cost * self.ssl)

    def heap(self, chance: Random) -> Heap | None:
        """The memory of a broker that stops to collect garbage; None if it never does."""
        return Heap(self.gc_young_bytes, self.gc_pause, chance) if self.gc_young_bytes else None

    def network_cost(self, size_bytes: int, copied_bytes: int = 0) -> int:
        """Time of a network thread for one message, part of which comes out of the log, in nanoseconds."""
        per_byte = size_bytes * self.network_byte_cost
        if self.ssl:
            per_byte += size_bytes * self.ssl_byte_cost + copied_bytes * self.ssl_copy_cost
        return self.network_request_cost + int(per_byte)


@dataclass(frozen=True, slots=True)
class ClientHardware:
    """What a client's machine can do; times are nanoseconds.

    The application's thread pays `record_cost` and `record_byte_cost` in send(), and `polled_batch_cost`,
    `polled_record_cost` and `polled_byte_cost` in poll(); a producer's own thread `request_cost`, `batch_cost` and
    `byte_cost` for each request and its answer; it wakes up so much later than linger.ms says. With `ssl`, as the
    brokers have it, whichever thread sends or reads pays `ssl_byte_cost`, too. With `gc_young_bytes` the process stops
    for `gc_pause` on average each time that it has allocated so much: `gc_record_garbage` bytes for each record sent or
    polled, and the record itself.
    """

    record_cost: float = 0.0
    record_byte_cost: float = 0.0
    request_cost: int = 0
    batch_cost: int = 0
    byte_cost: float = 0.0
    timer_slack: int = 0
    ssl: bool = False
    ssl_byte_cost: float = 1.0
    gc_young_bytes: int = 0
    gc_pause: int = 9_120 * MICROSECOND
    gc_record_garbage: float = 0.0
    polled_batch_cost: int = 0
    polled_record_cost: float = 0.0
    polled_byte_cost: float = 0.0
    nic_bytes_per_s: float = 1.25e9

    def send_cost(self, record_count: int, size_bytes: int) -> int:
        """Time of the application's thread for records that it sends."""
        return int(record_count * self.record_cost + size_bytes * self.record_byte_cost)

    def request_work(self, batch_count: int, size_bytes: int) -> int:
        """Time of a producer's own thread for one request."""
        byte_cost = self.byte_cost + self.ssl_byte_cost if self.ssl else self.byte_cost
        return self.request_cost + batch_count * self.batch_cost + int(size_bytes * byte_cost)

    def heap(self, chance: Random) -> Heap | None:
        """The memory of a client that stops to collect garbage; None if it never does."""
        return Heap(self.gc_young_bytes, self.gc_pause, chance) if self.gc_young_bytes else None

    def garbage_bytes(self, record_count: int, size_bytes: int) -> float:
        """What records, sent or polled, leave behind in memory."""
        return record_count * self.gc_record_garbage + size_bytes

    @property
    def sends_for_free(self) -> bool:
        """Whether a request costs the producer's own thread nothing."""
        return not (self.request_cost or self.ssl)

    @property
    def polls_for_free(self) -> bool:
        """Whether what poll() hands out costs nothing."""
        return not (self.polled_batch_cost or self.polled_record_cost or self.polled_byte_cost or self.ssl)

    def poll_cost(self, batch_count: int, record_count: int, size_bytes: int) -> int:
        """Time of the application's thread for what poll() hands out; part of a batch counts as one."""
        byte_cost = self.polled_byte_cost + self.ssl_byte_cost if self.ssl else self.polled_byte_cost
        per_record = record_count * self.polled_record_cost + size_bytes * byte_cost
        return batch_count * self.polled_batch_cost + int(per_record)
