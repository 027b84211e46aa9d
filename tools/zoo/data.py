"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747) and the two sets bundled with Fewbit.

`python -m zoo.data` writes `assets/data/fashion-{test,calibration,calibration-first}.npz`.
"""

import gzip
import struct
from pathlib import Path

import numpy as np

SOURCE = Path("/usr/share/datasets/fashion-mnist")
ASSETS = Path(__file__).resolve().parents[2] / "assets"
TEST_FILE = ASSETS / "data" / "fashion-test.npz"
CALIBRATION_FILE = ASSETS / "data" / "fashion-calibration.npz"
FIRST_CALIBRATION_FILE = ASSETS / "data" / "fashion-calibration-first.npz"
TEST_SEED, TEST_IMAGES = 20170825, 2000
CALIBRATION_SEED, CALIBRATION_IMAGES = 1708_07747, 1024
FIRST_CALIBRATION_IMAGES = 256


def read_idx(path: Path) -> np.ndarray:
    """The bytes of a gzipped IDX file, as an array of its shape."""
    with gzip.open(path, "rb") as file:
        zero, kind, rank = struct.unpack(">HBB", file.read(4))
        if (zero, kind) != (0, 0x08):
            raise ValueError(f"{path}: not an IDX file of unsigned bytes")
        shape = struct.unpack(f">{rank}I", file.read(4 * rank))
        return np.frombuffer(file.read(), dtype=np.uint8).reshape(shape)


def load(split: str) -> "tuple[np.ndarray, np.ndarray]":
    """`split` is "train" (60,000) or "t10k" (10,000): x uint8 [n, 1, 28, 28], y int64 [n]."""
    images = read_idx(SOURCE / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(SOURCE / f"{split}-labels-idx1-ubyte.gz")
    return images[:, None], labels.astype(np.int64)


def balanced(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` indices, equally many of each class (one more of the first ones if it must be), shuffled."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    share, rest = divmod(count, len(classes))
    chosen = [
        rng.choice(np.flatnonzero(y == label), share + (i < rest), replace=False)
        for i, label in enumerate(classes)
    ]
    return rng.permutation(np.concatenate(chosen))


def write(path: Path, split: str, count: int, seed: int) -> None:
    """A balanced choice of `count` images of `split` as a deflated npz."""
    x, y = load(split)
    index = balanced(y, count, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, x=x[index], y=y[index])


if __name__ == "__main__":
    write(TEST_FILE, "t10k", TEST_IMAGES, TEST_SEED)
    write(CALIBRATION_FILE, "train", CALIBRATION_IMAGES, CALIBRATION_SEED)
    whole = np.load(CALIBRATION_FILE)
    first = {name: whole[name][:FIRST_CALIBRATION_IMAGES] for name in ("x", "y")}
    np.savez_compressed(FIRST_CALIBRATION_FILE, **first)
