"""The causes that a diagnosis may name: one catalogue for all incidents, so that it gives none away."""

from collections.abc import Mapping

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError

__all__ = ["CAUSES", "check_cause"]

CAUSES: Mapping[str, str] = {
    "slow-consumer": "a consumer needs more time for each record than before; subject: the group, or one member",
    "traffic-burst": "more records come than the group was sized for; subject: the producing application",
    "too-few-partitions": "members without a partition are idle, those with one are overloaded; subject: the topic",
    "hot-key": "one key makes most of the records of its partition; subject: the partition",
    "poison-record": "a record that its readers cannot handle; subject: the partition",
    "consumer-down": "a member is dead, its session runs on and its partitions have no reader; subject: the member",
    "poll-too-late": "batches take longer than max.poll.interval.ms, members are put out again and again; "
    "subject: the group",
    "hanging-transaction": "a transaction that nobody ends keeps read_committed readers waiting; "
    "subject: the producing application",
    "fetch-waits": "fetch.min.bytes and fetch.max.wait.ms let answers to fetches wait; subject: the group",
    "linger-too-long": "linger.ms lets records wait in the producer; subject: the producing application",
    "batches-too-small": "linger.ms and batch.size make a request of every record; subject: the producing application",
    "quota-throttling": "a client quota mutes a connection; subject: the producing application",
    "retries-without-idempotence": "sends are repeated and enable.idempotence is off; "
    "subject: the producing application",
    "broker-down": "a broker's process is dead or hangs; subject: the broker",
    "slow-disk": "a broker's disk is slow; subject: the broker",
    "slow-network": "the network between clients and one broker is slow; subject: the broker",
    "busy-processor": "others use a broker's processor; subject: the broker",
    "network-partition": "a broker does not reach the others; subject: the broker",
    "min-insync-replicas": "min.insync.replicas leaves no replica to spare; subject: the topic",
    "acks-1": "acks=1 or acks=0 acknowledges what dies with the leader; subject: the producing application",
    "retention-overtakes": "retention deletes records before their readers come; subject: the topic",
    "unclean-election": "a replica out of sync was elected; subject: the topic",
}
"""What may be wrong, by name."""


def check_cause(name: str) -> str:
    """The name of a cause, however it is spelt. Raises ConfigError, one line with the nearest one."""
    slug = "-".join(name.lower().replace("_", "-").split())
    if slug not in CAUSES:
        raise ConfigError(f"unknown cause {name!r}{nearest(slug, CAUSES)}")
    return slug
