"""Runs models that others made in ONNX Runtime and in `fewbit infer` on both engines, and prints how far they are apart.

The models are in packages of PyPI; they are kept in a cache outside of the repository. Needs numpy, onnx and onnxruntime.

    python tools/operators/models.py [--cache DIR] [--fewbit PROGRAM] [--only NAME] [--cpu]

The error of an output is max|a − b|/max|b| with b ONNX Runtime's; a model's is that of its worst output, over inputs of three seeds.
"""

import argparse
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy as np
import onnxruntime as ort

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ["basic-pitch==0.4.0", "rapidocr-onnxruntime==1.4.4", "magika==1.0.3", "silero-vad==6.2.3"]
# Lengths by the part of a path that names the model, and the axis or the name of the length.
LENGTHS = {
    "cls_infer": {1: 3, 2: 48, 3: 192}, "det_infer": {1: 3, 2: 160, 3: 160}, "rec_infer": {1: 3, 2: 48, 3: 160},
    "silero_vad_16k_sequence": {}, "silero": {"sequence": 576, 1: 576}, "nmp": {}, "magika": {},
}
VALUES = {"sr": lambda random, shape: np.full(shape, 16000, np.int64)}


def fetch(cache):
    wheels, unpacked = cache / "wheels", cache / "models"
    for package in PACKAGES:
        name = package.split("==")[0].replace("-", "_")
        target = unpacked / name
        if target.exists():
            continue
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), package], check=True)
        (archive,) = [path for path in wheels.iterdir() if path.name.replace("-", "_").startswith(name)]
        if archive.suffix == ".whl":
            zipfile.ZipFile(archive).extractall(target)
        else:
            tarfile.open(archive).extractall(target, filter="data")
    return sorted(unpacked.rglob("*.onnx"))


def values(session, path, random):
    lengths = next((lengths for part, lengths in LENGTHS.items() if part in str(path)), {})
    given = {}
    for value in session.get_inputs():
        shape = [n if isinstance(n, int) else lengths.get(n, lengths.get(axis, 1)) for axis, n in enumerate(value.shape)]
        if value.name == "state":
            shape = [2, 1, 128]
        if value.name in VALUES:
            given[value.name] = VALUES[value.name](random, shape)
        elif "det_infer" in path.name:
            given[value.name] = page(shape, random)
        elif "float" in value.type:
            given[value.name] = (0.5 * random.standard_normal(shape)).astype(np.float32)
        else:
            given[value.name] = random.integers(0, 256, shape).astype({"tensor(int64)": np.int64}.get(value.type, np.int32))
    return given


def page(shape, random):
    """White with lines of dark strokes: what a detector of text finds, so that its output is not the noise near 0."""
    image = np.ones(shape, np.float32)
    for top in range(12, shape[2] - 20, 28):
        for left in range(8, shape[3] - 12, 10):
            height, width = random.integers(6, 16), random.integers(2, 7)
            image[:, :, top : top + height, left : left + width] = -1
    return image


def infer(program, path, given, backend):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        command = [*program, "--backend", backend, "infer", str(path), "--output", str(folder / "out")]
        for i, (name, value) in enumerate(given.items()):
            np.save(folder / f"{i}.npy", value)
            command += ["--input", f"{name}={folder / f'{i}.npy'}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip()
        return {file.stem: np.load(file) for file in (folder / "out").glob("*.npy")}


def error(wanted, found):
    if isinstance(found, str):
        return found
    worst = 0.0
    for name, value in wanted.items():
        own = found[name.replace("/", "_")]
        if own.shape != value.shape:
            return f"{name} is {own.shape}, not {value.shape}"
        worst = max(worst, float(np.abs(own - value).max() / max(np.abs(value).max(), 1e-30)))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "fewbit" / "models")
    parser.add_argument("--fewbit", default="cargo run --quiet --release -p fewbit-cli --")
    parser.add_argument("--only", default="")
    parser.add_argument("--cpu", action="store_true", help="without the GPU engine")
    args = parser.parse_args()
    ort.set_default_logger_severity(3)
    for path in fetch(args.cache):
        if args.only not in path.name:
            continue
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        for backend in ["cpu"] if args.cpu else ["cpu", "gpu"]:
            errors = []
            for seed in range(3):
                given = values(session, path, np.random.default_rng(seed))
                wanted = dict(zip(names, session.run(names, given)))
                errors.append(error(wanted, infer(args.fewbit.split(), path, given, backend)))
            texts = [e for e in errors if isinstance(e, str)]
            print(f"{path.name} {backend}: " + (texts[0] if texts else f"{max(errors):.1e}"), flush=True)


if __name__ == "__main__":
    main()
