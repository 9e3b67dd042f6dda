import chex
import jax.numpy as jnp
import numpy as np

from pie_jax.core import ibug


def face(seed):
    return np.float32(np.random.default_rng(seed).uniform(0, 1, (2, 68, 2)))


def test_mirrored_twice_is_as_before_and_the_papers_66_lack_the_inner_mouth():
    assert [ibug.MIRRORED[i] for i in ibug.MIRRORED] == list(range(68))
    np.testing.assert_allclose(ibug.mirror(ibug.mirror(face(0))), face(0), atol=1e-6)
    middle = [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    assert [i for i in range(68) if ibug.MIRRORED[i] == i] == middle

    landmarks = face(1)
    mirrored = np.asarray(ibug.mirror(landmarks))
    chex.assert_shape(mirrored, landmarks.shape)
    left, right = ibug.OUTER_EYES
    np.testing.assert_allclose(mirrored[:, right, 0], 1 - landmarks[:, left, 0])
    np.testing.assert_array_equal(mirrored[:, right, 1], landmarks[:, left, 1])

    assert len(ibug.SIXTY_SIX) == 66
    assert not set(ibug.SIXTY_SIX) & set(ibug.INNER_MOUTH_CORNERS)
    points = jnp.stack([jnp.arange(68), jnp.arange(68)], axis=-1)
    kept = ibug.sixty_six(points)[:, 0].tolist()
    assert kept == [i for i in range(68) if i not in (60, 64)]


def test_landmarks_are_exchanged_within_their_part_and_outlines_stay_closed():
    parts = [(0, 17), (17, 27), (27, 36), (36, 48), (48, 60), (60, 68)]
    for start, end in parts:
        assert sorted(ibug.MIRRORED[start:end]) == list(range(start, end))
    # An eye's or a lip's outline runs the other way round in the mirror.
    eyes = {frozenset((s + i, s + (i + 1) % 6)) for s in (36, 42) for i in range(6)}
    lips = {
        frozenset((s + i, s + (i + 1) % n))
        for s, n in ((48, 12), (60, 8))
        for i in range(n)
    }
    for edges in (eyes, lips):
        assert {frozenset(ibug.MIRRORED[i] for i in edge) for edge in edges} == edges
