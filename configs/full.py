r"""PIE's whole energy on the open stack: embeddings that are made to be edited.

pie embed face.jpg --out embedded --config full
pie embed face.jpg --out embedded --config full --config.component=expression
"""

from ml_collections import ConfigDict

from pie_jax.configs import default


def get_config() -> ConfigDict:
    config = default.get_config()
    # Figures: docs/measurements.md.
    # - photometric: the paper's weight, 10 times 0.001, meant for colours in [0, 1]; ours
    #   are in [0, 255].
    # - landmark: a hundredth of the paper's, 10 times 0.2, is of the pixel term's size.
    # - rig_identity: the paper's.
    # - recognition_edited: at equal weights edits are less like the person; with six
    #   times, the projection is worse.
    config.energy = ConfigDict(
        {
            **config.energy,
            "rig_identity": 1.0,
            "edit_photometric": 1.5e-7,
            "edit_landmark": 0.02,
            "invariance_photometric": 1.5e-7,
            "invariance_landmark": 0.02,
            "recognition_edited": 4 * config.energy.recognition,
        }
    )
    return config
