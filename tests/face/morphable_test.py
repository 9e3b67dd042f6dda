import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.face import morphable
from tests import builders, checks

UNITS = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "tongueOut")


@pytest.fixture(scope="module")
def arrays():
    """A model of four vertices with units, one of which shows nothing."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(4, 5))
    codes[3] = 0
    return {
        "mean": rng.normal(size=(4, 3)),
        "triangles": np.array([[0, 1, 2], [0, 2, 3]]),
        "identity": rng.normal(size=(7, 4, 3)).astype(np.float16),
        "expression": rng.normal(size=(5, 4, 3)),
        "albedo_mean": np.full((4, 3), 0.5),
        "albedo": 0.1 * rng.normal(size=(6, 4, 3)),
        "contour": np.zeros((17, 2), np.int32),
        "inner": np.arange(51) % 4,
        "camera": np.array([4.5, 12.0]),
        "unit_codes": codes,
        "unit_names": morphable.encode_names(UNITS),
    }


@pytest.fixture(scope="module")
def model(arrays):
    return morphable.from_arrays(arrays)


def test_one_deviation_adds_its_component_and_batches_are_faces_one_by_one(model):
    shape = morphable.vertices(model, jnp.zeros(7), jnp.zeros(5))
    np.testing.assert_array_equal(shape, model.mean)
    np.testing.assert_array_equal(
        morphable.albedo(model, jnp.zeros(6)), model.albedo_mean
    )
    shape = morphable.vertices(model, jnp.eye(7)[2], 2 * jnp.eye(5)[4])
    expected = model.mean + model.identity[2] + 2 * model.expression[4]
    np.testing.assert_allclose(shape, expected, rtol=1e-6, atol=1e-6)

    key_identity, key_expression = jax.random.split(jax.random.key(0))
    identity = jax.random.normal(key_identity, (2, 3, 7))
    expression = jax.random.normal(key_expression, (2, 3, 5))
    checks.assert_maps(
        lambda *codes: morphable.vertices(model, *codes),
        identity,
        expression,
        axes=2,
        batched=True,
    )


def test_an_expression_is_the_sum_of_its_units_and_unknown_ones_are_told(model):
    code = morphable.expression_code(model, {"jawOpen": 0.5, "mouthSmileLeft": 0.25})
    expected = 0.5 * model.unit_codes[0] + 0.25 * model.unit_codes[1]
    np.testing.assert_allclose(code, expected, rtol=1e-6)
    code = morphable.expression_code(model, {"smile": 0.6})
    expected = 0.6 * (model.unit_codes[1] + model.unit_codes[2])
    np.testing.assert_allclose(code, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="'grin'; choose among jawOpen.*smile"):
        morphable.expression_code(model, {"grin": 1.0})
    assert "smile" in morphable.names(model)
    assert "blink" not in morphable.names(model)
    with pytest.raises(ValueError, match="no expression 'blink'"):
        morphable.expression_code(model, {"blink": 1.0})


def test_amounts_come_back_from_codes_and_have_the_gradient_of_their_unit(model):
    amounts = {"jawOpen": 0.3, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.1}
    code = morphable.expression_code(model, amounts)
    back = morphable.named_expression(model, jnp.stack([code, 2 * code]))
    expected = np.array([*amounts.values(), 0])
    np.testing.assert_allclose(back, [expected, 2 * expected], atol=1e-5)
    gradient = jax.jacobian(
        lambda amount: morphable.expression_code(model, {"jawOpen": amount})
    )(0.5)
    np.testing.assert_allclose(gradient, model.unit_codes[0], rtol=1e-6)


def test_a_model_may_name_no_expression_and_units_that_nothing_shows_are_zero(arrays):
    toy = builders.toy_morphable(0)
    assert morphable.names(toy) == ()
    chex.assert_shape(morphable.named_expression(toy, jnp.ones((2, 64))), (2, 0))
    with pytest.raises(ValueError, match="the model names none"):
        morphable.expression_code(toy, {"smile": 1.0})
    codes = np.zeros_like(arrays["unit_codes"])
    blind = morphable.from_arrays({**arrays, "unit_codes": codes})
    found = morphable.named_expression(blind, jnp.ones((2, 5)))
    np.testing.assert_array_equal(found, np.zeros((2, 4)))


def test_arrays_become_float32_and_int32_and_all_misfits_are_listed_at_once(
    model, arrays
):
    chex.assert_type([model.mean, model.identity, model.camera.focal], jnp.float32)
    chex.assert_type([model.triangles, model.contour, model.inner], jnp.int32)
    assert model.unit_names == UNITS
    bad = {**arrays, "albedo": np.zeros((6, 3, 3)), "extra": np.zeros(1)}
    del bad["inner"]
    with pytest.raises(ValueError) as error:
        morphable.from_arrays(bad)
    for part in ("missing: inner", "surplus: extra", "albedo is [6, 3, 3]", "[any, 4"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("triangles", np.array([[0, 1, 4]]), "triangles name absent vertices"),
        ("inner", np.full(51, -1), "inner name absent vertices"),
        ("contour", np.zeros((17, 2)), "contour are float64, not integers"),
        ("contour", np.zeros((17, 0), np.int32), "contour are none"),
        ("mean", np.full((4, 3), np.nan), "mean is not finite"),
        ("albedo", np.full((6, 4, 3), 1e39), "albedo is not finite"),
        ("camera", np.array([4.5, 0.0]), "camera is not positive"),
        ("camera", np.array([np.nan, 12.0]), "camera is not finite"),
        ("unit_codes", np.full((4, 5), np.inf), "unit_codes is not finite"),
        ("unit_names", morphable.encode_names(("jawOpen",)), "4 unit_codes, but 1"),
    ],
)
def test_bad_contents_are_refused(arrays, name, value, message):
    with pytest.raises(ValueError, match=message):
        morphable.from_arrays({**arrays, name: value})
