"""What the README shows works as it is written."""

import re
import runpy
from pathlib import Path

import pytest

from tests import builders

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    """The contents of the README's fenced blocks of one language ("": commands)."""
    parts = re.split(r"^```(\w*)\n", README.read_text(), flags=re.MULTILINE)
    return [
        content
        for kind, content in zip(parts[1::4], parts[2::4], strict=True)
        if kind == language
    ]


def test_the_python_example_runs(tmp_path, monkeypatch):
    (example,) = (x for x in blocks("python") if "schedule.begin" in x)
    # The same program on a generator and a photograph that need no download.
    for shown, small in (
        ('config.load("default")', 'config.load("testing")'),
        ('runtime.start(values, "landmarks68")', "runtime.start(values)"),
        (
            'portraits.load_portrait("face.jpg")',
            'portraits.load_aligned("face.png", landmarks=False)',
        ),
    ):
        assert shown in example
        example = example.replace(shown, small)
    builders.square_photo(tmp_path / "face.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "example.py").write_text(example)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert names["image"].shape == (1, 16, 16, 3)
    assert names["w_plus"].shape == (1, 5, 512)


@pytest.mark.parametrize("mark", ["run-command", "test-command"])
def test_the_two_commands_are_one_line_each(mark):
    pattern = rf"<!-- {mark} -->\n```\n(.*?)```\n<!-- end -->"
    (inside,) = re.findall(pattern, README.read_text(), re.DOTALL)
    assert inside.count("\n") == 1


def test_shells_leave_the_commands_as_they_are_written():
    assert blocks("")
    for block in blocks(""):
        for word in re.findall(r"\S*\[\S*", block):
            assert re.fullmatch(r'".*\[.*\].*"', word), f"quote {word}"


def test_every_file_that_is_named_exists():
    root = README.parent
    for name in re.findall(
        r"`((?:pie_jax|configs|tests)/[\w/]+\.py)`", README.read_text()
    ):
        assert (root / name).is_file(), name
