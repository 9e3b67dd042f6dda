import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.stack import programs
from pie_jax.stack.programs import Programs

pytestmark = pytest.mark.compiled


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where programs are kept."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path))
    return tmp_path / "programs"


class Counted:
    """A function of pytrees that counts how often it is traced."""

    def __init__(self):
        self.traced = 0

    def __call__(self, tree, factor):
        self.traced += 1
        return {"sum": tree["a"] * factor + tree["b"], "factor": factor}


def compiled(function, depends="one", name="function", **options):
    like = dict.fromkeys(("sum", "factor"), 0)
    return Programs(depends).compiled(function, name, lambda *_: like, **options)


TREE = {"a": np.float32([1, 2, 3]), "b": np.float32([0.5, 0, 0])}


def test_another_run_finds_the_program_and_traces_nothing(folder):
    first, second = Counted(), Counted()
    expected = compiled(first)(TREE, 2.0)
    found = compiled(second)(TREE, 2.0)
    assert (first.traced, second.traced) == (1, 0)
    assert len(list(folder.iterdir())) == 1
    np.testing.assert_array_equal(found["sum"], expected["sum"])
    np.testing.assert_array_equal(found["sum"], [2.5, 4, 6])


@pytest.mark.parametrize(
    "other",
    [
        {"depends": "two"},
        {"name": "another"},
        {"tree": {k: x[:2] for k, x in TREE.items()}},
        {"tree": {k: np.int32(x) for k, x in TREE.items()}},
        {"source": "edited"},
    ],
)
def test_it_is_another_program_where_anything_differs(folder, monkeypatch, other):
    compiled(Counted())(TREE, 2.0)
    if source := other.pop("source", None):
        monkeypatch.setattr(programs, "_source", lambda: source)
    function = Counted()
    tree = other.pop("tree", TREE)
    compiled(function, **other)(tree, 2.0)
    assert function.traced == 1 and len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"no program", None])
def test_a_damaged_program_is_made_anew(folder, content):
    compiled(Counted())(TREE, 2.0)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    function = Counted()
    found = compiled(function)(TREE, 2.0)
    np.testing.assert_array_equal(found["sum"], [2.5, 4, 6])
    compiled(function)(TREE, 2.0)
    assert function.traced == 1


def test_it_runs_where_nothing_can_be_kept(read_only_folder, monkeypatch):
    monkeypatch.setenv("PIE_JAX_CACHE", str(read_only_folder / "cache"))
    found = compiled(Counted())(TREE, 2.0)
    np.testing.assert_array_equal(found["sum"], [2.5, 4, 6])


def test_it_can_be_traced_mapped_and_differentiated_and_rounds_one_by_one(folder):
    function = compiled(Counted())

    def total(factor):
        return function(TREE, factor)["sum"].sum()

    factors = jnp.arange(3.0)
    np.testing.assert_allclose(jax.vmap(total)(factors), 6 * factors + 0.5)
    np.testing.assert_allclose(jax.jit(jax.grad(total))(1.0), 6)
    assert not folder.exists()
    known = jax.jit(lambda x: x * function(TREE, 2.0)["sum"])(2.0)
    np.testing.assert_allclose(known, [5, 8, 12])
    rng = np.random.default_rng(0)
    tree = {k: np.float32(rng.normal(size=1000)) for k in ("a", "b")}
    alone = jnp.asarray(tree["a"]) * 1.7 + tree["b"]
    found = compiled(Counted(), one_by_one=True)(tree, 1.7)
    np.testing.assert_array_equal(found["sum"], alone)


def test_an_option_that_xla_does_not_know_is_left_out(folder, monkeypatch):
    monkeypatch.setattr(programs, "_AT_ONCE", {"xla_cpu_of_another_year": "1"})
    programs._at_once.cache_clear()
    found = compiled(Counted())(TREE, 2.0)
    programs._at_once.cache_clear()
    np.testing.assert_array_equal(found["sum"], [2.5, 4, 6])


def test_functions_of_a_users_own_are_not_kept(folder):
    function = Programs("one", keep=False).compiled(Counted(), "own", lambda *_: 0)
    np.testing.assert_array_equal(function(TREE, 2.0)["sum"], [2.5, 4, 6])
    assert not folder.exists()


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"kernel": 3}', b'{"kernel": [["x"], "no type"]}']
)
def test_a_damaged_layout_is_made_anew(folder, content):
    def init(key, size):
        return {"dense": {"kernel": jnp.zeros((size, 2)), "bias": jnp.zeros(2)}}

    expected = programs.layout(init, "dense", (3,))
    (file,) = folder.iterdir()
    assert programs.layout(lambda *_: None, "dense", (3,)) == expected  # as it is kept
    file.write_bytes(content)
    assert programs.layout(init, "dense", (3,)) == expected
    assert expected["dense"]["kernel"].shape == (3, 2)
