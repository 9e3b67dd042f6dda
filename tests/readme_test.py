import re

import jax.numpy as jnp
import numpy as np
import pytest

import pie_jax
from tests import documents, toys
from tests.documents import ROOT

README = ROOT / "README.md"
LINES = 10


def test_the_page_runs_from_top_to_bottom(tmp_path, installed):
    documents.bring(README, tmp_path, toys.PHOTO)
    with documents.stand_ins(tmp_path):
        names = documents.run_page(README)
    assert (tmp_path / "embedded" / "face" / "sheet.png").is_file()
    assert names["images"].shape == (2, 1024, 1024, 3)
    assert names["sweep"].shape == (5, 1, 16, 16, 3)
    np.testing.assert_array_equal(names["w_plus"], names["embedding"].w_plus)
    assert names["slopes"]["pixel"].shape == names["w_plus"].shape
    assert jnp.argmin(names["totals"], axis=0).tolist() == [4, 4]
    own = pie_jax.synthesize(names["own"], jnp.ones((1, 8, 512)))
    assert own.shape == (1, 64, 64, 3)


def test_each_use_is_under_ten_lines():
    python = [b for b in documents.blocks(README) if b.language == "python"]
    assert len(python) == 6
    for block in python:
        lines = [x for x in block.text.splitlines() if x.strip()]
        assert len(lines) < LINES, block.text
        assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("mark", ["run-command", "test-command"])
def test_the_two_commands_are_one_line_each(mark):
    pattern = rf"<!-- {mark} -->\n```\n(.*?)```\n<!-- end -->"
    (inside,) = re.findall(pattern, README.read_text(), re.DOTALL)
    assert inside.count("\n") == 1
