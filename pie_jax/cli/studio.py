"""An embedded portrait with all that is needed to edit it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from ml_collections import ConfigDict

from pie_jax import catalogue
from pie_jax.cli import inputs, reconstruct, runtime, shipped
from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample, reduce_area
from pie_jax.core.theta import FaceParams
from pie_jax.editing import edit, matte
from pie_jax.editing.edit import Edited, Editor
from pie_jax.editing.sight import sight
from pie_jax.energy.term import Networks
from pie_jax.face.morphable import Morphable
from pie_jax.io import alignment, codes, images, portraits

_MATTE_SIZE = 256

Shares = Callable[[Edited, Array], Array]
"""`(portrait [1], picture [R, R, 3]) -> [S, S]`, each pixel's share in the head; the
picture is what is seen of the portrait, which may be the photograph."""


class Studio(NamedTuple):
    """Attributes:
    photo: `[R, R, 3]` RGB in [-1, 1], the aligned photograph, as large as the
        generator's pictures.
    portrait: the same as it was embedded.
    before: `[1]`, its code, projection, and theta.
    """

    photo: Array
    portrait: portraits.Portrait
    before: Edited
    editor: Editor
    params: dict[str, Any]
    model: Morphable
    networks: Networks
    shares: Shares


def open_studio(
    source: Path, config: ConfigDict, components: Sequence[str], also: Sequence[str]
) -> Studio:
    """Loads a portrait, networks, and the rigs of some components.

    Args:
        source: the portrait's folder, or a file with a code of any project.
        config: of its generator.
        components: whose rigs are needed.
        also: further names of weights to have in the cache.

    Raises:
        PieError: something is not there, or does not belong together.
    """
    rig_parts = {component: f"rig_{component}" for component in components}
    parts = ("generator", "recognition", "mofa", "face_model", *rig_parts.values())
    assembled, params = runtime.start(config, *also, parts=parts)
    if assembled.estimate is None or not assembled.rigs.keys() >= rig_parts.keys():
        raise PieError("an edit needs MoFA and rigs, and config.mofa or rig is empty")
    generator = assembled.generator
    w_plus = jnp.asarray(inputs.load_w_plus(source, generator.num_ws, config))
    if len(w_plus) != 1:
        raise PieError(f"{source} holds {len(w_plus)} codes; an edit takes one")
    # Compiled one by one, so that rounds and components share what is compiled.
    rigs = {
        component: rig._replace(edit=jax.jit(rig.edit))
        for component, rig in assembled.rigs.items()
    }
    finder = shipped.landmark_net()
    params["landmark_net"] = finder.params
    see = jax.jit(sight(assembled.estimate, finder.apply))
    editor = Editor(jax.jit(generator.synthesis), see, rigs)
    params["rigs"] = {c: params.pop(part) for c, part in rig_parts.items()}
    model = params["face_model"]
    before = edit.look(editor, params, w_plus)
    if not np.isfinite(before.image).all():
        raise PieError(f"{source}: lies so far out that no image comes of it")
    portrait = load_portrait(source) if source.is_dir() else _projected(before)
    size = len(portrait.aligned_u8)
    photo = jnp.asarray(images.from_u8(portrait.aligned_u8))
    return Studio(
        photo=downsample(photo, size // generator.resolution),
        portrait=portrait,
        before=before,
        editor=editor,
        params=params,
        model=model,
        networks=assembled.networks,
        shares=_shares(config.generator, model, params),
    )


def load_portrait(source: Path) -> portraits.Portrait:
    """The aligned photograph of a result folder.

    Raises:
        PieError: it is not there, damaged, or of another size than it was.
    """
    aligned_u8 = images.read(source / "aligned.png")
    _, metadata = codes.load(source)
    placed = alignment.Alignment.from_dict(metadata.get("alignment", {}))
    if aligned_u8.shape[:2] != (placed.size, placed.size):
        raise PieError(
            f"{source / 'aligned.png'} is not {placed.size} pixels on a side any more; "
            "embed the portrait again"
        )
    points = placed.landmarks
    return portraits.Portrait(
        aligned_u8, placed, None if points is None else placed.to_aligned(points)
    )


def _projected(before: Edited) -> portraits.Portrait:
    """A code's own projection in the place of a photograph, which there is none of."""
    image_u8 = images.to_u8(np.asarray(before.image[0]))
    size = len(image_u8)
    return portraits.Portrait(image_u8, alignment.whole(size, size), None)


def thetas_of(
    studio: Studio, photos: Mapping[str, Path], num_steps: int
) -> dict[str, FaceParams]:
    """What faces in photographs look like, by component.

    Args:
        studio: its face model and estimator are used.
        photos: by component.
        num_steps: of the refinement.

    Raises:
        PieError: a photograph cannot be read or shows no face.
    """
    estimator = shipped.Estimator(studio.editor.sight, studio.params)
    found = {}
    for component, photo in photos.items():
        portrait = portraits.load_portrait(photo)
        fitted = reconstruct.fit(studio.model, estimator, portrait, num_steps)
        found[component] = fitted.theta
    return found


def needs_landmarks(config: ConfigDict, photos: Mapping[str, Path]) -> list[str]:
    """The names of weights for `open_studio`'s `also`."""
    return ["landmarks68"] if config.recognition or photos else []


def _shares(generator: str, model: Morphable, params: Mapping[str, Any]) -> Shares:
    """By the generator's features where they are known, else by colours."""
    if generator != catalogue.RIGGED:

        @jax.jit
        def by_colours(portrait: Edited, picture: Array) -> Array:
            theta = jax.tree.map(lambda x: x[0], portrait.theta)
            return matte.matte(model, theta, _small(picture))

        return by_colours
    silhouette = shipped.silhouette()
    apply = jax.jit(silhouette.apply)

    @jax.jit
    def sharpen(logits: Array, picture: Array) -> Array:
        return matte.sharpened(logits[0], _small(picture))

    def by_features(portrait: Edited, picture: Array) -> Array:
        logits = apply(silhouette.params, params["generator"], portrait.w_plus)
        return sharpen(logits, picture)

    return by_features


def _small(picture: Array) -> Array:
    return reduce_area(picture[None], min(_MATTE_SIZE, len(picture)))[0]
