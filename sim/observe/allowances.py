"""What a configuration allows to go wrong under given faults, and why: as narrow as can be said beforehand."""

from collections.abc import Iterator, Mapping

from sim.actors.client.app import App
from sim.rules.config import ProducerConfig, TopicConfig, topic_config_from
from sim.world import faults
from sim.world.faults import Fault
from sim.world.flight import Flight

__all__ = ["allowances"]

LOST, DUPLICATED, REORDERED, UNDELIVERED = "lost", "duplicated", "reordered", "undelivered"

CLIENTS_ONLY: tuple[type[Fault], ...] = (
    faults.AppCrash,
    faults.SlowHandler,
    faults.TrafficBurst,
    faults.KeySkew,
    faults.ClockSkew,
    faults.PoisonRecord,
)
"""Faults that delay or break no request of somebody who lives on."""

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    LOST: ("lost-write", "unseen", "inconsistent-offsets", "poll-skip", "nonmonotonic-poll", "G1a"),
    DUPLICATED: ("duplicate",),
    REORDERED: ("nonmonotonic-send", "duplicate"),
    UNDELIVERED: ("unseen", "poll-skip"),
}
"""What clients may see where the true log has a fate."""


def allowances(flight: Flight) -> dict[str, str]:
    """Why a fate (lost, duplicated, reordered, undelivered) or an anomaly is no wonder, by its name."""
    found: dict[str, str] = {}
    for fate, reason in _reasons(flight):
        for name in (fate, *FOLLOWS[fate]):
            found.setdefault(name, reason)
    return found


def _reasons(flight: Flight) -> Iterator[tuple[str, str]]:
    troubles = [fault for fault in flight.plan.faults if not isinstance(fault, CLIENTS_ONLY)]
    if not troubles:
        return
    for app, config in _producers(flight):
        yield from _of_producer(app.name, config)
    for topic in flight.plan.topics:
        settings = topic_config_from(flight.cluster.config, topic.config)
        yield from _of_topic(topic.name, topic.replication_factor, settings)


def _producers(flight: Flight) -> Iterator[tuple[App, ProducerConfig]]:
    for app in flight.cluster.apps.values():
        for producer in app.producers:
            yield app, producer.config


def _of_producer(name: str, config: ProducerConfig) -> Iterator[tuple[str, str]]:
    if config.acks in ("0", "1"):
        yield LOST, f"{name} has acks={config.acks}: a leader that goes takes along what no other replica has"
    if not config.enable_idempotence and config.retries > 0 and config.acks != "0":
        yield DUPLICATED, f"{name} is not idempotent: it sends again what was written but not acknowledged"
        if config.max_in_flight_requests_per_connection > 1:
            yield REORDERED, f"{name} is not idempotent and has several requests in flight: a retry overtakes"


def _of_topic(name: str, replicas: int, config: TopicConfig) -> Iterator[tuple[str, str]]:
    unclean = config.unclean_leader_election_enable
    if unclean and replicas > 1:
        words = f"{name} may elect a leader that was not in sync"
        yield LOST, words
        yield UNDELIVERED, f"{words}: offsets that were read belong to other records then"
        yield DUPLICATED, f"{words}: it may not know what its producers sent last"
        yield REORDERED, f"{words}: it may not know what its producers sent last"
