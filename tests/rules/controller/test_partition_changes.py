"""Whatever befalls a partition: who leads is in sync, and epochs only rise."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.controller.election import (
    NO_LEADER,
    RECOVERED,
    Election,
    PartitionRegistration,
    change_partition,
    election_refusal,
)
from sim.rules.controller.reassignment import Assignment, reassigned, reassignment_refusal, reverted_reassignment

BROKERS = (1, 2, 3, 4, 5, 6)
WHOLE = PartitionRegistration((1, 2, 3), (1, 2, 3), 1)
ONE, SOME = st.sampled_from(BROKERS), st.lists(st.sampled_from(BROKERS), min_size=1, max_size=4, unique=True)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["fence", "unfence", "crash", "elect preferred", "elect unclean", "cancel"]), ONE),
        st.tuples(st.sampled_from(["propose", "propose", "move"]), SOME),
    ),
    max_size=25,
)


@dataclass
class Controller:
    """One partition, the brokers that are alive, and the target of the move under way."""

    unclean_enabled: bool
    min_insync_replicas: int
    partition: PartitionRegistration = WHOLE
    alive: set[int] = field(default_factory=lambda: set(BROKERS))
    target: tuple[int, ...] | None = None

    def change(
        self,
        election: Election | None = None,
        isr: tuple[int, ...] | None = None,
        assignment: Assignment | None = None,
        crashed: tuple[int, ...] = (),
        recovery: str | None = None,
    ) -> None:
        changed = change_partition(
            self.partition,
            alive=self.alive.__contains__,
            target_isr=isr,
            target_assignment=assignment,
            election=election or ("unclean" if self.unclean_enabled else "online"),
            min_insync_replicas=self.min_insync_replicas,
            unclean_shutdown_replicas=crashed,
            leader_recovery_state=recovery,
        )
        if changed is not None:
            check(self.partition, changed)
            self.partition = changed
        if self.target is not None and not self.partition.assignment.is_reassigning:
            assert self.partition.replicas == self.target
            assert set(self.partition.isr) <= set(self.target)
            self.target = None

    def broker(self, event: str, broker: int) -> None:
        """Something happens to one broker."""
        before = self.partition.isr
        if event == "unfence":
            self.alive.add(broker)
            if self.partition.leader == NO_LEADER:
                self.change()
            return
        self.alive.discard(broker)
        isr = tuple(member for member in before if member != broker)
        if broker in before or (event == "crash" and broker in self.partition.elr):
            self.change(isr=isr, crashed=(broker,) if event == "crash" else ())

    def propose(self, followers: list[int]) -> None:
        """The leader, if there is one, has an ISR of live replicas accepted."""
        if self.partition.leader != NO_LEADER:
            wanted = [self.partition.leader, *(f for f in followers if f != self.partition.leader)]
            isr = tuple(member for member in wanted if member in self.alive and member in self.partition.replicas)
            self.change(isr=isr, recovery=RECOVERED)

    def move(self, target: list[int]) -> None:
        """Somebody wants the partition elsewhere."""
        assert reassignment_refusal(self.partition.assignment, target, BROKERS) is None
        assignment = reassigned(self.partition.assignment, target)
        fresh = not self.partition.assignment.is_reassigning
        self.target = tuple(target) if fresh and assignment.is_reassigning else None
        self.change("online", assignment=assignment)

    def cancel(self) -> None:
        """Somebody wants it back."""
        if self.partition.assignment.is_reassigning:
            reversion = reverted_reassignment(self.partition.assignment, self.partition.isr)
            if self.unclean_enabled or not reversion.unclean:
                self.target = None
                self.change(isr=reversion.isr, assignment=Assignment(reversion.replicas))
                assert set(self.partition.replicas) == set(reversion.replicas)

    def elect(self, election: Election) -> None:
        """Somebody wants an election."""
        if election_refusal(self.partition, election) is None:
            self.change(election)


def check(before: PartitionRegistration, after: PartitionRegistration) -> None:
    assert after.partition_epoch == before.partition_epoch + 1
    assert before.leader_epoch <= after.leader_epoch <= before.leader_epoch + 1
    assert after.leader == before.leader or after.leader_epoch > before.leader_epoch
    assert after.leader == NO_LEADER or after.leader in after.isr
    assert not set(after.isr) & set(after.elr)
    assert set(after.isr) <= set(after.replicas)
    assert len(set(after.replicas)) == len(after.replicas)
    assert {*after.adding_replicas, *after.removing_replicas} <= set(after.replicas)


@given(EVENTS, st.booleans(), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_leader_is_in_sync_and_moves_end_at_their_target(
    events: list[tuple[str, int | list[int]]], unclean_enabled: bool, min_insync_replicas: int
) -> None:
    controller = Controller(unclean_enabled, min_insync_replicas)
    for event, subject in events:
        if isinstance(subject, list):
            controller.propose(subject) if event == "propose" else controller.move(subject)
        elif event == "cancel":
            controller.cancel()
        elif event.startswith("elect"):
            controller.elect("preferred" if "preferred" in event else "unclean")
        else:
            controller.broker(event, subject)
        assert controller.partition.leader == NO_LEADER or controller.partition.leader in controller.alive
