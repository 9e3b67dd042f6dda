"""Holds the background still: an edited person before the photograph's background.

A generator that turns a head paints all the rest anew. Here the person is taken from
its picture, and what is behind from the photograph; what the photograph's own person
hid is filled with the colours around, or as the generator does where that is alike. About
the person the generator's background gives way to it (Smith and Blinn, "Blue Screen
Matting", SIGGRAPH 1996), or a light one would stay as a halo before a dark one. The seam
runs where both pictures agree. They are joined band by band (Burt and Adelson, "A
Multiresolution Spline with Application to Image Mosaics", 1983), coarse structures over a
wide seam and fine ones over a narrow one.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax

from pie_jax.core.images import downsample, reduce_area

_NEAR = 12
"""Pixels of 256 about the photograph's person that still have something of its hair."""
_RIM = 3
"""Pixels of 256 about the edited person that are still the edited picture's."""
_FEATHER = 2.0
"""Deviation of the blur of both masks' edges, in pixels of 256."""
_BESIDE = 1
"""Pixels of 256 beside the edited person from which on all is its own background's."""
_UNLIKE = 0.6
"""From how far off its own background, of [-1, 1], a colour surely is another thing's."""
_REACH = 10
"""Pixels of 256 about the edited person within which the seam may run."""
_SEAM_SIZE = 128
"""Pixels on a side at which it is looked for."""
_AGREE = 0.02
"""Differences that count as none, of [-1, 1]."""
_SPREADS = 400
"""Steps in which the seam spreads: more than its reach is long, squared."""
_COARSEST = 64
"""Pixels on a side of the blend's coarsest band: colours mix over 1 / 64 of a side."""


def hold(
    photo: Array, edited: Array, before: Array, after: Array, covered: Array
) -> Array:
    """Puts an edited person before the photograph's background; `[R, R, 3]`.

    Args:
        photo: `[R, R, 3]`, R a power of two.
        edited: `[R, R, 3]`, what the generator makes of the edited code.
        before: `[S, S]` in [0, 1], each pixel's share in the photograph's person.
        after: `[S, S]`, in the edited one.
        covered: `[S, S]` in [0, 1], where `edited` is a picture at all; elsewhere the
            photograph stays, with its person.
    """
    before, visible = connected(before), connected(after * covered)
    background = behind(photo, edited, before, visible, covered)
    person = exchange_background(edited, background, visible, covered)
    mask = enlarge(seam(person, background, visible, covered), len(photo))
    levels = max(1, (len(photo) // _COARSEST).bit_length() - 1)
    return blend(person, background, mask, levels)


def exchange_background(
    edited: Array, background: Array, after: Array, covered: Array
) -> Array:
    """The edited picture, its own background exchanged for another: `[R, R, 3]`.

    The difference of both backgrounds is added to each pixel by what share it has in
    its own one. Colours that are unlike that stay: shares err in hair. Args as of
    `hold`.
    """
    person = _smoothstep(4 * widened(after, _BESIDE))
    own = fill(edited, enlarge((1 - person) * covered, len(edited)))
    distance = jnp.max(jnp.abs(edited - own), axis=-1, keepdims=True)
    share = enlarge((1 - _smoothstep(after)) * covered, len(edited))
    return edited + share * (1 - _smoothstep(distance / _UNLIKE)) * (background - own)


def connected(share: Array) -> Array:
    """The part of a mask `[S, S]` that hangs together with the frame's middle: what
    stands beside the head at the border is nobody's."""
    small = _reduced(share, min(_COARSEST, len(share)))
    middle = slice(len(small) // 4, -(len(small) // 4))
    seed = jnp.zeros_like(small).at[middle, middle].set(small[middle, middle])

    def spread(found: Array, _: None) -> tuple[Array, None]:
        return jnp.minimum(small, widened(found, 256 / len(small))), None

    found, _ = lax.scan(spread, seed, None, length=len(small))
    # What of a place is in the mask hangs together with its neighbours' share.
    return share * _smoothstep(
        4 * enlarge(widened(found, 256 / len(small)), len(share))[..., 0]
    )


def seam(edited: Array, background: Array, after: Array, covered: Array) -> Array:
    """How much of the edited picture each place shows, `[S, S]` in [0, 1].

    All of the person, nothing further away than `_REACH`, and between them it changes
    where both pictures agree: as a potential does along wires that conduct the better
    the more they differ, in a coarse grid. Args as of `hold`.
    """
    size = min(_SEAM_SIZE, len(after))
    inside, known = (_reduced(x, size) for x in (presence(after) * covered, covered))
    free = (widened(inside, _REACH) > 0.5) & (known > 0.98)
    pair = (reduce_area(x[None], min(size, len(x)))[0] for x in (edited, background))
    off = jnp.sqrt(jnp.mean(jnp.square(jnp.subtract(*pair)), axis=-1))
    off = blur(jax.image.resize(off, (size, size), "linear"), 1.0)
    wires = _wires((_AGREE + off) ** 2)

    def spread(share: Array, _: None) -> tuple[Array, None]:
        flow = sum(
            wire * jnp.roll(share, *to) for wire, to in zip(wires, _TO, strict=True)
        )
        mean = flow / sum(wires)
        return jnp.maximum(inside, jnp.where(free, mean, 0)), None

    share, _ = lax.scan(spread, jnp.maximum(inside, 0.5 * free), None, length=_SPREADS)
    sharp = _smoothstep(2.5 * (share - 0.5) + 0.5)
    return jnp.maximum(enlarge(sharp, len(after))[..., 0], presence(after) * covered)


_TO = ((1, 0), (-1, 0), (1, 1), (-1, 1))
"""A place's neighbours, as `jnp.roll` brings them."""


def _wires(conductance: Array) -> list[Array]:
    """From each place's neighbours to it, in the order of `_TO`: in series; none across
    the border."""
    resistance, found = 1 / conductance, []
    for step, axis in _TO:
        wire = 2 / (resistance + jnp.roll(resistance, step, axis))
        border = 0 if step > 0 else -1
        place = (border,) if axis == 0 else (slice(None), border)
        found.append(wire.at[place].set(0))
    return found


def _reduced(mask: Array, size: int) -> Array:
    return reduce_area(mask[None, ..., None], size)[0, ..., 0]


def behind(
    photo: Array, edited: Array, before: Array, after: Array, covered: Array
) -> Array:
    """The photograph without what the edited person no longer hides.

    Args and result as of `hold`. Where the edited person's outline is the photograph's
    all stays, up to the last hair; what is behind the edited person is of no account.
    """
    person = _smoothstep(2 * widened(before, _NEAR))
    elsewhere = 1 - enlarge(person, len(photo))
    uncovered = receded(before, after, covered)
    filled = fill(photo, elsewhere)
    # The generator knows what is behind, if it is not about something else there.
    size = min(256, len(photo))
    coarse = reduce_area((edited - filled)[None], size)[0]
    coarse = jnp.stack([blur(x, size / 64) for x in jnp.moveaxis(coarse, -1, 0)])
    alike = 1 - _smoothstep(jnp.max(jnp.abs(coarse), axis=0) / _UNLIKE)
    own = enlarge(alike, len(photo)) * enlarge(covered, len(photo))
    filled = filled + own * (edited - filled)
    return photo + enlarge(uncovered, len(photo)) * (filled - photo)


def receded(before: Array, after: Array, covered: Array) -> Array:
    """Where the photograph's person is to vanish, args as of `hold`: `[S, S]`.

    Where the edited picture ends in its person, nobody knows how that one goes on, and
    the photograph's stays; where it ends beside it, there is nobody. Far outside of it
    nobody knows anything.
    """
    bare = widened(jnp.maximum(before - presence(after), 0), _NEAR)
    cut = (1 - covered) * widened(after * covered, _NEAR)
    known = widened(covered, 2 * _NEAR) * (1 - widened(cut, 2 * _NEAR))
    return known * blur(_smoothstep(2 * bare), _scaled(_FEATHER, before))


def presence(share: Array) -> Array:
    """Where a person covers what is behind, `[S, S]`, of shares in the person."""
    person = _smoothstep(widened(share, _RIM))
    return blur(person, _scaled(_FEATHER, share))


def changed(before: Array, after: Array, covered: Array, size: int) -> Array:
    """Where `hold` leaves less than the photograph: `[size, size]` in [0, 1]; args as
    there."""
    before, after = connected(before), connected(after * covered)
    gone = receded(before, after, covered)
    both = jnp.maximum(gone, widened(presence(after), _REACH))
    both = widened(both, 2 * _RIM)
    return enlarge(blur(both, 2 * _scaled(_FEATHER, both)), size)[..., 0]


def _scaled(pixels: float, mask: Array) -> float:
    return pixels * len(mask) / 256


def _smoothstep(x: Array) -> Array:
    x = jnp.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def widened(mask: Array, reach: float) -> Array:
    """The largest value of a mask `[S, S]` within `reach` pixels of 256, along either
    axis."""
    side = 2 * round(_scaled(reach, mask)) + 1
    for window in ((side, 1), (1, side)):
        mask = lax.reduce_window(mask, -jnp.inf, lax.max, window, (1, 1), "SAME")
    return mask


def blur(image: Array, sigma: float) -> Array:
    """A Gaussian blur of `[H, W]`; the edge pixels repeat."""
    reach = max(1, round(3 * sigma))
    weights = jnp.exp(-(jnp.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights = weights / jnp.sum(weights)

    def along(rows: Array) -> Array:
        return jax.vmap(lambda row: jnp.convolve(row, weights, "valid"))(rows)

    return along(along(jnp.pad(image, reach, mode="edge")).T).T


def enlarge(mask: Array, size: int) -> Array:
    """`[S, S]` to `[size, size, 1]`, smoothly."""
    resized = jax.image.resize(mask[..., None], (size, size, 1), "cubic")
    return jnp.clip(resized, 0, 1)


def fill(image: Array, known: Array) -> Array:
    """Fills holes with the colours around, smoother the further from them.

    Args:
        image: `[R, R, C]`, R a power of two.
        known: `[R, R, 1]` in [0, 1]: 1 keeps the image, 0 is a hole.

    Returns:
        `[R, R, C]`; black where nothing is known anywhere.
    """
    if len(image) == 1:
        return image * (known > 0)
    weight = downsample(known, 2)
    colour = downsample(image * known, 2) / jnp.maximum(weight, 1e-6)
    # A block that is known in part says all that can be known of it.
    around = _double(fill(colour, jnp.minimum(1, 4 * weight)))
    return known * image + (1 - known) * around


def blend(inside: Array, outside: Array, mask: Array, levels: int) -> Array:
    """Joins two pictures band by band.

    Args:
        inside: `[R, R, C]`, R a power of two.
        outside: `[R, R, C]`.
        mask: `[R, R, 1]` in [0, 1], 1 where `inside` is wanted.
        levels: how many bands are split off; each doubles the seam's width.

    Returns:
        `[R, R, C]`: either picture where the mask is 1, or 0, for some 2 ** (levels +
        1) pixels around.
    """
    if levels == 0 or len(inside) == 1:
        return outside + mask * (inside - outside)
    half_inside, half_outside = downsample(inside, 2), downsample(outside, 2)
    below = _double(blend(half_inside, half_outside, downsample(mask, 2), levels - 1))
    fine_inside, fine_outside = (
        inside - _double(half_inside),
        outside - _double(half_outside),
    )
    return below + fine_outside + mask * (fine_inside - fine_outside)


def _double(image: Array) -> Array:
    height, width, channels = image.shape
    return jax.image.resize(image, (2 * height, 2 * width, channels), "linear")
