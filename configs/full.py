r"""PIE's whole energy on the open stack: embeddings that are made to be edited.

pie embed face.jpg --out embedded --config full
pie embed face.jpg --out embedded --config full --config.component=expression
"""

from ml_collections import ConfigDict
from pie_jax.configs import default


def get_config() -> ConfigDict:
    config = default.get_config()
    # Where the default configuration leaves jemison.jpg, the weighted pixel term is 356.
    # - photometric: the paper's weight, 10 times 0.001, makes 9.3e6 (invariance) and
    #   2e7 (edit, with a rig of random parameters) of it. It is hardly meant
    #   for colours in [0, 255], as ours are; meant for [0, 1] it is 1.5e-7 here, which
    #   makes 140 and 320.
    # - landmark: the paper's weight, 10 times 0.2, makes 2.6e4 (invariance) of it; a
    #   hundredth of that is of the pixel term's size. How many pixels the paper's
    #   pictures have there is not said.
    # - rig_identity: the paper's.
    # - recognition_edited: four times the other one. At equal weights, and with the chip
    #   where the unedited face was, edits of jemison.jpg (15 poses of up to 20 by 15
    #   degrees) are at a squared distance of 0.064, 0.125 after three rounds of feedback;
    #   with the chip that follows the face and three times the weight at 0.045, 0.106;
    #   with six times, and twice the weights of the edit, at 0.041, 0.092, but the
    #   projection is 0.3 dB worse.
    # So weighted, jemison.jpg ends at 390 (pixel), 1523 (perceptual), 136 and 101 (edit:
    # landmarks, colours), 131 and 100 (invariance), 19 and 71 (recognition, of the edited
    # face), 5.7 (rig identity), 27.2 dB; the default ends at 27.6 dB.
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
