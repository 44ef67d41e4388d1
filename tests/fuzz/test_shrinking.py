"""A script that fails becomes smaller while it fails in the same way, within so many flights."""

from collections.abc import Callable

from sim.fuzz.shrinking import shrink
from sim.world.faults import BrokerCrash, BrokerHang
from sim.world.script import Script
from sim.world.script.script import ConsumerPart, ProducerPart
from sim.world.topics import Topic

CRASH = BrokerCrash(broker=2, at="6s", lasts="4s")
OTHERS = tuple(BrokerHang(broker=1, at=f"{second}s", lasts="1s") for second in range(1, 6))
SCRIPT = Script(
    duration="20s",
    topics=(Topic("orders", 4, 3), Topic("bills", 2, 3)),
    producers=(ProducerPart(name="shop", topics=("orders",)), ProducerPart(name="till", topics=("bills",))),
    consumers=(ConsumerPart(group="audit", topics=("orders",), members=3), ConsumerPart(group="x", topics=("bills",))),
    faults=(*OTHERS[:2], CRASH, *OTHERS[2:]),
)


def counting(fails: Callable[[Script], bool]) -> tuple[Callable[[Script], bool], list[Script]]:
    """The same function, and what it was asked."""
    asked: list[Script] = []

    def ask(script: Script) -> bool:
        asked.append(script)
        return fails(script)

    return ask, asked


def test_only_what_is_needed_is_left() -> None:
    fails, asked = counting(lambda script: any(isinstance(each, BrokerCrash) for each in script.faults))
    small = shrink(SCRIPT, fails)
    assert small.faults == (BrokerCrash(broker=2, at="6s", lasts="1000ms"),)
    assert (small.topics, small.producers, small.consumers) == ((), (), ())
    assert small.duration == "8000ms"
    assert len(asked) < 60


def test_two_faults_that_are_needed_together_stay() -> None:
    def fails(script: Script) -> bool:
        return CRASH in script.faults and OTHERS[4] in script.faults

    assert shrink(SCRIPT, fails).faults == (CRASH, OTHERS[4])


def test_clients_topics_partitions_and_members_shrink_too() -> None:
    def fails(script: Script) -> bool:
        names = [topic.name for topic in script.topics]
        return "orders" in names and any(part.group == "audit" for part in script.consumers)

    small = shrink(SCRIPT, fails)
    assert small.topics == (Topic("orders", 1, 3),)
    assert small.consumers == (ConsumerPart(group="audit", topics=("orders",)),)
    assert (small.producers, small.faults) == ((), ())


def test_what_cannot_be_made_smaller_and_the_number_of_flights() -> None:
    fails, asked = counting(lambda _: False)
    assert shrink(SCRIPT, fails, most_flights=7) == SCRIPT
    assert len(asked) == 7
