"""Exports, opened by those who load them: ONNX Runtime, `gguf` and ggml's library, `safetensors`.

    cargo build --release -p fewbit-cli
    python tools/export/consumers.py --fewbit target/release/fewbit [MODEL.onnx DATA.npz ...]

For each model (the gallery's, and pairs of files given) it prints the accuracy of ONNX Runtime on our int8 export, of our own
engine, and of ONNX Runtime's `quantize_static` with three ways of calibrating on the same samples, and the time of each (medians
of rounds in which all files take turns). It ends with an error where an export does not give what `fewbit eval` gave.

Needs numpy, onnx, onnxruntime, gguf, ggml-python, safetensors.
"""

import argparse
import ctypes
import json
import pathlib
import subprocess
import tempfile
import time

import ggml
import gguf
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = 256
RECIPES = [
    ["--weights", "int8@channel", "--activations", "uint8@tensor"],
    ["--weights", "int8@channel", "--activations", "uint8@tensor", "--operators", "qlinear"],
    ["--weights", "int8@channel", "--activations", "uint8@channel"],
    ["--weights", "uint8@tensor", "--activations", "int8@tensor"],
    ["--weights", "int4@group32", "--activations", "float"],
    ["--weights", "uint4@channel", "--activations", "uint4@tensor"],
    ["--weights", "int3@channel", "--activations", "uint5@tensor"],
    ["--weights", "int1@channel", "--activations", "int16@tensor"],
    ["--weights", "int16@channel", "--activations", "uint16@tensor"],
]


def run(fewbit, *words):
    answer = subprocess.run([fewbit, *map(str, words), "--json"], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(f"{words}: {answer.stderr}")
    return json.loads(answer.stdout)


def images(path, key="x"):
    x = np.load(path)[key]
    return x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)


def session(path, optimise=True, without=()):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    # Without VNNI, its u8·s8 kernels add pairs of products in 16 bits, which saturate; this asks for those that do not.
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without))


def outputs(session, x, batch=64):
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x[i:i + batch]})[0] for i in range(0, len(x), batch)])


def in_turns(sessions, x, rounds=25):
    """Milliseconds of a run, [rounds, sessions], the sessions one after the other in each round."""
    name, times = sessions[0].get_inputs()[0].name, np.empty((rounds + 1, len(sessions)))
    for row in times:
        for i, session in enumerate(sessions):
            start = time.perf_counter()
            session.run(None, {name: x})
            row[i] = 1e3 * (time.perf_counter() - start)
    return times[1:]


class Reader(CalibrationDataReader):
    def __init__(self, name, x):
        self.batches = iter([{name: x[i:i + 1]} for i in range(len(x))])

    def get_next(self):
        return next(self.batches, None)


def onnx_exports(fewbit, model, path, data, calibration, folder):
    """Each recipe: ONNX Runtime, with and without its own rewrites, against our engine on the same file."""
    x, y = images(data), np.load(data)["y"]
    float_logits = outputs(session(path), x)
    for recipe in RECIPES:
        out = folder / "quantized.onnx"
        words = ["quantize", model, *recipe, "-o", out]
        words += [] if model != str(path) else ["--data", data, *(["--calibration", calibration] if calibration else [])]
        told = run(fewbit, *words)
        onnx.checker.check_model(str(out), full_check=True)
        logits, plain = outputs(session(out), x), outputs(session(out, False), x)
        # Its optimizer rounds biases that the file has in float to the product of the scales, which is coarse where codes have few bits.
        biases = outputs(session(out, without=["WeightBiasQuantization"]), x)
        np.save(folder / "x.npy", x[:256])
        name = session(out).get_inputs()[0].name
        run(fewbit, "infer", out, "--input", f"{name}={folder / 'x.npy'}", "--output", folder)
        ours = np.load(folder / f"{session(out).get_outputs()[0].name.replace('/', '_')}.npy")
        # One step of the coarsest quantizer of an input, at the output, is the noise that quantizing makes at all.
        noise = np.sqrt(np.mean((plain - float_logits) ** 2))
        # As the file says it, and as ONNX Runtime rewrites it.
        accuracy, rewritten = (float((found.argmax(1) == y).mean()) for found in (plain, logits))
        expected = told["value"]
        print(f"{model:>20} {' '.join(recipe[1::2]):<36} fewbit {expected:.4f} ORT {accuracy:.4f} rewritten {rewritten:.4f}"
              f"  |ORT − ours| max {np.abs(plain[:256] - ours).max():.2e} rewritten {np.abs(logits[:256] - ours).max():.2e},"
              f" but not its biases {np.abs(biases[:256] - ours).max():.2e}"
              f"  rms of the quantization {noise:.2e}  notes {len(told['notes'])}")
        assert abs(accuracy - expected) <= 0.003, "another accuracy"
        assert np.sqrt(np.mean((plain[:256] - ours) ** 2)) <= 0.05 * noise + 1e-5, "other outputs"


def against_quantize_static(fewbit, model, path, data, calibration, folder):
    x, y = images(data), np.load(data)["y"]
    samples = images(calibration if calibration else data)[:SAMPLES]
    one = x[:64]
    rows = [("float", path)]
    for label, extra in [("fewbit minmax", []), ("fewbit mse", ["--range", "mse"]), ("fewbit percentile", ["--range", "percentile99.99"]),
                         ("fewbit minmax, float biases", ["--float-biases"]), ("fewbit minmax, qlinear", ["--operators", "qlinear"])]:
        out = folder / f"{label}.onnx"
        words = ["quantize", model, "--weights", "int8@channel", "--activations", "uint8@tensor", *extra, "-o", out]
        words += [] if model != str(path) else ["--data", data, *(["--calibration", calibration] if calibration else [])]
        run(fewbit, *words)
        rows.append((label, out))
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    for method in (CalibrationMethod.MinMax, CalibrationMethod.Percentile, CalibrationMethod.Entropy):
        out = folder / f"{method.name}.onnx"
        name = session(path).get_inputs()[0].name
        quantize_static(str(prepared), str(out), Reader(name, samples), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method)
        rows.append((f"quantize_static {method.name}", out))
    float_logits = outputs(session(path), x)
    times = in_turns([session(out) for _, out in rows], one)
    labels = [label for label, _ in rows]
    for (label, out), took in zip(rows, times.T):
        logits = outputs(session(out), x)
        to_float, to_theirs = (np.median(took / times[:, labels.index(base)]) for base in ("float", "quantize_static MinMax"))
        signal = 10 * np.log10(np.sum(float_logits ** 2) / max(np.sum((logits - float_logits) ** 2), 1e-30))
        print(f"{model:>20} {label:<28} accuracy {(logits.argmax(1) == y).mean():.4f}  SQNR {signal:6.2f} dB"
              f"  {np.median(took):7.2f} ms for {len(one)}, {to_float:.2f}× float, {to_theirs:.2f}× quantize_static MinMax"
              f"  {out.stat().st_size} bytes")


def tensors(fewbit, folder):
    """GGUF and compressed-tensors of a made-up checkpoint."""
    rng = np.random.default_rng(1)
    weights = {
        "model.embed_tokens.weight": rng.normal(0, 1, (64, 256)), "model.layers.0.mlp.up_proj.weight": rng.normal(0, 0.02, (48, 512)),
        "model.layers.0.input_layernorm.weight": np.ones(256), "lm_head.weight": rng.normal(0, 1, (64, 256)),
        "model.layers.0.self_attn.q_proj.weight": rng.standard_t(3, (256, 256)) * 0.05,
    }
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    source = folder / "in"
    source.mkdir()
    save_file(weights, source / "model.safetensors")
    (source / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    for kind in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16"):
        out = folder / f"{kind}.gguf"
        run(fewbit, "convert", source / "model.safetensors", "-o", out, "--type", kind)
        found = {tensor.name: tensor for tensor in gguf.GGUFReader(out).tensors}
        for name, value in weights.items():
            tensor = found[name]
            assert list(reversed(tensor.shape.tolist())) == list(value.shape), name
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(value.shape)
            error = np.sqrt(np.mean((values - value) ** 2) / np.mean(value ** 2))
            assert error < 0.2, (kind, name, error)
            if value.ndim == 2 and kind in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"):
                own = gguf.quants.quantize(value, tensor.tensor_type)
                assert own.tobytes() == tensor.data.tobytes(), (kind, name, "other bytes than gguf's")
        library = by_ggml(out)
        for name, value in weights.items():
            values = gguf.quants.dequantize(found[name].data, found[name].tensor_type).reshape(-1)
            assert kind == "BF16" and value.ndim == 2 or np.array_equal(library[name], values), (kind, name, "other values in ggml's library")
        print(f"{kind:>6}.gguf is read by gguf and by ggml's library, {out.stat().st_size} bytes")
    for choice in ("int4@group32", "int8@channel", "uint4@group64", "int3@group32", "uint5@channel"):
        out = folder / choice.replace("@", "-")
        out.mkdir()
        run(fewbit, "convert", source / "model.safetensors", "-o", out / "model.safetensors", "--weights", choice)
        check_compressed(out, weights)
        print(f"{choice:>14} in the layout of compressed-tensors is read by its specification")


def by_ggml(path):
    """The values of all tensors as ggml's library reads them; not those of bfloat16, which the packaged one is too old for."""
    context = ctypes.c_void_p()
    file = ggml.gguf_init_from_file(str(path).encode(), ggml.gguf_init_params(no_alloc=False, ctx=ctypes.pointer(context)))
    assert file, f"ggml's library does not open {path}"
    values = {}
    for i in range(ggml.gguf_get_n_tensors(file)):
        name = ggml.gguf_get_tensor_name(file, i)
        tensor = ggml.ggml_get_tensor(context, name)
        count, kind = ggml.ggml_nelements(tensor), tensor.contents.type
        floats = np.empty(count, np.float32)
        pointer = floats.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        if kind == ggml.GGML_TYPE_F32:
            ctypes.memmove(pointer, ggml.ggml_get_data(tensor), 4 * count)
        else:
            ggml.ggml_internal_get_type_traits(kind).to_float(ggml.ggml_get_data(tensor), pointer, count)
        values[name.decode()] = floats
    ggml.gguf_free(file)
    return values


def unpack(words, bits, shape):
    """Codes packed densely along the last axis of int32 words, as compressed-tensors' `unpack_from_int32` has it."""
    stream = np.unpackbits(words.view(np.uint8).reshape(words.shape[0], -1), axis=1, bitorder="little")
    codes = stream[:, :shape[1] * bits].reshape(shape[0], shape[1], bits)
    return (codes * (1 << np.arange(bits))).sum(-1) - (1 << (bits - 1))


def check_compressed(folder, weights):
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    (group,) = config["quantization_config"]["config_groups"].values()
    about = group["weights"]
    bits, found = about["num_bits"], load_file(folder / "model.safetensors")
    assert "lm_head" in config["quantization_config"]["ignore"] and group["targets"] == ["Linear"]
    for name, value in weights.items():
        if f"{name}_packed" not in found:
            assert np.array_equal(found[name], value), name
            continue
        shape = found[f"{name}_shape"]
        assert shape.tolist() == list(value.shape)
        codes, scale = unpack(np.ascontiguousarray(found[f"{name}_packed"]), bits, shape), found[f"{name}_scale"]
        zero = 0
        if not about["symmetric"]:
            packed = np.ascontiguousarray(found[f"{name}_zero_point"].T)
            zero = unpack(packed, bits, (scale.shape[1], scale.shape[0])).T
            zero = np.repeat(zero, value.shape[1] // scale.shape[1], axis=1)
        values = (codes - zero) * np.repeat(scale, value.shape[1] // scale.shape[1], axis=1)
        assert np.sqrt(np.mean((values - value) ** 2) / np.mean(value ** 2)) < 0.5, name
        # Half a step, and nothing beyond.
        step = np.repeat(scale, value.shape[1] // scale.shape[1], axis=1)
        assert np.abs(values - value).max() <= 0.51 * step.max(), name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fewbit", default=ROOT / "target/release/fewbit")
    parser.add_argument("--gallery", nargs="*", default=["fashion-resnet", "fashion-lenet", "fashion-mobilenet"])
    parser.add_argument("files", nargs="*", help="pairs of a model and an npz with x and y")
    args = parser.parse_args()
    data, calibration = ROOT / "assets/data/fashion-test.npz", ROOT / "assets/data/fashion-calibration.npz"
    models = [(name, ROOT / f"assets/models/{name}.onnx", data, calibration) for name in args.gallery]
    models += [(model, pathlib.Path(model), pathlib.Path(own), None) for model, own in zip(args.files[::2], args.files[1::2])]
    with tempfile.TemporaryDirectory() as folder:
        tensors(args.fewbit, pathlib.Path(folder))
        for model in models:
            against_quantize_static(args.fewbit, *model, pathlib.Path(folder))
        for model in models:
            onnx_exports(args.fewbit, *model, pathlib.Path(folder))


if __name__ == "__main__":
    main()
