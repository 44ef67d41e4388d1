"""Which rules a family of vectors puts to the test: those that run while its vectors are checked."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FrameType

from sim.conformance.checking import FamilyResult, check_files
from sim.conformance.families import ADAPTERS
from sim.conformance.reading import BUNDLED

__all__ = ["TracedFamily", "forget_answers", "rules_reached", "trace_bundled"]

RULES = Path(__file__).parents[1] / "rules"


@dataclass(frozen=True, slots=True)
class TracedFamily:
    """The result of one bundled family, and the functions and methods of the rules that took part."""

    result: FamilyResult
    rules: frozenset[str]


def trace_bundled() -> list[TracedFamily]:
    """All bundled families, in the order of the table of families."""
    found = {traced.result.family: traced for traced in map(_trace, sorted(BUNDLED.glob("*.json")))}
    return [found[family] for family in ADAPTERS if family in found]


def _trace(path: Path) -> TracedFamily:
    results: list[FamilyResult] = []
    rules = rules_reached(lambda: results.extend(check_files([path]).results))
    return TracedFamily(results[0], rules)


def rules_reached(action: Callable[[], object]) -> frozenset[str]:
    """The names of what runs in `sim.rules` during an action, such as `log.Log.append`; a value made is its class."""
    codes: set[CodeType] = set()
    made: set[type] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            codes.add(frame.f_code)
            if frame.f_code.co_name == "__init__" and "self" in frame.f_locals:
                made.add(type(frame.f_locals["self"]))

    forget_answers()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    functions = {_name(code) for code in codes if code.co_filename.startswith(str(RULES))}
    classes = {f"{kind.__module__}.{kind.__qualname__}" for kind in made if kind.__module__.startswith("sim.rules.")}
    return frozenset(name for name in functions if name) | {name.removeprefix("sim.rules.") for name in classes}


def _name(code: CodeType) -> str:
    """Module and function; a function inside another counts as the outer one, a module's own code not at all."""
    module = ".".join(Path(code.co_filename).relative_to(RULES).with_suffix("").parts).removesuffix(".__init__")
    function = code.co_qualname.split(".<", 1)[0]
    return "" if function.startswith("<") else f"{module}.{function}"


def forget_answers() -> None:
    """A rule that remembers its answers would not run again."""
    for name in sorted(sys.modules):
        if name.startswith("sim.rules."):
            for value in vars(sys.modules[name]).values():
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()
