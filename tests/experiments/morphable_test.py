import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from scipy import sparse

from experiments import build_morphable
from experiments.morphable import (
    alignment,
    bases,
    checking,
    expressions,
    frame,
    heads,
    marking,
    portraits,
    reflectance,
    region,
    remeshing,
)
from pie_jax.core import ibug, rotations
from pie_jax.core.errors import PieError
from pie_jax.face import landmarks
from pie_jax.graphics import camera
from tests import builders


def reflect(shapes):
    """The mirror of four vertices, of which 0 and 1 are each other's other side."""
    return shapes[..., [1, 0, 2, 3], :] * [-1, 1, 1]


@pytest.fixture(scope="module")
def moves():
    return np.random.default_rng(0).normal(size=(50, 4, 3)) * [1, 2, 3]


def test_components_are_symmetric_or_not_orthogonal_and_those_of_what_is_mixed(moves):
    basis = bases.principal(moves, reflect, 12)
    mirrored = reflect(basis.components)
    same, opposite = (
        np.abs(mirrored - sign * basis.components).max((1, 2)) < 1e-9
        for sign in (1, -1)
    )
    assert np.all(same ^ opposite) and same.any() and opposite.any()
    axes = basis.components.reshape(12, -1)
    gram = axes @ axes.T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-9)
    samples = np.concatenate([moves, reflect(moves)]).reshape(100, -1)
    codes = samples @ axes.T / np.diag(gram)
    np.testing.assert_allclose((codes**2).mean(0), 1, rtol=1e-9)
    assert np.all(np.diff(np.diag(gram)) <= 1e-12)
    assert basis.explained == pytest.approx(1)
    # What is dependent is dropped.
    axes = bases.orthonormal(np.array([[2.0, 0, 0], [2, 2, 0], [0, 1, 0]]))
    assert axes.shape == (2, 3)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)

    amounts = np.random.default_rng(1).random((30, 5))
    mixtures = np.einsum("nm,mvi->nvi", amounts, moves[:5])
    plain = bases.principal(mixtures, reflect, 4)
    quick = bases.principal(moves[:5], reflect, 4, amounts=amounts)
    np.testing.assert_allclose(quick.components, plain.components, atol=1e-9)
    assert quick.explained == pytest.approx(plain.explained)


@pytest.mark.parametrize("seed", range(5))
def test_weights_of_a_phenotype_are_products_that_add_up_to_one(seed):
    person = heads.draw_phenotype(np.random.default_rng(seed))
    weights = heads.phenotype_targets(person)
    ancestry = sum(w for name, w in weights.items() if "universal" not in name)
    build = sum(w for name, w in weights.items() if "universal" in name)
    assert (ancestry, build) == pytest.approx((1, 1))
    assert min(weights.values()) > 0


def test_a_phenotype_at_an_anchor_is_one_target_and_a_slider_moves_one_of_two():
    person = heads.Phenotype(3, 1, (0, 1, 0), 1, 2)
    assert heads.phenotype_targets(person) == {
        "asian-male-old": 1,
        "universal-male-old-averagemuscle-maxweight": 1,
    }
    slider = heads.Slider((("decr", "incr"), (None, "round")), deviation=0.5)
    rng = np.random.default_rng(0)
    drawn = [heads.draw_sliders([slider], rng) for _ in range(200)]
    assert all(len({"decr", "incr"} & one.keys()) == 1 for one in drawn)
    assert all(0 <= amount <= 1 for one in drawn for amount in one.values())
    assert {"decr", "incr", "round"} == set().union(*drawn)


def test_aligned_heads_keep_their_size_and_the_mean_one_is_where_ffhq_has_faces():
    upright, _ = builders.toy_head(1)
    rng = np.random.default_rng(0)
    shapes = upright + 0.01 * rng.normal(size=(20, *upright.shape))
    turns = [region.rotation(*rng.uniform(-30, 30, 2)) for _ in shapes]
    moved = np.stack([s @ t.T + rng.normal(size=3) for s, t in zip(shapes, turns)])
    aligned = alignment.align(1.2 * moved, upright, np.arange(len(upright)))
    centred = shapes - shapes.mean(1, keepdims=True)
    np.testing.assert_allclose(aligned, 1.2 * centred, atol=0.02)

    eyes = np.stack([np.tile([x, 0.3, 0.9], (6, 1)) for x in (-0.3, 0.3)])
    mouth = np.array([[-0.2, -0.35, 0.9], [0.2, -0.35, 0.9]])
    distance, lift = frame.place(eyes, mouth)
    raised = np.array([0, lift, 0])
    left, right = frame.project(eyes + raised, distance).mean(1)
    below = frame.project(mouth + raised, distance).mean(0)
    # Three numbers with two unknowns: an error that is left is shared.
    assert right[0] - left[0] == pytest.approx(2 * frame.EYES[0], abs=0.01)
    both = (left[1] + below[1]) / 2
    assert both == pytest.approx((frame.EYES[1] + frame.MOUTH[1]) / 2, abs=0.01)


def area(vertices, triangles):
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def test_what_is_outside_a_line_is_cut_off():
    vertices, triangles = builders.icosphere(3)
    clipped, mixing = remeshing.clip(triangles, vertices, vertices[:, 1] + 0.3)
    edges = remeshing.boundary(clipped)
    begins, ends = np.sort(edges, axis=0).T
    np.testing.assert_array_equal(begins, ends)  # one closed outline
    assert len(set(begins)) == len(edges)
    assert len(set(remeshing.parts(edges)[begins])) == 1
    vertices = mixing @ vertices
    heights = vertices[np.unique(clipped), 1]
    assert heights.min() > -0.3 - 0.01  # the line was moved to vertices near it
    assert area(vertices, clipped) == pytest.approx(2 * np.pi * 1.3, rel=0.02)


@pytest.mark.parametrize("longest", [2.0, 0.5, 0.25])
def test_refining_splits_long_edges_alone(longest):
    vertices, triangles = builders.toy_head(1)
    refined, mixing = remeshing.refine(
        triangles, sparse.eye_array(len(vertices), format="csr"), vertices, longest
    )
    finer = mixing @ vertices
    edges = finer[refined] - finer[np.roll(refined, 1, axis=1)]
    assert np.linalg.norm(edges, axis=2).max() <= longest + 1e-9
    assert remeshing.boundary(refined).size == 0  # without cracks
    assert area(finer, refined) == pytest.approx(area(vertices, triangles))
    assert (len(refined) == len(triangles)) == (longest > 1)


def test_the_laplacian_has_the_harmonics_eigenvalues_and_components_are_orthogonal():
    mass, stiffness = reflectance.laplacian(*builders.icosphere(3))
    assert mass.sum() == pytest.approx(4 * np.pi, rel=0.02)
    scaled = stiffness.toarray() / np.sqrt(mass[:, None] * mass)
    expected = np.repeat([0, 2, 6], [1, 3, 5])
    np.testing.assert_allclose(np.linalg.eigvalsh(scaled)[:9], expected, atol=0.1)

    vertices, triangles = builders.toy_head(3)
    mean, components = reflectance.smooth_basis(vertices, triangles, 30)
    assert mean.shape == vertices.shape and components.shape == (30, *vertices.shape)
    mass, _ = reflectance.laplacian(vertices, triangles)
    gram = np.einsum("kvc,v,lvc->kl", components, mass / mass.sum(), components)
    sizes = np.sqrt(np.diag(gram))
    assert np.all(np.diff(sizes) < 1e-3)
    cosines = gram / np.outer(sizes, sizes) - np.eye(30)
    # The three colours are not quite at right angles.
    assert np.abs(cosines).max() < 0.2


@pytest.fixture(scope="module")
def toy_region():
    """Four vertices without eyeballs."""
    return region.Region(
        selection=sparse.csr_array(np.eye(4)),
        num_vertices=4,
        triangles=np.array([[0, 1, 2], [0, 2, 3]]),
        eyeballs=np.zeros((0, 3), int),
        mirror=np.array([1, 0, 2, 3]),
    )


@pytest.fixture(scope="module")
def units(toy_region):
    rng = np.random.default_rng(1)
    left, jaw, closes = rng.normal(size=(3, 4, 3))
    arkit = {
        "jawOpen": jaw + toy_region.reflected(jaw),
        "mouthClose": closes + toy_region.reflected(closes),
        "mouthSmileLeft": left,
        "mouthSmileRight": toy_region.reflected(left),
    }
    own = {"nose-up": rng.normal(size=(4, 3)), "mouth-open": 2 * arkit["jawOpen"]}
    return expressions.Units(arkit, own)


def test_drawn_amounts_are_sparse_and_named_units_lose_nothing_in_the_basis(
    units, toy_region
):
    assert expressions.other_side("mouthSmileLeft", units.arkit) == "mouthSmileRight"
    assert expressions.other_side("jawOpen", units.arkit) == "jawOpen"
    both = {"eye-left-slit": 0, "eye-right-slit": 0}
    assert expressions.other_side("eye-right-slit", both) == "eye-left-slit"
    arkit, own = expressions.draw_amounts(units, np.random.default_rng(0), 300)
    amounts = np.concatenate([arkit, own], axis=1)
    assert amounts.min() >= 0 and amounts.max() <= 1
    jaw, closing = arkit[:, 0], arkit[:, 1]
    assert np.all(closing <= jaw)
    assert not np.any((jaw > 0) & (own[:, 1] > 0))  # both open the mouth
    assert np.mean(amounts > 0) < 0.9

    amounts = expressions.draw_amounts(units, np.random.default_rng(0), 300)
    basis = expressions.expression_basis(units, amounts, toy_region, 5)
    arkit = np.stack(list(units.arkit.values()))
    codes = expressions.codes(arkit, basis.components)
    rebuilt = np.einsum("uk,kvi->uvi", codes, basis.components)
    np.testing.assert_allclose(rebuilt, arkit, atol=1e-9)
    assert 0.9 < basis.explained <= 1 + 1e-9


def test_a_learned_reflectance_must_be_for_the_models_vertices(tmp_path):
    file = tmp_path / "albedo.safetensors"
    model = {"mean": np.zeros((5, 3))}
    learned = {"albedo_mean": np.ones((5, 3)), "albedo": np.ones((2, 5, 3))}
    safetensors.numpy.save_file(learned, file)
    taken = build_morphable.learned_albedo(file, model)
    assert {k: x.dtype for k, x in taken.items()} == dict.fromkeys(learned, np.float16)
    with pytest.raises(PieError, match=r"albedo_mean \[4, 3\]"):
        build_morphable.learned_albedo(file, {"mean": np.zeros((4, 3))})


@pytest.mark.parametrize(("pitch", "yaw"), [(0, 40), (15, 0), (-20, -75)])
def test_the_builder_turns_and_projects_as_the_package_does(pitch, yaw):
    turn = rotations.matrix(jnp.radians(jnp.array([pitch, yaw, 0.0])))
    np.testing.assert_allclose(region.rotation(pitch, yaw), turn, atol=1e-6)
    points = np.random.default_rng(0).normal(size=(7, 3))
    lens = camera.Camera(jnp.float32(frame.FOCAL), jnp.float32(13))
    expected = camera.project(jnp.asarray(points, jnp.float32), lens, 1)
    np.testing.assert_allclose(frame.project(points, 13.0), expected, atol=1e-5)


@pytest.fixture(scope="module")
def ball_head():
    """A ball for a head with two small balls for eyes before it, each symmetric."""
    skin, triangles = builders.icosphere(3)
    ball, sides = builders.icosphere(1)
    eyes = [0.12 * ball + [x, 0.2, 0.92] for x in (-0.35, 0.35)]
    vertices = np.concatenate([skin, *eyes])
    gaps = np.linalg.norm(vertices[:, None] * [-1, 1, 1] - vertices, axis=-1)
    first, second = len(skin), len(skin) + len(ball)
    cut = region.Region(
        selection=sparse.eye_array(len(vertices), format="csr"),
        num_vertices=len(skin),
        triangles=triangles,
        eyeballs=np.concatenate([first + sides, second + sides]),
        mirror=gaps.argmin(axis=1),
    )
    return cut, vertices


def test_a_portrait_shows_skin_and_eyes_and_candidates_of_the_jaw_are_symmetric(
    ball_head,
):
    cut, vertices = ball_head
    lips = np.zeros(cut.num_vertices)
    portrait = portraits.portray(cut, vertices, lips, 12.0)
    middle = portraits.PIXELS // 2
    nose = portrait.picture[middle, middle].astype(int)
    assert nose[0] > nose[1] > nose[2] > 60  # skin
    corner = portrait.picture[0, 0]
    assert np.all(corner == corner[0]) and np.all(portrait.corners[0, 0] == -1)
    # A pixel's place on the surface is projected back into that pixel.
    rows, columns = np.nonzero(portrait.corners[..., 0] >= 0)
    some = np.random.default_rng(0).integers(len(rows), size=50)
    at = rows[some], columns[some]
    places = vertices[portrait.corners[at]] * portrait.weights[at][..., None]
    seen = portraits.PIXELS * frame.project(places.sum(axis=1), 12.0)
    np.testing.assert_allclose(seen, np.stack(at[::-1], axis=1) + 0.5, atol=0.1)
    eye = portrait.points[cut.num_vertices + vertices[cut.num_vertices :, 2].argmax()]
    assert portrait.picture[int(eye[1]), int(eye[0])].max() < 60  # the iris

    cut, vertices = ball_head
    around = np.radians(np.linspace(-80, 80, 17))
    jaw = np.stack([np.sin(around), -0.4 + 0 * around, np.cos(around)], axis=1)
    places = np.concatenate([jaw, np.zeros((51, 3))])
    places[8, 0] = 0
    further = places * [1.1, 1, 0.8]
    found = marking._contour(cut, vertices, places, [further])
    assert found.shape[0] == 17 and found.max() < cut.num_vertices
    for i, row in enumerate(found):
        gap = np.linalg.norm(vertices[: cut.num_vertices] - places[i], axis=1)
        chosen = np.linalg.norm(vertices[row[0]] - places[i])
        assert chosen == pytest.approx(gap.min(), abs=1e-6)
    np.testing.assert_array_equal(found[9:], cut.mirror[found[7::-1]])


def test_landmark_errors_are_in_distances_of_the_eyes(ball_head):
    cut, vertices = ball_head
    model = builders.toy_morphable(3)

    def ours(points):
        face = jnp.asarray(points[: cut.num_vertices])
        return np.asarray(landmarks.landmarks(model, face))

    class Still(marking.Studio):
        """Its pictures are their points, and a known distance off."""

        def portrait(self, head, yaw, pitch):
            points = self.project(head @ region.rotation(pitch, yaw).T)
            return portraits.Portrait((yaw, pitch), points, None, None)

        def detect(self, portrait):
            left, right = ours(self.project(vertices))[list(ibug.OUTER_EYES)]
            off = np.where(np.arange(68) < 17, 0.5, 0.25) * np.linalg.norm(left - right)
            moved = ours(portrait.points) + off[:, None] * [1, 0]
            return None if portrait.picture == (40, 0) else moved

    found = checking.landmark_errors(Still(cut, None, 12.0), model, vertices[None])
    assert found.pop("yaw 40, pitch 0") == {"found": 0}
    for row in found.values():
        assert row["found"] == 1
        assert row["jaw"] == pytest.approx(0.5, rel=1e-3)
        assert row["inner"] == pytest.approx(0.25, rel=1e-3)
