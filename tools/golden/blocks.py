"""Goldens of ggml's tensor types: bytes and what they stand for, from the PyPI packages `gguf` and `ggml-python`.

Also writes the tables of vectors of the IQ types (`crates/numeric/src/ggml/vectors.bin`), which are data of the format.
Needs numpy, gguf, ggml-python.
"""

import ctypes
import pathlib

import ggml
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITTEN = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
READ = WRITTEN + ["Q2_K", "Q3_K", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS"]
READ += ["TQ1_0", "TQ2_0", "MXFP4", "NVFP4"]


def library():
    folder = pathlib.Path(ggml.__file__).parent
    for name in ("libggml-base.so", "libggml.so"):
        for path in folder.rglob(name):
            return ctypes.CDLL(str(path))
    raise FileNotFoundError("ggml-python has no library")


def ggml_quantize(lib, kind, x):
    """ggml's own blocks of the rows of `x`."""
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    size = GGML_QUANT_SIZES[kind]
    out = np.zeros(x.size // size[0] * size[1], np.uint8)
    imatrix = np.ones(x.shape[-1], np.float32)
    lib.ggml_quantize_init(ctypes.c_int(int(kind)))
    needs = kind.name in ("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M")
    lib.ggml_quantize_chunk(
        ctypes.c_int(int(kind)), x.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int64(0), ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]),
        imatrix.ctypes.data_as(ctypes.c_void_p) if needs else None)
    return out


def samples():
    """Rows of 256: Gaussians of several widths, uniform, few values, zeros, one outlier, all positive."""
    rng = np.random.default_rng(7)
    rows = [rng.normal(0, s, 256) for s in (1e-4, 0.02, 1, 50)]
    rows += [rng.uniform(-1, 1, 256), rng.integers(-3, 4, 256), np.zeros(256), np.abs(rng.normal(0, 1, 256))]
    outlier = rng.normal(0, 0.01, 256)
    outlier[77] = 12
    part = rng.normal(0, 1, 256)
    part[32:96] = 0
    part[128:160] = 0.5
    return np.asarray(rows + [outlier, part], np.float32)


def tables():
    data = b""
    for kind in ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S"):
        data += bytes.fromhex(getattr(quants, kind).grid_hex.decode())
    (ROOT / "crates/numeric/src/ggml/vectors.bin").write_bytes(data)


def main():
    tables()
    lib = library()
    x = samples()
    arrays = {"samples": x}
    for name in READ:
        kind = T[name]
        blocks = ggml_quantize(lib, kind, x)
        if name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"):
            assert quants.quantize(x, kind).tobytes() == blocks.tobytes(), f"{name}: the two oracles differ"
        values = quants.dequantize(blocks.reshape(x.shape[0], -1), kind)
        arrays[f"{name}.blocks"] = blocks
        # What a row stands for does not depend on the others: three of them say enough.
        arrays[f"{name}.values"] = values[[1, 4, 9]].astype(np.float32)
    np.savez_compressed(ROOT / "tests/golden/ggml.npz", **arrays)


main()
