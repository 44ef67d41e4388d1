"""What is below the high watermark is on every in-sync replica."""

from sim.actors.broker.broker import Broker
from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.losses import Losses
from sim.observe.invariants.sighting import Sighting
from sim.observe.invariants.violation import InvariantViolation

__all__ = ["IsrHoldsWatermark"]


class IsrHoldsWatermark(Checker):
    """The log of each member of the ISR, on the disk of a dead one too, reaches to the leader's high watermark.

    The ISR is the committed one that the leader acts on. A member that knows a later epoch obeys another leader
    already, one without the log has been told that it is no replica any more; one that has lost it with its power is
    excused.
    """

    name = "isr-holds-high-watermark"

    def __init__(self, brokers: dict[int, Broker], losses: Losses) -> None:
        self._brokers = brokers
        self._losses = losses

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:
        """Look at all members when the leader has changed, at the leader when the log of one has become shorter."""
        if now.is_leader:
            if before is not None and before[3:5] == now[3:5]:
                return ()
            short = [member for member in now.registration.isr if self._is_short(now, member)]
            return [self._told(time, now, member) for member in short]
        if before is not None and now.log_end_offset < before.log_end_offset:
            leader = self._leader(now)
            if (
                leader is not None
                and now.broker_id in leader.registration.isr
                and self._is_short(leader, now.broker_id)
            ):
                return [self._told(time, leader, now.broker_id)]
        return ()

    def _leader(self, follower: Sighting) -> Sighting | None:
        """The leader that a follower obeys, as it is now; None if it does not lead."""
        broker = self._brokers.get(follower.registration.leader)
        partition = None if broker is None else broker.replicas.partitions.get(follower.name)
        if broker is None or partition is None or not (broker.life.alive and partition.is_leader):
            return None
        return Sighting.of(broker, partition, follower.identity)

    def _is_short(self, leader: Sighting, member: int) -> bool:
        """Whether a member that should hold the leader's high watermark does not."""
        broker, name = self._brokers[member], leader.name
        log = broker.storage.get(name)
        if log is None or log.log_end_offset >= leader.high_watermark:
            return False
        follower = broker.replicas.partitions.get(name)
        obeys_another = follower is not None and follower.registration.leader_epoch > leader.leader_epoch
        is_another = broker.topic_ids.get(name, 0) != leader.identity[1]
        return not (obeys_another or is_another or self._losses.has_lost(member, name, log.log_end_offset))

    def _told(self, time: int, leader: Sighting, member: int) -> InvariantViolation:
        name = leader.name
        end_offset = self._brokers[member].storage[name].log_end_offset
        has = f"broker {member} is in the ISR of {name} with a log that ends at {end_offset}"
        leads = f"broker {leader.broker_id}, which leads it at epoch {leader.leader_epoch}"
        words = f"{has} although {leads}, has announced the high watermark {leader.high_watermark}"
        return self.violation(time, name, words)
