"""What a configuration allows to go wrong under given faults, and why: as narrow as can be said beforehand.

A record is judged by what its producer and its topic are told, an anomaly by its records and topics.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sim.observe.troubles import Troubles, troubles_of
from sim.rules.config import BrokerConfig, ProducerConfig, TopicConfig, topic_config_from
from sim.world.flight import Flight

__all__ = ["FATES", "Allowances", "of_producer", "of_topic"]

FATES = ("lost", "duplicated", "reordered", "undelivered")
LOST, DUPLICATED, REORDERED, UNDELIVERED = FATES

SEEN_OF_PRODUCER: Mapping[str, tuple[str, ...]] = {
    LOST: ("lost-write", "unseen", "inconsistent-offsets", "poll-skip", "int-poll-skip"),
    DUPLICATED: ("duplicate",),
    REORDERED: ("nonmonotonic-send", "int-nonmonotonic-send"),
}
"""What clients see of a producer's records where the true log has a fate."""

SEEN_OF_TOPIC: Mapping[str, tuple[str, ...]] = {
    LOST: (
        "lost-write",
        "unseen",
        "inconsistent-offsets",
        "poll-skip",
        "int-poll-skip",
        "nonmonotonic-poll",
        "nonmonotonic-send",
    ),
    UNDELIVERED: ("unseen", "poll-skip", "int-poll-skip"),
}
"""What clients see of a topic: a loss of what was committed moves positions, too."""

Reasons = dict[str, str]
"""Why a fate or an anomaly is no wonder, by its name."""


class Allowances:
    """What is allowed in a flight, whose clients have been made by now."""

    def __init__(self, flight: Flight) -> None:
        troubles, cluster = troubles_of(flight), flight.cluster
        self._producers: dict[str, Reasons] = {}
        for app in cluster.apps.values():
            for producer in app.producers:
                reasons = dict(of_producer(producer.config, troubles.of(app.name)))
                self._producers.setdefault(app.name, {}).update(_spread(reasons, SEEN_OF_PRODUCER))
        self._topics: dict[str, Reasons] = {}
        for topic in flight.plan.topics:
            configs = [topic_config_from(cluster.config, {**topic.config, **more}) for more in troubles.configs(topic)]
            reasons = dict(of_topic(topic.replication_factor, configs, troubles))
            self._topics[topic.name] = _spread(reasons, SEEN_OF_TOPIC)
        self._groups = {group.group_id: (*group.topics, group.exactly_once_in) for group in flight.plan.groups}
        self._offsets = _of_offsets(cluster.config, troubles)
        self._transactions = _of_power("transactions", cluster.config.transaction_state_log_min_isr, troubles)

    def of_fate(self, fate: str, topic: str, producer: str) -> str | None:
        """Why a record of this topic, sent by this producer, may have this fate; None if nothing allows it."""
        return self._topics.get(topic, {}).get(fate) or self._of_sender(fate, producer)

    def of_anomaly(self, name: str, topics: Sequence[str], records: Iterable[str]) -> str | None:
        """Why clients may have seen an anomaly of these topics and records; None if nothing allows it."""
        reasons = [self._topics.get(topic, {}).get(name) for topic in topics]
        reasons += [self._of_sender(name, record) for record in records]
        return next((reason for reason in reasons if reason is not None), None)

    def of_promise(self, group_id: str) -> str | None:
        """Why a group may have broken its promise of exactly once; None if nothing allows it."""
        topics = [self._topics.get(topic, {}).get(LOST) for topic in self._groups[group_id]]
        reasons = (*topics, self._offsets, self._transactions)
        return next((reason for reason in reasons if reason is not None), None)

    def of_liveness(self, subject: str) -> str | None:
        """Why a group may never catch up: a transaction that nobody remembers is never decided."""
        return self._transactions if subject in self._groups else None

    def _of_sender(self, name: str, record: str) -> str | None:
        """By the application whose name the producer's begins with."""
        apps = [app for app in self._producers if record.startswith(f"{app}-")]
        return self._producers[max(apps, key=len)].get(name) if apps else None


def of_producer(config: ProducerConfig, troubles: Troubles) -> Iterator[tuple[str, str]]:
    """The fates that a producer's configuration allows for its records."""
    if config.acks == "1" and troubles.leaders_move:
        yield LOST, "acks=1: a leader that goes takes along what no other replica has"
    if config.acks == "0" and (troubles.leaders_move or troubles.requests_break or troubles.records_refused):
        yield LOST, "acks=0: nobody notices a request that does not arrive or is refused"
    is_bare = not config.enable_idempotence and config.retries > 0 and config.acks != "0"
    if is_bare and (troubles.leaders_move or troubles.requests_break):
        yield DUPLICATED, "no idempotence: what was written but not acknowledged is sent again"
        if config.max_in_flight_requests_per_connection > 1:
            yield REORDERED, "no idempotence and several requests in flight: a retry comes after those behind it"


def of_topic(replicas: int, configs: Sequence[TopicConfig], troubles: Troubles) -> Iterator[tuple[str, str]]:
    """The fates that a topic's configuration, and what it was changed to, allow for all its records."""
    if replicas > 1 and troubles.leaders_move and any(config.unclean_leader_election_enable for config in configs):
        yield LOST, "unclean.leader.election.enable: a leader may be elected that was not in sync"
        yield UNDELIVERED, "unclean.leader.election.enable: offsets that were read may belong to other records then"
    weakest = min(min(config.min_insync_replicas, replicas) for config in configs)
    flushed = all(config.flush_messages == 1 for config in configs)
    if len(troubles.powerless) >= weakest and not flushed:
        yield LOST, f"as many brokers lose power as min.insync.replicas={weakest} wants, and what was not flushed"
        yield UNDELIVERED, "loss of power: offsets that were read may belong to other records then"
    if any(config.retention_ms != configs[0].retention_ms for config in configs) or _is_short(configs):
        yield UNDELIVERED, "retention takes records away before everybody has read them"


def _is_short(configs: Sequence[TopicConfig]) -> bool:
    plain = TopicConfig()
    return any(
        "delete" in config.cleanup_policy
        and (config.retention_ms, config.retention_bytes) != (plain.retention_ms, plain.retention_bytes)
        for config in configs
    )


def _of_offsets(config: BrokerConfig, troubles: Troubles) -> str | None:
    """Why the brokers may forget committed offsets; transactions never have unclean elections."""
    if config.unclean_leader_election_enable and troubles.leaders_move:
        return "unclean.leader.election.enable for all topics: offsets may be lost"
    return _of_power("offsets", config.min_insync_replicas, troubles)


def _of_power(what: str, minimum: int, troubles: Troubles) -> str | None:
    return f"loss of power may take {what} that were not flushed" if len(troubles.powerless) >= minimum else None


def _spread(reasons: Reasons, seen: Mapping[str, tuple[str, ...]]) -> Reasons:
    """The same with the anomalies that follow from each fate."""
    found: Reasons = {}
    for fate, reason in reasons.items():
        for name in (fate, *seen.get(fate, ())):
            found.setdefault(name, reason)
    return found
