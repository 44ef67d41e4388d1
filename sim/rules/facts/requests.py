"""What is announced of requests on their way; too many to write, so no part of the journal."""

from dataclasses import dataclass

__all__ = ["RequestSent"]


@dataclass(slots=True, eq=False)
class RequestSent:
    """A process has sent a request; where it has got to since is filled in on the way, -1 while it has not.

    Times are simulated nanoseconds: sent, arrived at the server's host, answer ready there, answer back. `kind` is
    that of Kafka's RequestMetrics; `content` and `outcome` are a few words on what it carries and brings back.
    `answer_wanted` is False with acks=0.
    """

    client: str
    client_id: str
    server: str
    kind: str
    content: str
    size_bytes: int
    sent_at: int
    answer_wanted: bool = True
    arrived_at: int = -1
    answered_at: int = -1
    returned_at: int = -1
    response_bytes: int = 0
    outcome: str = ""
