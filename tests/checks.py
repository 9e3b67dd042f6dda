"""Checks that many tests make: gradients, and what is mapped over batches."""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree


def double(tree: Any) -> Any:
    """The same with all its floats as float64, under `jax.enable_x64`."""

    def one(leaf: Any) -> jax.Array:
        leaf = jnp.asarray(leaf)
        floats = jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(jnp.float64) if floats else leaf

    return jax.tree.map(one, tree)


def entry(tree: Any, index: Any = 0) -> Any:
    """One of those that stand along the first axes of a tree's arrays."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def assert_gradient(
    function: Callable,
    *arguments: Any,
    directions: int = 0,
    step: float = 1e-6,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> None:
    """Compares a scalar function's gradient with central differences, in float64.

    The arguments are trees of floats, by which all is differentiated: in that many
    random directions, or along each number.
    """
    with jax.enable_x64(True):
        point, back = ravel_pytree(double(arguments))
        rng = np.random.default_rng(0)
        if directions:
            ways = rng.normal(size=(directions, point.size))
        else:
            ways = np.eye(point.size)

        @jax.jit
        def slopes(point, ways):
            def value(x):
                return function(*back(x))

            steps = step * jnp.concatenate([ways, -ways])
            above, below = jnp.split(jax.lax.map(lambda s: value(point + s), steps), 2)
            return ways @ jax.grad(value)(point), (above - below) / (2 * step)

        found, expected = slopes(point, jnp.asarray(ways))
        assert found.dtype == jnp.float64 and np.any(found)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def assert_maps(
    function: Callable,
    *batch: Any,
    axes: int = 1,
    batched: bool = False,
    rtol: float = 1e-5,
    atol: float = 1e-6,
) -> None:
    """Mapped, a function gives what it gives of each alone.

    Arguments have so many axes of examples before their own; `batched` says whether the
    function takes several at once by itself.
    """
    shape = jax.tree.leaves(batch)[0].shape[:axes]
    single = jax.jit(function)
    alone = [single(*entry(batch, index)) for index in np.ndindex(*shape)]
    expected = jax.tree.map(
        lambda *x: jnp.stack(x).reshape(*shape, *x[0].shape), *alone
    )
    mapped = function
    for _ in shape:
        mapped = jax.vmap(mapped)
    for way in (mapped, function) if batched else (mapped,):
        found = jax.jit(way)(*batch)
        chex.assert_trees_all_equal_shapes_and_dtypes(found, expected)
        chex.assert_trees_all_close(found, expected, rtol=rtol, atol=atol)


def assert_distance(function: Callable, pair: tuple, batch: tuple) -> None:
    """What holds of every difference of two things: `batch` has several such pairs.

    Equal things have none and no gradient; it can be mapped and differentiated.
    """
    same = jax.tree.map(jnp.asarray, pair[0])
    value, gradient = jax.value_and_grad(function)(same, same)
    assert value == 0
    chex.assert_trees_all_equal(gradient, jax.tree.map(jnp.zeros_like, gradient))
    value = function(*pair)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    assert_maps(function, *batch)
    assert_gradient(function, *pair, step=1e-5)


WRAPS = (jax.jit, lambda function: function)
"""Compiled, and not."""
