"""When a member looks at topics again, what it sees, and when a leader has to rejoin."""

import re
from collections.abc import Generator
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.group_member import MemberContext
from sim.actors.consumer.topic_watch import TopicWatch
from sim.rules.controller.metadata import MetadataImage, PartitionChange
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Story


def idle(app: App) -> Generator[Event, Any, Any]:
    yield app.busy(ms=1e9)


def watching(**config: Any) -> tuple[MemberContext, TopicWatch]:
    """A consumer's context, whose metadata a test can change, and a watch over it."""
    story = Story()
    app = story.cluster.app("watcher", idle, {})
    app.start()
    consumer = app.consumer("readers", **config)
    context: MemberContext = consumer._parts.member._context  # type: ignore[attr-defined]
    story.fly(1)
    return context, TopicWatch(context)


def grow(context: MemberContext, *names: TopicPartition) -> None:
    """Newer metadata with more partitions."""
    image: MetadataImage = context.metadata.image
    like = image.partitions[P]
    context.metadata.image = image.applied(image.offset + 1, [PartitionChange(name, like) for name in names])
    context.metadata._changed()


def test_a_pattern_is_matched_as_a_whole_and_again_with_newer_metadata() -> None:
    context, watch = watching()
    context.subscriptions.subscribe((), re.compile("pay.*|bill"))
    watch.look()
    assert list(context.subscriptions.topics) == ["payments"]
    grow(context, TopicPartition("payrolls", 0), TopicPartition("billing", 0), TopicPartition("__payers", 0))
    assert list(context.subscriptions.topics) == ["payments"]
    watch.look()
    assert list(context.subscriptions.topics) == ["payments", "payrolls"]


def test_internal_topics_match_only_if_they_are_not_excluded() -> None:
    for exclude in (True, False):
        context, watch = watching(exclude_internal_topics=exclude)
        context.subscriptions.subscribe((), re.compile(".*"))
        watch.look()
        assert ("__consumer_offsets" in context.subscriptions.topics) != exclude


def test_a_leader_sees_that_topics_of_its_group_grow_and_a_follower_does_not() -> None:
    context, watch = watching()
    context.subscriptions.subscribe(["payments"], None)
    watch.look()
    watch.lead(["payments", "others"])
    grow(context, TopicPartition("unrelated", 0))
    watch.look()
    assert not watch.has_changed
    grow(context, TopicPartition("others", 0))
    watch.look()
    assert watch.has_changed, "another member subscribes to that one"
    watch.follow()
    assert not watch.has_changed


def test_a_topic_that_does_not_exist_is_asked_for_again_and_again() -> None:
    context, watch = watching()
    context.subscriptions.subscribe(["payments"], None)
    watch.look()
    assert context.metadata._booked_at is None
    context.subscriptions.subscribe(["missing"], None)
    watch.look(again=True)
    assert context.metadata._booked_at is not None


def test_only_who_has_a_pattern_waits_for_fresh_metadata_before_joining() -> None:
    context, watch = watching()
    context.subscriptions.subscribe(["payments"], None)
    assert watch.is_fresh()
    context.subscriptions.subscribe((), re.compile("pay.*"))
    assert not watch.is_fresh()
    grow(context)
    for event in context.metadata._waiting:
        event.succeed()
    assert watch.is_fresh()
    assert context.subscriptions.topics == ("payments",)
