r"""The paper's own networks, constants and schedule: PIE's whole energy.

pie convert stylegan1 karras2019stylegan-ffhq-1024x1024.pkl --out stylegan1.safetensors
pie convert vgg_face vgg_face_dag.pth --out vgg_face.safetensors
pie convert deep3d epoch_20.pth --out deep3d.safetensors
pie convert bfm_front BFM_model_front.mat --out bfm_front.safetensors

python -m experiments.generate_samples --num 6450 --out samples --config paper \
    --config.files.generator=stylegan1.safetensors
python -m experiments.train_rignet rotation --samples samples --out rig --config paper \
    --config.files.generator=stylegan1.safetensors \
    --config.files.mofa=deep3d.safetensors \
    --config.files.face_model=bfm_front.safetensors

pie embed face.jpg --out embedded --config paper \
    --config.files.generator=stylegan1.safetensors \
    --config.files.recognition=vgg_face.safetensors \
    --config.files.mofa=deep3d.safetensors \
    --config.files.face_model=bfm_front.safetensors \
    --config.files.rig_rotation=rig/rig_rotation_stylegan1.safetensors

No figures: the files are licensed to who asks for them, and we have none. The paper's
own MoFA and StyleRig were never published; Deep3DFaceRecon regresses the same numbers.
"""

from ml_collections import ConfigDict

from pie_jax.configs import common, paper_schedule


def get_config() -> ConfigDict:
    config = common.get_config()
    config.generator = "stylegan1"
    # The paper does not say which file of VGG-16; this one holds the original's numbers.
    config.perceptual = "vgg16"
    config.recognition = "vgg_face"
    config.mofa = "deep3d"
    config.face_model = "bfm_front"
    # PIE, section 4: sums over images in [0, 255] at 1024 x 1024. The two parts of l
    # (eq. 10) have weights of their own, and those of E_edit and E_inv before both. The
    # colours of l can only have been meant in [0, 1]: printed as it is, its weight makes
    # E_edit and E_inv 10^4 times as large as the pixel term.
    photometric, landmark, edit, invariance = 0.001 / 255**2, 0.2, 10.0, 10.0
    config.energy = ConfigDict(
        {
            "pixel": 1e-6,
            "perceptual": 1e-6,
            "rig_identity": 1.0,
            "edit_photometric": edit * photometric,
            "edit_landmark": edit * landmark,
            "invariance_photometric": invariance * photometric,
            "invariance_landmark": invariance * landmark,
            "recognition": 0.1,
            "recognition_edited": 0.1,
        }
    )
    config.stages = paper_schedule.get_config().stages
    for stage in config.stages:
        stage.sampler = "online"
    return config
