"""`python -m zoo.tables` prints the tables of `assets/README.md` that follow from the files."""

import json
from pathlib import Path

import blake3
import numpy as np

from . import data
from .export import GOLDENS
from .models import MODELS
from .train import LOGS


def row(*cells: object) -> None:
    """Prints one line of a Markdown table."""
    print("|", " | ".join(str(cell) for cell in cells), "|")


def files() -> None:
    """Every bundled file with its size and BLAKE3 hash."""
    for path in sorted([*data.ASSETS.glob("data/*"), *data.ASSETS.glob("models/*")]):
        content = path.read_bytes()
        digest = blake3.blake3(content).hexdigest()
        row(f"`{path.relative_to(data.ASSETS)}`", f"{len(content):,}", f"`{digest}`")


def figures(name: str, log: dict, golden: Path) -> None:
    """Size and accuracy of a model."""
    last = log["history"][-1]
    correct = int((np.load(golden)["predictions"] == np.load(data.TEST_FILE)["y"]).sum())
    row(
        f"`{name}`",
        f"{log['parameters']:,}",
        f"{log['macs']:,}",
        f"{last['epoch']} ({last['minutes']:.0f} min)",
        f"{last['test']:.2f} %",
        f"{correct / 20:.2f} % ({correct:,})",
    )


def main() -> None:
    logs = {
        name: json.loads((LOGS / f"{name}.json").read_text())
        for name in MODELS
        if (GOLDENS / f"{name}.npz").exists()
    }
    files()
    for name, log in logs.items():
        figures(name, log, GOLDENS / f"{name}.npz")
    longest = max(len(log["history"]) for log in logs.values())
    row("epoch", *range(1, longest + 1))
    for name, log in logs.items():
        tests = [f"{entry['test']:.1f}" for entry in log["history"]]
        row(f"`{name}`", *tests, *[""] * (longest - len(tests)))


if __name__ == "__main__":
    main()
