"""Learning on the CPU engine against PyTorch on the same cores: results and time, as ratios.

    cargo build --release -p fewbit-cli
    OMP_NUM_THREADS=2 /tmp/zoo/bin/python benches/learn.py

Both learn `fashion-resnet` with weights of 3 bits (one scale for each channel) and inputs of 4 bits, by AdaRound and by LSQ with distillation.
Each takes its turn, so that both meet the same load. A time is a slope: what more iterations take in addition.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
FEWBIT = Path(os.environ.get("FEWBIT", ROOT / "target/release/fewbit"))
LAYERS = 10


def ours(pipeline: str, seed: int) -> dict:
    """The answer of `fewbit eval`."""
    command = [str(FEWBIT), "eval", "fashion-resnet", "--json", "--weights", "int3@channel", "--activations", "uint4@tensor"]
    command += ["--edges", "int8", "--calibration-samples", "256", "--seed", str(seed), "--pipeline", pipeline]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)


def theirs(pipeline: str, count: int, seed: int) -> dict:
    """The same in PyTorch: right answers and milliseconds for each iteration."""
    import copy

    import torch
    from parity import learn

    x_all, _ = learn.samples(learn.CALIBRATION_FILE)
    x = x_all[:256]
    test_x, test_y = learn.samples(learn.TEST_FILE)
    model = learn.folded(learn.trained("fashion-resnet"))
    with torch.no_grad():
        reference = torch.cat([model(part) for part in test_x.split(200)])
    model = copy.deepcopy(model)
    layers = learn.wrap(model, 3, 4)
    learn.mode(layers, "observe")
    with torch.no_grad():
        model(x)
    learn.mode(layers, "quantized")
    if pipeline == "adaround":
        # With the settings that are the default of ours.
        millis = learn.adaround(model, layers, x, count, seed, rate=0.15, weight=0.1)
        learn.mode(layers, "quantized")
    else:
        millis = learn.train_lsq(model, layers, x, count, seed)
    correct, kl = learn.evaluate(model, reference, test_x, test_y)
    return {"value": correct / len(test_y), "kl": kl, "millis": millis}


def slope(pipeline: str, low: int, high: int, units: int, seed: int) -> "tuple[float, dict]":
    """Milliseconds of an iteration, and the answer of the longer run."""
    name = {"adaround": "iterations", "lsq": "steps"}[pipeline]
    answers = [ours(f"{pipeline}({name}={count})", seed) for count in (low, high)]
    seconds = [sum(step["seconds"] for step in answer["steps"]) for answer in answers]
    return 1000 * (seconds[1] - seconds[0]) / ((high - low) * units), answers[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--steps", type=int, default=150)
    args = parser.parse_args()
    for pipeline, count, units in (("adaround", args.iterations, LAYERS), ("lsq", args.steps, 1)):
        rounds = []
        for seed in range(args.rounds):
            millis, answer = slope(pipeline, count // 3, count, units, seed)
            peer = theirs(pipeline, count, seed)
            rounds.append((millis, peer["millis"], answer, peer))
            print(
                f"{pipeline} × {count}, seed {seed}: Fewbit {millis:.2f} ms, {100 * answer['value']:.2f} %, KL {answer['kl']:.4f};"
                f" PyTorch {peer['millis']:.2f} ms, {100 * peer['value']:.2f} %, KL {peer['kl']:.4f}",
                flush=True,
            )
        ratio = statistics.median(theirs / ours for ours, theirs, *_ in rounds)
        print(f"{pipeline}: an iteration takes PyTorch {ratio:.2f} times as long", flush=True)


if __name__ == "__main__":
    main()
