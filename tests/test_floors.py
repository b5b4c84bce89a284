"""The floors of the house against the real imports: who may import whom, and what is spelled where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "airflow_provider_mailersend"

#: From the top down: a floor imports from its own and from those below.
FLOORS = (
    {"example_dags"},
    {"operators", "sensors", "transfers"},
    {"task"},
    {"triggers"},
    {"hooks"},
    {"rendering", "moments", "status_lines", "failures", "assets", "links"},
    {"jobs"},
    {"api"},
    {"exceptions", "provider_info"},
)
HEIGHTS = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms}

HTTP = {"requests", "httpx", "urllib3"}

MOST_LINES = 400


def modules() -> dict[str, Path]:
    """Return the files of the package and the examples by the names of their modules."""
    files = [*ROOT.glob(f"{PACKAGE}/**/*.py"), *ROOT.glob("example_dags/*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


MODULES = modules()
TREES = {name: ast.parse(file.read_text()) for name, file in MODULES.items()}

#: The first part of each URL path in requests.py.
PATHS = {
    path[0]
    for node in ast.walk(TREES[f"{PACKAGE}.api.requests"])
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
    if (path := re.match(r"/[a-z-]+", node.value))
}

#: What only the wire knows: a URL's path, and the vendor's codes.
WIRE_WORD = re.compile(rf"({'|'.join(PATHS)})\b|MS4\d{{4}}")


def room_of(module: str) -> str:
    """Return the room of a module: the package's folder, or the module at its root."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == PACKAGE else first


def imports(module: str, *, when_imported: bool = False) -> Iterator[str]:
    """
    Yield the names of the modules that *module* imports, but for those that only type checkers see.

    :param when_imported: only what it imports when it is imported itself, and not what its functions import.
    """
    waiting: list[ast.AST] = [TREES[module]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in whole)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not (when_imported and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            waiting += ast.iter_child_nodes(node)


def ours(module: str, *, when_imported: bool = False) -> set[str]:
    found = set(imports(module, when_imported=when_imported))
    return {each for each in found if each.startswith((f"{PACKAGE}.", "example_dags."))}


def docstrings(tree: ast.AST) -> set[int]:
    """Return the ids of the strings in *tree* that are documentation."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_imports_point_one_way() -> None:
    upwards = [
        f"{module} imports {imported}"
        for module in MODULES
        if (height := HEIGHTS.get(room_of(module))) is not None
        for imported in ours(module)
        if HEIGHTS.get(room_of(imported), -len(FLOORS)) > height
    ]
    assert upwards == []


def test_every_room_has_its_floor() -> None:
    rooms = {room_of(module) for module in MODULES} - {"", "sandbox"}
    assert rooms <= HEIGHTS.keys()


def test_the_core_knows_neither_airflow_nor_an_http_library_nor_a_clock() -> None:
    foreign = {"airflow", *HTTP, "socket", "asyncio", "time"}
    assert [
        f"{module} imports {imported}"
        for module in MODULES
        if room_of(module) in ("api", "jobs", "exceptions")
        for imported in imports(module)
        if imported.partition(".")[0] in foreign
    ] == []


def test_what_airflow_parses_imports_no_http_library() -> None:
    """Not by itself, nor by what it imports."""
    parsed = ("operators", "sensors", "transfers", "triggers", "example_dags")
    waiting = [module for module in MODULES if room_of(module) in parsed and module != "example_dags.demo"]
    met = set(waiting)
    while waiting:
        module = waiting.pop()
        imported = set(imports(module, when_imported=True))
        assert not {each.partition(".")[0] for each in imported} & HTTP, module
        new = (imported & MODULES.keys()) - met
        met |= new
        waiting += new


def test_the_sandbox_stands_apart() -> None:
    demo = "example_dags.demo"
    assert [
        f"{module} imports {imported}"
        for module in MODULES
        for imported in ours(module)
        if module != demo
        and (
            (room_of(module) != "sandbox" and room_of(imported) == "sandbox")
            or (room_of(module) == "sandbox" and room_of(imported) not in ("sandbox", "api"))
        )
    ] == []


def test_there_is_no_circle() -> None:
    # A circle ends this with an error that names it.
    TopologicalSorter({module: ours(module, when_imported=True) - {module} for module in MODULES}).prepare()


def test_no_module_is_long() -> None:
    lengths = {
        str(file.relative_to(ROOT / PACKAGE)): len(file.read_text().splitlines())
        for module, file in MODULES.items()
        if room_of(module) != "example_dags"
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_only_the_wire_spells_paths_and_codes() -> None:
    apart = ("api", "sandbox", "example_dags", "links")
    assert {"/suppressions", "/domains", "/api-quota"} <= PATHS
    assert [
        f"{module}:{node.lineno}: {node.value}"
        for module, tree in TREES.items()
        if room_of(module) not in apart
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings(tree)
        and WIRE_WORD.search(node.value)
    ] == []
