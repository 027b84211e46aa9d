"""Imported models natively: `fewbit bench` against ONNX Runtime's CPU provider with two threads, in turns.

    cargo build --release -p fewbit-cli
    python benches/native.py [--fewbit PROGRAM] [--rounds N] MODEL[@BATCH][,NAME=N...] ...

Each is a file or a gallery id, so many samples at a time (default 1), and the lengths that are not to be the default ones. Both run
the float model on random inputs of the same shape. Prints the medians, and the ratio in the middle of the rounds: above 1 we are
faster. Needs numpy and onnxruntime.
"""

import argparse
import json
import pathlib
import subprocess
import time

import numpy as np
import onnxruntime as ort

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUNS = 7


def call(fewbit, *words):
    answer = subprocess.run([fewbit, *map(str, words), "--json"], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(f"{words}: {answer.stderr}")
    return json.loads(answer.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fewbit", default=ROOT / "target/release/fewbit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("models", nargs="+")
    args = parser.parse_args()
    for model in args.models:
        name, *dims = model.split(",")
        name, _, batch = name.partition("@")
        compare(args, name, int(batch or 1), [word for dim in dims for word in ("--dim", dim)])


def compare(args, name, batch, dims):
    facts = call(args.fewbit, "inspect", name, *dims)
    path = pathlib.Path(name)
    path = path if path.exists() else ROOT / f"assets/models/{name}.onnx"
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (value,), (face,) = session.get_inputs(), facts["inputs"]
    shape = [batch if i == 0 else n for i, n in enumerate(face["shape"])]
    random = np.random.default_rng(0)
    x = random.standard_normal(shape).astype(np.float32)
    if "int" in value.type:
        x = random.integers(0, 128, shape).astype(np.int64 if "int64" in value.type else np.int32)

    def peer():
        times = []
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            session.run(None, {value.name: x})
            times.append(1e3 * (time.perf_counter() - start))
        return float(np.median(times[1:]))

    rounds = []
    for _ in range(args.rounds):
        ours = call(args.fewbit, "bench", name, *dims, "--batch", batch, "--runs", RUNS)
        rounds.append((ours["median_ms"], peer(), ours["gflops"]))
    ours, theirs, rate = np.median(np.array(rounds), axis=0)
    ratio = np.median([b / a for a, b, _ in rounds])
    print(f"{path.stem:<32} {'×'.join(map(str, shape)):<16} fewbit {ours:8.2f} ms ({rate:.1f} GFLOP/s)  ONNX Runtime {theirs:8.2f} ms  {ratio:.2f}×", flush=True)


if __name__ == "__main__":
    main()
