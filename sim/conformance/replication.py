"""Replication: leader epochs, truncation, the high watermark, the ISR, elections, and where replicas go."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

from sim.rules.controller.election import PartitionRegistration, change_partition
from sim.rules.controller.placement import UsableBroker, place_replicas
from sim.rules.errors import InvalidReplicationFactorError, OffsetOutOfRangeError
from sim.rules.replication.high_watermark import bounds_high_watermark, next_high_watermark
from sim.rules.replication.isr import isr_decision as decide_isr
from sim.rules.storage.leader_epochs import LeaderEpochCache
from sim.rules.storage.truncation import diverging_epoch, truncation_offset

__all__ = ["hw_advance", "isr_decision", "leader_election_elr", "leader_epoch_cache", "replica_placement", "truncation"]

ANSWERED = ("leader_epoch_in_response", "leader_end_offset_in_response", "truncate_to", "completed")
CHANGED = ("isr", "elr", "last_known_elr", "leader", "leader_epoch", "partition_epoch", "leader_recovery_state")


def leader_epoch_cache(vector: Mapping[str, Any]) -> tuple[object, object]:
    """Entries after assignments, answers to both questions, and what truncation from either side leaves."""
    assigned, log_end_offset = vector["assign_epoch_startoffset"], vector["log_end_offset"]
    cache = _epochs(assigned)
    expected = {
        "entries": vector["entries"],
        "end_offset_for": [(answer["epoch"], answer["end_offset"]) for answer in vector["end_offset_for"]],
        "epoch_for_offset": [_known(answer["epoch"]) for answer in vector["epoch_for_offset"]],
        "truncate_from_end": [step["entries"] for step in vector["truncate_from_end"]],
        "truncate_from_start": [step["entries"] for step in vector["truncate_from_start"]],
    }
    got = {
        "entries": cache.entries,
        "end_offset_for": [
            cache.end_offset_for(asked["requested_epoch"], log_end_offset) for asked in vector["end_offset_for"]
        ],
        "epoch_for_offset": [_known(cache.epoch_for_offset(asked["offset"])) for asked in vector["epoch_for_offset"]],
        "truncate_from_end": [
            _left(assigned, LeaderEpochCache.truncate_from_end, step["truncate_to"])
            for step in vector["truncate_from_end"]
        ],
        "truncate_from_start": [
            _left(assigned, LeaderEpochCache.truncate_from_start, step["new_log_start_offset"])
            for step in vector["truncate_from_start"]
        ],
    }
    return expected, got


def truncation(vector: Mapping[str, Any]) -> tuple[object, object]:
    """Each round of fetch, diverging epoch and truncation, and the follower's log in the end."""
    leader, leader_end = _epochs(vector["leader"]["epochs"]), vector["leader"]["leo"]
    follower, end = _epochs(vector["follower_before"]["epochs"]), vector["follower_before"]["leo"]
    rounds: list[dict[str, object]] = []
    for _ in vector["rounds"]:
        rounds.append({"fetch_offset": end, "last_fetched_epoch": _known(follower.latest_epoch)})
        try:
            answer = diverging_epoch(leader, leader_end, follower.latest_epoch, end)
        except OffsetOutOfRangeError:
            rounds[-1]["error"] = "OffsetOutOfRangeException"
            break
        rounds[-1]["diverging"] = answer is not None
        if answer is not None:
            cut = truncation_offset(follower, end, *answer)
            rounds[-1] |= zip(ANSWERED, (*answer, *cut), strict=True)
            follower.truncate_from_end(cut.offset)
            end = cut.offset
    after = {"epochs": follower.entries, "leo": end}
    expected_after = {name: vector["follower_after"][name] for name in after}
    return (
        {"rounds": [_round(step) for step in vector["rounds"]], "follower_after": expected_after},
        {"rounds": rounds, "follower_after": after},
    )


def hw_advance(vector: Mapping[str, Any]) -> tuple[object, object]:
    """The leader's high watermark after it has seen all ends of the replicas' logs."""
    ends = {int(broker): end for broker, end in vector["leo"].items()}
    leader_end = vector["leo"][str(vector["leader"])]
    maximal_isr, caught_up = vector["maximal_isr"], vector["caught_up_eligible_non_isr"]
    bounding = [
        end
        for broker, end in ends.items()
        if broker != vector["leader"] and bounds_high_watermark(broker in maximal_isr, broker in caught_up, True)
    ]
    limits = len(vector["isr"]), vector["min_insync_replicas"], vector["replication_factor"]
    return vector["hw_after"], next_high_watermark(vector["hw_before"], leader_end, bounding, *limits)


def isr_decision(vector: Mapping[str, Any]) -> tuple[object, object]:
    """Whether the leader shrinks the ISR, expands it or leaves it; the fields are named like the rule's arguments."""
    facts = {
        name: vector[name]
        for name, argument in signature(decide_isr).parameters.items()
        if name in vector or argument.default is argument.empty
    }
    return vector["action"], decide_isr(**facts)


def leader_election_elr(vector: Mapping[str, Any]) -> tuple[object, object]:
    """The partition after a change of its ISR or brokers; the ELR has no order."""
    facts = _tuples(vector["input"])
    alive = facts.pop("alive_unfenced")
    after = change_partition(PartitionRegistration(**_tuples(vector["before"])), alive=alive.__contains__, **facts)
    got = {"change": False} if after is None else {"change": True, **{name: getattr(after, name) for name in CHANGED}}
    told = CHANGED if vector["after"]["change"] else ()
    expected = {name: vector["after"][name] for name in ("change", *told)}
    return _unordered(expected), _unordered(got)


def replica_placement(vector: Mapping[str, Any]) -> tuple[object, object]:
    """The replicas of each partition with a source of chance that always answers 0, or Kafka's error."""
    brokers = [UsableBroker(broker["id"], broker["rack"], broker["fenced"]) for broker in vector["brokers"]]
    expected = vector["error"] if "error" in vector else vector["replicas_by_partition"]
    try:
        return expected, place_replicas(brokers, vector["partitions"], vector["replication_factor"], lambda _: 0)
    except InvalidReplicationFactorError:
        return expected, "InvalidReplicationFactorException"


def _epochs(entries: Iterable[Sequence[int]]) -> LeaderEpochCache:
    cache = LeaderEpochCache()
    for epoch, start_offset in entries:
        cache.assign(epoch, start_offset)
    return cache


def _left(
    assigned: Iterable[Sequence[int]], truncate: Callable[[LeaderEpochCache, int], None], offset: int
) -> list[tuple[int, int]]:
    """The entries after truncation."""
    cache = _epochs(assigned)
    truncate(cache, offset)
    return cache.entries


def _known(epoch: int | None) -> int:
    return -1 if epoch is None else epoch


def _round(step: Mapping[str, Any]) -> dict[str, object]:
    """What is compared of a recorded round."""
    asked = {"fetch_offset": step["fetch_offset"], "last_fetched_epoch": _known(step.get("last_fetched_epoch"))}
    if "error" in step:
        return {**asked, "error": step["error"]}
    answered = ANSWERED if step["diverging"] else ()
    return {**asked, "diverging": step["diverging"], **{name: step[name] for name in answered}}


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _unordered(partition: dict[str, Any]) -> dict[str, Any]:
    return {name: sorted(value) if name.endswith("elr") else value for name, value in partition.items()}
