"""A small cluster with several controllers, and what is asked of every quorum."""

from sim.actors.controller.controller import Controller
from sim.machine.clock import MILLISECOND
from sim.rules.controller.metadata import MetadataRecord
from sim.rules.facts.quorum import ControllerElected
from sim.rules.raft.quorum_state import Role
from tests.actors.flights import Story


class Quorum(Story):
    """A story about controllers; one broker unless told otherwise."""

    def __init__(self, seed: int = 1, controllers: int = 3, brokers: int = 1, **more: object) -> None:
        topic_config = {"min.insync.replicas": min(brokers, 2)}
        super().__init__(seed, brokers=brokers, topic_config=topic_config, controllers=controllers, **more)  # type: ignore[arg-type]
        self.leaders_by_epoch: dict[int, int] = {}
        self.committed: list[tuple[int, MetadataRecord]] = []

    def controller(self, node_id: int) -> Controller:
        """A controller by its id."""
        return self.cluster.controllers[node_id]

    def cut(self, node_id: int, up: bool = False) -> None:
        """Cut the link of a controller's host, or mend it."""
        host = self.controller(node_id).host
        self.machine.network.set_up(host.name, host.rack, up)

    def leaders(self) -> list[int]:
        """The controllers that lead, whether they are active or not."""
        found = self.cluster.controllers.values()
        return [one.node_id for one in found if one.life.alive and one.raft.state.role is Role.LEADER]

    def elections(self) -> list[tuple[int, int]]:
        """Who was elected in which epoch."""
        return [(fact.controller_id, fact.epoch) for fact in self.these(ControllerElected)]

    def watch(self, until_s: float, every_ms: int = 100) -> None:
        """Let time pass, looking again and again at what must always hold."""
        clock = self.machine.clock
        while self.now_s < until_s:
            clock.run(until=int(clock.now) + every_ms * MILLISECOND)
            self.check_safety()

    def check_safety(self) -> None:
        """An epoch has one leader; what was committed once is what everybody has committed there."""
        for one in self.cluster.controllers.values():
            if one.life.alive and one.raft.state.role is Role.LEADER:
                known = self.leaders_by_epoch.setdefault(one.raft.state.epoch, one.node_id)
                assert known == one.node_id, f"{known} and {one.node_id} lead epoch {one.raft.state.epoch}"
            records = self.committed_records(one)
            shorter = min(len(records), len(self.committed))
            assert records[:shorter] == self.committed[:shorter], f"{one.name} at {self.now_s}"
            self.committed = max(self.committed, records, key=len)

    def committed_records(self, one: Controller) -> list[tuple[int, MetadataRecord]]:
        """The records that a voter knows to be committed, with their epochs."""
        end = one.metadata.committed.offset
        batches = [batch for batch in one.metadata.disk.batches_from(0) if batch.end_offset <= end]
        return [(batch.epoch, record) for batch in batches for record in batch.records]
