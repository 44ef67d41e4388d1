"""Who may lead: one broker per epoch, and only a member of the ISR."""

from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.sighting import Identity, Sighting
from sim.rules.controller.election import RECOVERING

__all__ = ["LeaderInSync", "OneLeaderPerEpoch"]


class OneLeaderPerEpoch(Checker):
    """At most one broker ever acts as leader of a partition at one leader epoch.

    Two may act as leaders at the same time: a deposed one does not know yet, and its epoch is older.
    """

    name = "one-leader-per-epoch"

    def __init__(self) -> None:
        self._leaders: dict[tuple[Identity, int], int] = {}

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:
        """Look at a broker that has begun to lead, or leads in another epoch."""
        if not now.is_leader or (before is not None and before.registration is now.registration):
            return ()
        first = self._leaders.setdefault((now.identity, now.leader_epoch), now.broker_id)
        if first == now.broker_id:
            return ()
        leads = f"broker {now.broker_id} leads {now.name} at epoch {now.leader_epoch}"
        return (self.violation(time, now.name, f"{leads} although broker {first} leads it at the same epoch"),)


class LeaderInSync(Checker):
    """A leader is a member of its own ISR.

    An unclean election makes the leader the only member, so that it holds then, too; while the partition recovers
    it is not asked for.
    """

    name = "leader-in-sync"

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:
        """Look at a leader whose registration has changed."""
        registration = now.registration
        if not now.is_leader or (before is not None and before.registration is registration):
            return ()
        if now.broker_id in registration.isr or registration.leader_recovery_state == RECOVERING:
            return ()
        leads = f"broker {now.broker_id} leads {now.name} at epoch {now.leader_epoch}"
        return (self.violation(time, now.name, f"{leads} outside of the ISR {list(registration.isr)}"),)
