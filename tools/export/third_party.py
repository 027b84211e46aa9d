"""Static int8 exports of models that others made, in ONNX Runtime: ours against those of its own `quantize_static`.

    cargo build --release -p fewbit-cli
    python tools/export/third_party.py [--cache DIR] [--fewbit PROGRAM] [--only NAME] [--layers]

The models come from packages of PyPI (see tools/operators/models.py), their data are made here: lines of text upright and upside
down, pages with dark strokes, notes with overtones. All ways of quantizing see the same calibration samples, and are measured by
ONNX Runtime on others. Printed are the SQNR of each output, agreement with the float model (the share of equal classes) where
there are classes, the time of a run (medians of rounds in which all files take turns), and for our files how far ONNX Runtime is
from our own engine; with `--layers` instead, where the two begin to differ (see layers.py).

Needs numpy, onnx, onnxruntime and Pillow.
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnx.version_converter
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image, ImageDraw, ImageFont

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools/operators"), str(ROOT / "tools/export")]
import models as third  # noqa: E402
from consumers import Reader, in_turns, outputs, run, session  # noqa: E402
from layers import trace  # noqa: E402

LETTERS = "ABCDEFGHKLMNPRSTUVXYZabdefghkmnprtuy0123456789"


def lines(count, random):
    """Lines of text, every second one upside down: what a classifier of direction is for."""
    x, y = np.empty((count, 3, 48, 192), np.float32), np.arange(count, dtype=np.int64) % 2
    for i in range(count):
        paper, ink = random.integers(150, 256, 3), random.integers(0, 90, 3)
        picture = Image.new("RGB", (192, 48), tuple(map(int, paper)))
        words = "".join(random.choice(list(LETTERS), random.integers(6, 13)))
        font = ImageFont.load_default(int(random.integers(20, 34)))
        ImageDraw.Draw(picture).text((int(random.integers(2, 12)), int(random.integers(2, 10))), words, tuple(map(int, ink)), font=font)
        pixels = np.asarray(picture, np.float32) + random.normal(0, 6, (48, 192, 3))
        x[i] = (pixels[::-1, ::-1] if y[i] else pixels).transpose(2, 0, 1) / 127.5 - 1
    return x, y


def pages(count, random):
    return np.concatenate([third.page((1, 3, 160, 160), random) + random.normal(0, 0.1, (1, 3, 160, 160)) for _ in range(count)]).astype(np.float32), None


def notes(count, random):
    """Two seconds of some notes with overtones that fade."""
    time = np.arange(43844) / 22050
    x = np.zeros((count, 43844, 1), np.float32)
    for i in range(count):
        for _ in range(random.integers(1, 5)):
            tone, start = 440 * 2 ** ((random.integers(40, 84) - 69) / 12), random.uniform(0, 1.2)
            since = np.maximum(time - start, 0)
            x[i, :, 0] += sum(np.sin(2 * np.pi * tone * k * since) / k for k in (1, 2, 3, 4)) * np.exp(-2 * since) * (time >= start) * 0.1
    return x + random.normal(0, 1e-3, x.shape).astype(np.float32), None


# The part of a path that names the model, its data, the lengths that it leaves free, how many samples calibrate and test, and go together.
MODELS = {
    "cls_infer": (lines, ["x.2=48", "x.3=192"], (64, 128), 32),
    "det_infer": (pages, ["p2o.DynamicDimension.1=160", "p2o.DynamicDimension.2=160"], (32, 32), 8),
    "nmp": (notes, [], (8, 16), 1),
}
OURS = {
    "minmax": [], "mse": ["--range", "mse"], "percentile": ["--range", "percentile99.99"], "minmax, qlinear": ["--operators", "qlinear"],
}


def every_output(session, x, batch):
    name = session.get_inputs()[0].name
    return [np.concatenate(parts) for parts in zip(*(session.run(None, {name: x[i:i + batch]}) for i in range(0, len(x), batch)))]


def sqnr(signal, found):
    noise = np.sum((found - signal) ** 2, dtype=np.float64)
    return f"{10 * np.log10(np.sum(signal ** 2, dtype=np.float64) / noise):.2f}" if noise else "∞"


def by_fewbit(fewbit, path, dims, folder):
    """Each label's file, and what the command said of it."""
    dims = [word for dim in dims for word in ("--dim", dim)]
    data = ["--data", folder / "test.npz", "--calibration", folder / "calibration.npz"]
    for label, extra in OURS.items():
        out = folder / f"{label}.onnx"
        yield f"fewbit {label}", out, run(fewbit, "quantize", path, *dims, *data, "--activations", "uint8@tensor", *extra, "-o", out)


def unshared(model):
    """The model with a constant of its own for each use."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    kept = []
    for i, node in enumerate(model.graph.node):
        for j, name in enumerate(node.input):
            if name in constants:
                kept.append(onnx.TensorProto.FromString(constants[name].SerializeToString()))
                kept[-1].name = node.input[j] = f"constant:{i}:{j}:"
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def by_quantize_static(path, calibration, folder):
    prepared, name = folder / "prepared.onnx", session(path).get_inputs()[0].name
    # Its quantizers per channel need operator set 13, which it does not ask for. Where layers share constants, as in basic-pitch, it
    # gives a copy the name of another tensor, and `session.x64quantprecision` fails on its file.
    onnx.save(unshared(onnx.version_converter.convert_version(onnx.load(path), 17)), prepared)
    quant_pre_process(str(prepared), str(prepared), skip_symbolic_shape=True)
    for method in (CalibrationMethod.MinMax, CalibrationMethod.Percentile, CalibrationMethod.Entropy):
        out = folder / f"{method.name}.onnx"
        quantize_static(str(prepared), str(out), Reader(name, calibration), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method)
        yield f"quantize_static {method.name}", out, None


def compare(fewbit, path, make, dims, counts, batch, folder, layers):
    random = np.random.default_rng(5)
    (calibration, _), (x, y) = (make(count, random) for count in counts)
    np.savez(folder / "calibration.npz", x=calibration)
    np.savez(folder / "test.npz", x=x, **({} if y is None else {"y": y}))
    rows = [("float", path, None), *by_fewbit(fewbit, path, dims, folder)]
    if layers:
        for label, out, _ in rows[1:]:
            if "qlinear" not in label:
                print(f"{path.stem:>32} {label}", flush=True)
                trace(fewbit, out, x[:batch], folder)
        return
    rows += by_quantize_static(path, calibration, folder)
    signals = every_output(session(path), x, batch)
    times = in_turns([session(out) for _, out, _ in rows], x[:batch])
    (theirs,) = [i for i, (label, _, _) in enumerate(rows) if label == "quantize_static MinMax"]
    for i, (label, out, told) in enumerate(rows):
        found = every_output(session(out), x, batch)
        cells = [f"SQNR {', '.join(map(sqnr, signals, found))} dB"]
        if y is not None:
            cells += [f"agreement {(found[0].argmax(1) == signals[0].argmax(1)).mean():.4f}", f"accuracy {(found[0].argmax(1) == y).mean():.4f}"]
        to_float, to_theirs = (np.median(times[:, i] / times[:, base]) for base in (0, theirs))
        cells.append(f"{np.median(times[:, i]):7.2f} ms, {to_float:.2f}× float, {to_theirs:.2f}× quantize_static MinMax")
        if told:
            few, ours = x[:8], own(fewbit, out, session(out), x[:8], folder)
            rms = np.sqrt(np.mean((found[0] - signals[0]) ** 2))
            for how, optimise in (("as it is", False), ("rewritten", True)):
                apart = outputs(session(out, optimise), few, batch) - ours
                cells.append(f"ORT − ours, {how}: rms {np.sqrt(np.mean(apart ** 2)) / rms:.1e}, max {np.abs(apart).max() / rms:.1e} of the noise of quantizing")
            cells.append(f"{told['metric']} of our engine {told['value']:.4f}")
        print(f"{path.stem:>32} {label:<28} {'  '.join(cells)}", flush=True)


def own(fewbit, path, session, x, folder):
    """The first output of our engine on the same file."""
    np.save(folder / "x.npy", x)
    run(fewbit, "infer", path, "--input", f"{session.get_inputs()[0].name}={folder / 'x.npy'}", "--output", folder)
    return np.load(folder / f"{session.get_outputs()[0].name.replace('/', '_')}.npy")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fewbit", default=ROOT / "target/release/fewbit")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "fewbit-third-party")
    parser.add_argument("--only", default="")
    parser.add_argument("--layers", action="store_true", help="our files quantizer by quantizer, in ONNX Runtime and in our engine")
    args = parser.parse_args()
    for path in third.fetch(args.cache):
        for name, about in MODELS.items():
            if name in path.name and args.only in path.name:
                with tempfile.TemporaryDirectory() as folder:
                    compare(args.fewbit, path, *about, pathlib.Path(folder), args.layers)


if __name__ == "__main__":
    main()
