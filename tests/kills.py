r"""Kills `pie embed` at random moments until it has finished, over and over.

    python -m tests.kills --num 200

Nothing may be lost, the next run leaves nothing lying about, and all comes out as from
a run that nobody disturbed.
"""

import random
import subprocess
import time
from pathlib import Path

from tests import builders, processes
from tests.processes import Run

PHOTOS = 2


def main(num: int, seed: int, place: Path) -> dict[str, int]:
    """Kills `num` times; what happened, or an AssertionError.

    Args:
        num: kills.
        seed: of their moments.
        place: an empty folder.
    """
    draw = random.Random(seed)
    photos, log = processes.photos(place / "photos", PHOTOS), place / "log.txt"
    words = ("embed", *photos, *builders.TRIAL, "--out")
    for _ in range(2):  # the first one compiles
        whole = processes.fresh(place / "whole")
        run = Run(log, *words, whole)
        run.wait_until_ready()
        begun = time.monotonic()
        assert run.process.wait() == 0, log.read_text()
        seconds = time.monotonic() - begun
    expected = processes.outcome(whole)
    killed = finished = 0
    while killed < num:
        out, ended = processes.fresh(place / "out"), None
        while ended is None:
            run = Run(log, *words, out)
            run.wait_until_ready()
            try:
                # Once there were enough of them, the last one may finish.
                moment = draw.uniform(0, seconds) if killed < num else None
                ended = run.process.wait(moment)
            except subprocess.TimeoutExpired:
                run.kill()
                killed += 1
        assert ended == 0, log.read_text()
        assert processes.outcome(out) == expected, log.read_text()
        finished += 1
    return {"killed": killed, "finished": finished}


if __name__ == "__main__":
    processes.command(main, __doc__, num=200)
