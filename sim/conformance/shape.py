"""Whether a vector is built like the others of its family: the same fields, with values of the same kind."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["misfit"]

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    type(None): "null",
}


def misfit(value: Any, others: Sequence[Any], place: str = "", *, any_kind: bool = False) -> str | None:
    """Where a value differs in shape from all values at the same place of other vectors; None where it does not.

    Only what all others have must be there, and where nothing but null is known anything fits. With `any_kind` only
    the names of fields count.
    """
    known = [other for other in others if other is not None]
    kinds = {_kind(other) for other in known}
    if not kinds or (value is None and len(known) < len(others)):
        return None
    if _kind(value) not in kinds and not (_kind(value) == "a whole number" and "a number" in kinds) and not any_kind:
        return f"{place or 'it'} is {_short(value)}, not {' or '.join(sorted(kinds))}"
    if isinstance(value, dict):
        same = [other for other in known if isinstance(other, dict)]
        common = (name for name in (same[0] if same else ()) if all(name in other for other in same))
        missing = next((name for name in common if name not in value), None)
        if missing is not None:
            return f"{place or 'it'} has no {missing!r}"
    found = (misfit(part, theirs, where, any_kind=any_kind) for part, theirs, where in _parts(value, known, place))
    return next((wrong for wrong in found if wrong is not None), None)


def _parts(value: Any, known: Sequence[Any], place: str) -> Iterator[tuple[Any, list[Any], str]]:
    """What is inside, with what others have there, and where that is."""
    if isinstance(value, dict):
        for name, part in value.items():
            theirs = [other[name] for other in known if isinstance(other, dict) and name in other]
            yield part, theirs, f"{place}.{name}".lstrip(".")
    elif isinstance(value, list):
        elements = [element for other in known if isinstance(other, list) for element in other]
        for index, part in enumerate(value):
            yield part, elements, f"{place}[{index}]"


def _kind(value: Any) -> str:
    return KINDS.get(type(value), "an object")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:39]}…"
