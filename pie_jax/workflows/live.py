"""Pictures of an edit at the pace of a hand: by the rigs and the generator, in another
light recoloured.

All components are edited at once, from the same code, and nothing looks at the outcome:
`shoot` does, when the hand rests.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.images import reduce_area, to_255
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.editing import colours, edit
from pie_jax.editing.edit import Editor
from pie_jax.workflows.editable import Editable

Draw = Callable[[Params, Array], Array]

_COARSE = 8
"""Pixels on a side at which colours are corrected."""


class Live:
    """The moving pictures of one portrait.

    Attributes:
        editable: the portrait; it was opened with the rigs of all that is to move.
    """

    def __init__(self, editable: Editable):
        """Takes a portrait from `editable.open_portrait`."""
        self.editable = editable
        functions = editable.functions
        compiled = partial(functions.programs.compiled, like=lambda *_: 0, often=True)
        parts = ("generator", "rigs", "to_rgb", "face_model")
        self._params = editable.params.only(*parts)
        preview: Draw = functions.preview
        before = editable.before
        small = compiled(_off, "live: off")(
            before.image,
            compiled(preview, "live: preview")(self._params, before.w_plus),
        )
        self._before = compiled(_for_colours, "live: before")(before.image)
        editor = editable.editor
        self._small = compiled(partial(_drawn, editor, preview), "live: small"), small
        self._full = compiled(partial(_drawn, editor, _synthesis(editor)), "live: full")

    def small(self, target: FaceParams) -> np.ndarray:
        """A portrait with theta `target` `[1]`, `[S, S, 3]` uint8: small, where the
        generator has an early output; at once."""
        draw, off = self._small
        return self._picture(draw, target, off)

    def full(self, target: FaceParams) -> np.ndarray:
        """The same as large as the generator's pictures are."""
        return self._picture(self._full, target, jnp.zeros(()))

    def _picture(self, draw: Callable, target: FaceParams, off: Array) -> np.ndarray:
        w_plus, own = self.editable.before.w_plus, self.editable.before.theta
        target = edit.asked(self.editable.before, target)
        return np.asarray(draw(self._params, w_plus, own, self._before, target, off))


def _synthesis(editor: Editor) -> Draw:
    return lambda params, w_plus: editor.synthesis(params.generator, w_plus)


def _for_colours(image: Array) -> Array:
    """As small as colours are compared."""
    return reduce_area(image, min(colours.SIZE, image.shape[1]))


def _off(image: Array, small: Array) -> Array:
    """What small pictures lack in colour: of a tuned generator the early output knows
    nothing. Coarse, or outlines of the head would stay where it was."""
    off = reduce_area(image, small.shape[1]) - small
    coarse = reduce_area(off, min(_COARSE, off.shape[1]))
    return jax.image.resize(coarse, off.shape, "linear")


def _drawn(
    editor: Editor,
    draw: Draw,
    params: Params,
    w_plus: Array,
    own: FaceParams,
    before: Array,
    target: FaceParams,
    off: Array,
) -> Array:
    """`[S, S, 3]` uint8. In one program, for a picture takes 12 MB before it is uint8."""
    each = [
        rig.edit(params.rigs[c], w_plus, own, target) for c, rig in editor.rigs.items()
    ]
    image = draw(params, edit.joined(w_plus, each)) + off
    # The face is taken to lie where it is asked for: so only lamps recolour.
    lit = colours.recoloured(params.face_model, own, before, target, target, image)
    relit = jnp.any(target.illumination != own.illumination)
    image = jnp.where(relit, lit, image)
    return jnp.rint(jnp.clip(to_255(image[0]), 0, 255)).astype(jnp.uint8)
