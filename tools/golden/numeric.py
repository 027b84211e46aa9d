"""Reference values for tests/suite/numeric.rs, written to tests/golden/numeric/.

onnx.json    QuantizeLinear and DequantizeLinear of the ONNX reference implementation, and its packing of 2 and 4 bits.
torch.json   PyTorch's fake_quantize_per_{tensor,channel}_affine. Left as it is where torch is not installed.
philox.json  Streams of Philox 4x32-10, by the independent implementation below.

Floats are stored as their bits. Needs onnx, numpy and ml_dtypes; torch 1.13 made the torch values.
"""

import itertools
import json
import math
import pathlib
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "numeric"
TYPES = {
    "int2": TensorProto.INT2,
    "uint2": TensorProto.UINT2,
    "int4": TensorProto.INT4,
    "uint4": TensorProto.UINT4,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
}


def philox(key, counter):
    """Philox 4x32-10 of Salmon et al. 2011."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def words(seed, stream):
    for i in itertools.count():
        yield from philox([seed % 2**32, seed >> 32], [i % 2**32, i >> 32, stream % 2**32, stream >> 32])


def normals(seed, stream):
    """Standard normal numbers (Box-Muller) of the stream, as Python floats."""
    source = words(seed, stream)
    while True:
        u, v = (next(source) + 1) / 2**32, next(source) / 2**32
        yield math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)
        yield math.sqrt(-2 * math.log(u)) * math.sin(2 * math.pi * v)


def bits(values):
    return np.asarray(values, np.float32).ravel().view(np.uint32).tolist()


def code_range(name):
    width, signed = int(name.lstrip("uint")), not name.startswith("u")
    return (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)


def samples(name, scales, zeros, stream):
    """Values for the grids of arrays `scales` and `zeros`: a spread, ties, values just beside ties, zeros, far outliers."""
    low, high = code_range(name)
    random = normals(7, stream)
    x = np.empty(scales.shape, np.float64)
    for i, at in enumerate(np.ndindex(*scales.shape)):
        scale, zero = float(scales[at]), float(zeros[at])
        # A code near the grid's middle or anywhere a little beyond its ends.
        code = (low + high) / 2 + next(random) * (high - low) / 3
        whole = math.floor(code) - zero
        x[at] = [code - zero, whole + 0.5, whole + 0.5 + 2**-12, whole + 0.5 - 2**-12][i % 4] * scale
    x = x.astype(np.float32)
    flat = x.reshape(-1)
    flat[:6] = [0.0, -0.0, 1e-40, -1e-40, 3e4 * scales.max(), -3e4 * scales.max()]
    return x


def reference(op, inputs, axis, block):
    names = ["a", "b", "c"]
    kinds = [helper.np_dtype_to_tensor_dtype(v.dtype) for v in inputs]
    infos = [helper.make_tensor_value_info(n, k, v.shape) for n, k, v in zip(names, kinds, inputs)]
    node = helper.make_node(op, names, ["y"], axis=axis, block_size=block)
    kind = kinds[2] if op == "QuantizeLinear" else TensorProto.FLOAT
    graph = helper.make_graph([node], "g", infos, [helper.make_tensor_value_info("y", kind, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=12)
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs)))[0]


def grid_shape(granularity, shape, axis, block):
    """The shape of ONNX's scales."""
    if granularity == "tensor":
        return ()
    return (shape[axis],) if granularity == "channel" else (shape[0], -(-shape[1] // block))


def spread(grid, granularity, shape, axis, block):
    """The grid parameter of each value."""
    if granularity == "channel":
        grid = grid.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    if granularity == "group":
        grid = np.repeat(grid, block, 1)[:, : shape[1]]
    return np.broadcast_to(grid, shape)


def onnx_case(stream, name, granularity, shape, axis, block):
    low, high = code_range(name)
    random = normals(8, stream)
    blocks = grid_shape(granularity, shape, axis, block)
    scale = np.array([0.05 * math.exp(next(random)) for _ in range(math.prod(blocks))], np.float32).reshape(blocks)
    if stream % 2:
        # Powers of two, so that x/scale is exact and ties are ties.
        scale = np.exp2(np.round(np.log2(scale))).astype(np.float32)
    middle = [round((low + high) / 2 + next(random) * (high - low) / 6) for _ in range(math.prod(blocks))]
    zero = np.clip(middle, low, high).reshape(blocks)
    layout = granularity, shape, axis, block
    x = samples(name, spread(scale, *layout), spread(zero, *layout), stream)
    # In blocked quantization ONNX's axis is the one that is cut; ours is always the channel's.
    cut = 1 if granularity == "group" else axis
    typed = zero.astype(helper.tensor_dtype_to_np_dtype(TYPES[name]))
    codes = reference("QuantizeLinear", [x, scale, typed], cut, block)
    y = reference("DequantizeLinear", [codes, scale, typed], cut, block)
    return {
        "type": name,
        "granularity": f"group{block}" if block else granularity,
        "shape": list(shape),
        "axis": axis,
        "scale": bits(scale),
        "zero_point": zero.ravel().tolist(),
        "x": bits(x),
        "codes": codes.astype(np.int32).ravel().tolist(),
        "y": bits(y),
    }


def packed_case(name, stream):
    low, high = code_range(name)
    codes = [low + next_word % (high - low + 1) for next_word in itertools.islice(words(9, stream), 13)]
    tensor = helper.make_tensor("t", TYPES[name], [len(codes)], codes)
    tensor = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor))
    return {"type": name, "codes": codes, "bytes": list(tensor.raw_data)}


def onnx_goldens():
    layouts = [
        ("tensor", (5, 9), 0, 0),
        ("channel", (4, 3, 2, 2), 0, 0),
        ("channel", (7, 6), 1, 0),
        ("group", (3, 16), 0, 4),
        ("group", (3, 13), 0, 5),
    ]
    cases = itertools.product(TYPES, layouts)
    return {
        "quantize": [onnx_case(i, name, *layout) for i, (name, layout) in enumerate(cases)],
        "packed": [packed_case(name, i) for i, name in enumerate(TYPES)],
    }


def torch_goldens(torch):
    cases = []
    formats = [("uint8", 0, 255), ("int8", -128, 127), ("int4", -8, 7), ("int2", -2, 1)]
    choices = itertools.product(formats, (True, False), (None, 0, 1))
    for i, ((name, low, high), power_of_two, axis) in enumerate(choices):
        shape, granularity = (6, 20), "tensor" if axis is None else "channel"
        channels = 1 if axis is None else shape[axis]
        random = normals(11, i)
        scale = np.array([0.05 * math.exp(next(random)) for _ in range(channels)], np.float32)
        if power_of_two:
            scale = np.exp2(np.round(np.log2(scale))).astype(np.float32)
        middle = [round((low + high) / 2 + next(random) * (high - low) / 6) for _ in range(channels)]
        zero = np.clip(middle, low, high)
        layout = granularity, shape, axis, 0
        x = samples(name, spread(scale, *layout), spread(zero, *layout), i)
        tensor = torch.tensor(x.tolist(), dtype=torch.float32)
        if axis is None:
            y = torch.fake_quantize_per_tensor_affine(tensor, float(scale[0]), int(zero[0]), low, high)
        else:
            scales, zeros = torch.tensor(scale.tolist()), torch.tensor(zero.tolist(), dtype=torch.int32)
            y = torch.fake_quantize_per_channel_affine(tensor, scales, zeros, axis, low, high)
        cases.append({
            "type": name,
            "power_of_two": power_of_two,
            "granularity": granularity,
            "shape": list(shape),
            "axis": axis or 0,
            "scale": bits(scale),
            "zero_point": zero.tolist(),
            "x": bits(x),
            "y": [struct.unpack("<I", struct.pack("<f", v))[0] for v in y.flatten().tolist()],
        })
    return {"torch": torch.__version__.split("a")[0], "fake_quantize": cases}


def philox_goldens():
    places = [(0, 0), (1, 0), (0, 1), (0x0123456789ABCDEF, 0xFEDCBA9876543210), (2**64 - 1, 2**64 - 1)]
    return [
        {
            "seed": str(seed),
            "stream": str(stream),
            "words": list(itertools.islice(words(seed, stream), 10)),
            "normals": bits(list(itertools.islice(normals(seed, stream), 10))),
        }
        for seed, stream in places
    ]


def write(name, goldens):
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write("onnx.json", onnx_goldens())
    write("philox.json", philox_goldens())
    try:
        import torch
    except ImportError:
        print("torch is not installed: torch.json stays as it is")
    else:
        write("torch.json", torch_goldens(torch))
