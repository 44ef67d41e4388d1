"""What the clients' methods raise, named after Kafka's exceptions."""

from sim.rules.errors import ErrorCode

__all__ = [
    "ClientClosedError",
    "ClientError",
    "ClientTimeoutError",
    "CommitFailedError",
    "GroupJoinError",
    "LogTruncationError",
    "NoOffsetForPartitionError",
    "RebalanceInProgressError",
    "RecordTooLargeError",
    "SendTimeoutError",
]


class ClientError(Exception):
    """What an application may catch from a client; one that does not dies of it, as a process would."""


class ClientClosedError(ClientError):
    """A method of a client that was closed before, or is being closed."""


class ClientTimeoutError(ClientError):
    """A consumer's commit() or committed() got no answer within default.api.timeout.ms (Kafka's TimeoutException)."""


class SendTimeoutError(ClientError):
    """send() has waited for metadata or buffer memory for max.block.ms (Kafka's TimeoutException)."""


class RecordTooLargeError(ClientError):
    """A record larger than max.request.size, or than all of buffer.memory."""


class CommitFailedError(ClientError):
    """The group has gone on without this member: its partitions belong to others, its work will be done again."""


class RebalanceInProgressError(CommitFailedError):
    """The group rebalances just now: poll() takes part in it, and if the partitions stay one may commit again."""


class GroupJoinError(ClientError):
    """The coordinator refuses this member for good; `code` is Kafka's name of the reason."""

    def __init__(self, code: ErrorCode, group_id: str) -> None:
        super().__init__(code, group_id)
        self.code = code
        self.group_id = group_id

    def __str__(self) -> str:
        return f"cannot join group {self.group_id}: {self.code.name}"


class NoOffsetForPartitionError(ClientError):
    """No committed offset, and auto.offset.reset is none."""


class LogTruncationError(ClientError):
    """Records that were read are gone after an unclean election, and auto.offset.reset is none."""
