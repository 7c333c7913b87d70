"""The house keeps its order: imports point down, each part stays out of what is not its own, names say what is."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from launcher.places import REPOSITORY

# Lower may not import higher. Places of one level may import each other where SIDEWAYS says so.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("settings", "settings_checks", "errors", "logs", "signing"),
    ("debate", "memory", "personas", "providers"),
    ("report",),
    ("api", "voice"),
    ("doctor",),
    ("app", "debate_moderator_agent"),
)
SIDEWAYS = {
    ("debate", "personas"),  # a debate has a persona, as data
    ("memory", "debate"),  # the journal stores the debate's events
    ("providers", "personas"),  # a persona has a voice for every link
}
PRODUCT = tuple(place for level in LEVELS for place in level)
# What exercises the product: nothing of it may be imported by the product.
AROUND = ("bench", "launcher", "rehearsal", "simulators", "tests")
ENTRY_FILES = ("app.py", "debate_moderator_agent.py")

# The debate is pure: time is an argument, chance and input and output are not there.
IMPURE = {
    "livekit", "asyncio", "time", "datetime", "random", "secrets", "logging", "threading", "socket", "os", "logs",
    "settings", "uuid", "subprocess",
}  # fmt: skip
MODELS = {
    "moonshine_voice",
    "hibari_tts",
    "hibari",
    "onnxruntime",
    "transformers",
    "torch",
    "huggingface_hub",
}
ENVIRONMENT_READERS = {"settings.py", "launcher/places.py"}

LONGEST_FILE = 400
LONGEST_TEST_FILE = 600
LONGEST_FUNCTION = 50
# "path": "why it is one file all the same"
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
LONG_DOCSTRINGS = {"errors.py": "the error tree stands at its top"}
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)(_|$)")
EMPTY_CLASS_NAMES = re.compile(r"(Utils?|Helpers?|Manager)($|[A-Z])")

TOP_LEVEL = (
    ".ci/run", ".dockerignore", ".env.example", ".gitignore", "CHANGELOG.md", "Dockerfile", "Makefile", "README.md",
    "app.py", "debate_moderator_agent.py", "docs/settings.md", "package-lock.json", "package.json",
    "pyproject.toml", "render.yaml", "requirements-dev.txt", "requirements-lock.txt", "requirements.txt",
)  # fmt: skip


@cache
def files() -> tuple[str, ...]:
    """All files of the tree that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(name for name in listed.splitlines() if (REPOSITORY / name).is_file()))


def python_files(*places: str) -> list[str]:
    """The Python files of top-level places (a module's name or a package's)."""
    return [name for name in files() if name.endswith(".py") and top(name) in places]


def top(name: str) -> str:
    return name.split("/", 1)[0].removesuffix(".py")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((REPOSITORY / name).read_text(encoding="utf-8"), name)


def imports(name: str) -> Iterator[tuple[str, int]]:
    """Each module that a file imports anywhere in it, absolute, with its line."""
    package = name.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module, node.lineno
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def imported_tops(name: str) -> set[str]:
    return {module.split(".")[0] for module, _ in imports(name)}


def level(place: str) -> int:
    return next(number for number, places in enumerate(LEVELS) if place in places)


def test_imports_point_down() -> None:
    wrong = []
    for name in python_files(*PRODUCT):
        for other in sorted(imported_tops(name) & set(PRODUCT) - {top(name)}):
            below = level(other) < level(top(name)) or level(other) == level(top(name)) == 0
            if not below and (top(name), other) not in SIDEWAYS:
                wrong.append(f"{name} imports {other}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_product_imports_nothing_that_exercises_it() -> None:
    wrong = [name for name in python_files(*PRODUCT) if imported_tops(name) & set(AROUND)]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_debate_is_pure() -> None:
    wrong = {name: sorted(imported_tops(name) & IMPURE) for name in python_files("debate")}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_providers_know_nothing_of_debates_and_debates_nothing_of_vendors() -> None:
    assert [name for name in python_files("providers") if "debate" in imported_tops(name)] == []
    vendors = {"openai", "deepgram", "cartesia", "livekit"} | MODELS
    assert [name for name in python_files("debate", "personas") if imported_tops(name) & vendors] == []


def test_the_api_knows_nothing_of_audio() -> None:
    wrong = [
        f"{name}:{line} imports {module}"
        for name in python_files("app", "api")
        for module, line in imports(name)
        if module.split(".")[0] in MODELS | {"voice", "providers", "numpy"}
        or module.startswith(("livekit.agents", "livekit.plugins", "livekit.rtc"))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_web_service_loads_no_voice_no_provider_and_no_model() -> None:
    unwanted = MODELS | {"voice", "providers", "rehearsal", "simulators", "numpy", "livekit.agents"}
    code = (
        "import sys, app; loaded = {m.split('.')[0] for m in sys.modules} | set(sys.modules);"
        f"print(sorted(loaded & {unwanted!r}))"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.stdout.strip().splitlines()[-1:] == ["[]"], answer.stdout + answer.stderr


def test_entry_files_compose_only() -> None:
    for name in ENTRY_FILES:
        assert len((REPOSITORY / name).read_text().splitlines()) <= 150, f"{name} has grown beyond composing"


def test_only_the_settings_read_the_environment() -> None:
    wrong = []
    for name in python_files(*PRODUCT, "launcher", "rehearsal", "simulators", "bench"):
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
                wrong += [] if name in ENVIRONMENT_READERS else [f"{name}:{node.lineno}"]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_what_a_reader_looks_for_is_at_the_top(name: str) -> None:
    assert (REPOSITORY / name).is_file()


def test_no_file_is_too_long_to_read() -> None:
    wrong = []
    for name in files():
        if not name.endswith((".py", ".js", ".mjs", ".css", ".html")):
            continue
        limit = LONGEST_TEST_FILE if top(name) == "tests" else LONGEST_FILE
        length = len((REPOSITORY / name).read_text(encoding="utf-8").splitlines())
        if length > limit and name not in LONG_FILES:
            wrong.append(f"{name} has {length} lines, of {limit}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert [name for name in LONG_FILES if name not in files()] == []


def own_length(function: ast.AST) -> int:
    """Lines of a function without those of functions within it, which are read by themselves."""
    nested = (ast.FunctionDef, ast.AsyncFunctionDef)
    lines = getattr(function, "end_lineno", 0) - getattr(function, "lineno", 0) + 1
    inner = [node for child in ast.iter_child_nodes(function) for node in outermost(child, nested)]
    return lines - sum(getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1 for node in inner)


def outermost(node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    if isinstance(node, kinds):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from outermost(child, kinds)


def test_no_function_is_too_long_to_read() -> None:
    wrong = []
    for name in python_files(*PRODUCT, "launcher", "rehearsal", "simulators", "bench"):
        for node in ast.walk(tree(name)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = own_length(node)
                if length > LONGEST_FUNCTION and f"{name}:{node.name}" not in LONG_FUNCTIONS:
                    wrong.append(f"{name}:{node.name} has {length} lines")
    assert not wrong, "\n" + "\n".join(wrong)


def test_names_say_what_a_thing_is() -> None:
    wrong = [name for name in files() if EMPTY_NAMES.search(Path(name).stem)]
    for name in python_files(*PRODUCT, *AROUND):
        classes = [node.name for node in ast.walk(tree(name)) if isinstance(node, ast.ClassDef)]
        wrong += [f"{name}:{each}" for each in classes if EMPTY_CLASS_NAMES.search(each)]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_module_says_what_it_owns() -> None:
    wrong = []
    for name in python_files(*PRODUCT, "launcher", "rehearsal", "simulators", "bench"):
        docstring = ast.get_docstring(tree(name), clean=True)
        if docstring is None and tree(name).body:
            wrong.append(f"{name} has no docstring")
        elif docstring is not None and len(docstring.splitlines()) > 10 and name not in LONG_DOCSTRINGS:
            wrong.append(f"{name} says it in {len(docstring.splitlines())} lines")
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_readmes_architecture_is_the_tree() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Architecture", 1)[1].split("\n## ", 1)[0]
    listed = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    places = {name.split("/")[0] + "/" if "/" in name else name for name in files()}
    there = {place for place in places if place.endswith((".py", "/")) and not place.startswith(".")}
    assert len(listed) == len(set(listed))
    assert set(listed) == there


def test_the_readmes_links_and_commands_are_there() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (REPOSITORY / target).exists(), f"README.md links to {target}"
    targets = set(re.findall(r"^([a-z%-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for command in re.findall(r"(?:`|^)make ([a-z][a-z-]*)", readme, re.MULTILINE):
        assert command in targets or command.startswith("bench-"), f"README.md says make {command}"


def test_the_changelogs_top_section_is_unreleased() -> None:
    headings = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_no_place_of_one_machine_is_written_down() -> None:
    wrong = []
    for name in files():
        if name.endswith((".png", ".wav", ".ico", ".woff2")):
            continue
        text = (REPOSITORY / name).read_text(encoding="utf-8", errors="replace")
        # Put together here, as this file is read too.
        if any(part in text for part in ("/" + "work/main", "/" + "root/", "/farm" + "/in")):
            wrong.append(name)
    assert not wrong, "\n" + "\n".join(wrong)
