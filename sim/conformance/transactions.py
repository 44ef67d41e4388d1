"""Recorded transactions: reads the words of a recording, does with the rules what they say, and compares.

A step's text names a producer and what it does, such as `p1 send a`, `p2 initTransactions (…)`, `begin+send+commit`,
`one-record commit` or `non-transactional send c`; what happens `after` an event lets it happen first. Without steps the
setup tells. Clock times are not compared. A record whose value no text names is called as the views call it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sim.conformance.reading import MissingFieldError
from sim.conformance.transaction_producer import Outcome
from sim.conformance.transaction_stage import Broker
from sim.conformance.transaction_words import Player, is_moment

__all__ = ["transactions"]

DEFAULT_TIMEOUT_MS = 60_000
ISOLATIONS = {"read_uncommitted": False, "read_committed": True}
NOT_COMPARED = re.compile(r"_(ms|us|ns|s)$|^(note|id|setup)$")
EVENT = re.compile(r"\bafter\b|^committed\b|^lso moved\b")
OFFSETS = {
    r"\b(lso|last stable offset)\b": True,
    r"\b(hw|high ?watermark|leo|log end offset|end offset)\b": False,
}


def transactions(case: Mapping[str, Any]) -> tuple[object, object]:
    """Offsets, results, views and committed offsets, step by step."""
    setup, observed = case["setup"], case["observed"]
    told = f"{setup} {observed}"
    timeout = re.search(r"transaction\.timeout\.ms\s*=\s*(\d+)", told)
    broker = Broker(int(timeout[1]) if timeout else DEFAULT_TIMEOUT_MS)
    one_id = re.search("zombie|same transactional", told, re.IGNORECASE) is not None
    sent = re.search(r"offset=(\d+)", told)
    player = Player(broker, one_id, dict(named_values(observed)), int(sent[1]) if sent else 0)
    steps = steps_of(observed)
    completed = player.play_setup(setup, whole=not steps)
    if not steps and isinstance(observed, list):
        return len(observed), completed
    pairs = [pair for step in steps or [observed] for pair in compare(player, step)]
    return [known for known, _ in pairs], [answer for _, answer in pairs]


def steps_of(observed: Any) -> list[Mapping[str, Any]]:
    """The steps of a recording, none where it is one view or a list of figures after all is done."""
    if isinstance(observed, list):
        return observed if any(isinstance(step, dict) for step in observed) else []
    if is_view(observed) or not any(EVENT.search(name.replace("_", " ")) or "open" in name for name in observed):
        return []
    return [{name: value} for name, value in observed.items()]


def compare(player: Player, step: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """What the recording and the rules say of one step. Raises MissingFieldError for one that tells nothing."""
    if is_view(step):
        yield seen(step, player.broker)
        return
    if "before" in step:
        yield seen(step["before"], player.broker)
    words = str(step["op"] if "op" in step else step["step"] if {"step", "result", "offset"} & step.keys() else "")
    outcome = player.play(words)
    missing = missing_from(step, words, outcome)
    if missing:
        raise MissingFieldError(missing)
    if "offset" in step:
        yield step["offset"], outcome
    if "result" in step:
        asked = re.search(r"=null|offset=\d", step["result"]) is not None
        known = offset_in(step["result"]) if asked else names(step["result"])
        yield known, [] if isinstance(outcome, int) and not asked else outcome
    for name, value in step.items():
        if name not in ("before", "offset", "result", "op", "step"):
            yield from noticed(player, name, value)


def missing_from(step: Mapping[str, Any], words: str, outcome: Outcome | None) -> str | None:
    """The observation that a step should have: a call its result, a record its offset, a moment what was seen."""
    if "step" in step and "result" not in step:
        return "result"
    seen_names = [name for name in step if name not in ("op", "step") and not NOT_COMPARED.search(name)]
    if isinstance(outcome, int) and not any(name.startswith(("offset", "result", "committed")) for name in seen_names):
        return "offset"
    return "view" if not seen_names and (is_moment(words) or not words) and not any_event(step) else None


def any_event(step: Mapping[str, Any]) -> bool:
    """Whether a field of a step tells of an event."""
    return any(EVENT.search(name.replace("_", " ")) for name in step)


def noticed(player: Player, name: str, value: Any) -> Iterator[tuple[Any, Any]]:
    """What a field such as `view_after_p2_init` or `committed_after_abort` says, after the event in its name."""
    words = name.replace("_", " ")
    happened = player.play(words) if EVENT.search(words) else None
    log = player.broker.log
    level = next((level for pattern, level in OFFSETS.items() if re.search(pattern, words, re.IGNORECASE)), None)
    if is_view(value):
        yield seen(value, player.broker)
    elif name.startswith("committed"):
        yield offset_in(value), happened
    elif NOT_COMPARED.search(name):
        return
    elif level is not None and isinstance(value, int):
        yield value, log.last_stable_offset(log.log_end_offset) if level else log.log_end_offset
    else:
        yield value, f"not understood: {name}"


def is_view(value: Any) -> bool:
    """Whether something is what a consumer has seen."""
    return isinstance(value, dict) and any(isolation in value for isolation in ISOLATIONS)


def seen(view: Mapping[str, Any], broker: Broker) -> tuple[Any, Any]:
    """Records, position and end offset under both isolation levels, or the end offset alone where it stands so."""
    wanted = {name: view[name] for name in ISOLATIONS}
    views = {name: broker.view(committed) for name, committed in ISOLATIONS.items()}
    return wanted, {n: each["endOffset"] if isinstance(wanted[n], int) else each for n, each in views.items()}


def named_values(told: Any) -> Iterator[tuple[int, str]]:
    """What the views call the record at every offset."""
    if isinstance(told, list):
        for part in told:
            yield from named_values(part)
    elif isinstance(told, dict):
        yield from ((offset, value) for offset, value in told.get("records_offset_value", ()))
        for part in told.values():
            yield from named_values(part) if isinstance(part, dict) else ()


def names(result: str) -> Outcome:
    """The exception and its causes in a result, none in `ok`."""
    chain = [part.split(":")[0].strip().split(".")[-1] for part in result.split(" <- ")]
    return [] if re.fullmatch(r"ok\b.*", chain[0]) else chain


def offset_in(text: str) -> int | None:
    """The committed offset in the printed answer of `committed()`, None in that of no offset."""
    found = re.search(r"offset=(\d+)", text)
    return int(found[1]) if found else None
