"""Reading from the replica next door (KIP-392): the leader names it, for metadata.max.age.ms."""

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.protocol.messages import FetchRequest
from sim.rules.replication.replica_selector import RACK_AWARE_SELECTOR
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Source, Story, seconds

Steps = Generator[Event, Any, Any]
AWARE = {"replica.selector.class": RACK_AWARE_SELECTOR}


class Near:
    """A consumer in a rack: what it got, and from when to when."""

    def __init__(self, rack: str, **config: Any) -> None:
        self.config = {"client_rack": rack, "auto_offset_reset": "earliest", **config}
        self.got: list[tuple[float, int]] = []

    def __call__(self, app: App) -> Steps:
        consumer = app.consumer(**self.config)
        consumer.assign([P])
        while True:
            for record in (yield from consumer.poll(100)):
                self.got.append((seconds(app.now), int(record.value or b"")))


class Flight:
    """A source, a reader in the rack of one broker, and whom the reader asks when."""

    def __init__(self, near_follower: bool, every_ms: float = 10, selector: bool = True, **config: Any) -> None:
        self.source = Source(every_ms=every_ms, until_s=60)
        self.story = story = Story(apps={"source": self.source}, broker_config=AWARE if selector else {})
        self.near = story.followers[0] if near_follower else story.first_leader
        self.reader = Near(story.broker(self.near).host.rack, **config)
        self.asked: dict[int, list[int]] = {broker_id: [] for broker_id in story.cluster.brokers}
        for broker_id, broker in story.cluster.brokers.items():
            self._overhear(broker_id, broker)
        story.cluster.app("reader", self.reader, {}).start()

    def _overhear(self, broker_id: int, broker: Any) -> None:
        handle = broker.handle

        def heard(request: Any) -> None:
            if isinstance(request.body, FetchRequest) and request.body.replica_id < 0:
                self.asked[broker_id].append(int(self.story.machine.clock.now))
            handle(request)

        broker.handle = heard

    def count(self, broker_id: int, from_s: float = 0) -> int:
        return sum(seconds(time) >= from_s for time in self.asked[broker_id])


@pytest.mark.parametrize("selector", [True, False])
def test_a_consumer_reads_from_the_follower_in_its_rack_if_brokers_are_told_so(selector: bool) -> None:
    flight = Flight(near_follower=True, selector=selector)
    flight.story.fly(4)
    other = flight.story.followers[1]
    assert flight.count(other) == 0
    if selector:
        assert flight.count(flight.story.first_leader) == 1
        assert flight.count(flight.near) > 100
    else:
        assert flight.count(flight.near) == 0
        assert flight.count(flight.story.first_leader) > 100
    numbers = [number for _, number in flight.reader.got]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 300


def test_what_a_follower_serves_comes_a_little_later_than_from_the_leader() -> None:
    """The follower learns of the high watermark with its next fetch, and wakes the reader that waits there."""
    delays = []
    for near_follower in (False, True):
        flight = Flight(near_follower)
        flight.story.fly(4)
        acknowledged = flight.source.acknowledged_at
        late = [time_s - seconds(acknowledged[number]) for time_s, number in flight.reader.got if time_s > 1]
        delays.append(sum(late) / len(late))
        assert max(late) < 0.05
    assert delays[0] < delays[1] < delays[0] + 0.02


def test_a_consumer_in_the_leaders_rack_or_without_one_stays_with_the_leader() -> None:
    flight = Flight(near_follower=False)
    flight.story.fly(3)
    assert all(flight.count(follower) == 0 for follower in flight.story.followers)
    anywhere = Flight(near_follower=True, client_rack="")
    anywhere.story.fly(3)
    assert anywhere.count(anywhere.near) == 0


def test_the_preference_ends_after_metadata_max_age_ms_and_the_leader_is_asked_again() -> None:
    flight = Flight(near_follower=True, metadata_max_age_ms=1500)
    flight.story.fly(4)
    times = [seconds(time) for time in flight.asked[flight.story.first_leader]]
    assert len(times) == 3
    assert all(1.5 < b - a < 1.65 for a, b in pairwise(times)), "a retry.backoff.ms may pass before the first lease"


def test_a_follower_that_dies_is_left_for_the_leader() -> None:
    """The fetch fails with the connection; without the follower in the ISR the leader names nobody else."""
    flight = Flight(near_follower=True, every_ms=50)
    flight.story.fly(4)
    flight.story.broker(flight.near).stop()
    flight.story.fly(22)
    assert flight.count(flight.story.first_leader, from_s=20) > 20
    numbers = [number for _, number in flight.reader.got]
    assert numbers == list(range(len(numbers)))
    assert flight.reader.got[-1][0] > 21


def test_an_offset_that_the_follower_does_not_have_yet_is_fetched_from_the_leader() -> None:
    """A follower that hangs falls behind; out of the ISR, it is not chosen, and reading goes on."""
    flight = Flight(near_follower=True, every_ms=50, metadata_max_age_ms=5000, request_timeout_ms=4000)
    flight.story.at(3.0, flight.story.broker(flight.near).pause)
    flight.story.fly(22)
    assert flight.count(flight.story.first_leader, from_s=20) > 20
    numbers = [number for _, number in flight.reader.got]
    assert numbers == list(range(len(numbers)))
    assert flight.reader.got[-1][0] > 21


@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
@pytest.mark.parametrize("racks", [True, False])
def test_a_group_whose_members_say_their_racks_reads_at_home(racks: bool, strategy: str) -> None:
    """KIP-881: six partitions with one replica each, two in each of three racks, and a member in each."""
    owned: dict[str, list[TopicPartition]] = {}

    def reader(rack: str) -> Callable[[App], Steps]:
        def run(app: App) -> Steps:
            config = {"client_rack": rack} if racks else {}
            consumer = app.consumer("readers", ["local"], partition_assignment_strategy=strategy, **config)
            while app.now < 12e9:
                yield from consumer.poll(100)
            owned[rack] = consumer.assignment()

        return run

    story = Story(more_topics=[Topic("local", 6, 1)])
    homes = {broker.host.rack: broker_id for broker_id, broker in story.cluster.brokers.items()}
    for rack in homes:
        story.cluster.app(f"reader-{rack}", reader(rack), {}).start()
    story.fly(13)
    image = story.cluster.controller.image
    at_home = sum(image.partitions[name].leader == homes[rack] for rack, names in owned.items() for name in names)
    assert sorted(len(names) for names in owned.values()) == [2, 2, 2]
    assert (at_home == 6) == racks
