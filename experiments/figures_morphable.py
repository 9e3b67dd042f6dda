r"""Pictures of the morphable model, to be looked at.

    python -m experiments.figures_morphable --out figures

Writes into the folder: `landmarks.png` (the mean head from several sides), `units.png`
(every named unit at full amount), `heads.png` (random faces, expressions halved), and
`identity.png`, `expression.png`, `reflectance.png` (the first components, two standard
deviations down and up).
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from experiments import fitting, pictures, script
from pie_jax.core.theta import SIZES, FaceParams, neutral
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image, render_vertices

SIZE = 384
COLUMNS = 8
_BACKGROUND = 0.3
_YELLOW, _GREEN = (255, 255, 120), (0, 255, 0)
# Coefficients of 1, y and z: light from everywhere, and more from above in front.
_LIGHT = {0: 2.0, 1: 0.6, 2: 1.2}

Face = tuple[str, FaceParams]
"""A caption and what is shown."""


def main() -> None:
    """Draws everything."""
    args = script.parser(__doc__, "out", "model").parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = fitting.face_model(args.model)
    drawings = {"landmarks": views(), "units": units(model), "heads": heads(COLUMNS)}
    for part in ("identity", "expression", "reflectance"):
        drawings[part] = components(part)
    for name, faces in drawings.items():
        tiles = [tile(model, *face) for face in tqdm(list(faces), desc=name)]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
        rows = np.stack(tiles).reshape(-1, COLUMNS, SIZE, SIZE, 3)
        pictures.sheet(args.out / f"{name}.png", list(rows))


def views() -> Iterator[Face]:
    """The mean head, turned and nodding."""
    yaws, pitches = (-60, -30, -15, 0, 15, 30, 60, 85), (-20, 0, 20)
    for pitch, yaw in itertools.product(pitches, yaws):
        yield f"landmarks yaw {yaw}, pitch {pitch}", plain(yaw, pitch)


def components(part: str) -> Iterator[Face]:
    """Each of the first components, from two sides."""
    for yaw, sigma, k in itertools.product((0, 50), (-2, 2), range(COLUMNS)):
        code = getattr(plain(), part).at[k].set(sigma)
        yield f"{part} {k + 1}: {sigma:+d}", replace(plain(yaw), **{part: code})


def units(model: Morphable) -> Iterator[Face]:
    """Every named unit alone."""
    for name in model.unit_names:
        # It closes the lips over an open jaw, and is nothing without.
        amounts = {"mouthClose": {"jawOpen": 1.0}}.get(name, {}) | {name: 1.0}
        code = morphable.expression_code(model, amounts)
        yield " + ".join(amounts), replace(plain(), expression=code)


def heads(count: int) -> Iterator[Face]:
    """Random faces as the prior has them."""
    rng = np.random.default_rng(0)
    spread = {"identity": 1.0, "reflectance": 1.0, "expression": 0.5}
    for _ in range(count):
        drawn = {k: x * rng.normal(size=SIZES[k]) for k, x in spread.items()}
        codes = {k: jnp.asarray(x, jnp.float32) for k, x in drawn.items()}
        yield "", replace(plain(20), **codes)


def plain(yaw: float = 0, pitch: float = 0) -> FaceParams:
    """The mean face in the light of all pictures, turned by degrees."""
    light = np.zeros((9, 3), np.float32)
    light[list(_LIGHT)] = np.transpose([list(_LIGHT.values())])
    return replace(
        neutral(),
        illumination=jnp.asarray(light.ravel()),
        rotation=jnp.radians(jnp.array([pitch, yaw, 0.0])),
    )


def tile(model: Morphable, caption: str, face: FaceParams) -> np.ndarray:
    """One picture `[S, S, 3]` uint8 with its caption, and with the landmarks where that
    begins with this word."""
    image, mask, points = _render(model, face)
    shown = np.asarray(image + _BACKGROUND * (1 - mask))
    shown_u8 = np.rint(255 * shown).astype(np.uint8)
    if caption.startswith("landmarks"):
        shown_u8 = pictures.dotted(shown_u8, points, _GREEN)
    picture = Image.fromarray(shown_u8)
    ImageDraw.Draw(picture).text((6, 4), caption, fill=_YELLOW, font_size=20)
    return np.asarray(picture)


@jax.jit
def _render(model: Morphable, face: FaceParams) -> tuple[jax.Array, ...]:
    points = render_vertices(model, face, 1, occlusion=False).landmarks
    return *render_image(model, face, SIZE), points


if __name__ == "__main__":
    script.run(main)
