r"""Clicks and drags in the editor at random, and looks at what the server makes of it.

    python -m experiments.editor_clicks embedded/anna --seconds 600

Prints the server's memory after a tenth of the time and at the end, and how many
tracebacks it wrote; the same seed clicks the same.
"""

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from experiments import script
from experiments.editor_server import browser, served
from experiments.editor_speed import PICTURE

KEYS = ",.[]-=mzyrcwgf"
TABS = ("Portraits", "Pose", "Expression", "Light", "More")
_WARM = 0.1
"""The share of the time in which all programs are compiled and panels made."""


def main() -> None:
    """Prints JSON."""
    numbers = {"seconds": (600.0, "how long"), "seed": (0, "of what is clicked")}
    parser = script.parser(__doc__, **numbers)
    parser.add_argument("portrait", type=Path, help="a portrait's folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with served(args.portrait.parent, log) as server, browser() as chromium:
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(120_000)
            page.goto(server.address)
            page.get_by_label(f"Open {args.portrait.name}", exact=True).click()
            page.wait_for_selector(f'{PICTURE}[src^="data:"]')
            rng, memory = random.Random(args.seed), []
            for share in (_WARM, 1 - _WARM):
                acts = click(page, rng, share * args.seconds)
                memory.append(server.resident())
        found = {
            "megabytes": memory,
            "acts": acts,
            "tracebacks": log.read_text().count("Traceback"),
        }
    print(json.dumps(found))


def click(page: Any, rng: random.Random, seconds: float) -> int:
    """Drags, keys, tabs and sliders for some time; how many."""
    acts, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        rng.choice([drag, press, choose, slide])(page, rng)
        acts += 1
    return acts


def drag(page: Any, rng: random.Random) -> None:
    """Drags the picture anywhere."""
    box = page.locator(PICTURE).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    away = [rng.uniform(-0.5, 0.5) * box["width"] for _ in range(2)]
    page.mouse.move(x + away[0], y + away[1], steps=5)
    page.mouse.up()


def press(page: Any, rng: random.Random) -> None:
    """Presses a key."""
    page.keyboard.press(rng.choice(KEYS))


def choose(page: Any, rng: random.Random) -> None:
    """Chooses a panel."""
    page.get_by_role("tab", name=rng.choice(TABS)).click()


def slide(page: Any, rng: random.Random) -> None:
    """Clicks anywhere on one of the sliders that are seen."""
    sliders = page.get_by_role("slider").locator("visible=true").element_handles()
    box = rng.choice(sliders).bounding_box() if sliders else None
    if box is not None:  # a panel may slide away
        x = box["x"] + rng.random() * box["width"]
        page.mouse.click(x, box["y"] + box["height"] / 2)


if __name__ == "__main__":
    script.run(main)
