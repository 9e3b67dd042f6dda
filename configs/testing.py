r"""A 16-pixel generator with random weights: seconds, for tests and dry runs.

pie embed face.png --out trial --config testing --aligned
"""

from ml_collections import ConfigDict

from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    config.generator = "testing"
    config.perceptual = ""
    config.recognition = ""
    config.mofa = "testing"
    config.rig = "testing"
    config.bank_size = 6
    config.energy = ConfigDict(
        {
            "pixel": 1e-6,
            # For trials of the terms that edit; each takes some seconds to compile.
            "rig_identity": 0.0,
            "edit_photometric": 0.0,
            "edit_landmark": 0.0,
            "invariance_photometric": 0.0,
            "invariance_landmark": 0.0,
        }
    )
    config.report_every = 2
    config.checkpoint_every = 2
    config.stages = (
        common.stage(
            space="w", num_steps=6, optimizer="adam", step_size=0.1, schedule="cosine"
        ),
        common.stage(
            space="w_plus",
            num_steps=4,
            optimizer="adadelta",
            step_size=10.0,
            schedule="exponential",
        ),
    )
    return config
