"""The whole energy of `--config paper` at full size, with random numbers for weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pie_jax.configs import paper

ROOT = Path(__file__).resolve().parents[1]
MEMORY = 16 * 2**30
TERMS = paper.get_config().energy.to_dict().keys()

MAGNITUDES = {
    "pixel": 3.9e8,
    "perceptual": 5.1e10,
    "edit_photometric": 6.7e8,
    "edit_landmark": 6.8e3,
    "invariance_photometric": 6.7e8,
    "invariance_landmark": 6.6e3,
    "recognition": 42.8,
    "recognition_edited": 42.8,
}
"""Unweighted: where the default leaves jemison (docs/measurements.md), and of
VGG-Face the paper's table 2."""
NONE = "rig_identity"
"""What RigNet's map has none of."""
DROWNED = 200
"""The paper's constants make 130 pixel terms of the features, 35 of landmarks, and a
ninetieth of recognition."""


def test_no_term_drowns_the_others():
    weights = paper.get_config().energy.to_dict()
    assert weights.keys() == MAGNITUDES.keys() | {NONE}
    pixel = weights["pixel"] * MAGNITUDES["pixel"]
    for name, magnitude in MAGNITUDES.items():
        share = weights[name] * magnitude / pixel
        assert 1 / DROWNED < share < DROWNED, (name, share)


@pytest.mark.large
def test_a_step_fits_in_16_gb_and_every_term_has_a_finite_gradient():
    code = "from tests import paper_stack; paper_stack.main()"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    report = json.loads(run.stdout.splitlines()[-1])
    assert report["values"].keys() == report["gradients"].keys() == TERMS
    for kind in ("values", "gradients"):
        assert report[kind].pop(NONE) == 0
        for name, value in report[kind].items():
            assert 0 < value < float("inf"), (kind, name)
    assert report["moved"] > 0
    assert report["peak_bytes"] < MEMORY, report["peak_bytes"] / 2**30
