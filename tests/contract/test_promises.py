"""Every variable, default, promise, number and command of the documents has something that keeps it.

tests/promises.toml is the table. This module holds it complete against the documents' text (../shared/spec beside
the checkout, which a newcomer's clone lacks: then only that part is skipped) and holds every `kept_by` to what
exists. It judges no promise itself: the tests that the table names do.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from personas.registry import load_registry
from settings import TABLE, default_text

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT.parent / "shared" / "spec"
DOCUMENTS = ("deployment-guide", "runbook", "http-api")
# Issues that may still owe something, by number, and the parts of the product whose issues are not filed yet.
LATER = (4, 5, 6, "operations")

VARIABLE = re.compile(r"\b(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT)\b")
NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?")
ORDINAL = re.compile(r"^\d+\. ")
# Capitals with underscores that name no variable.
NO_VARIABLES: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Promise:
    """A row: lines of a document as they stand there, and what keeps them."""

    document: str
    says: tuple[str, ...]
    kept_by: tuple[str, ...]
    due: int | str | None
    note: str

    @property
    def account(self) -> str:
        """All that the row says about its lines: where their variables and numbers must turn up."""
        return " ".join((*self.kept_by, self.note))


def squeezed(line: str) -> str:
    return " ".join(line.split())


@cache
def promises() -> tuple[Promise, ...]:
    with (ROOT / "tests" / "promises.toml").open("rb") as file:
        table: dict[str, list[dict[str, Any]]] = tomllib.load(file)
    assert set(table) == set(DOCUMENTS)
    rows = []
    for document in DOCUMENTS:
        for row in table[document]:
            assert set(row) <= {"says", "kept_by", "due", "note"}, row
            says = row["says"] if isinstance(row["says"], list) else [row["says"]]
            rows.append(
                Promise(
                    document,
                    tuple(squeezed(line) for line in says),
                    tuple(row.get("kept_by", ())),
                    row.get("due"),
                    row.get("note", ""),
                )
            )
    return tuple(rows)


def lines_of(document: str) -> Iterator[str]:
    """The lines of a document that say something: no headings, comments of a code block, fences or rulers."""
    for raw in (SPEC / f"{document}.md").read_text(encoding="utf-8").splitlines():
        line = squeezed(raw)
        if line and not line.startswith(("#", "```")) and not re.fullmatch(r"[|\-: ]+", line):
            yield line


needs_documents = pytest.mark.skipif(
    not SPEC.is_dir() and os.environ.get("CI") != "true",
    reason="the documents (../shared/spec beside the checkout) are not here",
)


@needs_documents
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_line_of_the_document_is_in_the_table(document: str):
    covered = {line for row in promises() if row.document == document for line in row.says}
    missing = [line for line in lines_of(document) if line not in covered]
    assert not missing, f"{len(missing)} lines are not in tests/promises.toml:\n" + "\n".join(missing)


@needs_documents
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_table_quotes_nothing_that_the_document_does_not_say(document: str):
    said = set(lines_of(document))
    stale = [line for row in promises() if row.document == document for line in row.says if line not in said]
    assert not stale


def refs(*kinds: str) -> list[tuple[str, str]]:
    """Every reference of the table of these kinds, with its value."""
    split = {tuple(ref.partition(":")[::2]) for row in promises() for ref in row.kept_by}
    return sorted((kind, value) for kind, value in split if kind in kinds)


def test_every_reference_is_of_a_known_kind():
    kinds = {"setting", "route", "test", "file", "persona", "advice"}
    assert {ref.partition(":")[0] for row in promises() for ref in row.kept_by} <= kinds


def test_every_row_is_kept_or_due():
    for row in promises():
        assert row.says, row
        assert row.kept_by or row.due, f"nothing keeps {row.says}"
        assert row.due is None or row.due in LATER, f"{row.says} is due in {row.due!r}, which is not to come"
        if row.due or "advice" in row.kept_by:
            assert row.note, f"say what will keep, or why nothing can: {row.says}"


def test_every_variable_named_is_accounted_for_by_its_setting():
    for row in promises():
        for line in row.says:
            for name in set(VARIABLE.findall(line)) - NO_VARIABLES:
                settings = {
                    ref.partition(":")[2].partition("=")[0]
                    for ref in row.kept_by
                    if ref.startswith("setting:")
                }
                assert name in settings, f"{name} in {line!r}: add setting:{name}"


def test_every_number_is_accounted_for():
    for row in promises():
        for line in row.says:
            for number in NUMBER.findall(ORDINAL.sub("", line)):
                assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", row.account), (
                    f"{number} in {line!r}: name it in kept_by or in the note"
                )


@pytest.mark.parametrize("value", [value for _, value in refs("setting")])
def test_settings_exist_with_the_default_that_is_promised(value: str):
    name, promised, default = value.partition("=")
    assert name.lower() in TABLE
    if promised:
        assert default_text(name.lower()) == default


@cache
def served_routes() -> set[str]:
    from api.application import create_app
    from settings import load_settings

    application = create_app(load_settings(), watch=False)
    paths = application.openapi()["paths"]
    plain = {(method, re.sub(r"{.*?}", "{}", path)) for path, methods in paths.items() for method in methods}
    return {f"{method.upper()} {path}" for method, path in plain}


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
@pytest.mark.parametrize("value", [value for _, value in refs("route")])
def test_routes_are_served(value: str):
    assert re.sub(r"{.*?}", "{}", value) in served_routes()


@needs_documents
def test_every_route_of_the_contract_is_in_the_table():
    text = (SPEC / "http-api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)`", text, re.MULTILINE))
    assert named == {value for _, value in refs("route")}


@cache
def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("value", [value for _, value in refs("test")])
def test_tests_exist(value: str):
    path, _, name = value.partition("::")
    assert (ROOT / path).is_file(), path
    assert name.startswith("test_")
    assert name in functions_in(ROOT / path), value


@pytest.mark.parametrize("value", [value for _, value in refs("file")])
def test_files_exist_and_say_what_is_promised(value: str):
    """`path`, or `path~text` for a text that must stand in it."""
    path, has_text, text = value.partition("~")
    assert (ROOT / path).exists(), path
    if has_text:
        assert squeezed(text) in squeezed((ROOT / path).read_text(encoding="utf-8")), value


@pytest.mark.parametrize("value", [value for _, value in refs("persona")])
def test_personas_exist(value: str):
    assert value in load_registry().names


# Calls that put bytes into a file; what the product writes is the journal (SQLite) and downloaded models.
_WRITES_BYTES = {"write_bytes", "tofile", "save", "savez", "setnframes", "writeframes", "writeframesraw"}


@pytest.mark.parametrize("package", ["voice", "providers", "debate", "api", "personas"])
def test_no_audio_is_written_to_disk(package: str):
    found = []
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            modes = [c.value for c in ast.walk(node) if isinstance(c, ast.Constant)] if name == "open" else []
            if name in _WRITES_BYTES or {"wb", "ab", "xb", "w+b", "r+b"} & {str(mode) for mode in modes}:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_files_are_downloaded_at_build_time_where_livekits_keys_are_not_known_yet(
    monkeypatch: pytest.MonkeyPatch,
):
    """The Dockerfile runs `download-files` in production, before Render gives the container its secrets."""
    import debate_moderator_agent

    downloads: list[object] = []
    monkeypatch.setenv("SAGE_ENV", "production")
    monkeypatch.setattr("providers.download.download_files", downloads.append)
    assert debate_moderator_agent.main(["download-files"]) == 0
    assert len(downloads) == 1


def test_where_ci_runs_the_documents_must_be_there():
    if os.environ.get("CI") == "true":
        assert SPEC.is_dir(), "../shared/spec is missing: completeness cannot be checked"
