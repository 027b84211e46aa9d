"""`python -m zoo.export MODEL` writes the checkpoint as ONNX, checks it, and writes its goldens.

BatchNorm stays a node of its own: folding it is something that Fewbit shows.
"""

import argparse
import io
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto
from torch import nn

from . import data
from .models import MODELS
from .train import CHECKPOINTS, predict

OPSET = 13
GOLDENS = data.ASSETS.parent / "tests" / "golden" / "zoo"
GOLDEN_IMAGES = 64


def trained(name: str) -> nn.Module:
    """The trained model `name` in evaluation mode."""
    model = MODELS[name]()
    model.load_state_dict(torch.load(CHECKPOINTS / f"{name}.pt"))
    return model.to(memory_format=torch.contiguous_format).eval()


def to_onnx(model: nn.Module) -> ModelProto:
    """The model as PyTorch exports it, nothing folded."""
    buffer = io.BytesIO()
    torch.onnx.export(
        model,
        torch.zeros(2, 1, 28, 28),
        buffer,
        opset_version=OPSET,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["x"],
        output_names=["logits"],
        dynamic_axes={"x": {0: "N"}, "logits": {0: "N"}},
    )
    return onnx.load_from_string(buffer.getvalue())


def constants_to_initializers(model: ModelProto) -> None:
    """Replaces Constant nodes (the bounds of ReLU6) by initializers, one for each distinct value."""
    graph, renamed, kept = model.graph, {}, {}
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        tensor = node.attribute[0].t
        value = onnx.numpy_helper.to_array(tensor)
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in kept:
            kept[key] = f"constant.{value.item():g}"
            tensor.name = kept[key]
            graph.initializer.append(tensor)
        renamed[node.output[0]] = kept[key]
        graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def tidy(model: ModelProto, leaves: "set[str]") -> None:
    """Names every node after its module, and every value after the node that makes it.

    `/stage1/conv1/Conv` becomes `stage1.conv1`, one of `leaves`; `/stage1/Add` becomes `stage1.add`.
    """
    graph = model.graph
    graph.name = "fewbit"
    renamed = {value.name: value.name for value in [*graph.input, *graph.output]}
    renamed.update({tensor.name: tensor.name for tensor in graph.initializer})
    for node in graph.node:
        module, _, operator = node.name.strip("/").replace("/", ".").rpartition(".")
        node.name = module if module in leaves else f"{module}.{operator.lower()}".strip(".")
        renamed.setdefault(node.output[0], node.name)
    for node in graph.node:
        node.input[:] = [renamed[name] for name in node.input]
        node.output[:] = [renamed[name] for name in node.output]
    del graph.value_info[:]
    names = [node.name for node in graph.node]
    if len(set(names)) != len(names):
        raise ValueError(f"node names are not distinct: {names}")


def separate_parameters(model: ModelProto) -> None:
    """Gives every BatchNorm its own parameters again.

    PyTorch stores equal parameters once (two norms whose outputs are added have the same bias)
    and lets Identity nodes stand for the others. Call after `tidy`.
    """
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    stands_for = {n.output[0]: stored[n.input[0]] for n in graph.node if n.op_type == "Identity"}
    roles = ("weight", "bias", "running_mean", "running_var")
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name in stands_for:
                if node.op_type != "BatchNormalization":
                    raise ValueError(f"{node.name}: {name} is an unexpected Identity")
                own = graph.initializer.add()
                own.CopyFrom(stands_for[name])
                own.name = node.input[i] = f"{node.name}.{roles[i - 1]}"
    for node in [n for n in graph.node if n.op_type == "Identity"]:
        graph.node.remove(node)


def describe(model: ModelProto, name: str) -> None:
    """Adds the name, the licence and the training data to the file."""
    onnx.helper.set_model_props(
        model,
        {
            "name": name,
            "licence": "MIT OR Apache-2.0",
            "trained-on": "Fashion-MNIST, 60,000 training images (Zalando, MIT)",
        },
    )


def compare_parameters(exported: ModelProto, model: nn.Module) -> None:
    """Raises `ValueError` unless the initializers are the model's state, by name and by bits."""
    found = {t.name: onnx.numpy_helper.to_array(t) for t in exported.graph.initializer}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name not in found or not np.array_equal(found.pop(name), value.numpy()):
            raise ValueError(f"parameter {name} is missing or differs in the file")
    strangers = [name for name in found if not name.startswith("constant.")]
    if strangers:
        raise ValueError(f"initializers {strangers} are no parameters")


def check(path: Path, model: nn.Module) -> "tuple[np.ndarray, np.ndarray]":
    """ONNX Runtime's first logits and all predictions on the bundled test set.

    Raises `ValueError` where they differ from PyTorch's.
    """
    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    test = np.load(data.TEST_FILE)
    x = test["x"].astype(np.float32) / np.float32(255)
    logits = session.run(["logits"], {"x": x[:GOLDEN_IMAGES]})[0]
    predictions = np.concatenate(
        [session.run(["logits"], {"x": part})[0].argmax(1) for part in np.split(x, 8)]
    )
    expected = predict(model, test["x"]).numpy()
    if (predictions != expected).any():
        raise ValueError(f"images {np.flatnonzero(predictions != expected)} differ from PyTorch")
    with torch.no_grad():
        worst = np.abs(model(torch.from_numpy(x[:GOLDEN_IMAGES])).numpy() - logits).max()
    correct = (predictions == test["y"]).sum()
    print(f"{path.name}: {correct} of {len(x)} correct, as PyTorch; worst logit error {worst:.1e}")
    return logits, predictions


def export(name: str) -> None:
    """Writes `assets/models/NAME.onnx` and `tests/golden/zoo/NAME.npz`."""
    model = trained(name)
    graph = to_onnx(model)
    constants_to_initializers(graph)
    tidy(graph, {path for path, part in model.named_modules() if not list(part.children())})
    separate_parameters(graph)
    describe(graph, name)
    compare_parameters(graph, model)
    print(dict(Counter(node.op_type for node in graph.graph.node)))
    path = data.ASSETS / "models" / f"{name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, path)
    logits, predictions = check(path, model)
    GOLDENS.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(GOLDENS / f"{name}.npz", logits=logits, predictions=predictions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    export(parser.parse_args().model)
