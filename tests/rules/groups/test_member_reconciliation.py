"""One member on its way to its target: give up first, take what is free, wait for the rest."""

from dataclasses import replace

from sim.rules.groups.consumer_group_members import ConsumerGroupMember, MemberState
from sim.rules.groups.member_reconciliation import reconcile
from sim.rules.protocol.consumer_group import Partitions
from sim.rules.topics import TopicPartition
from tests.rules.consumer_groups import parts

STABLE = ConsumerGroupMember("m", 5, 4, assigned=parts(0, 1, 2))
NOBODY: dict[TopicPartition, int] = {}


def step(
    member: ConsumerGroupMember,
    target: Partitions,
    owned: Partitions | None = None,
    occupied: Partitions = frozenset(),
    changed: bool = False,
    topics: tuple[str, ...] = ("t",),
) -> ConsumerGroupMember:
    return reconcile(member, 6, target, topics, occupied, owned, changed)


def test_a_member_that_has_all_of_the_target_epoch_stays_itself() -> None:
    assert reconcile(STABLE, 5, parts(7), ("t",), NOBODY) is STABLE


def test_a_member_with_something_to_give_up_keeps_its_epoch_until_it_has() -> None:
    told = step(STABLE, parts(0, 3))
    assert told == replace(
        STABLE,
        state=MemberState.UNREVOKED_PARTITIONS,
        previous_member_epoch=5,
        assigned=parts(0),
        pending_revocation=parts(1, 2),
    )
    assert step(told, parts(0, 3)) is told
    assert step(told, parts(0, 3), owned=parts(0, 2)) is told
    done = step(told, parts(0, 3), owned=parts(0))
    assert (done.state, done.member_epoch, done.assigned) == (MemberState.STABLE, 6, parts(0, 3))
    assert done.pending_revocation == frozenset()


def test_who_does_not_own_any_more_what_it_must_give_up_need_not_be_asked() -> None:
    done = step(STABLE, parts(0), owned=parts(0))
    assert (done.state, done.member_epoch, done.assigned) == (MemberState.STABLE, 6, parts(0))


def test_a_partition_of_somebody_else_is_waited_for() -> None:
    waiting = step(STABLE, parts(0, 1, 2, 3, 4), occupied=parts(0, 1, 2, 4))
    assert (waiting.state, waiting.member_epoch) == (MemberState.UNRELEASED_PARTITIONS, 6)
    assert waiting.assigned == parts(0, 1, 2, 3)
    assert step(waiting, parts(0, 1, 2, 3, 4), occupied=parts(4)).state is MemberState.UNRELEASED_PARTITIONS
    assert step(waiting, parts(0, 1, 2, 3, 4)).assigned == parts(0, 1, 2, 3, 4)


def test_what_the_member_itself_is_about_to_give_up_is_free_for_it() -> None:
    told = step(STABLE, parts(0))
    back = step(told, parts(0, 1), owned=parts(0), occupied=parts(0, 1, 2))
    assert (back.state, back.assigned) == (MemberState.STABLE, parts(0, 1))


def test_a_topic_that_is_not_subscribed_to_any_more_is_given_up_in_the_same_epoch() -> None:
    member = replace(STABLE, member_epoch=6, assigned=parts(0) | parts(0, topic="u"))
    told = step(member, member.assigned, changed=True)
    assert (told.state, told.member_epoch, told.assigned) == (MemberState.UNREVOKED_PARTITIONS, 6, parts(0))
    assert told.pending_revocation == parts(0, topic="u")
    gone = step(member, member.assigned, owned=parts(0), changed=True)
    assert (gone.state, gone.assigned, gone.pending_revocation) == (MemberState.STABLE, parts(0), frozenset())
    assert step(member, member.assigned, changed=True, topics=("t", "u")) is member


def test_a_member_that_still_gives_up_can_lose_more() -> None:
    both = ("t", "u")
    member = replace(STABLE, assigned=parts(0, 1) | parts(0, topic="u"))
    told = step(member, parts(0) | parts(0, topic="u"), topics=both)
    assert told.pending_revocation == parts(1)
    more = step(told, parts(0), owned=parts(0, 1), changed=True)
    assert (more.state, more.assigned) == (MemberState.UNREVOKED_PARTITIONS, parts(0))
    assert more.pending_revocation == parts(1) | parts(0, topic="u")
