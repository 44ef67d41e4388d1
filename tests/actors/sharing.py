"""Members of a share group for stories: what they were given, and what they say of it."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.share.share_consumer import AcknowledgeType, ShareConsumer, ShareRecord
from sim.rules.facts.share import ShareRecordsArchived, ShareRecordsReturned
from tests.actors.flights import P, Source, Story, seconds

Steps = Generator[Event, Any, Any]
Decision = Callable[[ShareRecord], AcknowledgeType]
GROUP = "sharers"
EARLIEST = {GROUP: {"share.auto.offset.reset": "earliest"}}


class Sharer:
    """Polls, works on what it gets, and with a `decision` acknowledges record by record."""

    def __init__(
        self, work_ms: float = 0, decision: Decision | None = None, stop_s: float = 1e9, **config: object
    ) -> None:
        self.work_ms, self.decision, self.stop_s, self.config = work_ms, decision, stop_s, config
        if decision is not None:
            self.config["share_acknowledgement_mode"] = "explicit"
        self.got: list[tuple[float, ShareRecord]] = []
        self.consumer: ShareConsumer | None = None
        self.closed_s = 0.0

    def __call__(self, app: App) -> Steps:
        self.consumer = consumer = app.share_consumer(GROUP, [P.topic], **self.config)
        while app.now < self.stop_s * 1e9:
            records = yield from consumer.poll(500)
            self.got += [(seconds(app.now), record) for record in records]
            if self.work_ms and records:
                yield app.busy(ms=self.work_ms)
            if self.decision is not None:
                for record in records:
                    consumer.acknowledge(record, self.decision(record))
        yield from consumer.close()
        self.closed_s = seconds(app.now)

    @property
    def offsets(self) -> list[int]:
        """The offsets in the order in which they came, repeated ones too."""
        return [record.offset for _, record in self.got]

    def times_of(self, offset: int) -> list[tuple[float, int]]:
        """When one offset came, and with which delivery count."""
        return [(time, record.delivery_count) for time, record in self.got if record.offset == offset]


class Sharing:
    """A story in which members share one partition; `records` are sent in the first second or so."""

    def __init__(
        self,
        members: dict[str, Sharer],
        source: Source | None = None,
        group: Mapping[str, object] | None = None,
        **broker: Any,
    ) -> None:
        self.source = source or Source(10, 1)
        self.members = members
        configs = {GROUP: {**EARLIEST[GROUP], **(group or {})}}
        self.story = Story(apps={"source": self.source, **members}, broker_config=broker, group_configs=configs)

    def app(self, name: str) -> App:
        """The process of a member."""
        return self.story.cluster.apps[name]

    def fly(self, until_s: float) -> "Sharing":
        """Let time pass."""
        self.story.fly(until_s)
        return self

    def returned(self, cause: str) -> list[tuple[float, ShareRecordsReturned]]:
        """Records that came back for this cause, with the times."""
        return [
            (seconds(time), fact)
            for time, fact in self.story.facts
            if isinstance(fact, ShareRecordsReturned) and fact.cause == cause
        ]

    def archived(self) -> list[ShareRecordsArchived]:
        """Records that were given up."""
        return self.story.these(ShareRecordsArchived)

    def start_offset(self) -> int:
        """Below which the group is done with everything."""
        offsets = self.story.cluster.committed_offsets(GROUP)
        assert offsets is not None
        return offsets.get(P, 0)

    def log_end(self) -> int:
        """The end of the partition."""
        return self.story.cluster.log(P).log_end_offset
