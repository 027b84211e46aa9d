"""`python -m zoo.lesson MODEL` shows what rounding the weights alone does to a trained model.

BatchNorm is folded into the convolutions; every weight is rounded to nearest, symmetric,
restricted range, min-max, either with one scale for each tensor or one for each output channel.
Accuracy is on the 2,000 bundled test images.
"""

import argparse
import copy

import numpy as np
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from . import data
from .export import trained
from .models import MODELS
from .train import accuracy


def fold(model: nn.Module) -> nn.Module:
    """A copy with every BatchNorm folded into the convolution before it."""
    model = copy.deepcopy(model)
    for path, module in list(model.named_modules()):
        if isinstance(module, nn.Conv2d):
            parent_path, _, name = path.rpartition(".")
            parent = model.get_submodule(parent_path)
            norm = name.replace("conv", "bn") if name.startswith("conv") else f"{name}_bn"
            setattr(parent, name, fuse_conv_bn_eval(module, getattr(parent, norm)))
            setattr(parent, norm, nn.Identity())
    return model.eval()


def layers(model: nn.Module) -> "list[tuple[str, nn.Module]]":
    """The layers that have a weight to quantize."""
    return [(p, m) for p, m in model.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def channel_ranges(weight: Tensor) -> Tensor:
    """The largest magnitude in each output channel."""
    return weight.detach().flatten(1).abs().amax(1)


def round_to_nearest(weight: Tensor, bits: int, per_channel: bool) -> Tensor:
    """The weight after symmetric quantization to `bits`, in real units."""
    largest = channel_ranges(weight)
    if not per_channel:
        largest = largest.max().expand_as(largest)
    limit = 2 ** (bits - 1) - 1
    scale = (largest / limit).clamp_min(1e-30).reshape(-1, *[1] * (weight.dim() - 1))
    return (weight / scale).round().clamp(-limit, limit) * scale


def quantized(model: nn.Module, bits: int, per_channel: bool, only: str = "") -> nn.Module:
    """A copy with the weights of the layers whose name contains `only` rounded."""
    model = copy.deepcopy(model)
    for path, layer in layers(model):
        if only in path:
            layer.weight.data = round_to_nearest(layer.weight.data, bits, per_channel)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    model = fold(trained(parser.parse_args().model))
    test = np.load(data.TEST_FILE)

    def show(label: str, candidate: nn.Module) -> None:
        print(f"{label:28} {accuracy(candidate, test['x'], test['y']):6.2f} %")

    print("channel ranges: largest / median, largest / smallest")
    for path, layer in layers(model):
        r = channel_ranges(layer.weight)
        print(f"{path:20} {r.max() / r.median():8.1f} {r.max() / r.min():10.1f}")
    show("float, folded", model)
    for bits in (8, 6, 5, 4, 3):
        for per_channel in (False, True):
            label = f"W{bits} per {'channel' if per_channel else 'tensor'}"
            show(label, quantized(model, bits, per_channel))
    if any("depthwise" in path for path, _ in layers(model)):
        for bits in (8, 4):
            show(f"W{bits} per tensor, depthwise only", quantized(model, bits, False, "depthwise"))


if __name__ == "__main__":
    main()
