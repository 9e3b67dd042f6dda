r"""Gathers results of `pie embed`: a table of their figures and a contact sheet.

pie embed photos/*.jpg --out embedded
python -m experiments.report embedded --sheet embedded.jpg --only jemison ride
"""

import argparse
import json
from pathlib import Path

from PIL import Image

TILE = 320


def main() -> None:
    """Prints the table, and draws the sheet if asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="what was --out")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="picture to write")
    parser.add_argument("--only", nargs="+", metavar="STEM", help="portraits to show")
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.results.glob("*/metrics.json"))
    print(table(folders))
    if args.sheet:
        shown = [x for x in folders if not args.only or x.name in args.only]
        sheet(shown).save(args.sheet, quality=90)


def table(folders: list[Path]) -> str:
    """A Markdown table, one line per portrait, and the means."""
    rows = [json.loads((folder / "metrics.json").read_text()) for folder in folders]
    lines = [
        "| portrait | PSNR (dB) | SSIM | recognition distance | iterations | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for folder, row in zip(folders, rows, strict=True):
        lines.append(
            f"| {folder.name} | {row['psnr']:.2f} | {row['ssim']:.3f} "
            f"| {_number(row['recognition_distance'])} | {row['iterations']} "
            f"| {row['seconds']:.0f} |"
        )
    if rows:
        distances = [row["recognition_distance"] for row in rows]
        distance = None if None in distances else _mean(distances)
        lines.append(
            f"| mean | {_mean([row['psnr'] for row in rows]):.2f} "
            f"| {_mean([row['ssim'] for row in rows]):.3f} | {_number(distance)} | | |"
        )
    return "\n".join(lines)


def sheet(folders: list[Path]) -> Image.Image:
    """Photographs in the upper row, their projections below."""
    picture = Image.new("RGB", (TILE * len(folders), 2 * TILE))
    for column, folder in enumerate(folders):
        for row, name in enumerate(("aligned.png", "projection.png")):
            tile = Image.open(folder / name).resize(
                (TILE, TILE), Image.Resampling.LANCZOS
            )
            picture.paste(tile, (column * TILE, row * TILE))
    return picture


def _number(value: float | None) -> str:
    return "no face found" if value is None else f"{value:.3f}"


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
