"""Who may join a classic group."""

from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.groups.group_admission import accepts_joining_member, join_refusal
from sim.rules.groups.groups import ClassicGroup, GroupState, Member


def group_with(*members: str, state: GroupState = GroupState.STABLE) -> ClassicGroup:
    group = ClassicGroup("g")
    for member_id in members:
        group.add(Member(member_id, {"range": Subscription(("t",))}), awaiting_join=False)
    group.state = state
    return group


def test_full_group_keeps_its_members_and_refuses_others() -> None:
    for state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
        group = group_with("a", "b", state=state)
        assert accepts_joining_member(group, "a", 2)
        assert not accepts_joining_member(group, "c", 2)
        assert accepts_joining_member(group, "c", 3)


def test_while_a_rebalance_is_prepared_those_who_wait_count() -> None:
    group = group_with("a", "b", "c", state=GroupState.PREPARING_REBALANCE)
    assert accepts_joining_member(group, "a", 1)
    group.members["a"].awaiting_join = True
    assert accepts_joining_member(group, "a", 1)
    assert not accepts_joining_member(group, "b", 1)
    assert accepts_joining_member(group, "b", 2)


def test_empty_group_takes_anybody() -> None:
    assert accepts_joining_member(ClassicGroup("g"), "", 1)


def test_refusals_come_in_kafkas_order() -> None:
    group = group_with("a")

    def refusal(group: ClassicGroup | None, member_id: str, session_timeout_ms: int = 10_000) -> ErrorCode | None:
        return join_refusal(group, member_id, session_timeout_ms, 6_000, 20_000, 1)

    assert refusal(group, "a", 5_999) is refusal(group, "a", 20_001) is ErrorCode.INVALID_SESSION_TIMEOUT
    assert refusal(None, "a") is ErrorCode.UNKNOWN_MEMBER_ID
    assert refusal(None, "") is None
    assert refusal(group, "") is refusal(group, "b") is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert refusal(group, "a", 6_000) is None
