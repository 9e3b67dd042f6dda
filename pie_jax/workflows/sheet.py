"""A sheet of edits of one portrait: poses, expressions, lights, each with its name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from pie_jax.core.theta import COMPONENTS
from pie_jax.io import images, provenance
from pie_jax.workflows import requests
from pie_jax.workflows.editable import open_portrait
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options, shoot

POSES = tuple({"yaw": str(yaw)} for yaw in (-24, -16, -8, 0, 8, 16, 24))
NODS = ({"pitch": "+=-12"}, {"pitch": "+=12"})
EXPRESSIONS = (
    "neutral",
    "neutral,smile=0.8",
    "neutral,jawOpen=0.4",
    "neutral,browsUp=0.8",
    "neutral,blink=0.6",
)
LIGHTS = (
    "azimuth=-60,elevation=10,strength=0.2",
    "azimuth=60,elevation=10,strength=0.2",
    "intensity=1.2",
    "intensity=0.7",
    "colour=#ffe4c4",
)

_CAPTION = 22  # pixels below each picture
_FOOTER = 26


def make(source: Path, config: ConfigDict, options: Options, size: int) -> Image.Image:
    """Edits a portrait in many ways.

    Args:
        source: the folder of an embedded portrait.
        config: of its generator.
        options: how to edit.
        size: pixels on a side of each picture.

    Returns:
        Three rows of seven: poses; the photograph, its projection, expressions; nods
        and lights.

    Raises:
        PieError: something cannot be read.
    """
    editable = open_portrait(source, config, COMPONENTS, refine=options.refine > 0)
    as_it_is = [
        ("photograph", images.to_u8(np.asarray(editable.photo))),
        ("embedded", images.to_u8(np.asarray(editable.before.image[0]))),
    ]
    edits = [*POSES, *EXPRESSIONS, *NODS, *LIGHTS]
    shown = []
    for asked in tqdm(edits, unit="edit", desc=source.name):
        request = _request(asked)
        target = editable.target(request)
        shot = shoot(editable, request, target, options, size=2 * size)
        shown.append((_name(asked), shot.picture_u8))
    ends = np.cumsum([len(POSES), len(EXPRESSIONS)])
    poses, expressions, rest = (
        shown[: ends[0]],
        shown[ends[0] : ends[1]],
        shown[ends[1] :],
    )
    return _joined([poses, [*as_it_is, *expressions], rest], size, source.name)


def write(path: Path, sheet: Image.Image) -> None:
    """Writes a sheet that says what it is; PNG, all or nothing."""
    images.write_png(path, np.asarray(sheet), text=provenance.text(partly=True))


def _request(asked: dict[str, str] | str) -> Request:
    if isinstance(asked, dict):
        return requests.request(asked, None, None, {})
    if asked in LIGHTS:
        return requests.request({}, None, asked, {})
    return requests.request({}, asked, None, {})


def _name(asked: dict[str, str] | str) -> str:
    if isinstance(asked, dict):
        return ", ".join(f"{name} {x.replace('+=', '')}" for name, x in asked.items())
    return asked.removeprefix("neutral,").replace(",elevation=10", "").replace(",", " ")


def _joined(
    rows: Sequence[Sequence[tuple[str, np.ndarray]]], size: int, name: str
) -> Image.Image:
    """Rows of named pictures on white, and below them what they are."""
    step = size + _CAPTION
    width = max(len(row) for row in rows) * size
    sheet = Image.new("RGB", (width, len(rows) * step + _FOOTER), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for y, row in enumerate(rows):
        for x, (caption, picture_u8) in enumerate(row):
            small = Image.fromarray(picture_u8).resize(
                (size, size), Image.Resampling.BOX
            )
            sheet.paste(small, (x * size, y * step))
            place = (x * size + 4, y * step + size + 2)
            draw.text(place, caption, fill="black", font=font)
    said = f"{name}: synthetic edits of one photograph, made with pie_jax"
    draw.text((4, len(rows) * step + 4), said, fill="black", font=font)
    return sheet
