"""How assignors deal the partitions of topics out to members, and what moves when one of them leaves."""

from collections.abc import Callable, Mapping

from sim.rules.assignors.range import range_assign
from sim.rules.assignors.round_robin import round_robin_assign
from sim.rules.assignors.sticky import sticky_assign
from sim.rules.assignors.subscription import Assignment, MemberData, Subscription
from sim.teach.interview.question import Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

Assignor = Callable[[Mapping[str, int], Mapping[str, Subscription]], Assignment]
ASSIGNORS: Mapping[str, Assignor] = {
    "range": range_assign,
    "roundrobin": round_robin_assign,
    "sticky": sticky_assign,
}
TOPICS = {f"topic-{number}": 3 for number in range(10)}
MEMBERS = [f"member-{number}" for number in (1, 2, 3, 4)]
LEAVER = MEMBERS[0]


def _dealt(assign: Assignor) -> Assignment:
    """The partitions of the topics, dealt out to all members for the first time."""
    return assign(TOPICS, {name: Subscription(tuple(TOPICS)) for name in MEMBERS})


def _counts(name: str) -> list[int]:
    return [len(partitions) for partitions in _dealt(ASSIGNORS[name]).values()]


def _moves(name: str) -> int:
    """How many partitions change hands among those who stay, when one member leaves."""
    before = _dealt(ASSIGNORS[name])
    subscriptions = {
        stayer: Subscription(tuple(TOPICS), tuple(owned), 1, user_data=MemberData(tuple(owned), 1))
        for stayer, owned in before.items()
        if stayer != LEAVER
    }
    after = ASSIGNORS[name](TOPICS, subscriptions)
    owners = {partition: owner for owner, owned in before.items() for partition in owned}
    return sum(owners[partition] not in (owner, LEAVER) for owner, owned in after.items() for partition in owned)


def _remainders(_: Runs) -> Proof:
    counts, moves = {name: _counts(name) for name in ASSIGNORS}, {name: _moves(name) for name in ASSIGNORS}
    lists = {name: ", ".join(map(str, found)) for name, found in counts.items()}
    return Proof(
        min(counts["range"]) == 0
        and max(counts["roundrobin"]) - min(counts["roundrobin"]) == max(counts["sticky"]) - min(counts["sticky"]) == 1
        and moves["sticky"] == 0 < min(moves["range"], moves["roundrobin"]),
        min(counts["range"]),
        "partitions of the idlest member under range",
        f"{len(TOPICS)} topics of 3 partitions, 4 members: range gives {lists['range']}; roundrobin "
        f"{lists['roundrobin']}; sticky {lists['sticky']}.",
        {"topics": len(TOPICS), "idlest": min(counts["range"])}
        | {f"{name}_moves": count for name, count in moves.items()}
        | {f"{name}_counts": told for name, told in lists.items()}
        | {"single": ", ".join(str(len(owned)) for owned in _one_topic().values())},
    )


def _one_topic() -> Assignment:
    """What range does to a single topic with as many partitions as the ten have together."""
    return range_assign({"topic": sum(TOPICS.values())}, {name: Subscription(("topic",)) for name in MEMBERS})


def _no_harm_to_one(_: Runs) -> tuple[bool, str]:
    counts = [len(owned) for owned in _one_topic().values()]
    return max(counts) - min(counts) <= 1, (
        f"One topic with {sum(counts)} partitions it deals out as {', '.join(map(str, counts))}. The remainders of "
        "many topics all go to the first members; one remainder is at most one partition each."
    )


def _round_robin_moves(_: Runs) -> tuple[bool, str]:
    moves = {name: _moves(name) for name in ASSIGNORS}
    return moves["roundrobin"] > moves["sticky"] == 0, (
        f"When a member leaves, {moves['roundrobin']} partitions that were not its own change hands with roundrobin, "
        f"{moves['range']} with range, and {moves['sticky']} with sticky."
    )


QUESTIONS = (
    Question(
        number=40,
        topic="groups",
        level="senior",
        asks="Range, round robin, sticky: how do the assignors differ?",
        predict="10 topics of 3 partitions each, 4 members, range. How many partitions has the idlest member?",
        flights={},
        prove=_remainders,
        answer="""
            Range goes topic by topic: it divides the partitions by the members, and the first members get the
            remainder. With one topic that is even; with {topics} topics of three partitions and four members all
            remainders meet, and the members get {range_counts}. It is the default's first choice, and good where topics
            are joined, as partition n of each goes to the same member. Round robin deals out all partitions of all
            topics in turn: {roundrobin_counts}. Sticky balances as well, {sticky_counts}, and keeps what it can: when
            one member leaves, {sticky_moves} partitions of the others change hands, with round robin {roundrobin_moves}
            and with range {range_moves}. Cooperative-sticky does the same and need not stop the rest. With KIP-848 the
            coordinator's uniform assignor is balanced and sticky by default.
        """,
        follow_up="Your consumers have uneven load. Is range to blame?",
        follow_up_answer="""
            Only with several topics whose partitions do not divide evenly. One topic of thirty partitions range deals
            out as {single}. So count partitions by member first; if they are even, it is the keys.
        """,
        wrong=(
            WrongAnswer("Range is lopsided, even with a single topic.", _no_harm_to_one),
            WrongAnswer("When a member leaves, only its partitions move, whatever the assignor.", _round_robin_moves),
        ),
        picture=Picture(
            x="member",
            y="partitions",
            curves=lambda _: {
                name: [(float(number), float(count)) for number, count in enumerate(_counts(name), start=1)]
                for name in ASSIGNORS
            },
            title=lambda runs: _remainders(runs).says.rstrip("."),
        ),
    ),
)
