import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pie_jax
from pie_jax.cli import convert, main, synthesize
from pie_jax.configs import common
from pie_jax.stack import configuration, networks, registry
from tests import documents, toys
from tests.documents import PAGES, ROOT, name_of

PACKAGE = ROOT / "pie_jax"
WEIGHTS = (ROOT / "docs" / "weights.md").read_text()
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text()
TEXT = {page: page.read_text("utf-8") for page in PAGES}
OTHERS = [page for page in PAGES if page.name != "README.md"]


@pytest.mark.parametrize(
    "page", [x for x in OTHERS if documents.blocks(x)], ids=name_of
)
def test_a_page_runs(page, tmp_path, installed):
    documents.bring(page, tmp_path, toys.PHOTO)
    with documents.stand_ins(tmp_path):
        documents.run_page(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_are_of_languages_that_are_run_and_shells_leave_them_as_they_are(page):
    languages = {block.language for block in documents.blocks(page)}
    assert languages <= {"python", "text", *documents.SHELL}
    for block in documents.blocks(page):
        text = block.text if block.language in documents.SHELL else ""
        for word in re.findall(r"\S*\[\S*", text):
            assert re.fullmatch(r"""(["']).*\[.*\].*\1""", word), f"quote {word}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_files_that_are_named_exist(page):
    for name in re.findall(r"`([a-z_]+/[\w/.]+\.(?:py|md|safetensors))`", TEXT[page]):
        assert any((folder / name).is_file() for folder in (ROOT, PACKAGE)), name
    for module in re.findall(r"`(pie_jax(?:\.\w+)+)", TEXT[page]):
        assert _is_there(module), module


def _is_there(dotted):
    """Whether a module, or a name in one, is there."""
    inside = dotted.removeprefix("pie_jax.").replace(".", "/")
    for where in (PACKAGE / inside, ROOT / inside):  # configs and converters are there
        if where.is_dir() or where.with_suffix(".py").is_file():
            return True
    parent, _, name = dotted.rpartition(".")
    file = (ROOT / parent.replace(".", "/")).with_suffix(".py")
    if parent == "pie_jax":
        file = PACKAGE / "__init__.pyi"
    return file.is_file() and re.search(rf"\b{name}\b", file.read_text()) is not None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXT[page]):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, link


def _anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_page_is_in_the_readme_and_every_kind_of_file_and_network_is_told():
    readme = TEXT[ROOT / "README.md"]
    for page in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{page.name})" in readme, page.name

    told = set(re.findall(r"`pie convert (\w+)`", WEIGHTS))
    assert told == set(registry.CONVERTIBLE)
    for carried in registry.CARRIED.values():
        assert f"`{carried.carrier}`" in WEIGHTS


def test_the_reference_has_the_docstrings():
    pytest.importorskip("griffe2md", reason="docs/api.md is written by griffe2md")
    (line,) = re.findall(r"^(griffe2md .*) > docs/api\.md$", CONTRIBUTING, re.MULTILINE)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    made = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (ROOT / "docs" / "api.md").read_text() == made, f"run {line} > docs/api.md"
    for name in pie_jax.__all__:
        assert f"\n## `{name}`\n" in made


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_configurations_and_networks_that_are_named_exist(page):
    names = {command.__name__.rpartition(".")[2] for command in main.COMMANDS}
    assert set(re.findall(r"`pie (\w+)", TEXT[page])) <= names
    text = TEXT[page] + convert.EXAMPLES + synthesize.EXAMPLES
    for name in re.findall(r"--config (\w+)", text):
        assert name in configuration.shipped()
    for part, name in re.findall(r'config\.(\w+) = "(\w+)"', text):
        assert name in networks.NAMED[part]
    for part in re.findall(r"config\.files\.(\w+)=", text):
        assert part in common.get_config().files
