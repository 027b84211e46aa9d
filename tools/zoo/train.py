"""`python -m zoo.train MODEL [--epochs N]` trains one model and writes its checkpoint and log.

AdamW with a one-cycle learning rate, label smoothing, horizontal flips, small shifts, and an
exponential moving average of the weights, which is what is evaluated and kept.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from . import data
from .models import MODELS, macs, parameters

SEED = 1
BATCH = 128
EMA_DECAY = 0.998
LABEL_SMOOTHING = 0.05
WEIGHT_DECAY = 0.02
# Model: epochs, peak learning rate, largest shift in pixels.
SCHEDULE = {
    "fashion-lenet": (20, 0.01, 2),
    "fashion-resnet": (16, 0.01, 2),
    "fashion-mobilenet": (8, 0.01, 1),
}
HERE = Path(__file__).resolve().parent
CHECKPOINTS, LOGS = HERE / "checkpoints", HERE / "logs"


def to_float(x: Tensor) -> Tensor:
    """Fewbit's rule: bytes are read as x / 255."""
    return x.float().div_(255).contiguous(memory_format=torch.channels_last)


def augment(padded: Tensor, index: Tensor, shift: int) -> Tensor:
    """Images `index` of `padded` [n, H + 2*shift, W + 2*shift], each shifted and half of them mirrored."""
    n, size = len(index), padded.shape[-1] - 2 * shift
    span = torch.arange(size)
    row = torch.randint(0, 2 * shift + 1, (n, 1)) + span
    mirror = torch.rand(n, 1) < 0.5
    column = torch.randint(0, 2 * shift + 1, (n, 1)) + torch.where(mirror, span.flip(0), span)
    return padded[index[:, None, None], row[:, :, None], column[:, None, :]][:, None]


@torch.no_grad()
def predict(model: nn.Module, x: np.ndarray) -> Tensor:
    """Predicted classes of uint8 images [n, 1, 28, 28]."""
    return torch.cat([model(to_float(part)).argmax(1) for part in torch.tensor(x).split(500)])


def accuracy(model: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """Share of correct predictions, in percent."""
    return 100 * (predict(model, x).numpy() == y).mean()


@torch.no_grad()
def average(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Moves every float of `ema`, BatchNorm's statistics too, towards `model`."""
    for mean, value in zip(ema.state_dict().values(), model.state_dict().values()):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def optimizer(model: nn.Module, peak: float) -> torch.optim.Optimizer:
    """AdamW; biases and BatchNorm parameters do not decay."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=peak, foreach=True)


def train(name: str, epochs: int, peak: float, shift: int) -> None:
    """Trains model `name`; after each epoch the averaged model and its log are saved."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    x, y = data.load("train")
    test_x, test_y = data.load("t10k")
    padded = torch.from_numpy(np.pad(x[:, 0], ((0, 0), (shift, shift), (shift, shift))))
    labels = torch.from_numpy(y)

    model = MODELS[name]().to(memory_format=torch.channels_last)
    ema = copy.deepcopy(model).eval()
    log = {
        "model": name,
        "seed": SEED,
        "epochs": epochs,
        "peak_lr": peak,
        "shift": shift,
        "parameters": parameters(model),
        "macs": macs(ema, torch.zeros(1, 1, 28, 28)),
        "history": [],
    }
    steps = len(y) // BATCH
    optim = optimizer(model, peak)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optim, peak, total_steps=epochs * steps, pct_start=0.2
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
    CHECKPOINTS.mkdir(exist_ok=True)
    LOGS.mkdir(exist_ok=True)
    started = time.monotonic()
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for index in torch.randperm(len(y))[: steps * BATCH].split(BATCH):
            loss = loss_of(model(to_float(augment(padded, index, shift))), labels[index])
            optim.zero_grad()
            loss.backward()
            optim.step()
            cycle.step()
            # Early averages forget the random start quickly.
            taken = cycle.last_epoch
            average(ema, model, min(EMA_DECAY, taken / (taken + 10)))
            total += loss.item()
        entry = {
            "epoch": epoch,
            "loss": round(total / steps, 4),
            "test": round(accuracy(ema, test_x, test_y), 2),
            "minutes": round((time.monotonic() - started) / 60, 2),
        }
        log["history"].append(entry)
        print(json.dumps(entry), flush=True)
        torch.save(ema.state_dict(), CHECKPOINTS / f"{name}.pt")
        (LOGS / f"{name}.json").write_text(json.dumps(log, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--epochs", type=int, help="default: the schedule in this file")
    arguments = parser.parse_args()
    epochs, peak, shift = SCHEDULE[arguments.model]
    train(arguments.model, arguments.epochs or epochs, peak, shift)


if __name__ == "__main__":
    main()
