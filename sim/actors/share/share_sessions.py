"""Share sessions of one broker: which partitions a member reads here, told once and then only when that changes.

Source: server/src/main/java/org/apache/kafka/server/share/session/ShareSessionCache.java,
    core/src/main/java/kafka/server/share/SharePartitionManager.java newContext, acknowledgeSessionUpdate
Fidelity: approximate — as many sessions as there are members
"""

from collections.abc import Callable

from sim.actors.broker.socket_server import ServerRequest
from sim.rules.errors import ErrorCode
from sim.rules.protocol.share_group import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    ShareAcknowledgeRequest,
    ShareFetchRequest,
    next_session_epoch,
)
from sim.rules.topics import TopicPartition

__all__ = ["ShareSession", "ShareSessions"]


class ShareSession:
    """One member's session; `partitions` are in the order in which they are served, those served last at the end."""

    __slots__ = ("epoch", "group_id", "member_id", "partitions")

    def __init__(self, group_id: str, member_id: str, partitions: tuple[TopicPartition, ...]) -> None:
        self.group_id = group_id
        self.member_id = member_id
        self.epoch = next_session_epoch(INITIAL_EPOCH)
        self.partitions = dict.fromkeys(partitions)

    def served(self, name: TopicPartition) -> None:
        """A partition has given records: it goes to the end."""
        if name in self.partitions:
            del self.partitions[name]
            self.partitions[name] = None


class ShareSessions:
    """Sessions by group and member; `ended` is called with one that is over because its client has hung up."""

    def __init__(self, ended: Callable[[ShareSession], None]) -> None:
        self._sessions: dict[tuple[str, str], ShareSession] = {}
        self._ended = ended

    def fetch(self, request: ServerRequest, body: ShareFetchRequest) -> ShareSession | ErrorCode:
        """The session that a fetch belongs to, brought up to date, or a new one."""
        key = body.group_id, body.member_id
        if body.session_epoch == INITIAL_EPOCH:
            if body.acknowledgements:
                return ErrorCode.INVALID_REQUEST
            opened = self._sessions[key] = ShareSession(*key, body.added)
            request.connection.on_hang_up = lambda: self._hung_up(opened)
            return opened
        session = self._find(key, body.session_epoch)
        if isinstance(session, ShareSession) and body.session_epoch != FINAL_EPOCH:
            session.partitions.update(dict.fromkeys(body.added))
            for name in body.forgotten:
                session.partitions.pop(name, None)
            session.epoch = next_session_epoch(session.epoch)
        return session

    def acknowledge(self, body: ShareAcknowledgeRequest) -> ShareSession | ErrorCode:
        """The session in which records are acknowledged; it must have been opened by a fetch."""
        if body.session_epoch == INITIAL_EPOCH:
            return ErrorCode.INVALID_SHARE_SESSION_EPOCH
        session = self._find((body.group_id, body.member_id), body.session_epoch)
        if isinstance(session, ShareSession) and body.session_epoch != FINAL_EPOCH:
            session.epoch = next_session_epoch(session.epoch)
        return session

    def end(self, session: ShareSession) -> bool:
        """Forget a session; False if another one has taken its place."""
        key = session.group_id, session.member_id
        if self._sessions.get(key) is not session:
            return False
        del self._sessions[key]
        return True

    def _find(self, key: tuple[str, str], epoch: int) -> ShareSession | ErrorCode:
        session = self._sessions.get(key)
        if session is None:
            return ErrorCode.SHARE_SESSION_NOT_FOUND
        if epoch not in (FINAL_EPOCH, session.epoch):
            return ErrorCode.INVALID_SHARE_SESSION_EPOCH
        return session

    def _hung_up(self, session: ShareSession) -> None:
        if self.end(session):
            self._ended(session)
