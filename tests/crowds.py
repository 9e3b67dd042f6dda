r"""Lets two `pie embed` work on one folder of three photographs, over and over.

    python -m tests.crowds --num 20

Neither fails, nothing is done twice, and nothing is left lying about.
"""

import random
import time
from pathlib import Path

from tests import builders, processes
from tests.processes import Run

PHOTOS = 3


def main(num: int, seed: int, place: Path) -> dict[str, int]:
    """Does it `num` times; what happened, or an AssertionError.

    Args:
        num: how often.
        seed: of the time between the two starts.
        place: an empty folder.
    """
    draw = random.Random(seed)
    photos = processes.photos(place / "photos", PHOTOS)
    logs = [place / f"{i}.txt" for i in range(2)]
    words = ("embed", *photos, *builders.TRIAL, "--out")
    whole = place / "whole"
    assert Run(logs[0], *words, whole).process.wait() == 0, logs[0].read_text()
    expected, shared = processes.outcome(whole), 0
    for _ in range(num):
        out = processes.fresh(place / "out")
        runs = []
        for log in logs:
            runs.append(Run(log, *words, out))
            time.sleep(draw.choice([0, 0, draw.uniform(0, 2)]))
        ended = [run.process.wait() for run in runs]
        shown = [log.read_text() for log in logs]
        assert ended == [0, 0], shown
        assert processes.outcome(out) == expected, shown
        written = [text.count(" dB, SSIM") for text in shown]
        assert sum(written) == PHOTOS, shown
        assert "another run" in "".join(shown) or 0 in written, shown
        shared += 0 not in written
    return {"times": num, "both wrote some": shared}


if __name__ == "__main__":
    processes.command(main, __doc__, num=20)
