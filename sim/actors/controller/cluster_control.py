"""The part of the controller that keeps the brokers: registration, heartbeats, fencing, controlled shutdown.

Source: metadata/src/main/java/org/apache/kafka/controller/ClusterControlManager.java, ReplicationControlManager.java
    processBrokerHeartbeat
Fidelity: approximate — a process that registers a second time changes nothing; features and listeners are left out
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.controller.directory_control import DirectoryControl
from sim.actors.controller.replication_control import ReplicationControl
from sim.rules.controller.broker_heartbeats import BrokerControlState, BrokerHeartbeats
from sim.rules.controller.broker_sessions import has_valid_session, is_clean_shutdown, registration_refusal
from sim.rules.controller.metadata import BrokerRegistration, MetadataRecord
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BrokerFenced, BrokerRegistered, BrokerUnfenced
from sim.rules.facts.replication import BrokerShuttingDown
from sim.rules.protocol.controller import (
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller

__all__ = ["ClusterControl"]


class ClusterControl:
    """Who is registered, who is alive, and who may take part; heartbeats are not written, so a restart forgets them."""

    def __init__(
        self, controller: "Controller", replication: ReplicationControl, directories: DirectoryControl, session: int
    ) -> None:
        self._controller = controller
        self._replication = replication
        self._directories = directories
        self._session = session
        self._contacts: dict[int, int] = {}
        self._heartbeats = BrokerHeartbeats()

    def activate(self) -> None:
        """The controller begins: every session begins anew."""
        brokers = self._controller.image.brokers.values()
        self._heartbeats = BrokerHeartbeats()
        for broker in brokers:
            self._heartbeats.register(broker.broker_id, broker.fenced)
        self._contacts = {broker.broker_id: self._controller.now for broker in brokers if not broker.fenced}

    def register(self, request: ServerRequest, body: BrokerRegistrationRequest) -> None:
        """Take in a new process of a broker, or refuse it while the old one's session lasts."""
        existing = self._controller.image.brokers.get(body.broker_id)
        valid = has_valid_session(self._contacts.get(body.broker_id), self._controller.now, self._session)
        refusal = registration_refusal(existing, body.incarnation, valid)
        if refusal is not None:
            request.reply(BrokerRegistrationResponse(refusal))
            return
        if existing is not None and existing.incarnation == body.incarnation:
            self._controller.reply(request, BrokerRegistrationResponse(ErrorCode.NONE, existing.broker_epoch))
            return
        self._contacts.pop(body.broker_id, None)
        clean = is_clean_shutdown(existing, body.previous_broker_epoch)
        ended = self._replication.broker_gone if clean else self._replication.broker_crashed
        changes: list[MetadataRecord] = [*ended(body.broker_id)]
        epoch = self._controller.image.offset + len(changes) + 1
        registration = BrokerRegistration(body.broker_id, epoch, body.incarnation, body.rack, fenced=True)
        changes.append(replace(registration, offline_directories=body.offline_directories))
        self._heartbeats.remove(body.broker_id)
        self._write(changes)
        self._controller.announce(BrokerRegistered(body.broker_id, epoch))
        self._controller.reply(request, BrokerRegistrationResponse(ErrorCode.NONE, epoch))

    def heartbeat(self, request: ServerRequest, body: BrokerHeartbeatRequest) -> None:
        """Note that a broker is alive, and let it take part, or not, or exit."""
        broker = self._controller.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(BrokerHeartbeatResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        self._contacts[broker.broker_id] = self._controller.now
        state = self._heartbeats.state(broker.broker_id)
        next_state = self._heartbeats.next_state(
            broker.broker_id,
            wants_fence=body.wants_fence,
            wants_shut_down=body.wants_shut_down,
            metadata_offset=body.metadata_offset,
            registration_offset=broker.broker_epoch,
            has_leaderships=lambda: self._replication.has_leaderships(broker.broker_id),
        )
        self._heartbeats.touch(broker.broker_id, next_state.is_fenced, body.metadata_offset)
        if state is not next_state:
            self._enter(broker, next_state)
        self._directories.offline(broker.broker_id, body.offline_directories)
        if next_state is BrokerControlState.CONTROLLED_SHUTDOWN:
            self._heartbeats.begin_controlled_shutdown(broker.broker_id, self._controller.image.offset)
        caught_up = body.metadata_offset >= broker.broker_epoch
        should_shut_down = next_state is BrokerControlState.SHUTDOWN_NOW
        answer = BrokerHeartbeatResponse(ErrorCode.NONE, caught_up, next_state.is_fenced, should_shut_down)
        self._controller.reply(request, answer)

    def fence_one_stale_broker(self) -> bool:
        """Fence a broker that has not been heard of for too long; True when another may have to follow."""
        now = self._controller.now
        for broker_id, contact in self._contacts.items():
            if not has_valid_session(contact, now, self._session):
                del self._contacts[broker_id]
                self._heartbeats.fence(broker_id)
                self._fence(self._controller.image.brokers[broker_id])
                return True
        return False

    def _enter(self, broker: BrokerRegistration, state: BrokerControlState) -> None:
        """Write what a new state means for a broker and its partitions."""
        if state is BrokerControlState.UNFENCED:
            back = self._replication.broker_back(broker.broker_id)
            self._write([replace(broker, fenced=False), *back])
            self._controller.announce(BrokerUnfenced(broker.broker_id))
        elif state is BrokerControlState.CONTROLLED_SHUTDOWN:
            gone = self._replication.broker_gone(broker.broker_id)
            self._write([replace(broker, in_controlled_shutdown=True), *gone])
            self._controller.announce(BrokerShuttingDown(broker.broker_id))
        else:
            self._fence(broker)

    def _fence(self, broker: BrokerRegistration) -> None:
        self._write([*self._replication.broker_gone(broker.broker_id), replace(broker, fenced=True)])
        self._controller.announce(BrokerFenced(broker.broker_id))

    def _write(self, records: Sequence[MetadataRecord]) -> None:
        """Append to the metadata log; each change of a registration is noted among the heartbeats, too."""
        self._controller.write(records)
        for record in records:
            if isinstance(record, BrokerRegistration):
                self._heartbeats.register(record.broker_id, record.fenced)
