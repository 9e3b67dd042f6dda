"""Arrays by name: which shapes pass, and what of numbers is an index."""

import numpy as np
import pytest
from pie_jax.converters import named_arrays

from pie_jax.core.errors import PieError


def test_what_is_needed_comes_back_and_what_is_ignored_does_not():
    found = {"a": np.ones((2, 3), "f4"), "b": np.arange(5), "__header__": b"text"}
    result = named_arrays.numbers(
        found, {"a": (2, None), "b": (5,)}, "file", ignored=("__",)
    )
    assert result.keys() == {"a", "b"}
    assert result["a"] is found["a"] and result["b"] is found["b"]


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.ones((3, 2)), r"misshapen: a: \[2, any\] expected, float64 \[3, 2\] found"),
        (np.ones(2), r"\[2\] found"),
        (np.ones((2, 0)), r"\[2, 0\] found"),
        (np.ones((2, 1), "c8"), "no numbers found"),
        ("text", "no numbers found"),
        (None, "no numbers found"),
        (np.array([[1], [np.inf]]), "not finite: a"),
    ],
)
def test_misfits_are_described(array, problem):
    with pytest.raises(PieError, match=problem):
        named_arrays.numbers({"a": array}, {"a": (2, None)}, "file")


def test_indices_become_zero_based_int32():
    found = named_arrays.indices(np.array([[1.0, 3.0]]), 3, "tri", "file", first=1)
    np.testing.assert_array_equal(found, [[0, 2]])
    assert found.dtype == np.int32


@pytest.mark.parametrize("bad", [[0], [4], [1.5], [-1], [1e30]])
def test_other_numbers_are_no_indices(bad):
    with pytest.raises(PieError, match="tri should be whole numbers from 1 to 3"):
        named_arrays.indices(np.array(bad), 3, "tri", "file", first=1)
