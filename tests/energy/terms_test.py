"""Each term of E(w) with tiny networks in float64: the paper's formula (section 4) in
NumPy, and its own gradient."""

import functools
from types import SimpleNamespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as thetas
from pie_jax.core.interfaces import Generator, Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS, SIZES, FaceParams
from pie_jax.energy import invariance_photometric, perceptual
from pie_jax.energy.term import Networks, Person, Target
from pie_jax.energy.total import TERMS, energy
from pie_jax.face import crops
from tests import builders
from tests.checks import entry

ROWS, WIDTH, SIZE = 3, 5, 8
PIXELS = SIZE * SIZE * 3
FACE_PIXELS = 401_534
JITTER = 5
EDITING = [name for name in TERMS if name.partition("_")[0] in ("edit", "invariance")]
EDITED = [*EDITING, "recognition_edited"]
OF_THE_COMPONENT = ["rig_identity", *EDITED]


def synthesis(params, w_plus):
    flat = jnp.tanh(w_plus.reshape(len(w_plus), -1) @ params["kernel"])
    return flat.reshape(-1, SIZE, SIZE, 3)


def features(params, image):
    assert image.shape == (1, perceptual.LEAST, perceptual.LEAST, 3)
    return {"square": params * image**2, "cube": image**3}


def crop(image, matrix):
    return jnp.concatenate([image.reshape(-1), matrix.reshape(-1)])


def descriptor(params, seen):
    return jnp.sin(seen @ params)


def estimate(params, image):
    start = thetas.to_vector(thetas.neutral((len(image),)))
    return thetas.from_vector(start + image.reshape(len(image), -1) @ params)


def rig(component):
    def edit(params, w_plus, own, target):
        flat = w_plus.reshape(len(w_plus), -1) @ params["code"]
        own, target = (getattr(x, component) for x in (own, target))
        flat = flat + (target - 0.3 * own) @ params["target"]
        return w_plus + jnp.sin(flat).reshape(w_plus.shape)

    return Rig(edit, component)


@pytest.fixture(scope="module", autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@functools.cache
def world(component):
    """All inputs of the energy, random: no two thetas or pictures are alike."""
    rng = np.random.default_rng(0)

    def normal(scale, *shape):
        return jnp.asarray(scale * rng.normal(size=shape))

    code = ROWS * WIDTH
    axes = builders.orthogonal(WIDTH, rng) * rng.uniform(0.5, 2, WIDTH)
    params = Params(
        generator={"kernel": normal(0.2, code, PIXELS)},
        perceptual=jnp.asarray(1.7),
        recognition=normal(0.05, PIXELS + 6, 4),
        mofa=normal(0.02, PIXELS, 257),
        face_model=builders.toy_morphable(),
        rigs={
            k: {"code": normal(0.2, code, code), "target": normal(0.3, SIZES[k], code)}
            for k in COMPONENTS
        },
        latents={"mean": normal(1.0, WIDTH), "axes": axes},
    )
    portrait = Target(
        image=jnp.asarray(rng.uniform(-1, 1, (SIZE, SIZE, 3))),
        chip_matrix=jnp.asarray([[1.1, 0.2, 0.7], [-0.3, 0.9, 1.3]]),
        landmarks=jnp.asarray(rng.uniform(0.2, 0.8, (68, 2))),
    )
    person = Person(
        w=None,
        theta=builders.random_theta(seed=1),
        image=jnp.asarray(rng.uniform(-1, 1, (SIZE, SIZE, 3))),
        landmarks=jnp.asarray(rng.uniform(0.2, 0.8, (68, 2))),
        jitter=jnp.int32(JITTER),
    )
    networks = Networks(features, descriptor, crop, estimate, rig(component))
    w_plus = normal(0.7, ROWS, WIDTH)
    person = person.replace(w=normal(0.7, WIDTH))
    built = SimpleNamespace(**locals())
    names = TERMS if component == "rotation" else OF_THE_COMPONENT
    built.terms = jax.jit(terms(built, networks, names))
    return built


def terms(world, networks, names):
    """The terms of a code, as a function."""
    generator = Generator(None, synthesis, ROWS, SIZE)
    total = energy(generator, networks, dict.fromkeys(names, 1.0))

    def values(w_plus):
        references = total.prepare(world.params, world.portrait)
        return total.value(world.params, references, w_plus, world.person)[1]

    return values


def parts(theta):
    return {name: np.asarray(getattr(theta, name)) for name in SIZES}


def colours(model, face, image):
    """The first part of l, eq. 10: vertices stand for the face's pixels."""
    shown = builders.VERTICES(model, FaceParams(**face), len(image))
    image_255, squares = 127.5 * (np.asarray(image) + 1), []
    for point, colour, visible in zip(
        *map(np.asarray, (shown.points, shown.colours, shown.visible)), strict=True
    ):
        if visible:
            x, y = np.clip(point - 0.5, 0, len(image) - 1)
            i, j = min(int(y), len(image) - 2), min(int(x), len(image) - 2)
            seen = sum(
                (1 - abs(y - a)) * (1 - abs(x - b)) * image_255[a, b]
                for a in (i, i + 1)
                for b in (j, j + 1)
            )
            squares.append(np.sum((seen - 255 * colour) ** 2))
    return FACE_PIXELS * np.mean(squares)


def distance(model, face, landmarks):
    """The second part of l, eq. 10, in pixels of 1024."""
    shown = builders.VERTICES(model, FaceParams(**face), 1).landmarks
    away = 1024 * np.delete(np.asarray(shown - landmarks), (60, 64), axis=0)
    return np.sum(away**2)


def followed(world, before, after):
    """The photograph's chip after the similarity from one face to another."""
    model, places = world.params.face_model, [*range(27, 55), *range(60, 65)]
    source, target = (
        np.asarray(builders.VERTICES(model, x, SIZE).landmarks)[places] @ [1, 1j]
        for x in (before, after)
    )
    centre = 0.5 + 0.5j
    rows = np.stack([source - centre, np.ones(len(source))], axis=1)
    turn, shift = np.linalg.lstsq(rows, target - centre)[0]
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    moved = linear @ np.asarray(world.portrait.chip_matrix)
    moved[:, 2] += shift.real, shift.imag
    return moved


def expected(world):
    """What each term is, as it is printed."""
    params, portrait, person = world.params, world.portrait, world.person
    w, model, component = np.asarray(world.w_plus), params.face_model, world.component

    def see(code):
        image = synthesis(params.generator, code[None])
        return np.asarray(image[0]), estimate(params.mofa, image)

    def edited(own, target):
        change = rig(component).edit
        own, target = (
            jax.tree.map(lambda x: x.reshape(1, -1), theta) for theta in (own, target)
        )
        return np.asarray(change(params.rigs[component], w[None], own, target)[0])

    def psi(image, matrix):
        seen = np.concatenate([np.ravel(image), np.ravel(matrix)])
        return np.sin(seen @ np.asarray(params.recognition))

    def phi(image):
        small = np.asarray(image)  # as the least that the network takes
        return np.concatenate([np.ravel(1.7 * small**2), np.ravel(small**3)])

    image, theta = see(w)
    image_hat, theta_hat = see(edited(theta, person.theta))
    own = parts(entry(estimate(params.mofa, portrait.image[None])))
    v, hat = parts(person.theta), parts(entry(theta_hat))
    taken = [component, "translation"] if component == "rotation" else [component]
    like_v = v | {name: hat[name] for name in taken}
    like_own = hat | {name: own[name] for name in taken}
    chip = np.asarray(portrait.chip_matrix)
    here = psi(portrait.image, chip)
    moved = followed(world, entry(theta), entry(theta_hat))
    jitter = np.concatenate([crops.JITTERS[JITTER], [[0, 0, 1]]])
    same = psi(image_hat, moved @ jitter) - psi(portrait.image, chip @ jitter)
    covariance = np.asarray(params.latents["axes"] @ params.latents["axes"].T)
    away = w - np.asarray(params.latents["mean"])
    pixels = (1024 / SIZE) ** 2
    again, _ = see(np.tile(person.w, (ROWS, 1)))
    return {
        "locality": pixels * np.sum((127.5 * (again.clip(-1, 1) - person.image)) ** 2),
        "pixel": pixels * np.sum((127.5 * (image - portrait.image)) ** 2),
        "perceptual": pixels * np.sum((phi(portrait.image) - phi(image)) ** 2),
        "rig_identity": 18 * 512 / w.size * np.sum((w - edited(theta, theta)) ** 2),
        "edit_photometric": colours(model, like_v, person.image),
        "edit_landmark": distance(model, like_v, person.landmarks),
        "invariance_photometric": colours(model, like_own, portrait.image),
        "invariance_landmark": distance(model, like_own, portrait.landmarks),
        "recognition": np.sum((here - psi(image, portrait.chip_matrix)) ** 2),
        "recognition_edited": np.sum(same**2),
        "prior": sum(a @ np.linalg.inv(covariance) @ a for a in away) / w.size,
        "spread": sum(np.sum((a - sum(w) / ROWS) ** 2) for a in w) / w.size,
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_term_is_what_the_paper_says(component):
    inputs = world(component)
    found, printed = inputs.terms(inputs.w_plus), expected(inputs)
    chex.assert_trees_all_close(found, {k: printed[k] for k in found}, rtol=1e-9)


@pytest.mark.parametrize(
    ("component", "name"),
    [("rotation", k) for k in TERMS if k != "locality"]
    + [(component, k) for component in COMPONENTS[1:] for k in EDITING],
)
def test_a_terms_own_gradient_is_that_of_finite_differences(component, name):
    inputs = world(component)
    values, w_plus = inputs.terms, inputs.w_plus
    if name == "recognition_edited":
        # Where its chip lies has no gradient: here it stays, because MoFA sees in steps.
        def steps(params, image):
            return jax.tree.map(lambda x: jnp.round(x, 2), estimate(params, image))

        networks = inputs.networks._replace(estimate=steps)
        values = jax.jit(terms(inputs, networks, [name]))

    def term(w_plus):
        return values(w_plus)[name]

    gradient = jax.grad(term)(w_plus)  # traces: Chex takes stop_gradient away
    if (name, component) == ("edit_landmark", "illumination"):
        np.testing.assert_array_equal(gradient, 0)  # light moves none
    else:
        assert np.all(gradient)
    chex.assert_numerical_grads(
        term, (w_plus,), 1, atol=0, rtol=1e-6, eps=1e-5, modes=["rev"]
    )


def test_a_person_is_compared_with_by_what_mofa_sees_and_a_chip_stays():
    """That is, no gradient passes through I_v, theta_v and L of I_v."""
    inputs = world("rotation")

    def still(params, image):
        return jax.lax.stop_gradient(estimate(params, image))

    networks = inputs.networks._replace(estimate=still)
    blind = jax.jit(jax.jacrev(terms(inputs, networks, EDITED)))(inputs.w_plus)
    for name in EDITING:
        np.testing.assert_array_equal(blind[name], 0)
    name, change = "recognition_edited", networks.rig.edit

    def careless(params, w_plus, own, target):
        return change(params, w_plus, target, target)

    def slope(estimate):
        rig = networks.rig._replace(edit=careless)
        chosen = networks._replace(estimate=estimate, rig=rig)
        return jax.grad(lambda w: terms(inputs, chosen, [name])(w)[name])

    found, expected = (jax.jit(slope(x))(inputs.w_plus) for x in (still, estimate))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_colours_of_a_large_photograph_are_compared_at_128_pixels():
    term = invariance_photometric.term(
        Networks(None, None, crop, estimate, rig("rotation"))
    )
    params = Params(mofa=jax.ShapeDtypeStruct((256 * 256 * 3, 257), float))
    portrait = Target(jnp.zeros((256, 256, 3)), jnp.zeros((2, 3)))
    assert jax.eval_shape(term.prepare, params, portrait)[1].shape == (128, 128, 3)
