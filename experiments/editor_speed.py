r"""How fast the editor is, as a hand in a browser sees it.

    python -m experiments.editor_speed embedded/anna

Serves the portrait's folder, drags the head in Chromium without a window, and counts
distinct pictures; prints JSON. Seconds are real ones: let nothing else run.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from experiments import script
from experiments.editor_server import browser, served
from pie_jax.editing.targets import Amount
from pie_jax.ui.studio import Opened, Studio
from pie_jax.workflows.requests import Request

PICTURE = ".stage img"
_COUNT = """() => {
  window.seen = [];
  const image = document.querySelector(".stage img");
  let last = image.src;
  image.addEventListener("load", () => {
    if (image.src !== last) window.seen.push([performance.now(), image.naturalWidth]);
    last = image.src;
  });
}"""


def main() -> None:
    """Prints what was measured."""
    parser = script.parser(__doc__)
    parser.add_argument("portrait", type=Path, help="a portrait's folder")
    args = parser.parse_args()
    found = {
        "full_pictures_a_second": drawn(args.portrait, small=False),
        "small_pictures_a_second": drawn(args.portrait, small=True),
    }
    with (
        tempfile.TemporaryDirectory() as place,
        served(args.portrait.parent, Path(place) / "log") as server,
        browser() as chromium,
    ):
        found |= dragged(chromium, server.address, args.portrait.name)
    print(json.dumps(found, indent=1))


def drawn(portrait: Path, seconds: float = 10.0, *, small: bool) -> float:
    """Edited pictures a second on their way to the browser, those of a moving hand or as
    large as the generator's: the server's work alone."""
    opened: Opened = Studio(portrait.parent)._open(portrait.name)
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + seconds:
        degrees = Amount(-20 + 40 * (count % 20) / 20)
        opened.live(Request({"yaw": degrees}), small=small)
        count += 1
    return count / (time.monotonic() - begun)


def dragged(
    chromium: Any, address: str, name: str, seconds: float = 10.0, times: int = 20
) -> dict[str, float]:
    """Distinct small pictures a second that the browser shows during a drag, and from
    single moves to their pictures the median seconds."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_label(f"Open {name}", exact=True).click()
    page.wait_for_selector(f'{PICTURE}[src^="data:"]')
    page.get_by_role("status").get_by_text("as it was").wait_for()
    page.evaluate(_COUNT)
    box = page.locator(PICTURE).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    begun = time.monotonic()
    while (since := time.monotonic() - begun) < seconds:
        page.mouse.move(x + 0.2 * box["width"] * since / seconds, y)
        page.wait_for_timeout(16)
    shown = len(page.evaluate("window.seen")) / seconds
    waits = [_wait(page, x + 40 + (-1) ** i * 30 + i, y) for i in range(times)]
    page.mouse.up()
    page.close()
    return {"pictures_a_second": shown, "latency_s": statistics.median(waits)}


def _wait(page: Any, x: float, y: float) -> float:
    """Seconds from a move to the picture that comes of it."""
    page.wait_for_timeout(400)
    page.evaluate("window.seen = []; window.moved = performance.now()")
    page.mouse.move(x, y)
    page.wait_for_function("window.seen.length > 0")
    return page.evaluate("window.seen[0][0] - window.moved") / 1000


if __name__ == "__main__":
    script.run(main)
