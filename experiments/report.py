r"""Gathers results of `pie embed`: a table of their figures and a contact sheet.

    pie embed photos/*.jpg --out embedded
    python -m experiments.report embedded --sheet embedded.jpg --only jemison ride

The sheet has photographs in the upper row, their projections below.
"""

import json
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image

from experiments import pictures, script

TILE = 320
_FIGURES = {"psnr": 2, "ssim": 3, "recognition_distance": 3}
"""Their digits."""


def main() -> None:
    """Prints the table, and draws the sheet if asked for."""
    parser = script.parser(__doc__, "sheet")
    parser.add_argument("results", type=Path, help="what was --out")
    parser.add_argument("--only", nargs="+", metavar="STEM", help="portraits to show")
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.results.glob("*/metrics.json"))
    print(table(folders))
    if args.sheet:
        shown = [x for x in folders if not args.only or x.name in args.only]
        rows = [
            np.stack([_tile(folder / name) for folder in shown])
            for name in ("aligned.png", "projection.png")
        ]
        pictures.sheet(args.sheet, rows)


def table(folders: list[Path]) -> str:
    """A Markdown table, one line per portrait, and the means."""
    rows = [json.loads((folder / "metrics.json").read_text()) for folder in folders]
    lines = [
        "| portrait | PSNR (dB) | SSIM | recognition distance | iterations | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for folder, row in zip(folders, rows, strict=True):
        words = _figures(row) + f"{row['iterations']} | {row['seconds']:.0f} |"
        lines.append(f"| {folder.name} {words}")
    if rows:
        figures = {k: [row[k] for row in rows] for k in _FIGURES}
        means = {k: None if None in x else fmean(x) for k, x in figures.items()}
        lines.append(f"| mean {_figures(means)}| |")
    return "\n".join(lines)


def _figures(row: dict) -> str:
    words = (
        "no face found" if row[name] is None else f"{row[name]:.{digits}f}"
        for name, digits in _FIGURES.items()
    )
    return f"| {' | '.join(words)} | "


def _tile(file: Path) -> np.ndarray:
    size = (TILE, TILE)
    return np.asarray(Image.open(file).resize(size, Image.Resampling.LANCZOS))


if __name__ == "__main__":
    script.run(main)
