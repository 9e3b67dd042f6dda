import jax.numpy as jnp
import numpy as np
import pytest

from experiments import measure_fits
from experiments.mofa_figures import judge
from pie_jax.core import theta as parameters
from tests.experiments.mofa_figures_test import MODEL, rendered

SIZE, COUNT = 48, 3
JUDGE = judge(MODEL, lambda params, image: parameters.neutral((len(image),)))


@pytest.fixture(scope="module")
def pictures():
    return rendered(COUNT, SIZE)[1]


def test_refinement_is_measured_beside_the_estimate_and_the_sheet_shows_it(pictures):
    found = measure_fits.measure(JUDGE, {}, pictures, 30)
    assert found["refined_landmark"] < 0.5 * found["landmark"]
    assert {"colour", "refined_colour", "mirror", "rendered"} < found.keys()
    assert np.all(np.isfinite([*found.values()]))
    chosen_u8 = pictures.image_u8[np.arange(16) % COUNT]
    rows = measure_fits.rows(JUDGE.model, parameters.neutral((16,)), chosen_u8)
    assert [row.shape for row in rows] == [(8, SIZE, SIZE, 3)] * 10
    np.testing.assert_array_equal(rows[0], chosen_u8[:8])
    np.testing.assert_array_equal(rows[5], chosen_u8[8:])


def test_distances_of_all_pairs_the_nearest_first():
    theta = parameters.neutral((3,))
    theta = theta.replace(
        identity=theta.identity.at[:, 0].set(jnp.array([0.0, 3.0, 10.0])),
        reflectance=theta.reflectance.at[1, 5].set(4.0),
    )
    found = measure_fits.distances(["anna", "ben", "cleo"], theta)
    assert list(found) == ["ben anna", "cleo ben", "cleo anna"]
    expected = [5, np.sqrt(49 + 16), 10]
    np.testing.assert_allclose([*found.values()], expected, rtol=1e-6)
