"""A quantized file, quantizer by quantizer: whose codes differ between ONNX Runtime and our engine, and why.

`free` lets both engines run from the model's input, so that codes that fell to another side of a border go on into the layers
behind. `forced` gives our engine, behind each QuantizeLinear, the codes that ONNX Runtime found there: what then differs was
made by that one step between two quantizers, and has to be less than a step of the quantizer.
"""

import json
import subprocess

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper


def quantizers(model):
    return [node for node in model.graph.node if node.op_type == "QuantizeLinear"]


def short_names(model):
    """Gives tensors whose names are too long for files others."""
    results = {value.name for value in model.graph.output}
    names = {name: f"{name[:24]}~{i}" for i, node in enumerate(model.graph.node) for name in node.output if len(name) > 64 and name not in results}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return model


def with_outputs(model, names):
    """The model with further outputs: codes of a QuantizeLinear, or floats."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    types = {init.name: init.data_type for init in model.graph.initializer}
    kinds = {node.output[0]: types[node.input[2]] if len(node.input) > 2 else TensorProto.UINT8 for node in quantizers(model)}
    known = {value.name for value in [*model.graph.input, *model.graph.output]}
    for name in dict.fromkeys(names):
        if name not in known:
            model.graph.output.append(helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None))
    return model, kinds


def forced(model, codes):
    """The model with the codes of every quantizer as inputs: whoever read a quantizer reads what is given. With the names of these."""
    model, kinds = with_outputs(model, codes)
    given = {name: f"{name}.given" for name in codes}
    for node in model.graph.node:
        node.input[:] = [given.get(name, name) for name in node.input]
    model.graph.input.extend(helper.make_tensor_value_info(given[name], kinds[name], value.shape) for name, value in codes.items())
    return model, given


def run_ort(model, inputs, optimise=False):
    options = ort.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def run_own(fewbit, model, inputs, folder):
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    words = [fewbit, "infer", folder / "model.onnx", "--output", folder / "out"]
    for i, (name, value) in enumerate(inputs.items()):
        np.save(folder / f"{i}.npy", value)
        words += ["--input", f"{name}={folder / f'{i}.npy'}"]
    done = subprocess.run([*map(str, words), "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    json.loads(done.stdout)
    return {value.name: np.load(folder / "out" / f"{value.name.replace('/', '_')}.npy") for value in model.graph.output}


def units(node, initializers, value):
    """A tensor in steps of the quantizer that reads it."""
    scale = initializers[node.input[1]].astype(np.float64)
    if scale.ndim:
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        scale = scale.reshape([-1 if i == axis % value.ndim else 1 for i in range(value.ndim)])
    return value / scale


def apart(wanted, found):
    """How many codes differ, and by how much at most."""
    steps = np.abs(found.astype(np.int64) - wanted.astype(np.int64))
    return np.count_nonzero(steps), steps.max(initial=0)


def trace(fewbit, path, x, folder):
    """Prints a line for each quantizer and one over all; an error where a step between two quantizers is wrong."""
    model = short_names(onnx.load(path))
    steps = {node.output[0]: node for node in quantizers(model)}
    initializers = {init.name: onnx.numpy_helper.to_array(init) for init in model.graph.initializer}
    inputs, results = {model.graph.input[0].name: x}, [value.name for value in model.graph.output]
    wide, _ = with_outputs(model, [name for node in steps.values() for name in (node.output[0], node.input[0])])
    wanted, free = (inputs | found for found in (run_ort(wide, inputs), run_own(fewbit, wide, inputs, folder / "free")))
    codes = {name: wanted[name] for name in steps}
    cut, given = forced(wide, codes)
    taught = inputs | {given[name]: value for name, value in codes.items()}
    own = inputs | run_own(fewbit, cut, taught, folder / "forced")
    rewritten = run_ort(forced(model, codes)[0], taught, optimise=True)
    flipped, total, worst, border, beyond = 0, 0, 0, 0.0, 0.0
    for name, node in steps.items():
        before, after = (units(node, initializers, values[node.input[0]]) for values in (wanted, own))
        (count, most), (loose, loosest), (fused, most_fused) = (apart(wanted[name], values[name]) for values in (own, free, rewritten))
        # How far the value is from the border between two codes where the two engines have different ones.
        near = np.abs(before - np.floor(before) - 0.5)[own[name] != wanted[name]].max(initial=0)
        off = np.abs(after - before).max()
        print(f"  {node.input[0]:>32} {wanted[name].size:>8} codes; free: {loose} differ, by at most {loosest}; forced: {count}, by at most {most},"
              f" {near:.1e} of a step from a border; values by at most {off:.1e} of a step; ORT rewritten: {fused}, by at most {most_fused}")
        flipped, total, worst = flipped + count, total + before.size, max(worst, most)
        border, beyond = max(border, near), max(beyond, off)
    last = max(float(np.abs(own[name] - wanted[name]).max() / np.abs(wanted[name]).max()) for name in results)
    print(f"  {len(steps)} quantizers, forced: {flipped} of {total} codes differ, by at most {worst}, all within {border:.1e} of a step of a border;"
          f" values before a quantizer differ by at most {beyond:.1e} of a step, results by {last:.1e} of the largest", flush=True)
    assert worst <= 1 and border <= beyond < 0.5, "a step between two quantizers is not what ONNX Runtime computes"
