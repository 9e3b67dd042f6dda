"""An embedded portrait with all that is needed to edit it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from ml_collections import ConfigDict

from pie_jax.core.errors import PieError
from pie_jax.core.images import reduce_area, resized
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.editing import edit, local, matte, turns
from pie_jax.editing.edit import Editor, Seen
from pie_jax.face.morphable import Morphable
from pie_jax.io import codes, images, own_rigs
from pie_jax.io.codes import Codes
from pie_jax.networks.own_rig import COMPONENT
from pie_jax.photos import alignment, portraits
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import assembly, fetch, uses
from pie_jax.stack.assembly import Functions, Stack
from pie_jax.stack.load import load
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.workflows import fit, inputs, requests
from pie_jax.workflows.requests import Request

_MATTE_SIZE = 256

Shares = Callable[[Seen, Array], Array]
"""`(portrait [1], picture [R, R, 3]) -> [S, S]`, each pixel's share in the head; the
picture is what is seen of the portrait, which may be the photograph."""


class Editable(NamedTuple):
    """An embedded portrait and what edits it.

    Attributes:
        photo: `[R, R, 3]` RGB in [-1, 1], the aligned photograph, as large as the
            generator's pictures.
        portrait: the same as it was embedded.
        before: `[1]`, its code, projection, and theta.
        stack: what edits and judges it.
        shares: tells the head from the rest.
        own_shares: the same in the photograph.
    """

    photo: Array
    portrait: Portrait
    before: Seen
    stack: Stack
    shares: Shares
    own_shares: Array

    @property
    def functions(self) -> Functions:
        """Those of the stack."""
        return self.stack.functions

    @property
    def editor(self) -> Editor:
        """That of the stack, which has one."""
        if self.functions.editor is None:
            raise PieError("an edit needs MoFA, and config.mofa is empty")
        return self.functions.editor

    @property
    def params(self) -> Params:
        """Those of the stack."""
        return self.stack.params

    @property
    def model(self) -> Morphable:
        """The face model."""
        return self.params.face_model

    def target(
        self, request: Request, given: Mapping[str, FaceParams] | None = None
    ) -> FaceParams:
        """The theta `[1]` that a request asks for (`requests.target`)."""
        return requests.target(
            request, self.model, self.before.theta, given or {}, self._compiled
        )

    def trained(self, component: str) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest values `[n]` of a component that its rig was trained
        on; of a rotation as others see it (`editing.turns`)."""
        rig, before = self.params.rigs[component], self.before

        def seen(end: str) -> np.ndarray:
            values = {component: rig[end][None]}
            face = dataclasses.replace(before.theta, **values)
            face = turns.shown(before.theta, before.by_network, face)
            return np.asarray(getattr(face, component))[0]

        return seen("low"), seen("high")

    def moved(self, components: Sequence[str], target: FaceParams) -> Array | None:
        """Where an edit of the expression alone moves the face, `[S, S]` in [0, 1]
        (`local.moved`), for a target `[1]`; None for other edits, which leave nothing as
        it is."""
        if tuple(components) != ("expression",):
            return None
        size = len(self.own_shares)
        where = partial(local.moved, size=size)
        compiled = self.functions.programs.compiled(
            where, f"moved {size}", lambda *_: 0
        )
        return compiled(self.model, self.before.theta_by_network, target)

    def _compiled(self, aim: Callable, neutral: bool) -> Callable:
        return self.functions.programs.compiled(
            partial(aim, neutral=neutral),
            f"target, neutral: {neutral}",
            lambda model, theta, *_: theta,
            one_by_one=True,
        )


def open_portrait(
    source: Path,
    config: ConfigDict,
    components: Sequence[str],
    photos: Mapping[str, Path] | None = None,
    *,
    refine: bool = False,
) -> Editable:
    """Loads a portrait, networks, and the rigs of some components.

    Args:
        source: the portrait's folder, or a file with a code of any project.
        config: of its generator.
        components: whose rigs are needed.
        photos: other photographs that faces will be looked for in.
        refine: whether edits may be refined.

    Raises:
        PieError: something is not there, or does not belong together.
    """
    if config.recognition or photos:
        fetch.ensure(LANDMARKS68)
    return opened(source, load(config, uses.edit(*components, refine=refine)))


def opened(source: Path, stack: Stack) -> Editable:
    """A portrait as `open_portrait` loads it, whose networks are loaded already."""
    functions = stack.functions
    if functions.editor is None:
        raise PieError("an edit needs MoFA, and config.mofa is empty")
    generator, editor = functions.generator, functions.editor
    # One code is edited, so an array [num_ws, 512] is one in W+.
    found = inputs.load_codes(source, functions, "w_plus")
    if len(found.w_plus) != 1:
        raise PieError(f"{source} holds {len(found.w_plus)} codes; an edit takes one")
    w_plus = jnp.asarray(found.w_plus)
    published, stack = stack.params, assembly.tuned(stack, found.of(0))
    stack = _with_own_rig(stack, source, found)
    params = stack.params
    before = edit.look(editor, params, w_plus)
    if not np.isfinite(before.image).all():
        raise PieError(f"{source}: lies so far out that no image comes of it")
    portrait = load_portrait(source) if source.is_dir() else _projected(before)
    photo = jnp.asarray(images.from_u8(portrait.aligned_u8))
    photo = resized(photo, generator.resolution)
    # Heads are told by features of the generator as it was published, of which the
    # silhouette learnt; a tuned one's tear holes into hair.
    shares = _shares(functions, published)
    return Editable(
        photo=photo,
        portrait=portrait,
        before=before,
        stack=stack,
        shares=shares,
        own_shares=shares(before, photo),
    )


def _with_own_rig(stack: Stack, source: Path, found: Codes) -> Stack:
    """The stack with the portrait's own rig of turns, if its folder holds one."""
    rigs = stack.params.rigs
    if not source.is_dir() or COMPONENT not in rigs:
        return stack
    key = own_rigs.key(found.w_plus, found.of(0), rigs[COMPONENT])
    own = own_rigs.read(source, key, stack.functions.generator.num_ws)
    return assembly.with_own_rig(stack, own)


def load_portrait(source: Path) -> Portrait:
    """The aligned photograph of a result folder.

    Raises:
        PieError: it is not there, damaged, or of another size than it was.
    """
    try:
        aligned_u8 = images.read(source / "aligned.png")
        _, metadata = codes.load(source)
        placed = alignment.Alignment.from_dict(metadata.get("alignment", {}))
        if aligned_u8.shape[:2] != (placed.size, placed.size):
            raise PieError(
                f"aligned.png is not {placed.size} pixels on a side any more"
            )
    except PieError as error:
        raise PieError(
            f"{source} is damaged ({error}). Embed the photograph again by `pie embed "
            "--overwrite`"
        ) from error
    points = placed.landmarks
    return Portrait(
        aligned_u8, placed, None if points is None else placed.to_aligned(points)
    )


def _projected(before: Seen) -> Portrait:
    """A code's own projection in the place of a photograph, which there is none of."""
    image_u8 = images.to_u8(np.asarray(before.image[0]))
    size = len(image_u8)
    return Portrait(image_u8, alignment.whole(size, size), None)


def thetas_of(
    editable: Editable, photos: Mapping[str, Path], num_steps: int
) -> dict[str, FaceParams]:
    """What faces in photographs look like, by component.

    Args:
        editable: its editor looks.
        photos: by component.
        num_steps: of the refinement.

    Raises:
        PieError: a photograph cannot be read or shows no face.
    """
    found = {}
    for component, photo in photos.items():
        portrait = portraits.load_portrait(photo)
        fitted = fit.fit(editable.editor.sight, editable.params, portrait, num_steps)
        fit.warn_hidden(photo, fitted)
        found[component] = fitted.theta
    return found


def _shares(functions: Functions, params: Params) -> Shares:
    """By the generator's features where they are known, else by colours."""
    features, silhouette = functions.generator.features, functions.silhouette

    def one(name: str, function: Callable[..., Array]) -> Callable[..., Array]:
        return functions.programs.compiled(function, name, lambda *_: 0)

    if silhouette is None or features is None:

        @partial(one, "matte")
        def by_colours(model: Morphable, theta: FaceParams, picture: Array) -> Array:
            face = jax.tree.map(lambda x: x[0], theta)
            return matte.matte(model, face, _small(picture))

        return lambda portrait, picture: by_colours(
            params.face_model, portrait.theta_by_network, picture
        )

    @partial(one, "silhouette")
    def odds(kept: Any, generator: Any, w_plus: Array) -> Array:
        return silhouette(kept, features(generator, w_plus))

    @partial(one, "sharpen")
    def sharpen(logits: Array, picture: Array) -> Array:
        return matte.sharpened(logits[0], _small(picture))

    def by_features(portrait: Seen, picture: Array) -> Array:
        logits = odds(params.silhouette, params.generator, portrait.w_plus)
        return sharpen(logits, picture)

    return by_features


def _small(picture: Array) -> Array:
    return reduce_area(picture[None], min(_MATTE_SIZE, len(picture)))[0]
