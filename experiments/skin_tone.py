r"""Takes from the light what is skin: MoFA's heads for reflectance and light, refitted.

    python -m experiments.skin_tone --samples samples \
        --mofa mofa/mofa.safetensors --out pie_jax/assets/mofa.safetensors \
        --portraits photos/*.jpg

One picture cannot tell dark skin in much light from light skin in little, and a network
that is free to choose calls all of it light. Many pictures can: light averages out over
people who look alike. So what a person's descriptor tells of the colours of skin in
pictures is skin, by ridge regression of their logarithms along the line on which its
answers vary most; the rest is light. Both heads are linear, and so is the change: skin is
lighter or darker by the same share everywhere, and light keeps the product. All other
arrays are copied.
Needs opencv-python-headless, to judge the pose.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import fitting, mofa_figures, mofa_heads, script
from experiments.fitting import Estimator
from experiments.mofa_heads import Affine
from experiments.parts import in_parts
from pie_jax.core.errors import PieError
from pie_jax.core.images import from_255
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.graphics.sampling import sample
from pie_jax.networks import mofa
from pie_jax.networks.dlib_resnet import DlibResNet
from pie_jax.networks.mofa import SIZE
from pie_jax.training.augmentation import darken_side, move, recolour, roughen

RIDGE = 100.0
"""For what is known of a person, in standard deviations. Of 30 to 800 the best on samples
held out, with 1048 to learn from."""
WOBBLE = 1.0
"""What counts beside it: the squares of what a descriptor says otherwise of the same picture
in another place, light and focus. Without them an edit of light is taken for one of skin."""
LIGHT_RIDGE = 1.0
"""For what the change of light is made of, in standard deviations."""

_GROUPS = 6


class Faces(NamedTuple):
    """S faces: what MoFA says, what its heads know of the person, what is to be seen."""

    theta: Any
    """`FaceParams`, of NumPy arrays."""
    person: Any
    """`[S, 128]`."""
    wobble: Any
    """`[S, 128]`, what another look at the same person adds (`_varied`)."""
    colour: Any
    """`[S, 3]` of 1, the picture's median over visible vertices."""
    visible: Any
    """`[S, V]`."""


class Skin(NamedTuple):
    """A face's mean colour `[S, 3]`, of 1, over vertices as often as they are visible: with
    a reflectance `[S, 80]`, and as a person `[S, 128]` has it by the rule."""

    painted: Affine
    told: Affine
    paint: Affine
    """`[S, 3]`, a change of the mean colour, to what is added to reflectance: that by which
    skin changes by the same share everywhere, as far as may be."""


def main() -> None:
    """Reads MoFA, looks at samples, refits, measures, and writes."""
    refit = mofa_heads.begin(__doc__, num=6000)
    model, network = refit.model, refit.network
    faces = usable(look(model, network, refit.image_u8))
    skin = rule(model, faces)
    mofa_heads.export(refit, heads(refit.file.flat, skin, light(skin, faces)))
    after = fitting.mofa(refit.args.out)
    for name, pictures in refit.sets.items():
        before = look(model, network, pictures.image_u8)
        now = mofa_figures.estimate(refit.judge, after.params, pictures.image_u8)
        print(f"{name}\n{table(skin, before, now)}")


def usable(faces: Faces) -> Faces:
    """Those whose skin is to be seen, and not black.

    Raises:
        PieError: there is none.
    """
    shown = (np.nan_to_num(faces.colour) > 0).all(axis=1)
    if not shown.any():
        raise PieError("no sample shows skin")
    return jax.tree.map(lambda x: x[shown], faces)


def look(model: Morphable, network: Estimator, image_u8: np.ndarray) -> Faces:
    """Looks at aligned pictures `[S, SIZE, SIZE, 3]` uint8."""
    recognition = DlibResNet()

    def describe(params: Any, image: jax.Array) -> Any:
        known = {"params": params[mofa.RECOGNITION]}
        return mofa.DESCRIPTOR_SCALE * recognition.apply(known, mofa.chip(image))

    @jax.jit
    def one(params: Any, image_u8: jax.Array, key: jax.Array) -> Faces:
        image = from_255(image_u8)
        theta, person = network.apply(params, image), describe(params, image)
        seen = render_vertices(model, theta, SIZE)
        colours = sample((image + 1) / 2, seen.points)
        shown = jnp.where(seen.visible[..., None] > 0.5, colours, jnp.nan)
        again = describe(params, jax.vmap(_varied)(key, image))
        colour = jnp.nanmedian(shown, axis=1)
        return Faces(theta, person, again - person, colour, seen.visible)

    keys = jax.random.split(jax.random.key(0), len(image_u8))
    return in_parts(partial(one, network.params), image_u8, keys)


def _varied(key: jax.Array, image: jax.Array) -> jax.Array:
    """The same person at another moment, `[H, W, 3]`."""
    keys = jax.random.split(key, 5)
    image = jnp.where(jax.random.bernoulli(keys[0]), image[:, ::-1], image)
    image, _ = move(keys[1], image, jnp.zeros((1, 2)), strength=0.3)
    image = darken_side(keys[2], image, strength=0.7)
    return roughen(keys[3], recolour(keys[4], image, strength=0.7))


def rule(model: Morphable, faces: Faces) -> Skin:
    """How skin is told: see the module's text. The mean over faces stays as it is."""
    weights = faces.visible.mean(axis=0)
    weights = weights / weights.sum()
    colours, mean = (
        np.asarray(x, np.float64) for x in (model.albedo, model.albedo_mean)
    )
    painted = Affine(np.einsum("v,kvc->kc", weights, colours), weights @ mean)
    now = painted(faces.theta.reflectance).mean(axis=0)
    # Near the mean a logarithm's change is a relative one.
    noise = np.sqrt(WOBBLE) * faces.wobble
    logarithm = ridge(faces.person, np.log(faces.colour), RIDGE, noise)
    kernel = along_a_line(faces.person, logarithm.kernel)
    told = Affine(now * kernel, now * (1 - faces.person.mean(axis=0) @ kernel))
    return Skin(painted, told, evenly(colours, mean, weights))


def evenly(colours: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> Affine:
    """What changes skin by the same share everywhere (`Skin.paint`): by least squares over
    vertices `[V]` that weigh so much, then exactly in the mean. `colours` `[80, V, 3]` and
    `mean` `[V, 3]` are the model's."""
    share = np.eye(3)[:, None] * mean / (weights @ mean)
    wanted, basis = (
        (np.sqrt(weights)[:, None] * x).reshape(len(x), -1).T for x in (share, colours)
    )
    fitted = np.linalg.lstsq(basis, wanted)[0].T
    means = np.einsum("v,kvc->kc", weights, colours)
    fitted += (np.eye(3) - fitted @ means) @ np.linalg.pinv(means)
    return Affine(fitted, np.zeros(len(colours)))


def along_a_line(inputs: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The part of a map `[D, K]` of inputs `[S, D]` along which outputs vary most: skin is
    darker or lighter along one line, what else goes with people is paint and noise."""
    _, _, axes = np.linalg.svd((inputs - inputs.mean(axis=0)) @ kernel, False)
    return kernel @ np.outer(axes[0], axes[0])


def ridge(
    inputs: np.ndarray,
    values: np.ndarray,
    strength: float,
    noise: np.ndarray | None = None,
) -> Affine:
    """Ridge regression of `[S, K]` on `[S, D]`, inputs in standard deviations; of `noise`
    `[S, D]`, where given, the outputs' squares are small as well."""
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-12
    scaled = (inputs - centre) / spread
    squares = scaled.T @ scaled + strength * np.eye(scaled.shape[1])
    if noise is not None:
        squares += (noise / spread).T @ (noise / spread)
    kernel = np.linalg.solve(squares, scaled.T @ (values - values.mean(axis=0)))
    kernel = kernel / spread[:, None]
    return Affine(kernel, values.mean(axis=0) - centre @ kernel)


def light(skin: Skin, faces: Faces) -> Affine:
    """What is added to light, of (light, reflectance, person) `[S, 27 + 80 + 128]`, so that
    skin of another colour looks as before."""
    before, theta = skin.painted(faces.theta.reflectance), faces.theta
    ratio = before / np.maximum(skin.told(faces.person), before / 3)
    added = theta.illumination * (np.tile(ratio, 9) - 1)
    known = (theta.illumination, theta.reflectance, faces.person)
    return ridge(np.concatenate(known, axis=1), added, LIGHT_RIDGE)


def heads(
    arrays: Mapping[str, np.ndarray], skin: Skin, light: Affine
) -> dict[str, np.ndarray]:
    """MoFA's layers of reflectance and light after the change, in their precision."""
    reflectance, illumination = (
        mofa_heads.read(arrays, name) for name in ("reflectance", "illumination")
    )
    rows, size = len(reflectance.kernel), len(skin.told.kernel)
    person = Affine(np.eye(rows, size, size - rows), np.zeros(size))  # the last rows
    painted = skin.painted.after(reflectance)
    lacks = skin.told.after(person).plus(Affine(-painted.kernel, -painted.constant))
    known = Affine(
        *(
            np.concatenate(x, axis=-1)
            for x in zip(illumination, reflectance, person, strict=True)
        )
    )
    changed = {
        "reflectance": reflectance.plus(skin.paint.after(lacks)),
        "illumination": illumination.plus(light.after(known)),
    }
    return mofa_heads.written(arrays, changed)


def table(skin: Skin, before: Faces, after: Any) -> str:
    """Lightness L* (CIE 1976) of skin, mean over groups of equal size, the darkest by the
    rule first: as the rule says, as the picture has it, and as MoFA sees the albedo."""
    columns = {
        "told": skin.told(before.person),
        "picture": before.colour,
        "albedo before": skin.painted(before.theta.reflectance),
        "albedo after": skin.painted(after.reflectance),
    }
    lightness_of = {name: lightness(x) for name, x in columns.items()}
    order = np.argsort(lightness_of["told"])
    lines = ["".join(f"{name:>15}" for name in lightness_of)]
    for group in np.array_split(order, min(_GROUPS, len(order))):
        means = (x[group].mean() for x in lightness_of.values())
        lines.append("".join(f"{mean:15.1f}" for mean in means))
    return "\n".join(lines)


def lightness(colour: np.ndarray) -> np.ndarray:
    """CIE 1976 L* `[S]`, 0 to 100, of colours `[S, 3]` of 1 in sRGB (IEC 61966-2-1)."""
    colour = np.clip(colour, 0, 1)
    linear = np.where(
        colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4
    )
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    near_black = luminance * (29 / 3) ** 3
    return np.where(
        luminance > (6 / 29) ** 3, 116 * np.cbrt(luminance) - 16, near_black
    )


if __name__ == "__main__":
    script.run(main)
