"""The share consumer as an application sees it (KIP-932): records that several members share, acknowledged one by one.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/KafkaShareConsumer.java,
    internals/ShareConsumerImpl.java
Fidelity: approximate — the client's own work takes no time, but a poll that finds nothing and may not wait 50 µs
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from simpy import Event

from sim.actors.client.calls import Calls, topic_names, waits
from sim.actors.client.client_errors import ClientClosedError, WakeupError
from sim.actors.client.network_client import Directory
from sim.actors.share.share_buffer import ShareRecord, ShareSlice, share_records_of
from sim.actors.share.share_consumer_parts import ShareConsumerParts
from sim.actors.share.share_fetcher import Outcomes, Said
from sim.actors.share.share_in_hand import RecordsInHand
from sim.machine.actor import Actor
from sim.machine.clock import MICROSECOND, MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.config import ShareConsumerConfig
from sim.rules.errors import ErrorCode, IllegalStateError
from sim.rules.facts.journal import RecordsDelivered
from sim.rules.share.share_acknowledgement import AcknowledgeType
from sim.rules.topics import TopicPartition

__all__ = ["AcknowledgeType", "ShareConsumer", "ShareRecord"]

EMPTY_POLL_COST = 50 * MICROSECOND
CLOSE_TIMEOUT_MS = 30_000

OnAcknowledgement = Callable[[Mapping[TopicPartition, Sequence[int]], ErrorCode | None], object]


class ShareConsumer:
    """Reads records that other members of the group may read, too: each goes to one of them at a time.

    With share.acknowledgement.mode=implicit the next poll() or commit accepts what was handed out; with explicit the
    application says of every record what becomes of it. It lives in the process `owner` and dies with it.
    """

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        group_id: str,
        config: ShareConsumerConfig,
        directory: Directory,
        bootstrap: Sequence[int],
    ) -> None:
        if not group_id:
            raise IllegalStateError("a share consumer needs a group")
        self.client_id = client_id
        self.group_id = group_id
        self.config = config
        self.calls = Calls(owner, "share_consumer")
        self._owner = owner
        self._parts = ShareConsumerParts(
            owner, client_id, group_id, config, directory, bootstrap, self._wake, self._told
        )
        self._fetcher = self._parts.fetcher
        self._in_hand = RecordsInHand()
        self._callback: OnAcknowledgement | None = None
        self._to_call: list[tuple[dict[TopicPartition, list[int]], ErrorCode | None]] = []
        self._timers: dict[int, Deadlines] = {}
        self._waiting: Event | None = None
        self._closed = self._woken = False

    @property
    def acquisition_lock_timeout_ms(self) -> int | None:
        """For how long records are locked for this member, once a broker has told it."""
        return self._fetcher.lock_timeout_ms

    @property
    def member_id(self) -> str:
        """The member's id; empty outside of the group."""
        return self._parts.member.member_id

    def subscribe(self, topics: Iterable[str]) -> None:
        """Share these topics with the other members of the group; none at all is no subscription.

        Raises IllegalStateError for none when there is a subscription: what gives it up is close(), which waits.
        """
        subscriptions, names = self._parts.subscriptions, topic_names(topics)
        if names:
            subscriptions.subscribe(names, None)
            self._parts.member.subscription_changed()
        elif subscriptions.managed:
            raise IllegalStateError("subscribe() names no topics: write `yield from consumer.close()`")

    def subscription(self) -> list[str]:
        """The topics subscribed to."""
        return list(self._parts.subscriptions.topics)

    def set_acknowledgement_commit_callback(self, callback: OnAcknowledgement | None) -> None:
        """Let poll(), commits and close() call `callback(offsets, error)` with what became of acknowledgements."""
        self._callback = callback
        self._to_call.clear()

    @waits
    def poll(self, timeout_ms: int = 1000) -> Generator[Event, Any, list[ShareRecord]]:
        """Records, about max.poll.records and never part of a batch only; an empty list after the timeout.

        Raises IllegalStateError without a subscription, and with explicit acknowledgement while something is not
        acknowledged; GroupJoinError, ClientClosedError.
        """
        slices = yield from self.poll_slices(timeout_ms)
        return share_records_of(slices)

    def poll_slices(self, timeout_ms: int = 1000) -> Generator[Event, Any, list[ShareSlice]]:
        """Like `poll`, but parts of batches instead of single records: the way of capacity runs."""
        self._begin_poll()
        owner, parts = self._owner, self._parts
        began = owner.now
        alarm_at = began + timeout_ms * MILLISECOND
        alarm = self._timer(timeout_ms).book(self._ring)
        parts.member.poll_begins()
        may_fetch = True
        try:
            while True:
                if self._woken:
                    self._woken = False
                    raise WakeupError(f"{self.client_id} was woken")
                yield from parts.member.take_part()
                slices = self._collect(may_fetch=may_fetch)
                may_fetch = False
                if slices or owner.now >= alarm_at:
                    break
                self._waiting = owner.clock.event()
                yield self._waiting
            if not slices and owner.now == began:
                yield owner.sleep(EMPTY_POLL_COST)
        finally:
            alarm.cancel()
            parts.member.poll_ends()
        self._call_back()
        for partition, batch, first_offset, next_offset, _ in slices:
            owner.announce(RecordsDelivered(self.group_id, self.client_id, partition, batch, first_offset, next_offset))
        return slices

    def acknowledge(self, record: ShareRecord, what: AcknowledgeType = AcknowledgeType.ACCEPT) -> None:
        """Say what becomes of a record of the last poll(); told to the broker by the next poll() or commit.

        Raises IllegalStateError with implicit acknowledgement, and for a record that is not in hand.
        """
        if self._is_implicit:
            raise IllegalStateError("Implicit acknowledgement of delivery is being used.")
        self._in_hand.say(TopicPartition(record.topic, record.partition), record.offset, what)

    @waits
    def commit_sync(
        self, timeout_ms: int | None = None
    ) -> Generator[Event, Any, dict[TopicPartition, ErrorCode | None]]:
        """Tell the brokers what was acknowledged, and wait; returns for each partition None or the error."""
        said = self._said_for_commit()

        def send(told: Outcomes) -> int:
            self._fetcher.acknowledge(said, told)
            return len(said)

        patience_ms = self.config.default_api_timeout_ms if timeout_ms is None else timeout_ms
        errors = yield from self._answers(send, patience_ms)
        names = [name for acknowledgements in said.values() for name in acknowledgements]
        found = {name: errors.get(name, ErrorCode.REQUEST_TIMED_OUT) for name in names}
        return {name: None if error is ErrorCode.NONE else error for name, error in found.items()}

    def commit_async(self) -> None:
        """Tell the brokers what was acknowledged, without waiting."""
        said = self._said_for_commit()
        if said:
            self._fetcher.acknowledge(said, self._told)

    def wakeup(self) -> None:
        """Let a waiting poll(), or else the next one, raise WakeupError."""
        self._woken = True
        self._ring()

    @waits
    def close(self, timeout_ms: int = CLOSE_TIMEOUT_MS) -> Generator[Event, Any, None]:
        """Tell what was acknowledged, give back the rest, leave the group, hang up.

        Implicit acknowledgement does not accept the records of the last poll(): commit before, or they come again.
        """
        if self._closed:
            return
        self._closed = True
        patience_ms = min(timeout_ms, self.config.request_timeout_ms)
        said = self._in_hand.take_said()
        yield from self._answers(lambda told: self._fetcher.end_sessions(said, told), patience_ms)
        if self._parts.subscriptions.managed:
            yield from self._parts.member.leave(patience_ms)
        self._parts.subscriptions.unsubscribe()
        self._parts.hang_up()

    @property
    def _is_implicit(self) -> bool:
        return self.config.share_acknowledgement_mode == "implicit"

    def _begin_poll(self) -> None:
        if self._closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        if not self._parts.subscriptions.managed:
            raise IllegalStateError("Consumer is not subscribed to any topics.")
        self._call_back()
        if self._is_implicit:
            self._in_hand.accept_the_rest()
        elif self._in_hand.has_unsaid:
            raise IllegalStateError("All records must be acknowledged in explicit acknowledgement mode.")

    def _answers(
        self, send: Callable[[Outcomes], int], timeout_ms: int
    ) -> Generator[Event, Any, dict[TopicPartition, ErrorCode]]:
        """Send to some brokers and wait for all their answers, or for a time."""
        done, answered, expected = self._owner.clock.event(), 0, -1
        found: dict[TopicPartition, ErrorCode] = {}

        def told(node_id: int, said: Said, errors: Mapping[TopicPartition, ErrorCode]) -> None:
            nonlocal answered
            self._told(node_id, said, errors)
            found.update(errors)
            answered += 1
            if answered == expected and not done.triggered:
                done.succeed()

        alarm = self._timer(timeout_ms).book(lambda: done.triggered or done.succeed())
        expected = send(told)
        if answered < expected:
            yield done
        alarm.cancel()
        self._call_back()
        return found

    def _timer(self, timeout_ms: int) -> Deadlines:
        if timeout_ms not in self._timers:
            self._timers[timeout_ms] = Deadlines(self._owner, timeout_ms * MILLISECOND)
        return self._timers[timeout_ms]

    def _said_for_commit(self) -> dict[int, Said]:
        self._call_back()
        if self._is_implicit:
            self._in_hand.accept_the_rest()
        return self._in_hand.take_said()

    def _collect(self, *, may_fetch: bool) -> list[ShareSlice]:
        """Records from the buffer, or the wish for more; what was acknowledged goes out with it.

        Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ShareConsumerImpl.java collect
        """
        said = self._in_hand.take_said()
        if self._in_hand.has_renewals:
            slices = self._in_hand.take_renewed()
            wants = bool(self._in_hand.has_renewals)
        else:
            slices = self._in_hand.take_from(self._fetcher.buffer, self.config.max_poll_records)
            wants = not slices
            gaps = self._in_hand.take_said() if wants else {}
            if gaps:
                self._fetcher.acknowledge(gaps, self._told)
        if wants and may_fetch:
            self._fetcher.fetch(said)
        elif said:
            self._fetcher.acknowledge(said, self._told)
        return slices

    def _told(self, node_id: int, said: Said, errors: Mapping[TopicPartition, ErrorCode]) -> None:  # noqa: ARG002
        """A broker has answered on acknowledgements."""
        for name, offsets in said.items():
            error = errors.get(name, ErrorCode.NONE)
            self._in_hand.told(name, offsets, well=error is ErrorCode.NONE)
            if self._callback is not None:
                self._to_call.append(({name: sorted(offsets)}, None if error is ErrorCode.NONE else error))
        self._ring()

    def _call_back(self) -> None:
        calls, self._to_call = self._to_call, []
        for offsets, error in calls:
            if self._callback is not None:
                self._callback(offsets, error)

    def _wake(self) -> None:
        self._fetcher.go_on()
        self._ring()

    def _ring(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.succeed()
