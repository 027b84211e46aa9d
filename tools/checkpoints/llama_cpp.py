"""Opens GGUF files that `fewbit quantize` writes in llama.cpp, and compares the scores it computes with those of `fewbit infer`.

Needs numpy, gguf, cffi, and the wheel of llama-cpp-cffi, which holds llama.cpp (`pip install --no-deps llama-cpp-cffi`). Where the system's
libstdc++ is older than GCC 14's, preload a library that defines `void __cxa_call_terminate(void *)`.

    python tools/checkpoints/llama_cpp.py [--fewbit PROGRAM]

Each line: the checkpoint (`tests/golden/checkpoints/…`), what it was quantized to, max|a − b|/max|b| with b llama.cpp's scores for the same values
in F32 (`fewbit convert --type F32`) and for the file as it is, and the types in the file after the PyPI package `gguf`. The first has to be
below 1e-4. In the second, llama.cpp rounds the input of products with quantized weights to 8 bits, which these tiny random models feel.
"""

import argparse
import collections
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/checkpoints"
RECIPES = {
    "float": ["--weights", "float"],
    "Q8_0": ["--weights", "int8@group32", "--gguf-type", "Q8_0"],
    "Q4_0": ["--weights", "int4@group32", "--gguf-type", "F16"],
    "Q4_1, Q5_1": ["--weights", "uint4@group32", "--set", "*down_proj=uint5@group32"],
    "GPTQ": ["--weights", "int4@group32", "--pipeline", "gptq", "--calibration-samples", "2"],
}
TOLERANCE = 1e-4


def llama_cpp():
    folder = pathlib.Path(importlib.util.find_spec("llama").submodule_search_locations[0])
    (path,) = folder.glob("_llama_cpp_cpu*.so")
    spec = importlib.util.spec_from_file_location("_llama_cpp_cpu", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.lib.llama_backend_init()
    return module.lib, module.ffi


def scores(lib, ffi, path, ids):
    """The scores [T, V] of llama.cpp for a text."""
    model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
    if model == ffi.NULL:
        raise ValueError(f"llama.cpp does not load {path}")
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_threads = 64, 2
    params.type_k = params.type_v = 0
    context = lib.llama_init_from_model(model, params)
    batch = lib.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for i, token in enumerate(ids):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = int(token), i, 1, 1
        batch.seq_id[i][0] = 0
    if lib.llama_decode(context, batch) != 0:
        raise ValueError(f"llama.cpp does not run {path}")
    count = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    return np.stack([np.frombuffer(ffi.buffer(lib.llama_get_logits_ith(context, i), 4 * count), np.float32) for i in range(len(ids))])


def call(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewbit", default=str(ROOT / "target/release/fewbit"))
    args = parser.parse_args()
    lib, ffi = llama_cpp()
    failed = False
    for model in ["llama", "qwen2"]:
        ids = np.load(GOLDEN / f"{model}.npz")["in.input_ids"]
        for name, options in RECIPES.items():
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                np.savez(folder / "data.npz", x=ids)
                np.save(folder / "ids.npy", ids)
                path = folder / "model.gguf"
                call([args.fewbit, "quantize", str(GOLDEN / model), "--dim", f"T={ids.shape[1]}", "--data", str(folder / "data.npz"),
                      "-o", str(path), "--json", *options])
                told = call([args.fewbit, "infer", str(path), "--input", f"input_ids={folder / 'ids.npy'}", "--output", str(folder), "--json"])
                ours = np.load(told["outputs"][0]["file"])
                wide = folder / "wide.gguf"
                call([args.fewbit, "convert", str(path), "-o", str(wide), "--type", "F32", "--json"])
                theirs = [np.stack([scores(lib, ffi, file, row) for row in ids]) for file in [wide, path]]
                kinds = collections.Counter(tensor.tensor_type.name for tensor in gguf.GGUFReader(path).tensors)
            errors = [float(np.abs(ours - scores).max() / np.abs(scores).max()) for scores in theirs]
            print(f"{model:6} {name:12} {errors[0]:.1e} {errors[1]:.1e}  {dict(sorted(kinds.items()))}", flush=True)
            failed |= errors[0] > TOLERANCE
    sys.exit(failed)


if __name__ == "__main__":
    main()
