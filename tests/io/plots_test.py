import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pie_jax.io import plots

FALLING = np.geomspace(5, 1, 40)


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_every_curve_is_drawn_and_one_from_nothing_leaves_the_others_readable(
    monkeypatch,
):
    draw = {"pixel": FALLING}, FALLING, [20]
    assert plots.convergence(*draw) == plots.convergence(*draw)
    base = pixels(plots.convergence(*draw))
    assert base.shape[0] > 400 and base.shape[1] > 400
    others = [
        plots.convergence({"pixel": FALLING[::-1]}, FALLING, [20]),
        plots.convergence({"pixel": FALLING}, FALLING[::-1], [20]),
        plots.convergence({"pixel": FALLING}, FALLING, [30]),
        plots.convergence({"pixel": FALLING, "recognition": FALLING}, FALLING, [20]),
    ]
    for other in others:
        assert not np.array_equal(pixels(other), base)

    limits = []
    save = Figure.savefig

    def noting(figure, *arguments, **options):
        limits.append(figure.axes[0].get_ylim())
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", noting)
    late = np.array([0.0, 0.0, 1e-12, 5.0])
    plots.convergence({"pixel": np.full(4, 1000.0), "spread": late}, None, [2])
    ((low, high),) = limits
    assert 1e-3 < low < 1 and high > 1000


def test_terms_are_told_apart_and_their_names_cover_no_curve(monkeypatch):
    drawn = []
    save = Figure.savefig

    def noting(figure, *arguments, **options):
        save(figure, *arguments, **options)
        axes = figure.axes[0]
        colours = {line.get_color() for line in axes.lines}
        legend, curves = axes.get_legend().get_window_extent(), axes.get_window_extent()
        drawn.append((len(colours), legend.overlaps(curves)))

    monkeypatch.setattr(Figure, "savefig", noting)
    terms = {f"term {i}": (i + 1) * FALLING for i in range(12)}
    plots.convergence(terms, FALLING, [])
    assert drawn == [(13, False)]  # and the total


@pytest.mark.parametrize(
    "terms, psnr, ends",
    [
        ({"pixel": FALLING[:1]}, FALLING[:1], []),
        ({"pixel": FALLING, "perceptual": FALLING}, None, [5, 20]),
        ({"pixel": FALLING, "recognition": np.zeros(40)}, FALLING, [20]),
    ],
)
def test_unusual_runs_are_drawn_without_a_warning(terms, psnr, ends):
    assert pixels(plots.convergence(terms, psnr, ends)).std() > 0
