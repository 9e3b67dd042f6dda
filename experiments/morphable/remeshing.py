"""Triangle meshes cut along a line, refined, and their outlines."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

# A cut that would leave less than this share of an edge goes through its end instead.
_SLIVER = 0.08
_SIDES = np.array([[0, 1], [1, 2], [2, 0]])


def clip(
    triangles: np.ndarray, vertices: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, sparse.csr_array]:
    """Cuts triangles along the line where `inside` is zero.

    Args:
        triangles: `[T, 3]`.
        vertices: `[V, 3]`.
        inside: `[V]`, positive on the side that is kept.

    Returns:
        The triangles of the inner side, and `[V + N, V]`, which makes the vertices and
        the N new ones from the vertices.
    """
    inside = _snapped(triangles, inside)
    edges = np.unique(np.sort(triangles[:, _SIDES].reshape(-1, 2), axis=1), axis=0)
    ends = edges[inside[edges].prod(1) < 0]
    first, second = np.abs(inside[ends]).T
    mixing = _with_points_on(ends, second / (first + second), len(inside))
    new = {tuple(edge): len(inside) + i for i, edge in enumerate(ends.tolist())}
    places = mixing @ vertices
    pieces: list[list[int]] = []
    for corners in triangles.tolist():
        polygon = []
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
            if inside[a] >= 0:
                polygon.append(a)
            if (min(a, b), max(a, b)) in new:
                polygon.append(new[min(a, b), max(a, b)])
        if len(polygon) == 4:
            pieces += _halves(polygon, places)
        elif len(polygon) == 3:
            pieces.append(polygon)
    return np.array(pieces), mixing


def _halves(quad: list[int], vertices: np.ndarray) -> list[list[int]]:
    """Splits along the shorter diagonal, so that mirrored quads split alike."""
    a, b, c, d = quad
    ends = vertices[quad]
    if np.linalg.norm(ends[0] - ends[2]) < np.linalg.norm(ends[1] - ends[3]):
        return [[a, b, c], [a, c, d]]
    return [[a, b, d], [b, c, d]]


def _snapped(triangles: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Moves the line onto vertices that it passes closely, so that no sliver is cut."""
    snapped = inside.copy()
    for i, j in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        near, far = triangles[:, i], triangles[:, j]
        crossed = inside[near] * inside[far] < 0
        share = np.abs(inside[near]) / (np.abs(inside[near]) + np.abs(inside[far]))
        snapped[near[crossed & (share < _SLIVER)]] = 0
    return snapped


def refine(
    triangles: np.ndarray, mixing: sparse.csr_array, body: np.ndarray, longest: float
) -> tuple[np.ndarray, sparse.csr_array]:
    """Halves edges until none is longer than `longest`.

    Args:
        triangles: `[T, 3]`.
        mixing: `[V, Vb]`, which makes the vertices from the body's.
        body: `[Vb, 3]`, the shape whose edges are measured.
        longest: of an edge, in decimetres.

    Returns:
        More triangles, and `[V + N, Vb]`.
    """
    while True:
        vertices = mixing @ body
        edges = np.sort(triangles[:, _SIDES], axis=2)
        along = vertices[edges[..., 1]] - vertices[edges[..., 0]]
        # Rounded, so that the two sides of the face are treated alike.
        split = np.linalg.norm(along, axis=2).round(9) > longest
        if not split.any():
            return triangles, mixing
        ends = np.unique(edges[split], axis=0)
        mixing = _with_points_on(ends, np.full(len(ends), 0.5), len(vertices)) @ mixing
        new = {tuple(edge): len(vertices) + i for i, edge in enumerate(ends.tolist())}
        vertices = mixing @ body
        pieces: list[list[int]] = []
        for corners, sides in zip(triangles.tolist(), edges.tolist(), strict=True):
            pieces += _pieces(corners, [new.get(tuple(x)) for x in sides], vertices)
        triangles = np.array(pieces)


def _pieces(
    corners: list[int], middles: list[int | None], vertices: np.ndarray
) -> list[list[int]]:
    """Cuts up the triangle a, b, c; `middles` are the new vertices on ab, bc and ca, None
    where there is none."""
    count = 3 - middles.count(None)
    while count and (middles[0] is None or (count == 2 and middles[2] is not None)):
        corners, middles = corners[1:] + corners[:1], middles[1:] + middles[:1]
    a, b, c = corners
    ab, bc, ca = (-1 if x is None else x for x in middles)
    if count == 0:
        return [corners]
    if count == 1:
        return [[a, ab, c], [ab, b, c]]
    if count == 2:
        return [[ab, b, bc], *_halves([a, ab, bc, c], vertices)]
    return [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]


def _with_points_on(
    ends: np.ndarray, shares: np.ndarray, count: int
) -> sparse.csr_array:
    """`[count + N, count]`: keeps the vertices, and adds points on edges with the ends
    `[N, 2]`, of whose first one they have the shares `[N]`."""
    rows = np.arange(len(ends)).repeat(2)
    entries = np.stack([shares, 1 - shares], axis=1).ravel()
    new = sparse.csr_array((entries, (rows, ends.ravel())), (len(ends), count))
    return sparse.vstack([sparse.eye_array(count), new], format="csr")


def boundary(triangles: np.ndarray) -> np.ndarray:
    """`[E, 2]`: the edges that belong to one triangle only, in its direction."""
    edges = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    ends = np.sort(edges, 1)
    _, index, count = np.unique(ends, axis=0, return_index=True, return_counts=True)
    return edges[index[count == 1]]


def parts(edges: np.ndarray) -> np.ndarray:
    """`[V]`: the number of the connected part of a graph `[E, 2]` that a vertex is in."""
    count = edges.max() + 1
    graph = sparse.coo_array((np.ones(len(edges)), edges.T), (count, count))
    return csgraph.connected_components(graph, directed=False)[1]
