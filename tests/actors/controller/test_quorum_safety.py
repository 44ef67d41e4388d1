"""Whatever happens to the controllers, an epoch has one leader, and what is committed stays."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.controller.metadata import TopicRecord
from tests.actors.controller.quorums import Quorum

Blow = tuple[int, Literal["crash", "cut", "hang"], int, int]

blows = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["crash", "cut", "hang"]),
        st.integers(0, 12_000),
        st.integers(50, 8_000),
    ),
    max_size=10,
)


def schedule(story: Quorum, blow: Blow, controllers: int) -> None:
    """Book the beginning and the end of one trouble of one controller."""
    number, kind, begin_ms, length_ms = blow
    one = story.controller(100 + number % controllers)
    starts = {"crash": one.stop, "cut": lambda: story.cut(one.node_id), "hang": one.pause}
    ends = {"crash": one.start, "cut": lambda: story.cut(one.node_id, up=True), "hang": one.resume}
    story.at(begin_ms / 1000, starts[kind])
    story.at((begin_ms + length_ms) / 1000, ends[kind])


def write(story: Quorum, number: int) -> None:
    """Whoever believes to be the active controller writes."""
    for one in story.cluster.controllers.values():
        if one.active and not one.life.paused:
            one.write([TopicRecord(f"topic-{number}-{one.node_id}")])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([3, 5]), st.integers(0, 1000), blows)
def test_one_leader_per_epoch_nothing_committed_changes_and_all_converge(
    controllers: int, seed: int, troubles: list[Blow]
) -> None:
    story = Quorum(seed, controllers=controllers)
    for blow in troubles:
        schedule(story, blow, controllers)
    for number in range(1, 100):
        story.at(number * 0.2, lambda number=number: write(story, number))  # type: ignore[misc]
    story.watch(20.5)
    for one in story.cluster.controllers.values():
        story.cut(one.node_id, up=True)
        one.start()
        one.resume()
    story.watch(45, 500)
    (leader,) = story.leaders()
    assert story.cluster.controller is story.controller(leader)
    assert story.cluster.controller.active
    story.controller(leader).write([TopicRecord("last")])
    story.watch(story.now_s + 2)
    for one in story.cluster.controllers.values():
        assert one.metadata.disk.end == story.controller(leader).metadata.disk.end
        assert story.committed_records(one) == story.committed
        assert "last" in one.metadata.committed.topic_ids
    assert story.broker(1).image.topic_ids == story.controller(leader).metadata.committed.topic_ids
