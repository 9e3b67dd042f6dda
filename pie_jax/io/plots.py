"""Diagrams of a run."""

import io
from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

_RANGE = 1e-5
"""The least energy that is shown, as a share of the largest."""

_COLOURS = [colormaps["tab20"](i) for i in (*range(0, 20, 2), *range(1, 20, 2))]
"""The energy has more terms than the usual ten."""


def convergence(
    terms: Mapping[str, np.ndarray],
    psnr: np.ndarray | None,
    stage_ends: Iterable[int],
) -> bytes:
    """The weighted terms (log scale) and the PSNR over the steps as a PNG file.

    Args:
        terms: weighted values `[steps]` by name.
        psnr: `[steps]` in dB, or None where it was not followed.
        stage_ends: steps after which a new stage begins.
    """
    figure = Figure(figsize=(10, 6), layout="constrained")
    panels = figure.subplots(
        2 if psnr is not None else 1, 1, sharex=True, squeeze=False
    )
    upper, bottom = panels[0, 0], panels[-1, 0]
    upper.set_prop_cycle(color=_COLOURS)
    steps = np.arange(1, len(next(iter(terms.values()))) + 1)
    for name, values in terms.items():
        upper.plot(steps, values, label=name)
    if len(terms) > 1:
        upper.plot(steps, sum(terms.values()), "k", linewidth=1, label="total")
    upper.set_yscale("log")
    # A term that starts at nothing would squeeze the others into one line.
    largest = max(np.nanmax(values) for values in terms.values())
    if np.isfinite(largest) and largest > 0:
        upper.set_ylim(bottom=largest * _RANGE)
    upper.set_ylabel("weighted energy")
    upper.legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the curves
    if psnr is not None:
        bottom.plot(steps, psnr)
        bottom.set_ylabel("PSNR (dB)")
    bottom.set_xlabel("iteration")
    for axes in panels[:, 0]:
        axes.grid(alpha=0.3)
        for end in stage_ends:
            axes.axvline(end, color="grey", linestyle=":")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
