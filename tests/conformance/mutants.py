"""Wrong rules, made mechanically: one operator, constant or condition of a rule is exchanged for another."""

import ast
import importlib.util
import inspect
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import NamedTuple

from sim.conformance.checking import check
from sim.conformance.reading import BUNDLED, Fields, VectorError, read_file
from sim.conformance.tracing import forget_answers, trace_bundled

__all__ = ["Mutant", "is_killed", "mutants_of", "vectors_of"]

LONGEST_S = 2.0
OTHER: dict[type[ast.AST], type[ast.AST]] = {}
for one, two in (
    (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot),
    (ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.FloorDiv),
):  # fmt: skip
    OTHER |= {one: two, two: one}


class Endless(BaseException):
    """A wrong rule that does not come to an end."""


class Mutant(NamedTuple):
    """The change of that number in a function, which `families` families of vectors reach."""

    families: int
    function: str
    number: int
    line: int
    change: str


@cache
def vectors_of(family: str) -> tuple[Fields, ...]:
    """The bundled vectors of a family."""
    return next(file.vectors for file in map(read_file, sorted(BUNDLED.glob("*.json"))) if file.family == family)


def mutants_of(family: str) -> list[Mutant]:
    """All mutants of the functions that run while the family's vectors are checked.

    First come one mutant of each function, those first that few families reach, then a second one of each, and so on.
    """
    reached = {traced.result.family: traced.rules for traced in _traced()}
    shared = {name: sum(name in rules for rules in reached.values()) for name in sorted(reached[family])}
    mutants = [
        Mutant(families, name, number, line, change)
        for name, families in sorted(shared.items(), key=lambda item: item[1])
        for number, (line, change, _) in enumerate(_mutations(name))
    ]
    return sorted(mutants, key=lambda mutant: mutant.number)


def is_killed(mutant: Mutant, family: str) -> bool:
    """Whether some vector fails, or never ends, when the rule is the mutant."""
    with _planted(mutant):
        try:
            return any(check(family, [vector]).failures for vector in vectors_of(family))
        except Endless:
            return True
        except VectorError:
            return False


_traced = cache(trace_bundled)


@contextmanager
def _planted(mutant: Mutant) -> Iterator[None]:
    def late(_: int, __: FrameType | None) -> None:
        raise Endless

    function = _function(mutant.function)
    assert function is not None
    wrong = next(code for *_, code in _mutations(mutant.function, mutant.number) if code is not None)
    before, right = signal.signal(signal.SIGALRM, late), function.__code__
    function.__code__ = wrong
    forget_answers()
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        function.__code__ = right
        forget_answers()


@cache
def _function(name: str) -> FunctionType | None:
    """The function of the rules with this dotted name, None for a class and for what has no source of its own."""
    module, parts = "sim.rules", name.split(".")
    while (found := importlib.util.find_spec(f"{module}.{parts[0]}")) is not None:
        module = f"{module}.{parts.pop(0)}"
        if found.submodule_search_locations is None:
            break
    value: object = importlib.import_module(module)
    for part in parts:
        value = inspect.getattr_static(value, part, None)
    for inside in ("__wrapped__", "fget", "__func__", "func"):
        value = getattr(value, inside, None) or value
    return value if isinstance(value, FunctionType) and "<" not in value.__code__.co_filename else None


def _mutations(name: str, wanted: int | None = None) -> Iterator[tuple[int, str, CodeType | None]]:
    """Line and words of each possible change of a function, with the code of the wanted one."""
    function = _function(name)
    if function is None:
        return
    code = function.__code__
    tree = ast.parse(Path(code.co_filename).read_text(encoding="utf-8"))
    node = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.name == code.co_name
        and min([node.lineno, *(each.lineno for each in node.decorator_list)]) == code.co_firstlineno
    )
    inside = [part for statement in node.body for part in ast.walk(statement)]
    for number, (part, field, wrong, change) in enumerate(found for each in inside for found in _changes(each)):
        right, made = getattr(part, field), None
        if number == wanted:
            setattr(part, field, wrong)
            made = _same(compile(ast.fix_missing_locations(tree), code.co_filename, "exec"), code)
            setattr(part, field, right)
        yield getattr(part, "lineno", node.lineno), change, made


def _same(compiled: CodeType, code: CodeType) -> CodeType:
    """The code of the same function in a whole module."""
    waiting = [compiled]
    while (found := waiting.pop()).co_qualname != code.co_qualname or found.co_firstlineno != code.co_firstlineno:
        waiting += [inside for inside in found.co_consts if isinstance(inside, CodeType)]
    return found


def _changes(part: ast.AST) -> Iterator[tuple[ast.AST, str, object, str]]:
    """Node, field, wrong value and words of each change of one node."""
    if isinstance(part, ast.Compare):
        for index, before in enumerate(part.ops):
            if type(before) in OTHER:
                after = OTHER[type(before)]()
                yield part, "ops", [*part.ops[:index], after, *part.ops[index + 1 :]], _told(before, after)
    elif isinstance(part, ast.BoolOp | ast.BinOp) and type(part.op) in OTHER:
        yield part, "op", (after := OTHER[type(part.op)]()), _told(part.op, after)
    elif isinstance(part, ast.Constant) and isinstance(part.value, bool):
        yield part, "value", not part.value, f"{part.value} becomes {not part.value}"
    elif isinstance(part, ast.Constant) and isinstance(part.value, int):
        yield part, "value", part.value + 1, f"{part.value} becomes {part.value + 1}"
    elif isinstance(part, ast.Name) and part.id in ("min", "max"):
        yield part, "id", (other := {"min": "max", "max": "min"}[part.id]), f"{part.id} becomes {other}"
    elif isinstance(part, ast.If | ast.IfExp):
        yield part, "test", ast.UnaryOp(ast.Not(), part.test), "the condition is turned round"


def _told(before: ast.AST, after: ast.AST) -> str:
    return f"{type(before).__name__} becomes {type(after).__name__}"
