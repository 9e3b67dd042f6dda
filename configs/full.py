r"""PIE's whole energy on the open stack: embeddings that are made to be edited.

pie embed face.jpg --out embedded --config full
pie embed face.jpg --out embedded --config full --config.component=expression
"""

from ml_collections import ConfigDict
from pie_jax.configs import default


def get_config() -> ConfigDict:
    config = default.get_config()
    # The products of the paper's nested weights: id 1; e, inv 10 times ph 0.001, lm 0.2.
    # The paper weighs both recognition terms alike, and so do we.
    config.energy = ConfigDict(
        {
            **config.energy,
            "rig_identity": 1.0,
            "edit_photometric": 0.01,
            "edit_landmark": 2.0,
            "invariance_photometric": 0.01,
            "invariance_landmark": 2.0,
            "recognition_edited": config.energy.recognition,
        }
    )
    return config
