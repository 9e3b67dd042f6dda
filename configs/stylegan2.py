r"""StyleGAN 2 (configuration F, or smaller), and the open stack for the rest.

pie convert stylegan2 stylegan2-ffhq-config-f.pkl --out stylegan2.safetensors
pie embed face.jpg --out embedded --config stylegan2 \
    --config.files.generator=stylegan2.safetensors

The weights of the energy and the stages are those of projection.py, whose generator was
distilled from this one. They are not measured here: the file is licensed to who asks
for it, and we have none.
"""

from ml_collections import ConfigDict

from pie_jax.configs import projection


def get_config() -> ConfigDict:
    config = projection.get_config()
    config.generator = "stylegan2"
    return config
