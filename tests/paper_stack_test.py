"""The whole energy of `--config paper` at full size, with random numbers for weights."""

import json
import subprocess
import sys
from pathlib import Path

from pie_jax.configs import paper

ROOT = Path(__file__).resolve().parents[1]
MEMORY = 16 * 2**30
TERMS = paper.get_config().energy.to_dict().keys()


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
    assert report["values"].keys() == TERMS
    for name in TERMS:
        assert 0 < report["values"][name] < float("inf"), name
        assert 0 < report["gradients"][name] < float("inf"), name
    assert report["moved"] > 0
    assert report["peak_bytes"] < MEMORY, report["peak_bytes"] / 2**30
