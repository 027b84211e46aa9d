"""Reference values for range setting and round-to-nearest: tests/golden/quant/*.json.

ONNX Runtime's calibrators and ONNX's reference operators are run as they are. TensorRT's entropy rule, least error
and ACIQ are a few lines of numpy and scipy each, from the formulas (see crates/quant/src/range).
"""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnxruntime.quantization.calibrate import HistogramCollector
from scipy import optimize, stats

OUT = Path(__file__).resolve().parents[2] / "tests/golden/quant"


def floats(array):
    return [float(x) for x in np.asarray(array).ravel()]


def distributions():
    """Named f32 samples: round, heavy-tailed, one-sided, skewed, tiny."""
    rng = np.random.default_rng(20170825)
    yield "normal", rng.normal(0, 1, 700)
    yield "laplace", rng.laplace(0.1, 0.5, 700)
    yield "outlier", np.append(rng.normal(0, 0.2, 500), [9.0])
    yield "relu", np.maximum(rng.normal(0.3, 1, 700), 0)
    yield "skewed", rng.gamma(2.0, 0.7, 500) - 0.4
    yield "filter", rng.normal(0, 0.1, 9)


def named():
    return [(name, values.astype(np.float32)) for name, values in distributions()]


def collector(method, values, bins, quantized_bins=128, percentile=99.999, symmetric=False):
    with contextlib.redirect_stdout(io.StringIO()):
        made = HistogramCollector(method, symmetric, bins, quantized_bins, percentile, "same")
        made.collect({"x": [values]})
        result = made.compute_collection_result()["x"]
    counts, edges, low, high = made.get_histogram_dict()["x"][:4]
    return {
        "low": float(edges[0]),
        "high": float(edges[-1]),
        "counts": [int(n) for n in counts],
        "seen": [float(low), float(high)],
        "range": [float(result[0]), float(result[1])],
    }


def percentiles():
    for name, values in named():
        for percent in (90.0, 99.0, 99.9, 99.999):
            for symmetric in (False, True):
                case = collector("percentile", values, 256, percentile=percent, symmetric=symmetric)
                yield {"name": name, "percent": percent, "symmetric": symmetric, **case}


def entropies_ort():
    rng = np.random.default_rng(1)
    samples = dict(named())
    samples["student"] = rng.standard_t(4, 40000).astype(np.float32)
    for name, values in samples.items():
        # The first is the default of ONNX Runtime. It sums in f32, so no case here has two ranges equally good but for that.
        for bins, quantized_bins in ((128, 128), (256, 32), (384, 128)):
            case = collector("entropy", values, bins, quantized_bins)
            yield {"name": name, "quantized_bins": quantized_bins, **case}


def entropy_tensorrt(counts, levels, first=128):
    """The number of bins to keep, of a histogram of magnitudes."""
    counts = counts.astype(np.float64)
    counts[0] = counts[1]
    divergences = []
    for kept in range(first, len(counts) + 1):
        p = counts[:kept].copy()
        p[-1] += counts[kept:].sum()
        segment = np.digitize(np.arange(kept), np.linspace(0, kept, levels + 1)) - 1
        q = np.zeros(kept)
        for level in range(levels):
            filled = (segment == level) & (counts[:kept] > 0)
            if filled.any():
                q[filled] = counts[:kept][filled].mean()
        divergences.append(stats.entropy(p, q))
    last_of_best = len(divergences) - 1 - int(np.argmin(divergences[::-1]))
    return first + last_of_best


def entropies_tensorrt():
    rng = np.random.default_rng(2)
    samples = {
        "normal": rng.normal(0, 1, 50000),
        "laplace": rng.laplace(0, 1, 50000),
        "student": rng.standard_t(4, 50000),
        "relu": np.maximum(rng.normal(0, 1, 50000), 0),
    }
    for name, values in samples.items():
        values = np.abs(values).astype(np.float32)
        counts, _ = np.histogram(values, bins=512, range=(0, values.max()))
        for levels in (4, 8, 128, 256):
            yield {
                "name": name,
                "high": float(values.max()),
                "counts": [int(n) for n in counts],
                "levels": levels,
                "kept": entropy_tensorrt(counts, levels),
            }


# (name, smallest code, largest code, how the scale is found)
FORMATS = {
    "int8": (-127, 127, "symmetric"),
    "int4": (-7, 7, "symmetric"),
    "int3-full": (-4, 3, "symmetric"),
    "uint4": (0, 15, "asymmetric"),
    "uint2": (0, 3, "asymmetric"),
}


def grid(form, low, high):
    smallest, largest, kind = FORMATS[form]
    low, high = np.float32(low), np.float32(high)
    if kind == "symmetric":
        half = largest if smallest == -largest else (largest - smallest) / 2
        return np.float32(max(abs(low), abs(high)) / np.float32(half)), 0
    low, high = np.minimum(low, np.float32(0)), np.maximum(high, np.float32(0))
    scale = np.float32((high - low) / np.float32(largest - smallest))
    return scale, int(np.clip(smallest - np.rint(low / scale), smallest, largest))


def fake(form, values, scale, zero):
    smallest, largest, _ = FORMATS[form]
    return ((np.clip(np.rint(values / scale) + zero, smallest, largest) - zero) * scale).astype(np.float32)


def least_errors():
    for name, values in named():
        for form in FORMATS:
            for power in (2.0, 2.4):
                best, least = None, np.inf
                for i in range(80):
                    factor = np.float32(1 - 0.01 * i)
                    low, high = values.min() * factor, values.max() * factor
                    error = (fake(form, values, *grid(form, low, high)) - values).astype(np.float64)
                    total = (np.abs(error) ** power).sum()
                    if total < least:
                        best, least = (low, high), total
                yield {"name": name, "format": form, "power": power, "range": floats(best)}


def aciq():
    def laplace(alpha, bits):
        return 2 * np.exp(-alpha) + alpha**2 / (3 * 4.0**bits)

    def gauss(alpha, bits):
        clipping = 2 * ((1 + alpha**2) * stats.norm.sf(alpha) - alpha * stats.norm.pdf(alpha))
        return clipping + alpha**2 / (3 * 4.0**bits)

    def best(error, bits):
        found = optimize.minimize_scalar(error, args=(bits,), bounds=(0.1, 20), method="bounded", options={"xatol": 1e-10})
        return float(found.x)

    bits = range(1, 10)
    return {
        "bits": list(bits),
        "laplace": [best(laplace, b) for b in bits],
        "gauss": [best(gauss, b) for b in bits],
        # As the authors print them, for 1 to 8 bits.
        "laplace_table": [1.86, 2.83, 3.89, 5.03, 6.20, 7.41, 8.64, 9.89],
        "gauss_table": [1.24, 1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92],
    }


def spreads():
    for name, values in named():
        wide = values.astype(np.float64)
        yield {
            "name": name,
            "mean": float(wide.mean()),
            "mean_deviation": float(np.abs(wide - wide.mean()).mean()),
            "standard_deviation": float(wide.std()),
            "kurtosis": float(stats.kurtosis(wide, fisher=False)),
        }


def moving_averages():
    rng = np.random.default_rng(3)
    batches = np.sort(rng.normal(0, 1, (6, 2)).astype(np.float32), axis=1)
    for past in (0.9, 0.99, 0.0, 1.0):
        low, high = batches[0].astype(np.float64)
        for batch in batches[1:].astype(np.float64):
            low, high = past * low + (1 - past) * batch[0], past * high + (1 - past) * batch[1]
        yield {"past": past, "batches": [floats(b) for b in batches], "range": [float(low), float(high)]}


def onnx_round_trip(values, scale, zero, kind, **attributes):
    """Codes and values by ONNX's reference QuantizeLinear and DequantizeLinear."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **attributes),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **attributes),
    ]
    def info(name, dtype, like):
        return helper.make_tensor_value_info(name, dtype, np.asarray(like).shape)

    inputs = [info("x", TensorProto.FLOAT, values), info("s", TensorProto.FLOAT, scale), info("z", kind, scale)]
    outputs = [info("q", kind, values), info("y", TensorProto.FLOAT, values)]
    graph = helper.make_graph(nodes, "round trip", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    zero = np.asarray(zero).astype(helper.tensor_dtype_to_np_dtype(kind))
    codes, back = ReferenceEvaluator(model).run(None, {"x": values, "s": scale, "z": zero})
    return [int(q) for q in np.asarray(codes).ravel().astype(np.int32)], floats(back)


def round_to_nearest():
    rng = np.random.default_rng(4)
    weights = rng.normal(0, 0.2, (6, 4, 3, 3)).astype(np.float32)
    weights[2] = 0
    base = {"shape": list(weights.shape), "axis": 0, "values": floats(weights)}

    def absmax(array, axes, codes):
        largest = np.abs(array).max(axis=axes)
        return np.where(largest > 0, largest / np.float32(codes), 1).astype(np.float32)

    scale = absmax(weights, (1, 2, 3), 127)
    codes, back = onnx_round_trip(weights, scale, np.zeros(6), TensorProto.INT8, axis=0)
    yield {**base, "choice": "int8@channel", "scales": floats(scale), "codes": codes, "dequantized": back}

    scale = np.float32(np.abs(weights).max() / np.float32(127))
    codes, back = onnx_round_trip(weights, scale, 0, TensorProto.INT8)
    yield {**base, "choice": "int8@tensor", "scales": floats(scale), "codes": codes, "dequantized": back}

    flat = weights.reshape(6, 36)
    scale = absmax(flat.reshape(6, 3, 12), 2, 7)
    codes, back = onnx_round_trip(flat, scale, np.zeros((6, 3)), TensorProto.INT4, axis=1, block_size=12)
    yield {**base, "choice": "int4@group12", "scales": floats(scale), "codes": codes, "dequantized": back}

    inputs = np.maximum(rng.normal(0.2, 1, (5, 3, 4, 4)), -0.3).astype(np.float32)
    low, high = np.minimum(inputs.min(), np.float32(0)), np.maximum(inputs.max(), np.float32(0))
    scale = np.float32((high - low) / np.float32(255))
    zero = np.clip(-np.rint(low / scale), 0, 255)
    codes, back = onnx_round_trip(inputs, scale, zero, TensorProto.UINT8)
    yield {
        "shape": list(inputs.shape),
        "axis": 1,
        "values": floats(inputs),
        "choice": "uint8@tensor",
        "scales": floats(scale),
        "codes": codes,
        "dequantized": back,
    }


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    write("samples", {name: floats(values) for name, values in named()})
    write("percentile", list(percentiles()))
    write("entropy_ort", list(entropies_ort()))
    write("entropy_tensorrt", list(entropies_tensorrt()))
    write("mse", list(least_errors()))
    write("aciq", {**aciq(), "spreads": list(spreads())})
    write("moving_average", list(moving_averages()))
    write("round_to_nearest", list(round_to_nearest()))


if __name__ == "__main__":
    main()
