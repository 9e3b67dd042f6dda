"""Random StyleGANs in every published form, made from NVIDIA's TensorFlow variables.

The other forms are spelt out here from their descriptions, name by name, independently
of the converters' tables.
"""

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
    """What a converter makes of a file with this content."""
    path = folder / NAME
    path.write_bytes(content)
    return converter.convert(path)


class Drawer:
    """Draws variables by name, all of them away from zero and one."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.variables = {}

    def add(self, name, *shape, spread=1.0, mean=0.0):
        value = self.rng.normal(mean, spread, shape)
        self.variables[name] = np.float32(value) if shape == () else value.astype("f4")

    def mapping(self):
        self.add("lod")
        self.add("dlatent_avg", 512)
        for i in range(8):
            self.add(f"mapping/Dense{i}/weight", 512, 512, spread=100)
            self.add(f"mapping/Dense{i}/bias", 512, spread=30)


def stylegan1():
    """The variables of a small StyleGAN 1 by their TensorFlow names."""
    drawer = Drawer(1)
    drawer.mapping()
    add = drawer.add
    add("synthesis/lod")
    for k in range(2 * len(WIDTHS1)):
        size = 4 * 2 ** (k // 2)
        add(f"synthesis/noise{k}", 1, 1, size, size)
    add("synthesis/4x4/Const/const", 1, WIDTHS1[0], 4, 4)
    for block, width in enumerate(WIDTHS1):
        place = f"synthesis/{4 * 2**block}x{4 * 2**block}"
        before = WIDTHS1[max(block - 1, 0)]
        first, second = ("Conv0_up", "Conv1") if block else ("Const", "Conv")
        if block:
            add(f"{place}/{first}/weight", 3, 3, before, width)
        add(f"{place}/{second}/weight", 3, 3, width, width)
        for layer in (first, second):
            add(f"{place}/{layer}/bias", width, spread=0.3)
            add(f"{place}/{layer}/Noise/weight", width, spread=0.5)
            add(f"{place}/{layer}/StyleMod/weight", 512, 2 * width)
            add(f"{place}/{layer}/StyleMod/bias", 2 * width)
        head = len(WIDTHS1) - 1 - block
        add(f"synthesis/ToRGB_lod{head}/weight", 1, 1, width, 3)
        add(f"synthesis/ToRGB_lod{head}/bias", 3)
    return drawer.variables


def stylegan2():
    """The variables of a small StyleGAN 2 by their TensorFlow names."""
    drawer = Drawer(2)
    drawer.mapping()
    add = drawer.add
    for k in range(2 * len(WIDTHS2) - 1):
        size = 2 ** ((k + 5) // 2)
        add(f"synthesis/noise{k}", 1, 1, size, size)
    add("synthesis/4x4/Const/const", 1, WIDTHS2[0], 4, 4)
    for block, width in enumerate(WIDTHS2):
        place = f"synthesis/{4 * 2**block}x{4 * 2**block}"
        layers = [("Conv", width)]
        if block:
            layers = [("Conv0_up", WIDTHS2[block - 1]), ("Conv1", width)]
        for layer, inputs in layers:
            add(f"{place}/{layer}/weight", 3, 3, inputs, width)
            add(f"{place}/{layer}/bias", width, spread=0.3)
            add(f"{place}/{layer}/noise_strength", mean=0.5, spread=0.2)
            add(f"{place}/{layer}/mod_weight", 512, inputs)
            add(f"{place}/{layer}/mod_bias", inputs, spread=0.3)
        add(f"{place}/ToRGB/weight", 1, 1, width, 3)
        add(f"{place}/ToRGB/bias", 3)
        add(f"{place}/ToRGB/mod_weight", 512, width)
        add(f"{place}/ToRGB/mod_bias", width, spread=0.3)
    return drawer.variables


def oihw(kernel):
    return kernel.transpose(3, 2, 0, 1)


def filter_taps(gain):
    return (np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64 * gain).astype("f4")


def rosinality(variables):
    """The state dictionary of rosinality/stylegan2-pytorch."""
    v, state = variables, OrderedDict()
    for i in range(8):
        state[f"style.{i + 1}.weight"] = v[f"mapping/Dense{i}/weight"].T
        state[f"style.{i + 1}.bias"] = v[f"mapping/Dense{i}/bias"]
    state["input.input"] = v["synthesis/4x4/Const/const"]

    def conv(place, source, turned=False):
        kernel = v[f"{source}/weight"]
        kernel = kernel[::-1, ::-1] if turned else kernel
        state[f"{place}.conv.weight"] = oihw(kernel)[None]
        modulation(place, source)
        state[f"{place}.noise.weight"] = v[f"{source}/noise_strength"].reshape(1)
        state[f"{place}.activate.bias"] = v[f"{source}/bias"]

    def modulation(place, source):
        name = f"{place}.conv.modulation"
        state[f"{name}.weight"] = v[f"{source}/mod_weight"].T
        state[f"{name}.bias"] = v[f"{source}/mod_bias"] + np.float32(1)

    def head(place, source):
        state[f"{place}.conv.weight"] = oihw(v[f"{source}/weight"])[None]
        modulation(place, source)
        state[f"{place}.bias"] = v[f"{source}/bias"].reshape(1, 3, 1, 1)

    conv("conv1", "synthesis/4x4/Conv")
    head("to_rgb1", "synthesis/4x4/ToRGB")
    for j in range(len(WIDTHS2) - 1):
        source = f"synthesis/{8 * 2**j}x{8 * 2**j}"
        conv(f"convs.{2 * j}", f"{source}/Conv0_up", turned=True)
        state[f"convs.{2 * j}.conv.blur.kernel"] = filter_taps(4)
        conv(f"convs.{2 * j + 1}", f"{source}/Conv1")
        head(f"to_rgbs.{j}", f"{source}/ToRGB")
        state[f"to_rgbs.{j}.upsample.kernel"] = filter_taps(4)
    for k in range(2 * len(WIDTHS2) - 1):
        state[f"noises.noise_{k}"] = v[f"synthesis/noise{k}"]
    return state


def tensors(arrays):
    """A state dictionary as PyTorch writes it."""
    state = OrderedDict((k, pickles.Tensor(x)) for k, x in arrays.items())
    ordered = pickles.Named("collections", "OrderedDict")
    return pickles.Made(ordered, items=state, state={"_metadata": OrderedDict()})


def rosinality_checkpoint(variables, **others):
    average = pickles.Tensor(variables["dlatent_avg"])
    state = tensors(rosinality(variables))
    return {"g_ema": state, "latent_avg": average, "g": state, **others}


def ada_modules(variables, **attributes):
    """`G_ema` of stylegan2-ada-pytorch."""
    v = variables
    taps = {"buffer:resample_filter": filter_taps(1)}

    def dense(weight, bias, **own):
        return pickles.module(
            "FullyConnectedLayer", {"weight": weight.T, "bias": bias}, **own
        )

    def affine(source):
        bias = v[f"{source}/mod_bias"] + np.float32(1)
        return {"affine": dense(v[f"{source}/mod_weight"], bias, activation="linear")}

    def conv(source, number, turned=False):
        kernel = v[f"{source}/weight"]
        kernel = kernel[::-1, ::-1] if turned else kernel
        own = {
            "weight": oihw(kernel),
            "noise_strength": v[f"{source}/noise_strength"],
            "bias": v[f"{source}/bias"],
            "buffer:noise_const": v[f"synthesis/noise{number}"][0, 0],
        }
        return pickles.module(
            "SynthesisLayer", own | taps, affine(source), activation="lrelu"
        )

    def head(source):
        own = {"weight": oihw(v[f"{source}/weight"]), "bias": v[f"{source}/bias"]}
        return pickles.module("ToRGBLayer", own, affine(source), conv_clamp=256)

    blocks = OrderedDict()
    for block in range(len(WIDTHS2)):
        size = 4 * 2**block
        source = f"synthesis/{size}x{size}"
        parts = OrderedDict()
        own = dict(taps)
        if block:
            parts["conv0"] = conv(f"{source}/Conv0_up", 2 * block - 1, turned=True)
            parts["conv1"] = conv(f"{source}/Conv1", 2 * block)
        else:
            own["const"] = v["synthesis/4x4/Const/const"][0]
            parts["conv1"] = conv(f"{source}/Conv", 0)
        parts["torgb"] = head(f"{source}/ToRGB")
        blocks[f"b{size}"] = pickles.module(
            "SynthesisBlock", own, parts, architecture="skip"
        )
    layers = OrderedDict()
    for i in range(8):
        layer = f"mapping/Dense{i}"
        layers[f"fc{i}"] = dense(
            v[f"{layer}/weight"], v[f"{layer}/bias"], activation="lrelu", bias_gain=0.01
        )
    average = {"buffer:w_avg": v["dlatent_avg"]}
    modules = OrderedDict(
        synthesis=pickles.module("SynthesisNetwork", {}, blocks),
        mapping=pickles.module("MappingNetwork", average, layers, num_layers=8),
    )
    own = {"z_dim": 512, "w_dim": 512, "c_dim": 0, "img_channels": 3}
    return pickles.module("Generator", {}, modules, **(own | attributes))


def ada_pickle(variables, protocol=3, **attributes):
    """The pickle of stylegan2-ada-pytorch."""
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


def torch_stylegan1(variables, spelling):
    """A state dictionary of StyleGAN 1 with the names that `spelling` gives.

    Args:
        variables: by TensorFlow names.
        spelling: `interfacegan`, `genforce` or `lernapparat`.
    """
    v, state = variables, OrderedDict()
    names = {
        "interfacegan": {
            "dense": ("mapping.dense{i}.linear.weight", "mapping.dense{i}.wscale.bias"),
            "Noise/weight": "synthesis.layer{k}.epilogue.apply_noise.weight",
            "bias": "synthesis.layer{k}.epilogue.bias",
            "StyleMod/weight": "synthesis.layer{k}.epilogue.style_mod.dense.linear.weight",
            "StyleMod/bias": "synthesis.layer{k}.epilogue.style_mod.dense.wscale.bias",
            "weight": "synthesis.layer{k}.conv.weight",
            "noise": "synthesis.layer{k}.epilogue.apply_noise.noise",
            "const": "synthesis.layer0.first_layer",
            "rgb": ("synthesis.output{b}.conv.weight", "synthesis.output{b}.bias"),
            "blur": "synthesis.layer{k}.blur.kernel",
        },
        "genforce": {
            "dense": ("mapping.dense{i}.weight", "mapping.dense{i}.bias"),
            "Noise/weight": "synthesis.layer{k}.apply_noise.weight",
            "bias": "synthesis.layer{k}.bias",
            "StyleMod/weight": "synthesis.layer{k}.style.weight",
            "StyleMod/bias": "synthesis.layer{k}.style.bias",
            "weight": "synthesis.layer{k}.weight",
            "noise": "synthesis.layer{k}.apply_noise.noise",
            "const": "synthesis.layer0.const",
            "rgb": ("synthesis.output{b}.weight", "synthesis.output{b}.bias"),
            "blur": "synthesis.layer{k}.blur.kernel",
        },
        "lernapparat": {
            "dense": ("g_mapping.dense{i}.weight", "g_mapping.dense{i}.bias"),
            "Noise/weight": "g_synthesis.blocks.{r}x{r}.epi{e}.top_epi.noise.weight",
            "bias": "g_synthesis.blocks.{r}x{r}.{l}bias",
            "StyleMod/weight": "g_synthesis.blocks.{r}x{r}.epi{e}.style_mod.lin.weight",
            "StyleMod/bias": "g_synthesis.blocks.{r}x{r}.epi{e}.style_mod.lin.bias",
            "weight": "g_synthesis.blocks.{r}x{r}.{l}weight",
            "const": "g_synthesis.blocks.4x4.const",
            "blur": "g_synthesis.blocks.{r}x{r}.conv0_up.intermediate.kernel",
        },
    }[spelling]
    lernapparat = spelling == "lernapparat"
    for i in range(8):
        weight, bias = (name.format(i=i) for name in names["dense"])
        state[weight] = v[f"mapping/Dense{i}/weight"].T
        state[bias] = v[f"mapping/Dense{i}/bias"]
    state[names["const"]] = v["synthesis/4x4/Const/const"]
    blur = (np.outer([1, 2, 1], [1, 2, 1]) / 16).astype("f4")[None, None]
    for k in range(2 * len(WIDTHS1)):
        size, width = 4 * 2 ** (k // 2), WIDTHS1[k // 2]
        layer = ["Conv0_up", "Conv1"][k % 2] if k > 1 else ["Const", "Conv"][k]
        source = f"synthesis/{size}x{size}/{layer}"
        short = "" if k == 0 else layer.lower() + "."
        values = {"k": k, "r": size, "e": 1 + k % 2, "l": short}
        for leaf in ("Noise/weight", "bias", "StyleMod/bias"):
            state[names[leaf].format(**values)] = v[f"{source}/{leaf}"]
        style = v[f"{source}/StyleMod/weight"].T
        state[names["StyleMod/weight"].format(**values)] = style
        if k:
            kernel, name = v[f"{source}/weight"], names["weight"].format(**values)
            if spelling == "interfacegan" and layer == "Conv0_up" and size >= 128:
                state[name.replace("conv.", "")] = kernel
            else:
                state[name] = oihw(kernel)
        if layer == "Conv0_up":
            repeated = blur if lernapparat else np.tile(blur, (width, 1, 1, 1))
            state[names["blur"].format(**values)] = repeated
        if not lernapparat:
            state[names["noise"].format(**values)] = v[f"synthesis/noise{k}"]
    if lernapparat:
        state["g_synthesis.torgb.weight"] = oihw(v["synthesis/ToRGB_lod0/weight"])
        state["g_synthesis.torgb.bias"] = v["synthesis/ToRGB_lod0/bias"]
        return state
    for block in range(len(WIDTHS1)):
        head = f"synthesis/ToRGB_lod{len(WIDTHS1) - 1 - block}"
        weight, bias = (name.format(b=block) for name in names["rgb"])
        state[weight], state[bias] = oihw(v[f"{head}/weight"]), v[f"{head}/bias"]
    state["synthesis.lod"] = np.zeros((), "f4")
    state["truncation.w_avg"] = v["dlatent_avg"]
    if spelling == "interfacegan":
        state["truncation.truncation"] = np.ones((1, 12, 1), "f4")
    return state
