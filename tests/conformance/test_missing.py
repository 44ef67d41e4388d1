"""A vector that lacks a field is told so or fails; it never passes unless the field plays no part in the answer."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from sim.conformance.checking import check
from sim.conformance.families import ADAPTERS
from sim.conformance.reading import BUNDLED, Fields, VectorError, read_file

Path = tuple[str | int, ...]

VECTORS = {file.family: file.vectors for file in map(read_file, sorted(BUNDLED.glob("*.json")))}
FIRST = 3

WORDS = {"name", "note", "rule", "format", "rng", "compression", "key_utf8"}
"""Words for people."""

CLOCK_TIMES = {
    "observed.at_ms",
    "observed[].before.at_ms",
    "observed[].took_ms",
    "observed[].view.at_ms",
    "observed[].view_after_p2_init.at_ms",
    "observed[].view_end.at_ms",
    "observed.snapshots[].t_ms",
    "observed.snapshots_round1[].t_ms",
    "observed.snapshots_round2[].t_ms",
}

INPUTS = {
    "client_assignor": {"steps[].topics.other"},
    "compaction": {"records[].offset"},
    "hw_advance": {"leo.2", "leo.3"},
    "isr_decision": {"fenced", "shutting_down", "isr_change_in_flight", "broker_epoch_matches"},
    "leader_election_elr": {"before.elr", "before.last_known_elr", "input.election", "input.elr_enabled"},
    "retention": {"config.retention.bytes", "config.retention.ms"},
    "segment_roll_time": {"appends[].broker_time_ms"},
    "server_assignor": {"steps[].topics.t1"},
    "storage_batch_bytes": {"setup.linger_ms", "setup.header_names"},
    "storage_batch_splitting": {"setup.compression", "setup.linger_ms", "setup.then"},
    "storage_compaction": {"setup.note_minus", "setup.cleaner_backoff_ms"},
    "storage_delete_records": {"setup.states"},
    "storage_retention": {"setup.check_interval_ms", "setup.config.file.delete.delay.ms"},
}
"""Inputs that change nothing in these vectors, or that stand for their defaults where they are absent."""

TOLD_APART = {"transactions": {"observed[].before", "observed[].op"}}
"""A call without a view before it is a call all the same, and the word `end` beside a view does nothing."""


def paths(value: Any, place: Path = ()) -> Iterator[Path]:
    """Where the fields are."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if isinstance(key, str):
            yield (*place, key)
        yield from paths(part, (*place, key))


def told(path: Path) -> str:
    return "".join("[]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def kinds_of_fields(vector: Fields) -> dict[str, Path]:
    """One field of each kind; that of the last element of a list, so that nothing comes after it."""
    return {told(path): path for path in paths(vector) if path != ("id",)}


def without(vector: Fields, path: Path) -> Fields:
    changed = copy.deepcopy(vector)
    inside: Any = changed
    for key in path[:-1]:
        inside = inside[key]
    del inside[path[-1]]
    return changed


def passes(family: str, vector: Fields) -> bool:
    try:
        return not check(family, [vector]).failures
    except VectorError:
        return False


@pytest.mark.parametrize("family", ADAPTERS)
def test_a_vector_without_a_field_never_passes(family: str) -> None:
    needless = WORDS | CLOCK_TIMES | INPUTS.get(family, set()) | TOLD_APART.get(family, set())
    for vector in VECTORS[family][:FIRST]:
        for name, path in kinds_of_fields(vector).items():
            with_its_input = name.startswith("partition_by_count.")
            if name not in needless and not with_its_input:
                assert not passes(family, without(vector, path)), name


@pytest.mark.parametrize("family", ADAPTERS)
def test_a_field_that_is_needed_is_named(family: str) -> None:
    vector = VECTORS[family][0]
    named = set()
    for name in vector.keys() - {"id"}:
        try:
            check(family, [without(vector, (name,))])
        except VectorError as error:
            named |= {name} if str(error) == f"vector {vector['id']!r} has no {name!r}" else set()
    assert named
    assert named.isdisjoint(WORDS)
