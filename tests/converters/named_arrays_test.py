import numpy as np
import pytest

from pie_jax.converters import named_arrays
from pie_jax.core.errors import PieError


def test_what_is_needed_comes_back_and_indices_become_zero_based_int32():
    found = {"a": np.ones((2, 3), "f4"), "b": np.arange(5), "__header__": b"text"}
    shapes = {"a": (2, None), "b": (5,)}
    result = named_arrays.numbers(found, shapes, "file", ignored=("__",))
    assert result.keys() == {"a", "b"}
    assert result["a"] is found["a"] and result["b"] is found["b"]

    found = named_arrays.indices(np.array([[1.0, 3.0]]), 3, "tri", "file", first=1)
    np.testing.assert_array_equal(found, np.int32([[0, 2]]), strict=True)
    for bad in (0, 4, 1.5, -1, 1e30):
        with pytest.raises(PieError, match="tri should be whole numbers from 1 to 3"):
            named_arrays.indices(np.array([bad]), 3, "tri", "file", first=1)


def test_everything_that_is_wrong_is_listed_at_once():
    wrong = [np.ones((3, 2)), np.ones(2), np.ones((2, 0)), np.ones((2, 1), "c8")]
    wrong += ["text", [[1], [1, 2]], np.array([[1], [np.inf]])]
    found = {f"a{i}": array for i, array in enumerate(wrong)} | {"more": np.ones(2)}
    shapes = {f"a{i}": (2, None) for i in range(8)}
    with pytest.raises(PieError) as caught:
        named_arrays.numbers(found, shapes, "file")
    assert str(caught.value).splitlines()[1:] == [
        "  misshapen: a0: [2, any] expected, float64 [3, 2] found",
        "  misshapen: a1: [2, any] expected, float64 [2] found",
        "  misshapen: a2: [2, any] expected, float64 [2, 0] found",
        "  misshapen: a3: [2, any] expected, complex64 [2, 1] found",
        "  misshapen: a4: [2, any] expected, a str found",
        "  misshapen: a5: [2, any] expected, a list found",
        "  missing: a7 [2, any]",
        "  not finite: a6",
        "  surplus: more: float64 [2]",
    ]
