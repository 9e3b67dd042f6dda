"""What people ask for as theta: degrees, named expressions, lamps."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core import rotations
from pie_jax.core.numerics import matmul
from pie_jax.face.morphable import Morphable, named_expression, units_of
from pie_jax.graphics import light

HARD_ENOUGH = 0.15
"""Light that gets a direction has at least this `graphics.light.strength`: the most of
generated faces have 0.06 to 0.13, which turns unnoticed; one in a hundred 0.18."""


@struct.dataclass
class Amount:
    """A number that is asked for.

    Attributes:
        value: a scalar, in the unit of what it is for.
        added: whether to what is there; else instead of it.
    """

    value: Array | float
    added: bool = struct.field(pytree_node=False, default=False)


def resolved(amount: Amount | None, own: Array) -> Array:
    """The number that comes of it: `[...]` as what is there; that itself for None."""
    if amount is None:
        return own
    return own + amount.value if amount.added else jnp.full_like(own, amount.value)


def turned(
    rotation: Array, pitch: Amount | None = None, yaw: Amount | None = None
) -> Array:
    """A head's pose `[..., 3]` (pitch, yaw, roll) in radians, of the portrait's own.

    Pitch and yaw are asked for in degrees; positive looks up, and turns the nose to the
    viewer's right. Roll stays: in the generator's frame all heads are upright.
    """
    degrees = jnp.rad2deg(rotation)
    wanted = [
        resolved(pitch, degrees[..., 0]),
        resolved(yaw, degrees[..., 1]),
        degrees[..., 2],
    ]
    return jnp.deg2rad(jnp.stack(wanted, axis=-1))


def expressed(
    model: Morphable, expression: Array, amounts: Mapping[str, Amount]
) -> Array:
    """An expression in which named units have certain amounts.

    Args:
        model: with named units.
        expression: `[..., 64]`, the portrait's own; zeros for a neutral face.
        amounts: by name of a unit or alias (`face.morphable.names`), usually 0 to 1;
            of an alias, each of its units'.

    Returns:
        `[..., 64]`. Units that are not named stay as they are.

    Raises:
        ValueError: a name that the model does not have.
    """
    own = named_expression(model, expression)
    changes = jnp.zeros_like(own)
    for name, amount in amounts.items():
        for unit, share in units_of(model, name).items():
            index = model.unit_names.index(unit)
            part = dataclasses.replace(amount, value=share * amount.value)
            change = resolved(part, own[..., index]) - own[..., index]
            changes = changes.at[..., index].set(change)
    return expression + matmul(changes, model.unit_codes)


def lit(
    illumination: Array,
    azimuth: Amount | None = None,
    elevation: Amount | None = None,
    strength: Amount | None = None,
    intensity: Amount | None = None,
    colour: Array | None = None,
) -> Array:
    """Light of another direction, hardness, intensity or colour.

    The light that is there is turned, with all that is not named of it: what comes from
    everywhere stays.

    Args:
        illumination: `[..., 27]`, the portrait's own.
        azimuth: degrees, where most light comes from: 0 the viewer, 90 the viewer's
            right.
        elevation: degrees, 90 is from above.
        strength: 0 light from everywhere, 1 a single lamp; without it, as it was, but
            at least `HARD_ENOUGH` where a direction is given.
        intensity: how bright, 1 as it was; if added, to that 1.
        colour: `[3]`, RGB, of a filter before the light; its brightness does not count.

    Returns:
        `[..., 27]`.
    """
    result = illumination
    if azimuth is not None or elevation is not None:
        result = _pointed(result, azimuth, elevation)
        least = jnp.maximum(light.strength(result), HARD_ENOUGH)
        result = _hardened(result, least)
    if strength is not None:
        own = light.strength(illumination)
        result = _hardened(result, resolved(strength, own))
    if intensity is not None:
        factor = resolved(intensity, jnp.ones(illumination.shape[:-1]))
        result = result * factor[..., None]
    if colour is not None:
        result = result * jnp.tile(colour / jnp.mean(colour), 9)
    return result


def numbered(values: Array, amounts: Mapping[int, Amount]) -> Array:
    """Coefficients `[..., n]` of which some, by their place, have certain amounts."""
    for place, amount in amounts.items():
        wanted = resolved(amount, values[..., place])
        values = values.at[..., place].set(wanted)
    return values


def _pointed(
    illumination: Array, azimuth: Amount | None, elevation: Amount | None
) -> Array:
    """Turns light so that above stays above: about the horizontal, then upright axis."""
    own = light.direction(illumination)
    zero = jnp.zeros_like(own[0])

    def towards(azimuth: Array, elevation: Array) -> Array:
        """Takes the viewer's direction there: a head that looks that way."""
        return rotations.matrix(jnp.stack([elevation, azimuth, zero], axis=-1))

    wanted = [
        jnp.deg2rad(resolved(amount, jnp.rad2deg(angle)))
        for amount, angle in zip((azimuth, elevation), own, strict=True)
    ]
    back = jnp.swapaxes(towards(*own), -1, -2)
    turn = matmul(towards(*wanted), back)
    return light.rotate(illumination, turn)


def _hardened(illumination: Array, strength: Array) -> Array:
    """Light of this strength; that from everywhere stays so."""
    own = light.strength(illumination)
    return light.scale_directional(illumination, strength / jnp.where(own > 0, own, 1))
