"""Random StyleGANs in every published form, spelt out apart from the converters."""

from collections import OrderedDict

import numpy as np

from tests import pickles

NAME = "stylegan.file"
"""What the files are called: nothing is told from it."""

WIDTHS1 = (5, 4, 4, 3, 4, 3)
"""Channels of the small StyleGAN 1: to 128 pixels, where it begins to upsample by
transposed convolutions."""
WIDTHS2 = (6, 5, 4, 3)
"""Channels of the small StyleGAN 2: to 32 pixels."""
LAYERS1 = ["synthesis/4x4/Const", "synthesis/4x4/Conv"] + [
    f"synthesis/{size}x{size}/{layer}"
    for size in (8, 16, 32, 64, 128)
    for layer in ("Conv0_up", "Conv1")
]
LAYERS2 = LAYERS1[1 : 2 * len(WIDTHS2)]
HEADS2 = [f"synthesis/{size}x{size}/ToRGB" for size in (4, 8, 16, 32)]

OPTIONS1 = {
    "resolution": 128,
    "num_channels": 3,
    "label_size": 0,
    "fmap_base": 8192,
    "use_noise": True,
    "mapping_lrmul": 0.01,
    "blur_filter": [1, 2, 1],
    "fused_scale": "auto",
}
OPTIONS2 = {
    "resolution": 32,
    "num_channels": 3,
    "label_size": 0,
    "architecture": "skip",
    "resample_kernel": [1, 3, 3, 1],
    "dlatent_size": 512,
}


def convert(converter, folder, content):
    path = folder / NAME
    path.write_bytes(content)
    return converter.convert(path)


class Drawer:
    """Draws variables by name, all of them away from zero and one."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.variables = {}
        self.add("lod")
        self.add("dlatent_avg", 512)
        for i in range(8):
            self.add(f"mapping/Dense{i}/weight", 512, 512, spread=100)
            self.add(f"mapping/Dense{i}/bias", 512, spread=30)

    def add(self, name, *shape, spread=1.0, mean=0.0):
        value = self.rng.normal(mean, spread, shape)
        self.variables[name] = np.float32(value) if shape == () else value.astype("f4")


def stylegan1():
    """The variables of a small StyleGAN 1 by their TensorFlow names."""
    drawer = Drawer(1)
    add = drawer.add
    add("synthesis/lod")
    add("synthesis/4x4/Const/const", 1, WIDTHS1[0], 4, 4)
    for k, layer in enumerate(LAYERS1):
        width, size = WIDTHS1[k // 2], 4 * 2 ** (k // 2)
        add(f"synthesis/noise{k}", 1, 1, size, size)
        if k:
            add(f"{layer}/weight", 3, 3, WIDTHS1[(k - 1) // 2], width)
        add(f"{layer}/bias", width, spread=0.3)
        add(f"{layer}/Noise/weight", width, spread=0.5)
        add(f"{layer}/StyleMod/weight", 512, 2 * width)
        add(f"{layer}/StyleMod/bias", 2 * width)
    for lod, width in enumerate(reversed(WIDTHS1)):
        add(f"synthesis/ToRGB_lod{lod}/weight", 1, 1, width, 3)
        add(f"synthesis/ToRGB_lod{lod}/bias", 3)
    return drawer.variables


def stylegan2():
    """The variables of a small StyleGAN 2 by their TensorFlow names."""
    drawer = Drawer(2)
    add = drawer.add

    def style(layer, inputs):
        add(f"{layer}/mod_weight", 512, inputs)
        add(f"{layer}/mod_bias", inputs, spread=0.3)

    add("synthesis/4x4/Const/const", 1, WIDTHS2[0], 4, 4)
    for k, layer in enumerate(LAYERS2):
        inputs, width = WIDTHS2[k // 2], WIDTHS2[(k + 1) // 2]
        size = 2 ** ((k + 5) // 2)
        add(f"synthesis/noise{k}", 1, 1, size, size)
        add(f"{layer}/weight", 3, 3, inputs, width)
        add(f"{layer}/bias", width, spread=0.3)
        add(f"{layer}/noise_strength", mean=0.5, spread=0.2)
        style(layer, inputs)
    for head, width in zip(HEADS2, WIDTHS2, strict=True):
        add(f"{head}/weight", 1, 1, width, 3)
        add(f"{head}/bias", 3)
        style(head, width)
    return drawer.variables


def oihw(variables, layer):
    """The kernel of a layer as PyTorch has it; of one that upsamples, turned."""
    kernel = variables[f"{layer}/weight"]
    turned = kernel[::-1, ::-1] if layer.endswith("Conv0_up") else kernel
    return turned.transpose(3, 2, 0, 1)


def filter_taps(gain):
    return (np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64 * gain).astype("f4")


def rosinality(variables):
    """The state dictionary of rosinality/stylegan2-pytorch."""
    v = variables
    state = {"input.input": v["synthesis/4x4/Const/const"]}
    for i in range(8):
        state[f"style.{i + 1}.weight"] = v[f"mapping/Dense{i}/weight"].T
        state[f"style.{i + 1}.bias"] = v[f"mapping/Dense{i}/bias"]

    def conv(place, source):
        style = v[f"{source}/mod_bias"] + np.float32(1)
        state[f"{place}.conv.weight"] = oihw(v, source)[None]
        state[f"{place}.conv.modulation.weight"] = v[f"{source}/mod_weight"].T
        state[f"{place}.conv.modulation.bias"] = style

    for k, source in enumerate(LAYERS2):
        place = f"convs.{k - 1}" if k else "conv1"
        conv(place, source)
        state[f"{place}.noise.weight"] = v[f"{source}/noise_strength"].reshape(1)
        state[f"{place}.activate.bias"] = v[f"{source}/bias"]
        state[f"noises.noise_{k}"] = v[f"synthesis/noise{k}"]
        if k % 2:
            state[f"{place}.conv.blur.kernel"] = filter_taps(4)
    for j, source in enumerate(HEADS2):
        place = f"to_rgbs.{j - 1}" if j else "to_rgb1"
        conv(place, source)
        state[f"{place}.bias"] = v[f"{source}/bias"].reshape(1, 3, 1, 1)
        if j:
            state[f"{place}.upsample.kernel"] = filter_taps(4)
    return state


def tensors(arrays):
    """A state dictionary as PyTorch writes it."""
    state = OrderedDict((k, pickles.Tensor(x)) for k, x in arrays.items())
    ordered = pickles.Named("collections", "OrderedDict")
    return pickles.Made(ordered, items=state, state={"_metadata": OrderedDict()})


def rosinality_checkpoint(variables):
    average = pickles.Tensor(variables["dlatent_avg"])
    state = tensors(rosinality(variables))
    return {"g_ema": state, "latent_avg": average, "g": state}


def ada_modules(variables, **attributes):
    """`G_ema` of stylegan2-ada-pytorch."""
    v = variables
    taps = {"buffer:resample_filter": filter_taps(1)}

    def dense(weight, bias, **own):
        tensors = {"weight": weight.T, "bias": bias}
        return pickles.module("FullyConnectedLayer", tensors, **own)

    def layer(kind, source, tensors, **own):
        arrays = {"weight": oihw(v, source), "bias": v[f"{source}/bias"]}
        bias = v[f"{source}/mod_bias"] + np.float32(1)
        affine = dense(v[f"{source}/mod_weight"], bias, activation="linear")
        return pickles.module(kind, arrays | tensors, {"affine": affine}, **own)

    def conv(number):
        source = LAYERS2[number]
        own = {"buffer:noise_const": v[f"synthesis/noise{number}"][0, 0], **taps}
        own["noise_strength"] = v[f"{source}/noise_strength"]
        return layer("SynthesisLayer", source, own, activation="lrelu")

    blocks = OrderedDict()
    for block, head in enumerate(HEADS2):
        rgb = layer("ToRGBLayer", head, {}, conv_clamp=256)
        parts = {"conv1": conv(2 * block), "torgb": rgb}
        own = dict(taps)
        if block:
            parts["conv0"] = conv(2 * block - 1)
        else:
            own["const"] = v["synthesis/4x4/Const/const"][0]
        blocks[f"b{4 * 2**block}"] = pickles.module(
            "SynthesisBlock", own, parts, architecture="skip"
        )
    layers = OrderedDict()
    for i in range(8):
        arrays = v[f"mapping/Dense{i}/weight"], v[f"mapping/Dense{i}/bias"]
        layers[f"fc{i}"] = dense(*arrays, activation="lrelu", bias_gain=0.01)
    average = {"buffer:w_avg": v["dlatent_avg"]}
    modules = OrderedDict(
        synthesis=pickles.module("SynthesisNetwork", {}, blocks),
        mapping=pickles.module("MappingNetwork", average, layers, num_layers=8),
    )
    own = {"z_dim": 512, "w_dim": 512, "c_dim": 0, "img_channels": 3}
    return pickles.module("Generator", {}, modules, **(own | attributes))


def ada_pickle(variables, protocol=3, **attributes):
    network = ada_modules(variables, **attributes)
    dataset = pickles.easy_dict(class_name="training.dataset.ImageFolderDataset")
    content = {
        "G": network,
        "D": pickles.module("Discriminator", {}),
        "G_ema": network,
        "training_set_kwargs": dataset,
        "augment_pipe": None,
    }
    return pickles.dumps(content, protocol, pickles.BlobWriter)


_LAYER, _BLOCK = "synthesis.layer{k}", "g_synthesis.blocks.{r}x{r}"
SPELLINGS = {
    "interfacegan": {
        "dense": ("mapping.dense{i}.linear.weight", "mapping.dense{i}.wscale.bias"),
        "Noise/weight": f"{_LAYER}.epilogue.apply_noise.weight",
        "bias": f"{_LAYER}.epilogue.bias",
        "StyleMod/weight": f"{_LAYER}.epilogue.style_mod.dense.linear.weight",
        "StyleMod/bias": f"{_LAYER}.epilogue.style_mod.dense.wscale.bias",
        "weight": f"{_LAYER}.conv.weight",
        "noise": f"{_LAYER}.epilogue.apply_noise.noise",
        "const": "synthesis.layer0.first_layer",
        "rgb": ("synthesis.output{b}.conv.weight", "synthesis.output{b}.bias"),
        "blur": f"{_LAYER}.blur.kernel",
    },
    "genforce": {
        "dense": ("mapping.dense{i}.weight", "mapping.dense{i}.bias"),
        "Noise/weight": f"{_LAYER}.apply_noise.weight",
        "bias": f"{_LAYER}.bias",
        "StyleMod/weight": f"{_LAYER}.style.weight",
        "StyleMod/bias": f"{_LAYER}.style.bias",
        "weight": f"{_LAYER}.weight",
        "noise": f"{_LAYER}.apply_noise.noise",
        "const": "synthesis.layer0.const",
        "rgb": ("synthesis.output{b}.weight", "synthesis.output{b}.bias"),
        "blur": f"{_LAYER}.blur.kernel",
    },
    "lernapparat": {
        "dense": ("g_mapping.dense{i}.weight", "g_mapping.dense{i}.bias"),
        "Noise/weight": f"{_BLOCK}.epi{{e}}.top_epi.noise.weight",
        "bias": f"{_BLOCK}.{{l}}bias",
        "StyleMod/weight": f"{_BLOCK}.epi{{e}}.style_mod.lin.weight",
        "StyleMod/bias": f"{_BLOCK}.epi{{e}}.style_mod.lin.bias",
        "weight": f"{_BLOCK}.{{l}}weight",
        "const": "g_synthesis.blocks.4x4.const",
        "rgb": ("g_synthesis.torgb.weight", "g_synthesis.torgb.bias"),
        "blur": f"{_BLOCK}.conv0_up.intermediate.kernel",
    },
}


def torch_stylegan1(variables, spelling):
    """A state dictionary of StyleGAN 1; the spelling is one of `SPELLINGS`."""
    v, names, lernapparat = variables, SPELLINGS[spelling], spelling == "lernapparat"
    state = {names["const"]: v["synthesis/4x4/Const/const"]}
    for i in range(8):
        for name, leaf in zip(names["dense"], ("weight", "bias"), strict=True):
            state[name.format(i=i)] = v[f"mapping/Dense{i}/{leaf}"].T
    blur = (np.outer([1, 2, 1], [1, 2, 1]) / 16).astype("f4")[None, None]
    for k, source in enumerate(LAYERS1):
        short = source.split("/")[2].lower() + "." if k else ""
        numbers = {"k": k, "r": 4 * 2 ** (k // 2), "e": 1 + k % 2, "l": short}
        name = {leaf: str(x).format(**numbers, i=0, b=0) for leaf, x in names.items()}
        for leaf in ("Noise/weight", "bias", "StyleMod/bias", "StyleMod/weight"):
            state[name[leaf]] = v[f"{source}/{leaf}"].T
        if k and spelling == "interfacegan" and short == "conv0_up." and k >= 10:
            state[name["weight"].replace("conv.", "")] = v[f"{source}/weight"]
        elif k:
            state[name["weight"]] = v[f"{source}/weight"].transpose(3, 2, 0, 1)
        if short == "conv0_up.":
            repeated = 1 if lernapparat else WIDTHS1[k // 2]
            state[name["blur"]] = np.tile(blur, (repeated, 1, 1, 1))
        if not lernapparat:
            state[name["noise"]] = v[f"synthesis/noise{k}"]
    last = len(WIDTHS1) - 1
    for block in [last] if lernapparat else range(last + 1):
        weight, bias = (name.format(b=block) for name in names["rgb"])
        head = f"synthesis/ToRGB_lod{last - block}"
        state[weight], state[bias] = oihw(v, head), v[f"{head}/bias"]
    if not lernapparat:
        state["synthesis.lod"] = np.zeros((), "f4")
        state["truncation.w_avg"] = v["dlatent_avg"]
    if spelling == "interfacegan":
        state["truncation.truncation"] = np.ones((1, 12, 1), "f4")
    return state
