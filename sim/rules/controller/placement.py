"""Where the replicas of a new topic go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.rules.errors import InvalidReplicationFactorError

__all__ = ["UsableBroker", "place_replicas"]

RandomBelow = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class UsableBroker:
    """A registered broker as the placement sees it.

    Source: metadata/src/main/java/org/apache/kafka/metadata/placement/UsableBroker.java
    Fidelity: exact
    """

    id: int
    rack: str | None = None
    fenced: bool = False


def place_replicas(
    brokers: Sequence[UsableBroker], partitions: int, replication_factor: int, random_below: RandomBelow
) -> list[list[int]]:
    """The replicas of each partition, leader first: striped over racks, and within a rack over its brokers.

    Fenced brokers come last in their rack and never lead. `random_below(n)` draws from 0 to n - 1; racks draw their
    start in the order of their names, in Kafka in the order of a hash map. Raises InvalidReplicationFactorError.

    A round has as many partitions as there are unfenced brokers. As in Kafka, a rack of one broker whose turn has the
    same number in two rounds is passed over in the second, so that six partitions of one replica in three racks may
    come out with 1, 2 and 3 leaders; without racks it is 2, 2 and 2.

    Source: metadata/src/main/java/org/apache/kafka/metadata/placement/StripedReplicaPlacer.java
    Fidelity: exact
    """
    unfenced = sum(not broker.fenced for broker in brokers)
    if replication_factor <= 0:
        raise InvalidReplicationFactorError(
            f"Invalid replication factor {replication_factor}: the replication factor must be positive."
        )
    if unfenced == 0:
        raise InvalidReplicationFactorError("All brokers are currently fenced.")
    if replication_factor > len(brokers):
        raise InvalidReplicationFactorError(
            f"The target replication factor of {replication_factor} cannot be reached because only "
            f"{len(brokers)} broker(s) are registered."
        )
    racks = _RackList(brokers, random_below)
    return [racks.place(replication_factor) for _ in range(partitions)]


class _BrokerList:
    """Brokers given out in turn; each new epoch starts one broker further."""

    __slots__ = ("brokers", "epoch", "index", "offset")

    def __init__(self, brokers: list[int], random_below: RandomBelow) -> None:
        self.brokers = sorted(brokers)
        self.epoch = 0
        self.index = 0
        self.offset = random_below(len(brokers)) if brokers else 0

    def next(self, epoch: int) -> int | None:
        if not self.brokers:
            return None
        if self.epoch != epoch:
            self.epoch = epoch
            self.index = 0
            self.offset = (self.offset + 1) % len(self.brokers)
        if self.index >= len(self.brokers):
            return None
        broker = self.brokers[(self.index + self.offset) % len(self.brokers)]
        self.index += 1
        return broker


class _Rack:
    """The brokers of one rack, those alive before those fenced."""

    __slots__ = ("fenced", "unfenced")

    def __init__(self, brokers: list[UsableBroker], random_below: RandomBelow) -> None:
        self.fenced = _BrokerList([broker.id for broker in brokers if broker.fenced], random_below)
        self.unfenced = _BrokerList([broker.id for broker in brokers if not broker.fenced], random_below)

    def next(self, epoch: int) -> int | None:
        broker = self.unfenced.next(epoch)
        return self.fenced.next(epoch) if broker is None else broker


class _RackList:
    """All racks in turn; each partition starts one rack further."""

    __slots__ = ("epoch", "offset", "racks", "random_below", "turn", "unfenced_count")

    def __init__(self, brokers: Sequence[UsableBroker], random_below: RandomBelow) -> None:
        by_name: dict[str | None, list[UsableBroker]] = {}
        for broker in brokers:
            by_name.setdefault(broker.rack, []).append(broker)
        names = sorted(by_name, key=lambda name: (name is not None, name or ""))
        self.racks = [_Rack(by_name[name], random_below) for name in names]
        self.turn = list(self.racks)
        self.random_below = random_below
        self.unfenced_count = sum(not broker.fenced for broker in brokers)
        self.epoch = 0
        self.offset = random_below(len(self.racks))

    def place(self, replication_factor: int) -> list[int]:
        if self.epoch == self.unfenced_count and self.unfenced_count > 1:
            self.shuffle()
            self.epoch = 0
        if self.offset == len(self.turn):
            self.offset = 0
        first_rack, leader = self.place_leader()
        replicas = [leader, *self.place_followers(replication_factor - 1, first_rack)]
        self.epoch += 1
        self.offset += 1
        return replicas

    def place_leader(self) -> tuple[int, int]:
        rack = self.offset
        while (broker := self.turn[rack].unfenced.next(self.epoch)) is None:
            rack = (rack + 1) % len(self.turn)
        return rack, broker

    def place_followers(self, count: int, leader_rack: int) -> list[int]:
        """Continues from the partition's rack, passing over the leader's rack once."""
        followers: list[int] = []
        rack, passed_over = self.offset, False
        while len(followers) < count:
            if rack == leader_rack and not passed_over:
                passed_over = True
            elif (broker := self.turn[rack].next(self.epoch)) is not None:
                followers.append(broker)
            rack = (rack + 1) % len(self.turn)
        return followers

    def shuffle(self) -> None:
        _shuffle(self.turn, self.random_below)
        for rack in self.racks:
            _shuffle(rack.fenced.brokers, self.random_below)
            _shuffle(rack.unfenced.brokers, self.random_below)


def _shuffle(items: list[Any], random_below: RandomBelow) -> None:
    for index in range(len(items) - 1, 0, -1):
        other = random_below(index + 1)
        items[index], items[other] = items[other], items[index]
