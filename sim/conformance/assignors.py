"""Assignors and share-group records against the vectors of Kafka's own."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, permutations
from typing import Any, TypeVar

from sim.rules.assignors import CLIENT_ASSIGNORS, Assignment, MemberData, Subscription
from sim.rules.assignors.server import GroupSpec, MemberSpec, PartitionAssignorError, server_range_assign
from sim.rules.assignors.simple import simple_assign
from sim.rules.assignors.uniform import uniform_assign
from sim.rules.share.share_records import InvalidTransitionError, RecordState
from sim.rules.topics import TopicPartition

__all__ = ["client_assignor", "exact_placement", "server_assignor", "share_record_transition"]

Vector = Mapping[str, Any]
Named = Mapping[str, Sequence[str]]
SERVER_ASSIGNORS = {"uniform": uniform_assign, "range": server_range_assign, "simple": simple_assign}
Assign = TypeVar("Assign")
STICKY = ("sticky", "cooperative-sticky")
MOST_ORDERS = 720


def client_assignor(vector: Vector) -> tuple[object, object]:
    """Range and round robin: the assignments. Sticky: counts, what is assigned, no more moves than Kafka's."""
    rounds = list(_rounds(vector))
    if vector["assignor"] not in STICKY:
        return [expected for _, expected, _ in rounds], [got for _, _, got in rounds]
    return (
        [_outcome(former, expected, expected) for former, expected, _ in rounds],
        [_outcome(former, got, expected) for former, expected, got in rounds],
    )


def exact_placement(vector: Vector) -> bool:
    """Whether every partition is where Kafka puts it, in every rebalance of the vector."""
    return all(expected == got for _, expected, got in _rounds(vector))


def _rounds(vector: Vector) -> Iterator[tuple[Named, Named, Named]]:
    """Each rebalance: the former assignment, Kafka's and ours; the next one starts from Kafka's."""
    assign = _known(CLIENT_ASSIGNORS, vector["assignor"])
    instance_ids = vector.get("group_instance_ids", {})
    former: Named = {}
    generation = 0
    for step in vector["steps"]:
        for answer in (step, *step.get("followup_rebalances", ())):
            subscriptions = {
                member: _subscription(topics, former.get(member), generation, instance_ids.get(member))
                for member, topics in step["subscriptions"].items()
            }
            expected = {member: sorted(names, key=_partition) for member, names in answer["assignment"].items()}
            yield former, expected, _named(assign(step["topics"], subscriptions))
            former, generation = expected, generation + 1


def _known(assignors: Mapping[str, Assign], name: str) -> Assign:
    if name not in assignors:
        raise ValueError(f"{name!r} is none of {', '.join(assignors)}")
    return assignors[name]


def _subscription(
    topics: Sequence[str], owned: Sequence[str] | None, generation: int, instance_id: str | None
) -> Subscription:
    if owned is None:
        return Subscription(tuple(topics), group_instance_id=instance_id)
    partitions = tuple(_partition(name) for name in owned)
    return Subscription(
        tuple(topics), partitions, generation, instance_id, user_data=MemberData(partitions, generation)
    )


def _partition(name: str) -> TopicPartition:
    topic, _, number = name.rpartition("-")
    return TopicPartition(topic, int(number))


def _named(assignment: Assignment) -> dict[str, list[str]]:
    return {member: [str(partition) for partition in sorted(found)] for member, found in assignment.items()}


def _outcome(former: Named, found: Named, allowed: Named) -> dict[str, object]:
    """What sticky assignments are compared by; `moved` is what is allowed unless it is more."""
    return {
        "counts": {member: len(partitions) for member, partitions in found.items()},
        "assigned": sorted(name for partitions in found.values() for name in partitions),
        "moved": max(_moved(former, found), _moved(former, allowed)),
    }


def _moved(former: Named, found: Named) -> int:
    """Partitions that a member still in the group had, and has not any more."""
    return sum(len(set(former[member]).difference(found[member])) for member in found if member in former)


def server_assignor(vector: Vector) -> tuple[object, object]:
    """Uniform and range: the target assignments, or the error. Simple: how much each member and each partition has.

    Uniform goes through topics in the order of their ids, which are random in Kafka and not in the vector: the order
    is taken as it fits, one for all steps.
    """
    steps = vector["steps"]
    names = sorted({name for step in steps for name in chain(step["topics"], *step["subscriptions"].values())})
    orders = islice(permutations(names), MOST_ORDERS if vector["assignor"] == "uniform" else 1)
    answers = (tuple(zip(*_targets(vector, order), strict=True)) for order in orders)
    first = next(answers)
    if vector["assignor"] == "simple":
        return [_shares(target) for target in first[0]], [_shares(target) for target in first[1]]
    expected, got = next((answer for answer in chain((first,), answers) if answer[0] == answer[1]), first)
    return list(expected), list(got)


def _targets(vector: Vector, order: Sequence[str]) -> Iterator[tuple[object, object]]:
    """Kafka's answer and ours with topics in a given order; each step starts from Kafka's last target."""
    assign = _known(SERVER_ASSIGNORS, vector["assignor"])
    instance_ids = vector.get("group_instance_ids", {})
    called = {topic: f"{place:06}{topic}" for place, topic in enumerate(order)}
    former: Named = {}
    for step in vector["steps"]:
        owned = {member: [_partition(name) for name in names] for member, names in former.items()}
        members = {
            member: MemberSpec(
                [called[topic] for topic in topics],
                [TopicPartition(called[p.topic], p.partition) for p in owned.get(member, ())],
                instance_ids.get(member),
            )
            for member, topics in step["subscriptions"].items()
        }
        group = GroupSpec(members, step["subscription_type"] == "homogeneous")
        try:
            found = assign(group, {called[topic]: count for topic, count in step["topics"].items()})
        except PartitionAssignorError:
            got: object = "PartitionAssignorException"
        else:
            got = _named({m: [TopicPartition(p.topic[6:], p.partition) for p in each] for m, each in found.items()})
        if "error" in step:
            yield step["error"], got
        else:
            former = {member: sorted(names, key=_partition) for member, names in step["target_assignment"].items()}
            yield former, got


def _shares(target: object) -> object:
    """What share-group assignments are compared by: loads, and to how many members each partition goes."""
    if not isinstance(target, Mapping):
        return target
    sharing = Counter(name for partitions in target.values() for name in partitions)
    return {"loads": sorted(map(len, target.values())), "sharing": dict(sorted(sharing.items()))}


def share_record_transition(vector: Vector) -> tuple[object, object]:
    """Whether a record of a share group may go from one state to the other."""
    before, after = RecordState(vector["from"]), RecordState(vector["to"])
    try:
        return vector["valid"], before.next(after) is after
    except InvalidTransitionError:
        return vector["valid"], False
