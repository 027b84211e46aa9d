"""Checkpoints that `fewbit convert` packed, read by compressed-tensors itself.

    cargo build --release -p fewbit-cli
    python tools/export/compressed.py [--fewbit PROGRAM]

Needs numpy, safetensors, torch and compressed-tensors 0.20 (earlier versions lay out widths that do not divide 32 otherwise).
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationScheme
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHOICES = ["int4@group32", "uint4@group64", "int8@channel", "uint8@channel", "int3@group32", "uint5@channel", "int6@channel", "int2@group32"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fewbit", default=ROOT / "target/release/fewbit")
    args = parser.parse_args()
    random = np.random.default_rng(2)
    name = "model.layers.0.mlp.up_proj"
    weight = torch.from_numpy((0.05 * random.standard_t(4, (48, 192))).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save_file({f"{name}.weight": weight}, folder / "model.safetensors")
        (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
        for choice in CHOICES:
            out = folder / choice.replace("@", "-")
            out.mkdir()
            words = [args.fewbit, "convert", folder / "model.safetensors", "-o", out / "model.safetensors", "--weights", choice, "--json"]
            told = json.loads(subprocess.run(list(map(str, words)), capture_output=True, check=True, text=True).stdout)
            (group,) = json.loads((out / "config.json").read_text())["quantization_config"]["config_groups"].values()
            scheme = QuantizationScheme(targets=group["targets"], weights=group["weights"])
            state = {key.removeprefix(f"{name}."): value for key, value in load_file(out / "model.safetensors").items()}
            read = PackedQuantizationCompressor.decompress(state, scheme)["weight"].float()
            noise = float(((read - weight) ** 2).sum())
            sqnr = 10 * np.log10(float((weight ** 2).sum()) / noise)
            (tensor,) = told["tensors"]
            print(f"{choice:>14}: SQNR {sqnr:.3f} dB as compressed-tensors reads it, {tensor['sqnr_db']:.3f} dB as we wrote it")
            assert abs(sqnr - tensor["sqnr_db"]) < 1e-2, "other values"


if __name__ == "__main__":
    main()
