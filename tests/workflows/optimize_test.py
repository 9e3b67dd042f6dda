import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pie_jax.io import codes
from pie_jax.io.checkpoints import Checkpoints
from tests import builders

pytestmark = pytest.mark.usefixtures("no_weights")

LONG = (
    "--config.stages[0].num_steps=400",
    "--config.stages[1].num_steps=200",
    "--config.report_every=10",
    "--config.checkpoint_every=20",
)
TOTAL = 600
EDITS = (
    "--config.energy.rig_identity=1e-3",
    "--config.energy.edit_photometric=1e-9",
    "--config.energy.edit_landmark=1e-7",
    "--config.energy.invariance_photometric=1e-9",
)


def outcome(folder) -> tuple:
    """All of a result that does not depend on the clock."""
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["seconds"]
    code, origin = codes.load(folder)
    pictures = [(folder / f"{x}.png").read_bytes() for x in ("aligned", "projection")]
    return {k: x.tobytes() for k, x in code.items()}, metrics, origin, pictures


def first_step(progress: str, total: int) -> int:
    """Where the progress bar began."""
    return int(re.search(rf"(\d+)/{total} ", progress)[1])


def saved_step(out) -> int:
    """The step of the last checkpoint below `out`; 0 when there is none."""
    steps = (x.name for x in out.glob(".progress/*/*") if x.name.isdigit())
    return max(map(int, steps), default=0)


@contextlib.contextmanager
def interrupted_at(step: int):
    """Ends by Ctrl-C when the checkpoint of that step is saved."""
    save = Checkpoints.save

    def save_and_interrupt(self, saved, state, record):
        save(self, saved, state, record)
        if saved >= step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_interrupt)
        yield


def kill_after(step: int, command: list[str], out) -> str:
    """Starts `command`, kills it once `step` is saved, gives what it wrote to stderr."""
    log = out.with_name("log.txt")
    with log.open("w") as stderr:
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
        try:
            while run.poll() is None and saved_step(out) < step:
                time.sleep(0.005)
        finally:
            run.kill()
            status = run.wait()
    assert status == -signal.SIGKILL, log.read_text()
    return log.read_text()


# Ends by SIGKILL when the pictures are written, but not yet the code.
KILLED_WHILE_WRITING = """
import os, signal, sys
from pie_jax.cli import main
from pie_jax.io import codes
codes.write = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
main.main(sys.argv[1:])
"""


def test_a_run_killed_again_and_again_ends_with_the_same_code(
    embedded, tmp_path, capsys
):
    words = ["embed", embedded.photo, *builders.TRIAL, *LONG]
    assert builders.pie(*words, "--out", tmp_path / "whole") == 0
    expected, out = tmp_path / "whole" / "anna", tmp_path / "out"
    words = [str(word) for word in (*words, "--out", out)]
    command = [sys.executable, "-m", "pie_jax.cli.main", *words]

    kill_after(20, command, out)
    kept = saved_step(out)
    assert 20 <= kept < 400
    (key,) = (x.name for x in (out / ".progress").iterdir() if x.is_dir())
    assert not (out / "anna" / "metrics.json").exists()

    shown = kill_after(420, command, out)
    assert first_step(shown, TOTAL) == kept
    kept = saved_step(out)
    assert 420 <= kept < TOTAL

    run = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert first_step(run.stderr, TOTAL) == kept
    assert list(out.glob("anna/.partial-*/projection.png"))
    assert not (out / "anna" / "metrics.json").exists()

    capsys.readouterr()
    assert builders.pie(*words) == 0
    # The last step was saved as well, so nothing was left to optimise.
    assert first_step(capsys.readouterr().err, TOTAL) == TOTAL
    assert outcome(out / "anna") == outcome(expected)
    # Neither checkpoints nor unfinished files are left.
    assert {x.name for x in out.iterdir()} == {"anna"}
    names = {x.name for x in expected.iterdir()}
    assert {x.name for x in (out / "anna").iterdir()} == names

    # Nor by a run that was killed when its results were written.
    for left in (out / ".progress" / key, out / "anna" / f".partial-{'0' * 32}"):
        left.mkdir(parents=True)
    (out / "anna" / ".pie_jax-lock").touch()
    before = outcome(out / "anna")
    assert builders.pie(*words) == 0
    assert "done already" in capsys.readouterr().out
    assert {x.name for x in out.iterdir()} == {"anna"}
    assert {x.name for x in (out / "anna").iterdir()} == names
    assert outcome(out / "anna") == before


def test_what_other_settings_left_of_portraits_that_are_done_is_gone(
    embedded, tmp_path
):
    other = builders.square_photo(tmp_path / "other.png", seed=1)
    words = ("embed", embedded.photo, other, "--out", tmp_path / "out", *builders.TRIAL)
    for more in ("--config.batch_size=2", "--config.seed=5"):
        with interrupted_at(8):
            assert builders.pie(*words, more) == 130
    assert len(list((tmp_path / "out" / ".progress").iterdir())) == 4
    assert builders.pie(*words) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"anna", "other"}


def test_an_interrupted_run_says_so_and_goes_on(embedded, tmp_path, capsys):
    out = tmp_path / "out"
    words = ("embed", embedded.photo, "--out", out, *builders.TRIAL)
    with interrupted_at(8):
        assert builders.pie(*words) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert saved_step(out) == 8
    whole = shutil.copytree(out, tmp_path / "whole")
    for file in filter(Path.is_file, (out / ".progress").rglob("*")):
        file.write_bytes(b"damaged")
    assert builders.pie(*words) == 1
    shown = capsys.readouterr().err
    assert "damaged" in shown and ".progress" in shown
    shutil.rmtree(out)
    whole.rename(out)
    assert builders.pie(*words) == 0
    shown = capsys.readouterr()
    assert first_step(shown.err, 10) == 8
    assert outcome(out / "anna") == outcome(embedded.folder)

    # The bar's figures are before the last step, and not of bytes.
    last = shown.err.rstrip().rpartition("\r")[2]
    assert "10/10" in last
    for part in ("E ", "pixel ", "PSNR "):
        assert re.search(rf"{part}[\d.]+", last)
    metrics = json.loads((out / "anna" / "metrics.json").read_text())
    reported = float(re.search(r"PSNR ([\d.]+)", last)[1])
    assert reported == pytest.approx(metrics["psnr"], abs=0.5)
    assert f"PSNR {metrics['psnr']:.2f} dB" in shown.out


def test_a_run_that_draws_at_random_goes_on_the_same_and_landmarks_are_looked_for(
    embedded, installed, tmp_path, capsys
):
    words = ("embed", embedded.photo, *builders.TRIAL, *EDITS)
    assert builders.pie(*words, "--out", tmp_path / "whole") == 0
    with interrupted_at(4):
        assert builders.pie(*words, "--out", tmp_path / "parts") == 130
    assert builders.pie(*words, "--out", tmp_path / "parts") == 0
    whole, parts = (outcome(tmp_path / x / "anna") for x in ("whole", "parts"))
    assert whole == parts
    names = (x.split(".")[2].partition("=")[0] for x in EDITS)
    assert set(whole[1]["terms"]) == {"pixel", *names}

    words = ("embed", embedded.photo, "--out", tmp_path, *builders.TRIAL)
    edits = "--config.energy.invariance_landmark=1e-7"
    assert builders.pie(*words, edits) == 1  # there is no face in it
    assert "no face found" in capsys.readouterr().err
