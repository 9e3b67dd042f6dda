"""A generic reflectance: one skin colour, and smooth patterns on the face.

It knows nothing of real skin but that it varies slowly and more in brightness than in
hue. `experiments.build_morphable --albedo` puts a learned basis in its place.
"""

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

MEAN = np.array([0.70, 0.53, 0.45])
"""RGB. Between the extremes of human skin, under white light of strength 1."""

# Directions of colour (brightness, pale to ruddy, green to purple), their deviations
# for a change of the whole face, and how fast these fall with a pattern's frequency.
_COLOURS = np.array([[0.64, 0.58, 0.51], [0.62, -0.22, -0.75], [-0.3, 0.75, -0.45]])
_DEVIATIONS = np.array([0.13, 0.022, 0.01])
_FALL = np.array([0.5, 0.8, 0.8])
_PATTERNS = 40


def smooth_basis(
    vertices: np.ndarray, triangles: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and components of the generic reflectance.

    The patterns are the lowest eigenfunctions of the surface's Laplace operator, the
    counterpart of sine waves; each comes in three colours.

    Args:
        vertices: `[V, 3]`, the mean face.
        triangles: `[T, 3]`.
        count: how many components.

    Returns:
        `[V, 3]`, and `[count, V, 3]` with one standard deviation each, largest first.
    """
    mass, stiffness = laplacian(vertices, triangles)
    start = np.random.default_rng(0).normal(size=len(vertices))
    # The shift makes the matrix regular: a constant has the eigenvalue zero.
    values, patterns = linalg.eigsh(
        stiffness, _PATTERNS, sparse.diags_array(mass), sigma=-0.1, v0=start
    )
    order = np.argsort(values)
    values, patterns = np.maximum(values[order], 0), patterns[:, order]
    patterns *= np.sqrt(mass.sum())  # mean square 1 over the surface
    patterns *= np.where(patterns.T @ start < 0, -1.0, 1.0)
    colours = _COLOURS / np.linalg.norm(_COLOURS, axis=1, keepdims=True)
    deviations = _DEVIATIONS / (1 + _FALL * values[:, None])
    products = np.einsum("kc,vk,ci->kcvi", deviations, patterns, colours)
    components = products.reshape(-1, len(vertices), 3)
    largest = np.argsort(-deviations.ravel(), kind="stable")[:count]
    return np.broadcast_to(MEAN, vertices.shape).copy(), components[largest]


def laplacian(
    vertices: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, sparse.csc_array]:
    """The surface's Laplace operator with linear elements (cotangent weights).

    Returns:
        The area around each vertex, `[V]`, and the stiffness matrix `[V, V]`, positive
        semi-definite.
    """
    count = len(vertices)
    mass = np.zeros(count)
    rows, columns, entries = [], [], []
    for i in range(3):
        corner, a, b = (triangles[:, (i + j) % 3] for j in range(3))
        first, second = vertices[a] - vertices[corner], vertices[b] - vertices[corner]
        double_area = np.linalg.norm(np.cross(first, second), axis=1)
        weight = 0.5 * (first * second).sum(1) / np.maximum(double_area, 1e-9)
        rows += [a, b, a, b]
        columns += [b, a, a, b]
        entries += [-weight, -weight, weight, weight]
        np.add.at(mass, corner, double_area / 6)
    places = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.coo_array((np.concatenate(entries), places), (count, count))
    return mass, matrix.tocsc()
