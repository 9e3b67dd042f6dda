r"""Pictures of the morphable model, to be looked at.

    python -m experiments.figures_morphable --out figures

Writes into the folder: `landmarks.png` (the mean head from several sides), `units.png`
(every named unit at full amount), `heads.png` (random faces), and `identity.png`,
`expression.png`, `reflectance.png` (the first components, two standard deviations down
and up).
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator

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
COMPONENTS = 5
_BACKGROUND = 0.3
_YELLOW, _GREEN = (255, 255, 120), (0, 255, 0)
# Coefficients of 1, y and z: light from everywhere, and more from above in front.
_LIGHT = {0: 2.0, 1: 0.6, 2: 1.2}


def main() -> None:
    """Draws everything."""
    args = script.parser(__doc__, "out", "model").parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = fitting.face_model(args.model)
    for name, columns, faces in figures(model):
        bar = tqdm(list(faces), desc=name)
        tiles = [tile(model, caption, face) for caption, face in bar]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        rows = [np.stack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
        pictures.sheet(args.out / f"{name}.png", rows)


Face = tuple[str, FaceParams]
"""A caption and what is shown."""


def figures(model: Morphable) -> Iterator[tuple[str, int, Iterable[Face]]]:
    """Name, number of columns, and faces of each figure."""
    yield "landmarks", 5, views()
    for part in ("identity", "expression", "reflectance"):
        yield part, COMPONENTS, components(part)
    yield "units", 8, units(model)
    yield "heads", 6, heads(12)


def views() -> Iterator[Face]:
    """The mean head, turned and nodding."""
    for yaw in (-60, -30, 0, 30, 60):
        yield f"landmarks yaw {yaw}", turned(plain(), yaw=yaw)
    for pitch in (-30, -15, 15, 30):
        yield f"landmarks pitch {pitch}", turned(plain(), pitch=pitch)
    yield "yaw 85", turned(plain(), yaw=85)


def components(part: str) -> Iterator[Face]:
    """Each of the first components: a row of minus two deviations, one of plus two."""
    sides = (0.0,) if part == "reflectance" else (0.0, 50.0)
    for yaw, sigma in itertools.product(sides, (-2, 2)):
        for k in range(COMPONENTS):
            code = getattr(plain(), part).at[k].set(sigma)
            face = dataclasses.replace(plain(), **{part: code})
            yield f"{part} {k + 1}: {sigma:+d}", turned(face, yaw)


def units(model: Morphable) -> Iterator[Face]:
    """Every named unit alone."""
    for name in model.unit_names:
        # It closes the lips over an open jaw, and is nothing without.
        amounts = {"mouthClose": {"jawOpen": 1.0}}.get(name, {}) | {name: 1.0}
        code = morphable.expression_code(model, amounts)
        yield " + ".join(amounts), dataclasses.replace(plain(), expression=code)


def heads(count: int) -> Iterator[Face]:
    """Random faces as the prior has them, their expressions halved."""
    for key in jax.random.split(jax.random.key(0), count):
        key_identity, key_reflectance, key_expression = jax.random.split(key, 3)
        face = dataclasses.replace(
            plain(),
            identity=jax.random.normal(key_identity, (SIZES["identity"],)),
            reflectance=jax.random.normal(key_reflectance, (SIZES["reflectance"],)),
            expression=0.5 * jax.random.normal(key_expression, (SIZES["expression"],)),
        )
        yield "", turned(face, yaw=20)


def plain() -> FaceParams:
    """The mean face in the light of all pictures."""
    light = np.zeros((9, 3))
    for k, value in _LIGHT.items():
        light[k] = value
    illumination = jnp.asarray(light.ravel(), jnp.float32)
    return dataclasses.replace(neutral(), illumination=illumination)


def turned(face: FaceParams, yaw: float = 0, pitch: float = 0) -> FaceParams:
    """Turns a face by degrees."""
    rotation = jnp.radians(jnp.array([pitch, yaw, 0.0]))
    return dataclasses.replace(face, rotation=rotation)


def tile(model: Morphable, caption: str, face: FaceParams) -> np.ndarray:
    """One picture `[S, S, 3]` uint8 with its caption, and with the landmarks where that
    begins with this word."""
    image, mask = _render(model, face)
    shown = np.asarray(image + _BACKGROUND * (1 - mask))
    picture = Image.fromarray(np.rint(255 * shown).astype(np.uint8))
    if caption.startswith("landmarks"):
        points = np.asarray(_landmarks(model, face))
        picture = Image.fromarray(pictures.dotted(np.asarray(picture), points, _GREEN))
    ImageDraw.Draw(picture).text((6, 4), caption, fill=_YELLOW, font_size=20)
    return np.asarray(picture)


_render = jax.jit(functools.partial(render_image, resolution=SIZE))


@jax.jit
def _landmarks(model: Morphable, face: FaceParams) -> jax.Array:
    return render_vertices(model, face, 1, occlusion=False).landmarks


if __name__ == "__main__":
    script.run(main)
