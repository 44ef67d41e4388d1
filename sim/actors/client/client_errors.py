"""What the clients' methods raise, named after Kafka's exceptions."""

from collections.abc import Mapping
from typing import Any

from sim.rules.errors import ErrorCode

__all__ = [
    "AdminError",
    "ClientClosedError",
    "ClientError",
    "ClientTimeoutError",
    "CommitFailedError",
    "GroupJoinError",
    "LogTruncationError",
    "NoOffsetForPartitionError",
    "ProducerFencedError",
    "RebalanceInProgressError",
    "RecordTooLargeError",
    "RetriableCommitFailedError",
    "SendTimeoutError",
    "TransactionError",
    "WakeupError",
]


class ClientError(Exception):
    """What an application may catch from a client; one that does not dies of it, as a process would."""


class AdminError(ClientError):
    """What an administrator asked for was refused; `code` is the first reason, `results` what became of each item."""

    def __init__(self, code: ErrorCode, message: str, results: Mapping[Any, ErrorCode]) -> None:
        super().__init__(message)
        self.code = code
        self.results = results


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


class RetriableCommitFailedError(CommitFailedError):
    """A commit that was not waited for has failed, and may be tried again."""


class WakeupError(ClientError):
    """poll() was interrupted by wakeup()."""


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


class TransactionError(ClientError):
    """A transaction cannot go on; `code` is Kafka's name of the reason. abort_transaction() may be the way out."""

    def __init__(self, code: ErrorCode, transactional_id: str) -> None:
        super().__init__(code, transactional_id)
        self.code = code
        self.transactional_id = transactional_id

    def __str__(self) -> str:
        return f"transactional id {self.transactional_id}: {self.code.name}"


class ProducerFencedError(TransactionError):
    """Another producer has initialised the same transactional.id: this one is of no use any more."""
