import numpy as np
import pytest

from experiments.parts import in_parts


@pytest.mark.parametrize(("size", "calls"), [(2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_all_rows_are_seen_part_by_part(size, calls):
    seen = []

    def call(pair, other):
        seen.append(len(other))
        return {"sum": pair["a"] + other, "twice": 2 * pair["b"]}

    pair = {"a": np.arange(5), "b": np.ones((5, 3))}
    found = in_parts(call, pair, np.full(5, 10), size=size)
    assert seen == calls
    np.testing.assert_array_equal(found["sum"], 10 + np.arange(5))
    np.testing.assert_array_equal(found["twice"], np.full((5, 3), 2))
