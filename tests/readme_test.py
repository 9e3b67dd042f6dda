"""What the README shows works as it is written."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

import pie_jax
from tests import documents, toys
from tests.documents import ROOT

README = ROOT / "README.md"
LINES = 10


@pytest.fixture
def place(tmp_path, installed):
    """A folder with nothing but the photographs that a reader brings."""
    documents.bring(README, tmp_path, toys.PHOTO)
    return tmp_path


def test_the_python_runs_from_top_to_bottom(place):
    with documents.stand_ins(place):
        names = documents.run_python(README)
    assert names["images"].shape == (2, 1024, 1024, 3)
    assert names["sweep"].shape == (5, 2, 16, 16, 3)
    np.testing.assert_array_equal(names["w_plus"], names["embedding"].w_plus)
    assert names["slopes"]["pixel"].shape == names["w_plus"].shape
    own = pie_jax.synthesize(names["own"], jnp.ones((1, 8, 512)))
    assert own.shape == (1, 64, 64, 3)


def test_each_use_is_under_ten_lines():
    python = [b for b in documents.blocks(README) if b.language == "python"]
    assert len(python) == 6
    for block in python:
        lines = [x for x in block.text.splitlines() if x.strip()]
        assert len(lines) < LINES, block.text
        assert max(map(len, lines)) <= 100


def test_the_commands_run(place):
    with documents.stand_ins(place):
        for command in documents.commands(README):
            documents.run(command)
    assert (place / "embedded" / "face" / "sheet.png").is_file()


@pytest.mark.parametrize("mark", ["run-command", "test-command"])
def test_the_two_commands_are_one_line_each(mark):
    pattern = rf"<!-- {mark} -->\n```\n(.*?)```\n<!-- end -->"
    (inside,) = re.findall(pattern, README.read_text(), re.DOTALL)
    assert inside.count("\n") == 1
