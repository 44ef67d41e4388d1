"""Style as a unit test: what the house rules say of `sim`, `scenarios` and `tests`, read from the syntax trees."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {"": 0, "rules": 1, "conformance": 2, "machine": 2, "actors": 3, "world": 4, "observe": 5}
FLOORS |= dict.fromkeys(("view", "plan", "scenario", "scenario_file", "run", "bench", "__init__"), 6)
FLOORS |= dict.fromkeys(("timelines", "fuzz", "capacity", "explain", "forks", "report", "trace"), 6)
FLOORS |= dict.fromkeys(("alerts", "importing", "calibration"), 6)
FLOORS |= {"teach": 7, "cli": 8}
RULES_NEVER = {"random", "time", "datetime", "simpy"}
GLOBAL_CHANCE = {"random.Random", "random.SystemRandom"}
WALL_CLOCK = {"time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.sleep"}
WALL_CLOCK |= {f"{owner}.{name}" for owner in ("datetime", "datetime.datetime") for name in ("now", "utcnow", "today")}
HEAVY = ("matplotlib", "pandas", "jupyter", "IPython")

SIM = sorted((ROOT / "sim").rglob("*.py"))
CODE = [*SIM, *sorted((ROOT / "scenarios").rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def place(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def package(path: Path) -> str:
    """The folder, or the module, of `sim` that a file belongs to."""
    return path.relative_to(ROOT / "sim").with_suffix("").parts[0]


def below(path: Path, floor: int) -> bool:
    return FLOORS.get(package(path), 0) <= floor


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(path, node)}: relative import"
            names = (f".{alias.name}" for alias in node.names) if node.module in ("sim", "scenarios") else ("",)
            yield from ((node, f"{node.module}{name}") for name in names)


@cache
def calls(path: Path) -> tuple[tuple[ast.Call, str], ...]:
    return tuple((node, ast.unparse(node.func)) for node in nodes(path) if isinstance(node, ast.Call))


def test_every_folder_of_sim_has_a_floor() -> None:
    assert {package(path) for path in SIM} <= FLOORS.keys()


def test_imports_point_down() -> None:
    def floor(name: str) -> int:
        top, _, rest = name.partition(".")
        return {"sim": FLOORS.get(rest.split(".")[0], 9), "scenarios": 7}.get(top, 0)

    found = [(path, node, name) for path in SIM for node, name in imports(path)]
    upward = [
        f"{place(path, node)}: {name}" for path, node, name in found if floor(name) > FLOORS.get(package(path), 0)
    ]
    assert upward == []


def test_rules_import_only_the_standard_library_numpy_and_rules() -> None:
    allowed = (sys.stdlib_module_names | {"numpy"}) - RULES_NEVER
    rules = [path for path in SIM if package(path) == "rules"]
    found = [(path, node, name) for path in rules for node, name in imports(path)]
    wrong = [
        f"{place(path, node)}: {name}"
        for path, node, name in found
        if not name.startswith("sim.rules") and name.split(".")[0] not in allowed
    ]
    assert wrong == []


def test_only_the_command_line_prints() -> None:
    printing = [place(path, call) for path in CODE for call, name in calls(path) if name == "print"]
    assert [where for where in printing if not where.startswith("sim/cli/")] == []


def test_no_global_chance_and_no_wall_clock_in_the_simulation() -> None:
    modules = ("random.", "numpy.random.", "np.random.")
    seeded = {*GLOBAL_CHANCE, "numpy.random.default_rng", "numpy.random.Generator"}
    chance = [place(p, c) for p in CODE for c, name in calls(p) if name.startswith(modules) and name not in seeded]
    hidden = [place(p, n) for p in CODE for n in nodes(p) if isinstance(n, ast.ImportFrom)
              and n.module in ("random", "time") and {a.name for a in n.names} - {"Random"}]  # fmt: skip
    clock = [place(path, call) for path in SIM if below(path, 4) for call, name in calls(path) if name in WALL_CLOCK]
    assert chance + hidden + clock == []


def test_functions_fit_a_screen_and_files_a_few() -> None:
    functions = [(path, node) for path in CODE for node in nodes(path) if isinstance(node, Function)]
    sizes = [(place(path, node), (node.end_lineno or 0) - node.lineno + 1) for path, node in functions]
    assert [(where, lines) for where, lines in sizes if lines > 50] == []
    lengths = [(place(path), len(path.read_text(encoding="utf-8").splitlines())) for path in CODE]
    assert [(where, lines) for where, lines in lengths if lines > 300] == []


def undocumented(path: Path, node: ast.Module | ast.ClassDef) -> Iterator[str]:
    if ast.get_docstring(node) is None:
        yield f"{place(path, node)}: {getattr(node, 'name', 'the module')}"
    public = [part for part in node.body if isinstance(part, ast.ClassDef | Function) and part.name[0] != "_"]
    for part in public:
        if isinstance(part, ast.ClassDef):
            yield from undocumented(path, part)
        elif ast.get_docstring(part) is None:
            yield f"{place(path, part)}: {part.name}"


def test_every_public_module_class_and_function_has_a_docstring() -> None:
    assert [line for path in SIM for line in undocumented(path, tree(path))] == []


def test_importing_sim_is_quick_and_loads_nothing_heavy() -> None:
    code = "import sys, time; t = time.perf_counter(); import sim; print(time.perf_counter() - t, *sys.modules)"
    runs = [subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split() for _ in range(3)]
    assert min(float(run[0]) for run in runs) < 0.3
    assert [name for name in runs[0][1:] if name.split(".")[0] in HEAVY] == []


def can_fail(node: ast.AST, helpers: dict[str, ast.AST]) -> bool:
    """Whether code asserts or expects an exception, itself or in the helpers of its file that it names."""
    inside = list(ast.walk(node))
    attributes = (part for part in inside if isinstance(part, ast.Attribute) and part.attr == "raises")
    if any(isinstance(part, ast.Assert) for part in inside) or "pytest.raises" in map(ast.unparse, attributes):
        return True
    named = [part.id for part in inside if isinstance(part, ast.Name) and part.id in helpers]
    return any(can_fail(helpers[name], {**helpers, name: ast.Pass()}) for name in named)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_can_fail(path: Path) -> None:
    functions = {node.name: node for node in nodes(path) if isinstance(node, Function)}
    tests = [node for name, node in functions.items() if name.startswith("test_")]
    helpers: dict[str, ast.AST] = {name: node for name, node in functions.items() if not name.startswith("test_")}
    assert tests
    assert [place(path, node) for node in tests if not can_fail(node, helpers)] == []
