"""The records that a share consumer's application works on, and what it has said of them.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ShareFetch.java, ShareInFlightBatch.java,
    ShareFetchCollector.java
Fidelity: exact
"""

from collections import deque
from collections.abc import Iterable, Mapping

from sim.actors.share.share_buffer import CompletedShareFetch, ShareSlice
from sim.actors.share.share_fetcher import Said
from sim.rules.errors import IllegalStateError
from sim.rules.share.share_acknowledgement import AcknowledgeType
from sim.rules.topics import TopicPartition

__all__ = ["RecordsInHand"]


class PartitionInHand:
    """One partition's records that the application has: what it has said of them, and those whose lock is renewed."""

    __slots__ = ("held", "node_id", "renewed", "renewing", "said")

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self.held: dict[int, ShareSlice] = {}
        self.said: dict[int, AcknowledgeType] = {}
        self.renewing: dict[int, ShareSlice] = {}
        self.renewed: dict[int, ShareSlice] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, said or unsaid."""
        return not (self.held or self.said or self.renewing or self.renewed)

    def take(self, fetch: CompletedShareFetch, slices: Iterable[ShareSlice]) -> None:
        """These go to the application; of gaps everything has been said."""
        for piece in slices:
            deltas = piece.batch.columns.offset_deltas
            if deltas is None:
                self.held.update(dict.fromkeys(range(piece.first_offset, piece.next_offset), piece))
            else:
                offsets = (piece.batch.base_offset + delta for delta in deltas)
                self.held.update((o, piece) for o in offsets if piece.first_offset <= o < piece.next_offset)
        self.said.update(dict.fromkeys(fetch.gaps, AcknowledgeType.GAP))
        fetch.gaps = []

    def say(self, offset: int, what: AcknowledgeType) -> None:
        """What becomes of a record. Raises IllegalStateError for one that is not in hand."""
        if offset not in self.held:
            raise IllegalStateError("The record cannot be acknowledged.")
        self.said[offset] = what

    def say_of_the_rest(self, what: AcknowledgeType) -> None:
        """What becomes of all records of which nothing was said."""
        for offset in self.held:
            self.said.setdefault(offset, what)

    def take_said(self) -> dict[int, AcknowledgeType]:
        """What is to be told to the broker; these records are out of hand, or wait for their lock."""
        said, self.said = self.said, {}
        for offset, what in said.items():
            piece = self.held.pop(offset, None)
            if piece is not None and what is AcknowledgeType.RENEW:
                self.renewing[offset] = piece
        return said

    def told(self, said: Mapping[int, AcknowledgeType], *, well: bool) -> None:
        """The broker has answered: renewed records come back into hand with the next poll()."""
        for offset, what in said.items():
            piece = self.renewing.pop(offset, None)
            if piece is not None and what is AcknowledgeType.RENEW and well:
                self.renewed[offset] = piece

    def take_renewed(self) -> list[ShareSlice]:
        """Renewed records, in hand again."""
        back, self.renewed = self.renewed, {}
        self.held.update(back)
        return [piece._replace(first_offset=offset, next_offset=offset + 1) for offset, piece in sorted(back.items())]


class RecordsInHand:
    """All records of the last poll(), by partition."""

    def __init__(self) -> None:
        self._hands: dict[TopicPartition, PartitionInHand] = {}

    @property
    def has_unsaid(self) -> bool:
        """Whether there is a record of which nothing was said."""
        return any(hand.held.keys() - hand.said.keys() for hand in self._hands.values())

    @property
    def has_renewals(self) -> bool:
        """Whether a lock is being renewed, or has been and the record has to be handed out again."""
        return any(hand.renewing or hand.renewed for hand in self._hands.values())

    def take_from(self, buffer: deque[CompletedShareFetch], max_records: int) -> list[ShareSlice]:
        """About so many records; record batches are not divided."""
        slices: list[ShareSlice] = []
        left = max_records
        while buffer and left > 0:
            fetch = buffer[0]
            taken: list[ShareSlice] = []
            while fetch.slices and (left > 0 or (taken and fetch.slices[0].batch is taken[-1].batch)):
                taken.append(fetch.slices.popleft())
                left -= taken[-1].next_offset - taken[-1].first_offset
            self._hands.setdefault(fetch.partition, PartitionInHand(fetch.node_id)).take(fetch, taken)
            slices += taken
            if not fetch.slices:
                buffer.popleft()
        return slices

    def take_renewed(self) -> list[ShareSlice]:
        """Records whose lock was renewed, in hand again."""
        return [piece for hand in self._hands.values() for piece in hand.take_renewed()]

    def say(self, name: TopicPartition, offset: int, what: AcknowledgeType) -> None:
        """What becomes of a record. Raises IllegalStateError for one that is not in hand."""
        if name not in self._hands:
            raise IllegalStateError("The record cannot be acknowledged.")
        self._hands[name].say(offset, what)

    def accept_the_rest(self) -> None:
        """All records of which nothing was said are accepted."""
        for hand in self._hands.values():
            hand.say_of_the_rest(AcknowledgeType.ACCEPT)

    def take_said(self) -> dict[int, Said]:
        """What is to be told, by broker."""
        said: dict[int, Said] = {}
        for name, hand in self._hands.items():
            offsets = hand.take_said()
            if offsets:
                said.setdefault(hand.node_id, {})[name] = offsets
        self._hands = {name: hand for name, hand in self._hands.items() if not hand.is_empty}
        return said

    def told(self, name: TopicPartition, said: Mapping[int, AcknowledgeType], *, well: bool) -> None:
        """A broker has answered."""
        if name in self._hands:
            self._hands[name].told(said, well=well)
