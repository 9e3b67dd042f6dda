r"""The paper's own networks and constants, as far as its terms are here.

pie convert stylegan1 karras2019stylegan-ffhq-1024x1024.pkl --out stylegan1.safetensors
pie convert vgg_face vgg_face_dag.pth --out vgg_face.safetensors
pie embed face.jpg --out embedded --config paper \
    --config.files.generator=stylegan1.safetensors \
    --config.files.recognition=vgg_face.safetensors

E_syn and the first term of E_recog (PIE, eq. 7 and 15); the others need a rig, which
there is for the default generator only. No figures: the files are licensed to who asks for them, and we have none.
"""

from ml_collections import ConfigDict
from pie_jax.configs import common, paper_schedule


def get_config() -> ConfigDict:
    config = common.get_config()
    config.generator = "stylegan1"
    # The paper does not say which file of VGG-16; this one holds the original's numbers.
    config.perceptual = "vgg16"
    config.recognition = "vgg_face"
    # PIE, section 4: sums over images in [0, 255] at 1024 x 1024.
    config.energy = ConfigDict({"pixel": 1e-6, "perceptual": 1e-6, "recognition": 0.1})
    config.stages = paper_schedule.get_config().stages
    return config
