"""The next command: the paper's first, then one that learns; against known rigs."""

import jax.numpy as jnp
import numpy as np

from pie_jax.editing.feedback import next_command


def test_the_first_is_the_papers_and_each_portrait_has_its_own():
    command, missing = jnp.asarray([[0.3, -0.2]]), jnp.asarray([[0.1, 0.4]])
    found = next_command([command], [missing], jnp.ones(2))
    np.testing.assert_array_equal(found, command + missing)
    found = next_command([command] * 3, [0 * missing] * 3, jnp.ones(2))
    np.testing.assert_allclose(found, command, atol=1e-6)

    rng = np.random.default_rng(0)
    commands, missing = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    together = next_command(list(commands), list(missing), jnp.ones(5))
    alone = [
        next_command(list(commands[:, i]), list(missing[:, i]), jnp.ones(5))
        for i in range(4)
    ]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-5)


def test_it_learns_how_numbers_hang_together():
    """A rig that turns what it is told by 40 degrees in the plane of two angles: adding
    what is missing would come nearer slowly."""
    cosine, sine = np.cos(np.radians(40)), np.sin(np.radians(40))
    mixing = jnp.asarray([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    aim = jnp.asarray([[0.1, -0.05, 0.02], [0.0, 0.1, 0.0]])
    commands, missing = [aim], [aim - aim @ mixing.T]
    for _ in range(3):
        commands.append(next_command(commands, missing, jnp.ones(3)))
        missing.append(aim - commands[-1] @ mixing.T)
    errors = [float(jnp.linalg.norm(x)) for x in missing]
    assert errors[1] > 0.4 * errors[0]
    assert errors[3] < 0.02 * errors[0]
