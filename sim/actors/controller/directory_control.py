"""The part of the controller that knows log directories: which replica lies where, and which of them are gone.

Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
Fidelity: approximate — where a replica lies is noted beside its partition, whose epoch it does not raise
"""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.controller.replication_control import ReplicationControl
from sim.rules.controller.metadata import MetadataRecord, ReplicaDirectory
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import AssignReplicasToDirsRequest, AssignReplicasToDirsResponse

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller

__all__ = ["DirectoryControl"]


class DirectoryControl:
    """Replicas in directories; what lies in one that is offline neither leads nor stays in sync."""

    def __init__(self, controller: "Controller", replication: ReplicationControl) -> None:
        self._controller = controller
        self._replication = replication

    def assign(self, request: ServerRequest, body: AssignReplicasToDirsRequest) -> None:
        """A broker tells where replicas lie; a directory that has gone offline since takes them along.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
            handleAssignReplicasToDirs
        Fidelity: exact
        """
        broker = self._controller.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(AssignReplicasToDirsResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        known = self._controller.image.partitions
        records: list[MetadataRecord] = [
            ReplicaDirectory(name, body.broker_id, directory)
            for name, directory in body.directories.items()
            if name in known and body.broker_id in known[name].replicas
        ]
        self._controller.write(records)
        self._controller.write(self._replication.directories_gone(body.broker_id, broker.offline_directories))
        self._controller.reply(request, AssignReplicasToDirsResponse(ErrorCode.NONE))

    def offline(self, broker_id: int, directories: Collection[int]) -> None:
        """A heartbeat names offline directories: what lies in those that were online until now gets other leaders.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
            handleDirectoriesOffline
        Fidelity: exact
        """
        broker = self._controller.image.brokers[broker_id]
        new = tuple(directory for directory in directories if directory not in broker.offline_directories)
        if new:
            gone = self._replication.directories_gone(broker_id, new)
            offline = (*broker.offline_directories, *new)
            self._controller.write([*gone, replace(broker, offline_directories=offline)])
