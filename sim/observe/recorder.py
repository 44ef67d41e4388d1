"""What only some pictures need: every request, the steps of every log, the load of every broker's devices.

It is aboard only when asked for, and changes nothing of the flight.
"""

from typing import NamedTuple

from sim.machine.clock import MILLISECOND
from sim.machine.devices import Cpu
from sim.observe.frames import Frames
from sim.observe.hindsight import Hindsight
from sim.rules.facts.group import CommitAccepted
from sim.rules.facts.journal import RecordsAcknowledged, RecordsDelivered
from sim.rules.facts.replication import ReplicaChanged
from sim.rules.facts.requests import RequestSent
from sim.rules.groups.coordinator import OFFSETS_TOPIC
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Acknowledgement", "Delivery", "Load", "LogStep", "Recorder"]

FINEST = 50 * MILLISECOND
"""Steps of one log closer than this are one."""


class LogStep(NamedTuple):
    """The leader's offsets of a partition at a time (seconds)."""

    time_s: float
    log_end_offset: int
    high_watermark: int
    last_stable_offset: int


class Load(NamedTuple):
    """How busy a broker's devices were in the second that ends at a time, each as a share of what they can do.

    More than 1 of a processor's time is work that has been given to it, and waits. The network counts the busier
    direction, disks the busiest of them.
    """

    time_s: float
    cpu: float
    disk: float
    network: float


class Acknowledgement(NamedTuple):
    """A batch that its producer knows to be safe: when it began to be sent, and when that was known (nanoseconds)."""

    client_id: str
    partition: TopicPartition
    base_offset: int
    record_count: int
    sent_at: int
    acknowledged_at: int


class Delivery(NamedTuple):
    """Records of a batch that a poll has handed to an application, and when (nanoseconds)."""

    group_id: str
    client_id: str
    partition: TopicPartition
    base_offset: int
    first_offset: int
    next_offset: int
    delivered_at: int


class Counters(NamedTuple):
    """What a broker's devices have done so far: nanoseconds, bytes."""

    cpu: Cpu
    busy: int
    disks: tuple[int, ...]
    sent_bytes: int
    received_bytes: int


class Recorder:
    """Requests and batches in the order of their times, steps by partition, commits by group and partition, loads.

    `accepted` are all commits with their times (seconds), `commits` what a group can see of them once they are
    replicated. `frames` are for the replay, `hindsight` for explanations and comparisons.
    """

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._cluster = flight.cluster
        self.frames, self.hindsight = Frames(flight), Hindsight(flight)
        self.requests: list[RequestSent] = []
        self.acknowledgements: list[Acknowledgement] = []
        self.deliveries: list[Delivery] = []
        self.steps: dict[TopicPartition, list[LogStep]] = {}
        self.accepted: list[tuple[float, CommitAccepted]] = []
        self.commits: dict[tuple[str, TopicPartition], list[tuple[float, int]]] = {}
        self.loads: dict[int, list[Load]] = {broker: [] for broker in flight.cluster.brokers}
        self._groups = dict.fromkeys((group.group_id for group in flight.plan.groups), 0)
        self._committing: dict[str, None] = {}
        self._counters: dict[int, Counters] = {}
        self._sampled_at = 0
        facts = flight.machine.facts
        facts.listen(RequestSent, lambda _, fact: self.requests.append(fact))
        facts.listen(RecordsAcknowledged, self._acknowledged)
        facts.listen(RecordsDelivered, self._delivered)
        facts.listen(ReplicaChanged, self._replica_changed)
        facts.listen(CommitAccepted, self._commit_accepted)

    def sample(self) -> None:
        """Read what no fact tells, once per simulated second."""
        seconds = (self._flight.now - self._sampled_at) / 1e9
        if seconds <= 0:
            return
        self._sampled_at = self._flight.now
        self.frames.sample()
        self.hindsight.sample()
        for name in self._cluster.partitions():
            self._step(name)
        for group_id in self._groups:
            self._read_commits(group_id)
        self._committing.clear()
        for broker_id in self.loads:
            self._weigh(broker_id, seconds)

    def _acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        columns = fact.columns
        sent_at = columns.sent_at[0] if columns.sent_at else time
        batch = Acknowledgement(fact.client_id, fact.partition, fact.base_offset, columns.count, sent_at, time)
        self.acknowledgements.append(batch)

    def _delivered(self, time: int, fact: RecordsDelivered) -> None:
        offsets = fact.batch.base_offset, fact.first_offset, fact.next_offset
        self.deliveries.append(Delivery(fact.group_id, fact.client_id, fact.partition, *offsets, time))

    def _replica_changed(self, time: int, fact: ReplicaChanged) -> None:
        if fact.partition.topic == OFFSETS_TOPIC:
            for group_id in self._committing:
                if time - self._groups[group_id] >= FINEST:
                    self._read_commits(group_id)
        elif not fact.partition.topic.startswith("__") and self._is_leader(fact):
            self._step(fact.partition)

    def _is_leader(self, fact: ReplicaChanged) -> bool:
        return self._cluster.controller.image.leader(fact.partition) == fact.broker_id

    def _step(self, name: TopicPartition) -> None:
        leader = self._cluster.leader(name)
        if leader is None:
            return
        log, watermark, time_s = leader.log, leader.high_watermark.value, self._flight.now / 1e9
        step = LogStep(time_s, log.log_end_offset, watermark, log.last_stable_offset(watermark))
        steps = self.steps.setdefault(name, [])
        if steps and steps[-1][1:] == step[1:]:
            return
        if steps and int(steps[-1].time_s * 1e9) // FINEST == self._flight.now // FINEST:
            steps.pop()
        steps.append(step)

    def _commit_accepted(self, time: int, fact: CommitAccepted) -> None:
        self.accepted.append((time / 1e9, fact))
        self._groups.setdefault(fact.group_id, 0)
        self._committing[fact.group_id] = None

    def _read_commits(self, group_id: str) -> None:
        self._groups[group_id] = self._flight.now
        for name, offset in (self._cluster.committed_offsets(group_id) or {}).items():
            commits = self.commits.setdefault((group_id, name), [])
            if not commits or commits[-1][1] != offset:
                commits.append((self._flight.now / 1e9, offset))

    def _weigh(self, broker_id: int, seconds: float) -> None:
        broker, spec = self._cluster.brokers[broker_id], self._cluster.spec
        disks, nic, hardware = broker.log_directories.disks, broker.host.nic, broker.hardware
        written = tuple(disk.written_bytes + disk.read_bytes for disk in disks)
        now = Counters(broker.cpu, broker.cpu.busy, written, nic.sent_bytes, nic.received_bytes)
        before = self._counters.get(broker_id, Counters(broker.cpu, 0, (0,) * len(disks), 0, 0))
        self._counters[broker_id] = now
        busy = now.busy - (before.busy if before.cpu is now.cpu else 0)
        servers = spec.hardware.cores or self._cluster.config.num_io_threads
        moved = max(after - then for after, then in zip(now.disks, before.disks, strict=True))
        carried = max(now.sent_bytes - before.sent_bytes, now.received_bytes - before.received_bytes)
        network = carried * hardware.wire_overhead / hardware.nic_bytes_per_s
        shares = busy / 1e9 / servers, moved / hardware.disk_bytes_per_s, network
        self.loads[broker_id].append(Load(self._flight.now / 1e9, *(share / seconds for share in shares)))
