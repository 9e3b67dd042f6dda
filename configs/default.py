r"""PIE's whole energy on the open stack: embeddings that are made to be edited.

pie embed face.jpg --out embedded
pie embed face.jpg --out embedded --config.component=expression
python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
"""

from ml_collections import ConfigDict

from pie_jax.configs import common, projection


def get_config() -> ConfigDict:
    config = projection.get_config()
    # Figures: docs/measurements.md.
    # - photometric: half of the paper's weight, 10 times 0.001, which is meant for colours
    #   in [0, 1]; ours are in [0, 255].
    # - landmark: a two-hundredth of the paper's, 10 times 0.2.
    # - rig_identity: RigNet's map has none of it (energy/rig_identity.py).
    # - locality: a tenth of the pixel term; others are 3 dB nearer, for 0.03 dB.
    # - all that edits: with twice these weights the projection is worse.
    config.energy = ConfigDict(
        {
            **config.energy,
            "edit_photometric": 7.5e-8,
            "edit_landmark": 0.01,
            "invariance_photometric": 7.5e-8,
            "invariance_landmark": 0.01,
            "recognition_edited": 2 * config.energy.recognition,
            "locality": 0.1 * config.energy.pixel,
        }
    )
    config.start = "encoder"
    config.stages = (
        common.first_stage(),
        common.stage(
            space="w_plus",
            num_steps=110,
            optimizer="adam_short",
            step_size=0.1,
            schedule="plateau",
            coordinates="curvature",
        ),
        common.generator_stage(140),
    )
    return config
