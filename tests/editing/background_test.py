import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import background

SIZE, SMALL = 128, 64
HOLD = jax.jit(background.hold)


def picture(seed):
    """Smooth colours, `[SIZE, SIZE, 3]`."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (8, 8, 3))
    return jax.image.resize(jnp.asarray(coarse, jnp.float32), (SIZE, SIZE, 3), "cubic")


def disc(x, y, radius):
    """A head, `[SMALL, SMALL]`; x, y, radius in fractions of the frame."""
    rows, columns = (np.mgrid[:SMALL, :SMALL] + 0.5) / SMALL
    inside = np.hypot(columns - x, rows - y) < radius
    return jnp.asarray(inside, jnp.float32)


EVERYWHERE = jnp.ones((SMALL, SMALL))


def at(image, x, y):
    return np.asarray(image)[round(y * SIZE), round(x * SIZE)]


def test_the_head_is_the_edited_without_a_halo_and_the_rest_the_photographs():
    photo, edited, head = picture(0), picture(1), disc(0.5, 0.5, 0.3)
    held = HOLD(photo, edited, head, head, EVERYWHERE)
    np.testing.assert_allclose(at(held, 0.5, 0.5), at(edited, 0.5, 0.5), atol=1e-3)
    for corner in ((0.02, 0.02), (0.97, 0.03), (0.03, 0.97)):
        np.testing.assert_allclose(at(held, *corner), at(photo, *corner), atol=2e-2)

    head = disc(0.5, 0.5, 0.25)
    seen = jax.image.resize(head, (SIZE, SIZE), "linear")[..., None]
    photo = jnp.full((SIZE, SIZE, 3), -0.6)
    edited = seen * picture(1) + (1 - seen) * 0.9  # before white
    held = HOLD(photo, edited, head, head, EVERYWHERE)
    beside = (0.5 - 0.25 - 0.025, 0.5)
    np.testing.assert_allclose(at(held, *beside), -0.6, atol=0.15)
    np.testing.assert_allclose(at(held, 0.5, 0.5), at(edited, 0.5, 0.5), atol=1e-3)


def test_what_is_unlike_its_background_keeps_its_colour_and_gaps_are_filled():
    """A strand of hair that the shares in the person nearly leave out."""
    white, dark = jnp.full((SIZE, SIZE, 3), 0.9), jnp.full((SIZE, SIZE, 3), -0.6)
    strand = slice(SIZE // 2, SIZE // 2 + 2)
    edited = white.at[strand, int(0.2 * SIZE) : SIZE // 2].set(-0.2)
    head = jnp.maximum(disc(0.5, 0.5, 0.2), 0.3 * disc(0.5, 0.5, 0.35))
    exchanged = background.exchange_background(edited, dark, head, EVERYWHERE)
    np.testing.assert_allclose(exchanged[strand, int(0.25 * SIZE)], -0.2, atol=1e-2)
    assert jnp.max(exchanged[strand.stop + 2, int(0.25 * SIZE)]) < 0.4  # was 0.9
    np.testing.assert_allclose(exchanged[: SIZE // 8], -0.6, atol=1e-2)

    grey, black = jnp.full((SIZE, SIZE, 3), 0.3), jnp.full((SIZE, SIZE, 3), -1.0)
    before, after = disc(0.35, 0.5, 0.2), disc(0.65, 0.5, 0.2)
    seen = jax.image.resize(before, (SIZE, SIZE), "linear")[..., None]
    photo = grey + seen * (black - grey)  # a black head before grey
    white = jnp.ones((SIZE, SIZE, 3))
    held = HOLD(photo, white, before, after, EVERYWHERE)
    np.testing.assert_allclose(at(held, 0.3, 0.5), 0.3, atol=0.05)
    np.testing.assert_allclose(at(held, 0.65, 0.5), 1, atol=1e-3)


def test_a_head_stays_where_nothing_is_edited_and_all_that_is_not_called_changed():
    photo, edited, head = picture(0), picture(1), disc(0.5, 0.5, 0.2)
    nowhere = jnp.zeros((SMALL, SMALL))
    held = HOLD(photo, edited, head, head, nowhere)
    chex.assert_trees_all_close(held, photo, atol=1e-5)
    assert background.changed(head, head, nowhere, SIZE).max() < 1e-5

    photo, edited = picture(0), picture(1)
    before, after = disc(0.45, 0.5, 0.15), disc(0.5, 0.5, 0.15)
    held = HOLD(photo, edited, before, after, EVERYWHERE)
    mask = background.changed(before, after, EVERYWHERE, SIZE)
    assert mask.shape == (SIZE, SIZE) and 0 <= mask.min() and mask.max() <= 1
    moved = np.abs(np.asarray(held - photo)).max(axis=-1)
    assert moved[np.asarray(mask) < 0.01].max() < 0.05
    assert moved.max() > 0.3


def test_where_the_picture_ends_beside_the_person_the_photographs_vanishes():
    """A head that was at the upper edge, and is lower now with its picture."""
    before, after = disc(0.5, 0.2, 0.1), disc(0.5, 0.5, 0.1)
    covered = jnp.ones((SMALL, SMALL)).at[: SMALL // 8].set(0)
    gone = background.receded(before, after, covered)
    assert gone[before > 0.5].min() > 0.9
    # Where the picture ends in the person, hair may go on beyond it: all stays.
    lower = disc(0.5, 0.15, 0.1)
    stays = background.receded(before, lower, covered)
    assert stays[: SMALL // 8].max() < 0.1


def large_disc(radius):
    rows, columns = (np.mgrid[:256, :256] + 0.5) / 256
    inside = np.hypot(columns - 0.5, rows - 0.5) < radius
    return jnp.asarray(inside, jnp.float32)


def test_the_seam_runs_where_both_pictures_agree_and_near_the_person():
    head, rim, everywhere = large_disc(0.25), large_disc(0.29), jnp.ones((256, 256))
    photo = jnp.zeros((256, 256, 3))
    left = jnp.arange(256)[None, :, None] < 128
    # To the left something stands beside the edited person that the photograph lacks.
    edited = jnp.where(left, 0.8 * rim[..., None], 0.0)
    share = background.seam(edited, photo, head, everywhere)
    presence = background.presence(head)
    assert (share >= presence - 1e-6).all()
    beside = int(256 * (0.5 - 0.28)), int(256 * (0.5 + 0.28))
    assert presence[128, beside[0]] < 0.1
    assert share[128, beside[0]] > 0.9
    far = (np.asarray(large_disc(0.25 + 20 / 256)) == 0) & (np.asarray(presence) < 1e-6)
    assert share[far].max() < 0.05
    nowhere = background.seam(edited, photo, head, everywhere.at[:, :100].set(0))
    assert nowhere[:, :90].max() < 0.05


def test_a_second_head_at_the_border_is_nobody_s():
    head, other = disc(0.5, 0.5, 0.25), disc(0.05, 0.8, 0.1)
    found = background.connected(jnp.maximum(head, other))
    np.testing.assert_allclose(found[head > 0], 1, atol=1e-3)
    assert found[(other > 0) & (head == 0)].max() < 0.05
    # Hair that hangs down to the border stays.
    hair = head.at[SMALL // 2 :, 16:20].set(1)
    np.testing.assert_allclose(background.connected(hair)[hair > 0], 1, atol=1e-3)
    # Somebody who stands beside in the photograph stays there.
    photo, both = picture(0), jnp.maximum(head, other)
    held = HOLD(photo, picture(1), both, both, EVERYWHERE)
    np.testing.assert_allclose(at(held, 0.03, 0.82), at(photo, 0.03, 0.82), atol=2e-2)
    assert background.changed(both, both, EVERYWHERE, SIZE)[-20:, :4].max() < 0.05


def test_what_the_person_uncovers_is_as_the_generator_has_it_where_that_is_alike():
    photo = jnp.full((SIZE, SIZE, 3), 0.2)
    texture = 0.2 + 0.1 * jnp.asarray(np.random.default_rng(0).normal(size=photo.shape))
    before, after = disc(0.35, 0.5, 0.2), disc(0.65, 0.5, 0.2)
    whole = background.behind(photo, texture, before, after, EVERYWHERE)
    np.testing.assert_allclose(at(whole, 0.3, 0.5), at(texture, 0.3, 0.5), atol=0.02)
    np.testing.assert_allclose(at(whole, 0.9, 0.1), 0.2, atol=1e-3)
    other = jnp.full((SIZE, SIZE, 3), -0.9)
    whole = background.behind(photo, other, before, after, EVERYWHERE)
    np.testing.assert_allclose(at(whole, 0.3, 0.5), 0.2, atol=0.02)


def test_equal_pictures_or_a_plain_mask_give_one_of_the_pictures():
    some = jnp.asarray(np.random.default_rng(2).uniform(size=(SIZE, SIZE, 1)), "f")
    for seed, other, mask in ((0, 0, some), (1, 0, 0 * some), (0, 1, 0 * some + 1)):
        pictures = (
            (picture(seed), picture(other)) if other else (picture(0), picture(seed))
        )
        joined = background.blend(*pictures, mask, 3)
        chex.assert_trees_all_close(joined, picture(seed), atol=1e-5)


def test_a_seam_is_wider_for_what_is_coarse_and_fills_and_blurs_keep_their_sum():
    dark, bright = jnp.zeros((SIZE, SIZE, 1)), jnp.ones((SIZE, SIZE, 1))
    step = (jnp.arange(SIZE) >= SIZE // 2).astype(jnp.float32)
    mask = jnp.broadcast_to(step[None, :, None], dark.shape)
    row = background.blend(bright, dark, mask, 4)[SIZE // 2, :, 0]
    assert np.all(np.diff(row) > -1e-6)
    width = int(np.sum((row > 0.02) & (row < 0.98)))
    assert 8 <= width <= 64

    known = 1 - jax.image.resize(disc(0.5, 0.5, 0.2), (SIZE, SIZE), "nearest")
    plain = jnp.full((SIZE, SIZE, 3), 0.7)
    holed = plain * known[..., None]
    filled = background.fill(holed, known[..., None])
    chex.assert_trees_all_close(filled, plain, atol=1e-4)
    kept = background.fill(picture(0), known[..., None])
    chex.assert_trees_all_close(kept[known == 1], picture(0)[known == 1], atol=1e-6)

    chex.assert_trees_all_close(
        background.blur(jnp.full((40, 40), 0.3), 2.0),
        jnp.full((40, 40), 0.3),
        atol=1e-5,
    )
    dot = jnp.zeros((41, 41)).at[20, 20].set(1)
    blurred = background.blur(dot, 2.0)
    assert jnp.sum(blurred) == pytest.approx(1, abs=1e-5)
    chex.assert_trees_all_close(blurred, blurred.T, atol=1e-6)
