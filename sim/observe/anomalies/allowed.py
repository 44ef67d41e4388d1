"""Which anomalies are no fault: what Kafka does not promise under a given configuration.

Jepsen allows names for a whole test; here single cases are judged, so that a poll that skips without a rebalance is
not excused by a subscription.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj allowed-error-types
"""

from dataclasses import dataclass

__all__ = ["Terms", "why_allowed"]

ALWAYS = {
    "int-send-skip": "records of others come between those of a transaction",
    "G0": "the writes of transactions are not isolated from each other",
}
BY_CIRCUMSTANCE = {
    ("poll-skip", "rebalanced"): "a rebalance has moved the partition, and the new position is the group's",
    ("nonmonotonic-poll", "rebalanced"): "a rebalance has moved the partition, and the new position is the group's",
    ("G1c", "write order"): "the writes of transactions are not isolated, so circles through their order are normal",
    **dict.fromkeys((("G1a", "uncommitted"), ("precommitted-read", "uncommitted"), ("G1c", "uncommitted")),
                    "the consumer has isolation.level=read_uncommitted"),
    **dict.fromkeys(((name, "removed") for name in ("lost-write", "unseen", "poll-skip", "int-poll-skip")),
                    "the topic's own retention or compaction removes records"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What the check is to know of the configuration.

    `removing_topics` are compacted or keep records for a limited time or size. `expect_committed` holds every consumer
    to read_committed, however it is configured.
    """

    removing_topics: frozenset[str] = frozenset()
    expect_committed: bool = False


def why_allowed(name: str, circumstances: tuple[str, ...], terms: Terms) -> str | None:
    """The reason for which a case of an anomaly is no fault, None if there is none."""
    if name in ALWAYS:
        return ALWAYS[name]
    for circumstance in circumstances:
        reason = BY_CIRCUMSTANCE.get((name, circumstance))
        if reason is not None and not (circumstance == "uncommitted" and terms.expect_committed):
            return reason
    return None
