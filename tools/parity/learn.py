"""Pipelines of learned quantization on `fashion-resnet`, for comparison with Fewbit's."""

import argparse
import copy
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from zoo.data import CALIBRATION_FILE, TEST_FILE
from zoo.export import trained

ZETA, GAMMA = 1.1, -0.1


def samples(path) -> "tuple[Tensor, Tensor]":
    """Images in [0, 1] and their classes."""
    with np.load(path) as file:
        return torch.from_numpy(file["x"]).float() / 255, torch.from_numpy(file["y"])


def folded(model: nn.Module) -> nn.Module:
    """`model` with every BatchNorm folded into the convolution before it; its place is taken by nothing."""
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Conv2d):
            bn = {"stem": "stem_bn", "skip": "skip_bn"}.get(name, name.replace("conv", "bn"))
            setattr(model, name, fuse_conv_bn_eval(child, getattr(model, bn)))
            setattr(model, bn, nn.Identity())
        else:
            folded(child)
    return model


class Quantized(nn.Module):
    """A convolution or linear layer with quantizers for its weight (per channel) and its input (per tensor)."""

    def __init__(self, layer: nn.Module, weight_bits: int, input_bits: int) -> None:
        super().__init__()
        self.layer = layer
        self.top = 2 ** (weight_bits - 1) - 1
        self.levels = 2**input_bits - 1
        weight = layer.weight.detach()
        shape = [-1] + [1] * (weight.dim() - 1)
        self.scale = (weight.abs().flatten(1).amax(1) / self.top).view(shape)
        self.rounding = None  # AdaRound's V while it learns
        self.codes = torch.clamp(torch.round(weight / self.scale), -self.top, self.top)
        self.bias = layer.bias.detach().clone()
        self.input_scale = self.zero = None
        self.seen = [0.0, 0.0]
        self.mode = "float"  # float, observe, quantized, learned
        self.latent = None
        self.behind = nn.Identity()  # the activation function that alone reads its output

    def weight(self) -> Tensor:
        if self.mode in ("float", "observe"):
            return self.layer.weight
        if self.rounding is not None:
            h = torch.clamp(torch.sigmoid(self.rounding) * (ZETA - GAMMA) + GAMMA, 0, 1)
            return self.scale * torch.clamp(torch.floor(self.layer.weight / self.scale) + h, -self.top, self.top)
        if self.latent is not None:
            return lsq(self.latent, self.scale, -self.top, self.top)
        return self.scale * self.codes

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "observe":
            self.seen = [min(self.seen[0], x.min().item()), max(self.seen[1], x.max().item())]
            self.input_scale = torch.tensor((self.seen[1] - self.seen[0]) / self.levels)
            self.zero = torch.round(-self.seen[0] / self.input_scale)
        elif self.mode == "quantized":
            codes = torch.clamp(torch.round(x / self.input_scale) + self.zero, 0, self.levels)
            x = self.input_scale * (codes - self.zero)
        elif self.mode == "learned":
            x = lsq(x, self.input_scale, -self.zero, self.levels - self.zero)
        bias = self.layer.bias if self.mode in ("float", "observe") else self.bias
        if isinstance(self.layer, nn.Linear):
            return F.linear(x, self.weight(), bias)
        layer = self.layer
        return F.conv2d(x, self.weight(), bias, layer.stride, layer.padding, layer.dilation, layer.groups)


class Lsq(torch.autograd.Function):
    """Esser et al. 2020, arXiv:1902.08153, eq. 1 and 3."""

    @staticmethod
    def forward(ctx, x, scale, low, high):
        place = x / scale
        code = torch.clamp(torch.round(place), low, high)
        ctx.save_for_backward(place, code, scale)
        ctx.bounds = low, high
        return scale * code

    @staticmethod
    def backward(ctx, g):
        place, code, scale = ctx.saved_tensors
        low, high = ctx.bounds
        inside = (place >= low) & (place <= high)
        slope = torch.where(inside, code - place, code) * g
        axes = [i for i in range(slope.dim()) if scale.dim() == 0 or scale.shape[i] == 1]
        return g * inside, slope.sum(axes).view_as(scale), None, None


def lsq(x, scale, low, high):
    return Lsq.apply(x, scale, float(low), float(high))


def wrap(model: nn.Module, weights: int, activations: int) -> "list[Quantized]":
    """Puts quantizers around every layer; the first and the last get 8 bits."""
    modules = dict(model.named_modules())
    # In the order in which they were registered, which is that in which they run.
    places = [path for path, module in modules.items() if isinstance(module, (nn.Conv2d, nn.Linear))]
    layers = []
    for i, path in enumerate(places):
        edge = i in (0, len(places) - 1)
        holder, _, name = path.rpartition(".")
        parent = modules[holder]
        layer = Quantized(getattr(parent, name), 8 if edge else weights, 8 if edge else activations)
        if name in ("stem", "conv1"):
            layer.behind = nn.ReLU()
        setattr(parent, name, layer)
        layers.append(layer)
    return layers


def mode(layers, value):
    for layer in layers:
        layer.mode = value


class Tap:
    """What goes into a module, and comes out."""

    def __init__(self, module):
        self.handle = module.register_forward_hook(self.see)
        self.x, self.y = [], []

    def see(self, _, inputs, output):
        self.x.append(inputs[0].detach())
        self.y.append(output.detach())

    def run(self, model, x):
        with torch.no_grad():
            for part in x.split(128):
                model(part)
        self.handle.remove()
        return torch.cat(self.x), torch.cat(self.y)


def bias_correct(model, layers, x):
    """Nagel et al. 2019, arXiv:1906.04721, §4.2, empirical, layer by layer."""
    for layer in layers:
        axes = [0] if isinstance(layer.layer, nn.Linear) else [0, 2, 3]
        mode(layers, "float")
        _, wanted = Tap(layer).run(model, x)
        mode(layers, "quantized")
        _, found = Tap(layer).run(model, x)
        layer.bias += (wanted - found).mean(axes)


def gptq(model, layers, x, damping=0.01):
    """Frantar et al. 2022, arXiv:2210.17323, on min-max grids, columns in their order."""
    for layer in layers:
        mode(layers, "quantized")
        inputs, _ = Tap(layer).run(model, x)
        codes = torch.clamp(torch.round(inputs / layer.input_scale) + layer.zero, 0, layer.levels)
        inputs = layer.input_scale * (codes - layer.zero)
        conv = layer.layer
        if isinstance(conv, nn.Conv2d):
            columns = F.unfold(inputs, conv.kernel_size, conv.dilation, conv.padding, conv.stride)
            columns = columns.permute(1, 0, 2).flatten(1).double()
        else:
            columns = inputs.t().double()
        h = 2 * columns @ columns.t() / columns.shape[1]
        w = conv.weight.detach().flatten(1).double()
        dead = h.diag() == 0
        h[dead, dead] = 1
        w[:, dead] = 0
        h += damping * h.diag().mean() * torch.eye(len(h))
        u = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
        scale = layer.scale.flatten().double()
        codes = torch.zeros_like(w)
        for i in range(len(h)):
            codes[:, i] = torch.clamp(torch.round(w[:, i] / scale), -layer.top, layer.top)
            error = (w[:, i] - codes[:, i] * scale) / u[i, i]
            w[:, i:] -= error[:, None] * u[i, i:][None]
        layer.codes = codes.float().view_as(conv.weight)


def adaround(model, layers, x, iterations, seed, rate=1e-2, weight=0.01, batch=32):
    """Nagel et al. 2020, arXiv:2004.10568, eq. 25: the quantized prefix's inputs, and the output behind the activation function."""
    generator = torch.Generator().manual_seed(seed)
    spent = 0.0
    for layer in layers:
        mode(layers, "float")
        _, wanted = Tap(layer).run(model, x)
        mode(layers, "quantized")
        inputs, _ = Tap(layer).run(model, x)
        rest = layer.layer.weight.detach() / layer.scale
        rest = rest - torch.floor(rest)
        v = -torch.log((ZETA - GAMMA) / (rest - GAMMA) - 1)
        layer.rounding = v.requires_grad_()
        optimizer = torch.optim.Adam([v], lr=rate)
        warm = int(0.2 * iterations)
        start = time.perf_counter()
        for i in range(iterations):
            rows = torch.randint(len(x), (batch,), generator=generator)
            loss = (layer.behind(layer(inputs[rows])) - layer.behind(wanted[rows])).pow(2).sum(1).mean()
            if i >= warm:
                beta = 2 + 18 * (1 - (i - warm) / max(iterations - warm, 1))
                h = torch.clamp(torch.sigmoid(v) * (ZETA - GAMMA) + GAMMA, 0, 1)
                loss = loss + weight * (1 - (2 * h - 1).abs().pow(beta)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        spent += time.perf_counter() - start
        layer.rounding = None
        floor = torch.floor(layer.layer.weight.detach() / layer.scale)
        layer.codes = torch.clamp(floor + (v.detach() >= 0), -layer.top, layer.top)
    return 1000 * spent / (iterations * len(layers))


def train_lsq(model, layers, x, steps, seed, batch=64, rate=2e-3, scale_rate=5e-4, temperature=2.0, shift=2):
    """LSQ with distillation from the float model, and images shifted at random."""
    generator = torch.Generator().manual_seed(seed)
    teacher = copy.deepcopy(model)
    mode([m for m in teacher.modules() if isinstance(m, Quantized)], "float")
    weights, scales = [], []
    for layer in layers:
        weight = layer.layer.weight.detach()
        start = 2 * weight.abs().flatten(1).mean(1) / math.sqrt(max(layer.top, 1))
        layer.scale = torch.minimum(start.view_as(layer.scale), layer.scale).requires_grad_()
        layer.latent = weight.clone().requires_grad_()
        layer.bias = layer.bias.requires_grad_()
        layer.input_scale = layer.input_scale.clone().requires_grad_()
        weights += [layer.latent, layer.bias]
        scales += [layer.scale, layer.input_scale]
    mode(layers, "learned")
    optimizer = torch.optim.Adam([{"params": weights, "lr": rate}, {"params": scales, "lr": scale_rate}])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 0.5 * (1 + math.cos(math.pi * i / steps)))
    order = torch.randperm(len(x), generator=generator)
    start = time.perf_counter()
    for i in range(steps):
        if (i + 1) * batch % len(x) < batch:
            order = torch.randperm(len(x), generator=generator)
        rows = order[torch.arange(i * batch, (i + 1) * batch) % len(x)]
        image = F.pad(x[rows], [shift] * 4, mode="replicate")
        dy, dx = torch.randint(2 * shift + 1, (2,), generator=generator).tolist()
        image = image[:, :, dy : dy + x.shape[2], dx : dx + x.shape[3]]
        with torch.no_grad():
            wanted = F.log_softmax(teacher(image) / temperature, 1)
        found = F.log_softmax(model(image) / temperature, 1)
        loss = temperature**2 * (wanted.exp() * (wanted - found)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return 1000 * (time.perf_counter() - start) / steps


def evaluate(model, reference, x, y):
    with torch.no_grad():
        found = torch.cat([model(part) for part in x.split(200)])
    wanted = F.log_softmax(reference, 1)
    kl = (wanted.exp() * (wanted - F.log_softmax(found, 1))).sum(1).mean().item()
    return int((found.argmax(1) == y).sum()), kl


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="fashion-resnet")
    parser.add_argument("--weights", type=int, default=2)
    parser.add_argument("--activations", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--calibration", type=int, default=256)
    parser.add_argument("--pipelines", default="rtn,bias,gptq,gptq+bias,adaround,adaround+bias,lsq")
    args = parser.parse_args()
    all_x, _ = samples(CALIBRATION_FILE)
    x = all_x[: args.calibration]
    test_x, test_y = samples(TEST_FILE)
    plain = folded(trained(args.model))
    with torch.no_grad():
        reference = torch.cat([plain(part) for part in test_x.split(200)])
    print(json.dumps({"pipeline": "float", "correct": int((reference.argmax(1) == test_y).sum())}))
    for name in args.pipelines.split(","):
        random = any(part in name for part in ("adaround", "lsq"))
        for seed in range(args.seeds if random else 1):
            model = copy.deepcopy(plain)
            layers = wrap(model, args.weights, args.activations)
            mode(layers, "observe")
            with torch.no_grad():
                model(x)
            mode(layers, "quantized")
            line = {"pipeline": name, "seed": seed, "weights": args.weights, "activations": args.activations}
            start = time.perf_counter()
            if "gptq" in name:
                gptq(model, layers, x)
            if "adaround" in name:
                line["ms_per_iteration"] = adaround(model, layers, x, args.iterations, seed)
            mode(layers, "quantized")
            if "bias" in name:
                bias_correct(model, layers, x)
            if "lsq" in name:
                line["ms_per_step"] = train_lsq(model, layers, all_x, args.steps, seed)
            line["seconds"] = time.perf_counter() - start
            line["correct"], line["kl"] = evaluate(model, reference, test_x, test_y)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
