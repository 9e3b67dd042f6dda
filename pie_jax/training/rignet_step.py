"""What RigNet is trained for: edits that need no refinement.

The energy is that of refined edits (`editing.refine`): l at the target, the person, and
all that was not asked for as it was. Beside it stands StyleRig's other loss (Tewari et
al., CVPR 2020), that the own parameters lead back again; that they change nothing the rig's
map sees to, which only takes differences (`networks.rignet`).
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core.interfaces import Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.editing import refine
from pie_jax.editing.edit import Seen
from pie_jax.editing.refine import Looks
from pie_jax.editing.sight import Sight
from pie_jax.face import crops
from pie_jax.networks import latents
from pie_jax.training.update import Objective

BACK = 0.3
"""Root mean square, in standard deviations of w, of what may be left after an edit and
the edit back, as `refine.NOTICED`."""

OTHERWISE = {"illumination": {"illumination": 0.018}}
"""What is noticed sooner or later than in a refined edit of a component
(`refine.noticed`): no rig reaches a light, and of what is that far off a root leaves
little."""


@struct.dataclass
class RigBatch:
    """Codes to edit, and how.

    Attributes:
        code: `[B, num_ws, 512]`, in standard deviations along the principal axes.
        change: `[B, n]`, what is added to the component.
    """

    code: Array
    change: Array


@struct.dataclass
class RigGiven:
    """What stays as it is.

    Attributes:
        params: of all that looks at codes.
        spread: what the rig's parameters hold besides the network
            (`core.interfaces.Rig`).
    """

    params: Params
    spread: dict[str, Array]


Heads = Callable[[Params, Array], Array]
"""`(params, w_plus [B, num_ws, 512]) -> [B, S, S]`: each pixel's share in the head."""


def rig_objective(rig: Rig, looks: Looks, sight: Sight, heads: Heads) -> Objective:
    """Builds the objective.

    Args:
        rig: of codes in standard deviations.
        looks: what looks at an edit.
        sight: what looks at portraits before.
        heads: where nothing is beside the head.

    Returns:
        The objective of the network's parameters; it is given `RigGiven`. Its terms are
        those of `refine.terms`, and `back`, means over the batch.
    """
    sizes = noticed(rig.component)

    def objective(params: Any, given: RigGiven, key: Array, batch: RigBatch):
        edited = partial(rig.edit, {"network": params, **given.spread})
        own, known = before(looks, sight, given.params, batch.code)
        target = changed(own.theta, batch.change, rig.component)
        there = edited(batch.code, own.theta, target)
        back = edited(there, target, own.theta) - batch.code
        shares = [heads(given.params, x) for x in (own.w_plus, _w(given, there))]
        head = jax.lax.stop_gradient(jnp.maximum(*shares))
        image = own.image
        aim = refine.aim(
            looks, given.params, own, known, image, target, own, image, head, sizes
        )
        which = jax.random.randint(key, (), 0, len(crops.JITTERS))
        aim = jax.lax.stop_gradient(aim)
        terms = refine.terms(looks, given.params, there, aim, which)
        terms["back"] = jnp.mean(back**2, axis=(-2, -1)) / BACK**2
        # Roots, or the few edits that fail, and what fails in them, would be most of it.
        lengths = {k: jnp.mean(jnp.sqrt(1 + x) - 1) for k, x in terms.items()}
        return sum(lengths.values(), start=jnp.zeros(())), lengths

    return objective


def noticed(component: str) -> dict[str, float]:
    """What is noticed (`refine.noticed`) of a training's edits."""
    return refine.noticed([component]) | OTHERWISE.get(component, {})


def before(
    looks: Looks, sight: Sight, params: Params, code: Array
) -> tuple[Seen, refine.Known]:
    """Codes in standard deviations before they are edited; without a gradient."""
    w_plus = latents.unwhiten(params.latents, code)
    image = looks.preview(params, w_plus)
    theta = sight(params, image)
    own = Seen(w_plus, image, theta, theta.rotation)
    return jax.lax.stop_gradient((own, refine.known(looks, params, own)))


def _w(given: RigGiven, code: Array) -> Array:
    return latents.unwhiten(given.params.latents, code)


def changed(theta: FaceParams, change: Array, component: str) -> FaceParams:
    """Faces `[B]` to whose component `[B, n]` is added."""
    there = getattr(theta, component) + change
    return dataclasses.replace(theta, **{component: there})
