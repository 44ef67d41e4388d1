"""What the controller knows from heartbeats, and what it lets a broker be: fenced, taking part, shutting down, gone.

Source: metadata/src/main/java/org/apache/kafka/controller/BrokerHeartbeatManager.java
Fidelity: exact
"""

from collections.abc import Callable
from enum import Enum

__all__ = ["BrokerControlState", "BrokerHeartbeat", "BrokerHeartbeats"]

UNKNOWN_OFFSET = -1
BEYOND_EVERY_OFFSET = 2**63 - 1


class BrokerControlState(Enum):
    """What the controller lets a broker be.

    Source: metadata/src/main/java/org/apache/kafka/controller/BrokerControlState.java
    Fidelity: exact
    """

    FENCED = "FENCED"
    UNFENCED = "UNFENCED"
    CONTROLLED_SHUTDOWN = "CONTROLLED_SHUTDOWN"
    SHUTDOWN_NOW = "SHUTDOWN_NOW"

    @property
    def is_fenced(self) -> bool:
        """Whether such a broker may neither lead nor be in sync."""
        return self in (BrokerControlState.FENCED, BrokerControlState.SHUTDOWN_NOW)


class BrokerHeartbeat:
    """What is known of one broker: it is forgotten when another controller takes over."""

    __slots__ = ("controlled_shutdown_offset", "fenced", "metadata_offset")

    def __init__(self, fenced: bool) -> None:
        self.fenced = fenced
        self.metadata_offset = UNKNOWN_OFFSET
        self.controlled_shutdown_offset = UNKNOWN_OFFSET

    @property
    def shutting_down(self) -> bool:
        """Whether the broker is in controlled shutdown."""
        return self.controlled_shutdown_offset >= 0

    @property
    def state(self) -> BrokerControlState:
        """What the broker is before its next heartbeat."""
        if self.shutting_down:
            return BrokerControlState.CONTROLLED_SHUTDOWN
        return BrokerControlState.FENCED if self.fenced else BrokerControlState.UNFENCED


class BrokerHeartbeats:
    """The last heartbeats of all registered brokers.

    Source: metadata/src/main/java/org/apache/kafka/controller/BrokerHeartbeatManager.java
    Fidelity: exact
    """

    __slots__ = ("_brokers",)

    def __init__(self) -> None:
        self._brokers: dict[int, BrokerHeartbeat] = {}

    def register(self, broker_id: int, fenced: bool) -> None:
        """A registration is new or has changed; what the broker had applied counts only if its fencing has changed."""
        broker = self._brokers.setdefault(broker_id, BrokerHeartbeat(fenced))
        offset = UNKNOWN_OFFSET if broker.fenced == fenced else broker.metadata_offset
        self.touch(broker_id, fenced, offset)

    def remove(self, broker_id: int) -> None:
        """Forget a broker, for another life of it registers."""
        self._brokers.pop(broker_id, None)

    def fence(self, broker_id: int) -> None:
        """The broker's session has run out."""
        self._brokers[broker_id].fenced = True

    def touch(self, broker_id: int, fenced: bool, metadata_offset: int) -> None:
        """Note what a heartbeat tells; a fenced broker leaves its controlled shutdown and may exit at its next one."""
        broker = self._brokers[broker_id]
        broker.fenced = fenced
        broker.metadata_offset = metadata_offset
        if fenced:
            broker.controlled_shutdown_offset = UNKNOWN_OFFSET

    def begin_controlled_shutdown(self, broker_id: int, offset: int) -> None:
        """The broker may exit when all others have applied the metadata log up to `offset`; only the first counts.

        Raises ValueError for a fenced broker.
        """
        broker = self._brokers[broker_id]
        if broker.fenced:
            raise ValueError(f"broker {broker_id} is fenced and cannot begin a controlled shutdown")
        if not broker.shutting_down:
            broker.controlled_shutdown_offset = offset

    def lowest_active_offset(self) -> int:
        """How far all brokers that take part, and are to stay, have applied the metadata log."""
        active = (broker for broker in self._brokers.values() if not broker.fenced and not broker.shutting_down)
        return min((broker.metadata_offset for broker in active), default=BEYOND_EVERY_OFFSET)

    def state(self, broker_id: int) -> BrokerControlState:
        """What a broker is before its next heartbeat."""
        return self._brokers[broker_id].state

    def next_state(
        self,
        broker_id: int,
        *,
        wants_fence: bool,
        wants_shut_down: bool,
        metadata_offset: int,
        registration_offset: int,
        has_leaderships: Callable[[], bool],
    ) -> BrokerControlState:
        """What a heartbeat makes of its broker.

        To be unfenced it must know its own registration; to exit it must lead nothing, and every other active broker
        must have heard of that, unless it is fenced or never led.

        Source: metadata/src/main/java/org/apache/kafka/controller/BrokerHeartbeatManager.java calculateNextBrokerState
        Fidelity: exact
        """
        state = self.state(broker_id)
        if state is BrokerControlState.CONTROLLED_SHUTDOWN:
            offset = self._brokers[broker_id].controlled_shutdown_offset
            done = not has_leaderships() and offset <= self.lowest_active_offset()
            return BrokerControlState.SHUTDOWN_NOW if done else state
        if state is BrokerControlState.FENCED:
            if wants_shut_down:
                return BrokerControlState.SHUTDOWN_NOW
            unfenced = not wants_fence and metadata_offset >= registration_offset
            return BrokerControlState.UNFENCED if unfenced else state
        if wants_shut_down:
            leaves_at_once = wants_fence or not has_leaderships()
            return BrokerControlState.SHUTDOWN_NOW if leaves_at_once else BrokerControlState.CONTROLLED_SHUTDOWN
        return BrokerControlState.FENCED if wants_fence else state
