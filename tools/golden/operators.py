"""Makes tests/golden/onnx: one small ONNX model for each form of an operator that we read, and what ONNX Runtime computes.

Each case is NAME.onnx beside NAME.npz, which has the inputs as `in.NAME` and the outputs as `out.NAME`. Cases whose
name begins with `opaque_` have no npz: they hold what we name but do not compute.

    python -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
    venv/bin/python tools/golden/operators.py
"""

import pathlib
import zlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "onnx"
F = TensorProto.FLOAT
ort.set_default_logger_severity(3)


def rng(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def bind(dims, batch=2):
    """Symbols are 2, or 8 where they are the size of an image."""
    return [d if isinstance(d, int) else (8 if i >= 2 else batch) for i, d in enumerate(dims)]


def case(name, opset, nodes, x=("N", 3, 4, 4), outputs=("y",), init=None, positive=False, ir=8, inputs=None, run=True, scale=1.0, domains=(), stand_in=None):
    """A model with the input x (or `inputs`: name to shape) and initializers `init`: name to array, tensor, or shape of noise.

    ONNX Runtime computes the nodes `stand_in` instead where it has no kernel for `nodes` on a CPU."""
    random = rng(name)
    shapes = inputs or {"x": x}
    initializers = []
    for key, value in (init or {}).items():
        if isinstance(value, TensorProto):
            value.name = key
            initializers.append(value)
        else:
            array = random.standard_normal(value).astype(np.float32) if isinstance(value, tuple) else np.asarray(value)
            initializers.append(numpy_helper.from_array(array, key))
    graph_inputs = [helper.make_tensor_value_info(k, F, list(s)) for k, s in shapes.items()]
    if ir < 4:
        graph_inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in initializers]
    nodes = nodes if isinstance(nodes, list) else [nodes]
    graph = helper.make_graph(nodes, name, graph_inputs, [helper.make_tensor_value_info(o, F, None) for o in outputs], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)], producer_name="fewbit goldens")
    model.ir_version = ir
    feeds = {}
    for key, shape in shapes.items():
        value = scale * random.standard_normal(bind(shape)).astype(np.float32)
        feeds[key] = np.abs(value) + 0.1 if positive else value.astype(np.float32)
    if run:
        model = onnx.shape_inference.infer_shapes(model)
        del model.graph.value_info[:]
        run_model = onnx.ModelProto.FromString(model.SerializeToString())
        if stand_in:
            del run_model.graph.node[:]
            run_model.graph.node.extend(stand_in)
        session = ort.InferenceSession(run_model.SerializeToString(), providers=["CPUExecutionProvider"])
        results = session.run(list(outputs), feeds)
        arrays = {f"in.{k}": v.astype(np.float32) for k, v in feeds.items()}
        arrays |= {f"out.{k}": np.asarray(v, np.float32) for k, v in zip(outputs, results)}
        np.savez_compressed(OUT / f"{name}.npz", **arrays)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())


def i64(*values):
    return np.array(values, np.int64)


def conv():
    w = {"w": (4, 3, 3, 3), "b": (4,)}
    case("conv_7", 7, node("Conv", "x w b", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), init=w)
    case("conv_no_bias_11", 11, node("Conv", "x w", "y"), init={"w": (4, 3, 3, 3)})
    case("conv_groups_11", 11, node("Conv", "x w b", "y", group=2), x=("N", 4, 5, 5), init={"w": (6, 2, 3, 3), "b": (6,)})
    case("conv_depthwise_13", 13, node("Conv", "x w", "y", group=3, pads=[1, 1, 1, 1]), init={"w": (3, 1, 3, 3)})
    case("conv_dilated_11", 11, node("Conv", "x w", "y", dilations=[2, 1], pads=[2, 0, 2, 0]), x=("N", 3, 6, 5), init={"w": (2, 3, 3, 3)})
    case("conv_uneven_pads_11", 11, node("Conv", "x w", "y", pads=[0, 1, 2, 1], strides=[1, 2]), x=("N", 3, 5, 6), init={"w": (2, 3, 2, 3)})
    for mode in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
        case(f"conv_{mode.lower()}_11", 11, node("Conv", "x w", "y", auto_pad=mode, strides=[2, 3]), x=("N", 3, 7, 8), init={"w": (2, 3, 2, 3)})
    case("conv_same_upper_dynamic_11", 11, node("Conv", "x w", "y", auto_pad="SAME_UPPER"), x=("N", 3, "H", "W"), init={"w": (2, 3, 2, 3)})
    case("conv_1d_13", 13, node("Conv", "x w b", "y", pads=[1, 1]), x=("N", 3, 9), init={"w": (2, 3, 3), "b": (2,)})


def norm():
    statistics = {"s": (3,), "b": (3,), "m": (3,), "v": np.array([0.5, 1.0, 2.0], np.float32)}
    for opset in [7, 9, 14, 15]:
        case(f"batch_norm_{opset}", opset, node("BatchNormalization", "x s b m v", "y", epsilon=1e-3), init=statistics)
    case("lp_normalization_13", 13, [node("LpNormalization", "x", "a", p=1), node("LpNormalization", "a", "y", axis=1)])


def activations():
    for opset, op in [(7, "Relu"), (14, "Relu"), (7, "Sigmoid"), (7, "Tanh"), (7, "Elu"), (9, "Erf"), (7, "Softplus"), (7, "Exp"), (7, "Abs"), (7, "Neg"), (7, "Floor"), (7, "Ceil"), (11, "Round"), (14, "HardSwish"), (20, "Gelu"), (18, "Mish"), (7, "HardSigmoid"), (7, "LeakyRelu"), (16, "LeakyRelu")]:
        case(f"{op.lower()}_{opset}", opset, node(op, "x", "y"), scale=3.0)
    for op in ["Log", "Sqrt", "Reciprocal"]:
        case(f"{op.lower()}_13", 13, node(op, "x", "y"), positive=True)
    case("leakyrelu_alpha_13", 13, node("LeakyRelu", "x", "y", alpha=0.3))
    case("elu_alpha_13", 13, node("Elu", "x", "y", alpha=0.5))
    case("hardsigmoid_alpha_13", 13, node("HardSigmoid", "x", "y", alpha=0.3, beta=0.4), scale=3.0)
    case("gelu_tanh_20", 20, node("Gelu", "x", "y", approximate="tanh"), scale=2.0)
    case("clip_6_7", 7, node("Clip", "x", "y", min=0.0, max=0.5))
    case("clip_open_7", 7, node("Clip", "x", "y", min=-0.5))
    case("clip_11", 11, node("Clip", "x lo hi", "y"), init={"lo": np.float32(0), "hi": np.float32(6)}, scale=5.0)
    case("clip_max_only_13", 13, helper.make_node("Clip", ["x", "", "hi"], ["y"]), init={"hi": np.float32(0.2)})
    case("clip_computed_13", 13, [node("ReduceMean", "x", "mean", keepdims=0), node("Clip", "x mean", "y")])
    case("prelu_one_9", 9, node("PRelu", "x s", "y"), init={"s": np.array([0.1], np.float32)})
    case("prelu_channels_16", 16, node("PRelu", "x s", "y"), init={"s": (3, 1, 1)})


def pools():
    x = ("N", 2, 7, 7)
    case("max_pool_7", 7, node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2]), x=x)
    case("max_pool_pads_8", 8, node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), x=x)
    case("max_pool_ceil_10", 10, node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), x=x)
    case("max_pool_dilated_12", 12, node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 3]), x=x)
    case("max_pool_same_12", 12, node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"), x=("N", 2, 6, 7))
    case("max_pool_1d_12", 12, node("MaxPool", "x", "y", kernel_shape=[3], strides=[2]), x=("N", 2, 9))
    case("average_pool_7", 7, node("AveragePool", "x", "y", kernel_shape=[2, 3], strides=[2, 2]), x=x)
    case("average_pool_pads_7", 7, node("AveragePool", "x", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), x=x)
    case("average_pool_include_pads_11", 11, node("AveragePool", "x", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1), x=x)
    case("average_pool_ceil_19", 19, node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), x=x)
    case("average_pool_ceil_include_pads_19", 19, node("AveragePool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1), x=("N", 2, 6, 6))
    case("average_pool_dilated_19", 19, node("AveragePool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2]), x=x)
    case("global_average_pool_7", 7, node("GlobalAveragePool", "x", "y"))
    case("global_max_pool_7", 7, node("GlobalMaxPool", "x", "y"))


def arithmetic():
    for op in ["Add", "Sub", "Mul", "Div"]:
        case(f"{op.lower()}_7", 7, node(op, "x c", "y"), init={"c": (3, 1, 1)})
    case("add_two_inputs_13", 13, node("Add", "x z", "y"), inputs={"x": ("N", 3, 1, 4), "z": ("N", 1, 4, 1)})
    case("pow_13", 13, node("Pow", "x c", "y"), positive=True, init={"c": np.float32(1.5)})
    case("pow_integer_13", 13, node("Pow", "x c", "y"), init={"c": i64(2)})
    for op in ["Max", "Min", "Sum", "Mean"]:
        case(f"{op.lower()}_8", 8, node(op, "x a b", "y"), init={"a": (3, 1, 1), "b": (4,)})
    case("sum_one_13", 13, [node("Relu", "x", "r"), node("Sum", "r", "y")])


def layout():
    case("concat_7", 7, [node("Relu", "x", "r"), node("Concat", "x r c", "y", axis=1)], x=(2, 3, 4, 4), init={"c": (2, 1, 4, 4)})
    case("concat_negative_11", 11, [node("Relu", "x", "r"), node("Concat", "x r", "y", axis=-1)])
    case("reshape_7", 7, node("Reshape", "x s", "y"), init={"s": i64(0, -1)})
    case("reshape_14", 14, node("Reshape", "x s", "y"), init={"s": i64(-1, 4, 12)})
    case("flatten_7", 7, node("Flatten", "x", "y"))
    case("flatten_negative_11", 11, node("Flatten", "x", "y", axis=-1))
    case("flatten_all_13", 13, node("Flatten", "x", "y", axis=4))
    case("squeeze_7", 7, node("Squeeze", "x", "y", axes=[1, 3]), x=("N", 1, 4, 1))
    case("squeeze_13", 13, node("Squeeze", "x a", "y"), x=("N", 1, 4, 1), init={"a": i64(-1)})
    case("squeeze_all_13", 13, node("Squeeze", "x", "y"), x=(2, 1, 4, 1))
    case("unsqueeze_7", 7, node("Unsqueeze", "x", "y", axes=[0, 3]), x=("N", 3, 4))
    case("unsqueeze_13", 13, node("Unsqueeze", "x a", "y"), x=("N", 3, 4), init={"a": i64(-1, 1)})
    case("transpose_7", 7, node("Transpose", "x", "y", perm=[0, 2, 3, 1]))
    case("transpose_default_13", 13, node("Transpose", "x", "y"))
    case("identity_output_13", 13, [node("Relu", "x", "r"), node("Identity", "r", "y")])
    case("same_output_twice_13", 13, [node("Relu", "x", "r"), node("Identity", "r", "y")], outputs=("r", "y"))
    case("input_as_output_13", 13, [node("Identity", "x", "y")])
    case("dropout_7", 7, [node("Relu", "x", "r"), node("Dropout", "r", "d"), node("Neg", "d", "y")])
    case("dropout_13", 13, [node("Dropout", "x ratio", "d mask"), node("Neg", "d", "y")], init={"ratio": np.float32(0.3)})


def pads():
    for mode in ["constant", "reflect", "edge"]:
        extra = {"value": 0.5} if mode == "constant" else {}
        case(f"pad_{mode}_7", 7, node("Pad", "x", "y", mode=mode, pads=[0, 0, 1, 2, 0, 0, 0, 1], **extra))
    case("pad_negative_7", 7, node("Pad", "x", "y", pads=[0, 0, -1, 0, 0, 0, 2, -1]))
    case("pad_11", 11, node("Pad", "x p v", "y"), init={"p": i64(0, 1, 0, 1, 0, 0, 2, 1), "v": np.float32(-1)})
    case("pad_18", 18, helper.make_node("Pad", ["x", "p", "", "a"], ["y"], mode="reflect"), init={"p": i64(1, 2, 2, 0), "a": i64(-1, 2)})
    # What PyTorch writes for F.pad with opset 11: the list is turned round by a chain on integers.
    chain = [
        node("ConstantOfShape", "n", "zeros", value=helper.make_tensor("value", TensorProto.INT64, [1], [0])),
        node("Concat", "front zeros", "all", axis=0),
        node("Reshape", "all pairs", "p0"),
        node("Slice", "p0 from to axis step", "p1"),
        node("Transpose", "p1", "p2", perm=[1, 0]),
        node("Reshape", "p2 flat", "p3"),
        node("Cast", "p3", "p4", to=TensorProto.INT64),
        node("Pad", "x p4 v", "y", mode="constant"),
    ]
    init = {"n": i64(4), "front": i64(1, 2, 0, 1), "pairs": i64(-1, 2), "from": i64(-1), "to": i64(-(2**63) + 1), "axis": i64(0), "step": i64(-1), "flat": i64(-1), "v": np.float32(0)}
    case("pad_pytorch_chain_11", 11, chain, init=init)


def slices():
    case("slice_7", 7, node("Slice", "x", "y", axes=[1, 3], starts=[1, -3], ends=[3, 100]))
    case("slice_no_axes_7", 7, node("Slice", "x", "y", starts=[0, 1], ends=[1, 2]), x=(2, 3, 4, 4))
    case("slice_10", 10, node("Slice", "x s e a t", "y"), init={"s": i64(0, 3), "e": i64(3, -5), "a": i64(1, 2), "t": i64(2, -1)})
    case("slice_negative_axes_13", 13, node("Slice", "x s e a", "y"), init={"s": i64(1), "e": i64(2**62), "a": i64(-1)})
    upto = [node("Shape", "x", "shape"), node("Gather", "shape zero", "n"), node("Unsqueeze", "n zeros", "end"), node("Slice", "x zeros end zeros", "y")]
    case("slice_to_batch_13", 13, upto, init={"zero": np.int64(0), "zeros": i64(0)})
    for name, opset, extra, init in [("split_7", 7, {"split": [1, 2], "axis": 1}, None), ("split_even_11", 11, {"axis": -1}, None), ("split_13", 13, {"axis": 1}, {"s": i64(2, 1)}), ("split_num_outputs_18", 18, {"axis": 1, "num_outputs": 2}, None)]:
        count = extra.get("num_outputs", 2)
        outs = [f"y{i}" for i in range(count)]
        case(name, opset, node("Split", "x s" if init else "x", " ".join(outs), **extra), outputs=outs, init=init)
    case("gather_index_13", 13, node("Gather", "x i", "y", axis=1), init={"i": np.int64(-1)})
    case("gather_range_13", 13, node("Gather", "x i", "y", axis=2), init={"i": i64(1, 2, 3)})


def matmuls():
    case("gemm_7", 7, node("Gemm", "x w b", "y", transB=1), x=("N", 5), init={"w": (4, 5), "b": (4,)})
    case("gemm_scaled_9", 9, node("Gemm", "x w b", "y", transA=1, alpha=0.5, beta=2.0), x=(5, 2), init={"w": (5, 4), "b": (2, 1)})
    case("gemm_no_bias_11", 11, node("Gemm", "x w", "y"), x=("N", 5), init={"w": (5, 4)})
    case("gemm_scalar_bias_13", 13, node("Gemm", "x w b", "y"), x=("N", 5), init={"w": (5, 4), "b": np.float32(0.7)})
    case("matmul_7", 7, node("MatMul", "x w", "y"), x=("N", 5), init={"w": (5, 4)})
    case("matmul_batched_13", 13, node("MatMul", "x z", "y"), inputs={"x": ("N", 3, 2, 5), "z": ("N", 1, 5, 4)})
    case("matmul_vector_13", 13, node("MatMul", "x w", "y"), x=("N", 3, 5), init={"w": (5,)})


def softmaxes():
    for op in ["Softmax", "LogSoftmax"]:
        low = op.lower()
        case(f"{low}_flat_7", 7, node(op, "x", "y"))
        case(f"{low}_flat_axis_11", 11, node(op, "x", "y", axis=-2))
        case(f"{low}_last_11", 11, node(op, "x", "y", axis=3))
        case(f"{low}_13", 13, node(op, "x", "y"))
        case(f"{low}_axis_13", 13, node(op, "x", "y", axis=1))


def reductions():
    for op in ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"]:
        low = op.lower()
        case(f"{low}_7", 7, node(op, "x", "y", axes=[2, 3]))
        case(f"{low}_flat_11", 11, node(op, "x", "y", axes=[-1], keepdims=0))
        case(f"{low}_18", 18, node(op, "x a", "y", keepdims=0), init={"a": i64(1, -1)})
    case("reducemean_all_13", 13, node("ReduceMean", "x", "y", keepdims=0))
    case("reducesum_13", 13, node("ReduceSum", "x a", "y"), init={"a": i64(2)})
    case("reducesum_noop_13", 13, [node("ReduceSum", "x", "s", noop_with_empty_axes=1), node("Neg", "s", "y")])


def constants():
    value = numpy_helper.from_array(np.arange(3, dtype=np.float32).reshape(3, 1, 1))
    case("constant_value_9", 9, [node("Constant", "", "c", value=value), node("Add", "x c", "y")])
    case("constant_float_12", 12, [node("Constant", "", "c", value_float=0.25), node("Add", "x c", "y")])
    case("constant_floats_12", 12, [node("Constant", "", "c", value_floats=[1.0, 2.0, 3.0, 4.0]), node("Add", "x c", "y")])
    case("constant_ints_13", 13, [node("Constant", "", "a", value_ints=[2, 3]), node("Constant", "", "i", value_int=0), node("Squeeze", "x a", "s"), node("Gather", "s i", "y", axis=1)], x=("N", 3, 1, 1))
    case("constant_of_shape_9", 9, [node("ConstantOfShape", "n", "c", value=helper.make_tensor("v", F, [1], [0.5])), node("Add", "x c", "y")], init={"n": i64(3, 1, 4)})
    case("cast_constant_13", 13, [node("Cast", "k", "c", to=F), node("Mul", "x c", "y")], init={"k": np.array([1, 2, 3, 4], np.int32)})
    for name, kind in [("float16", TensorProto.FLOAT16), ("bfloat16", TensorProto.BFLOAT16), ("double", TensorProto.DOUBLE)]:
        tensor = helper.make_tensor("w", kind, [4], [0.1, -2.0, 3.14159, 1e-3])
        case(f"initializer_{name}_13", 13, [node("Cast", "w", "c", to=F), node("Mul", "x c", "y")], init={"w": tensor})
    case("initializer_float_data_13", 13, node("Mul", "x w", "y"), init={"w": helper.make_tensor("w", F, [4], [0.1, -2.0, 3.0, 1e-3])})
    case("initializer_as_input_7", 7, node("Mul", "x w", "y"), init={"w": (4,)}, ir=3)
    case("cast_input_13", 13, [node("Cast", "x", "c", to=F), node("Neg", "c", "y")])


def shapes():
    """x.view(x.size(0), -1) and its relatives, as PyTorch writes them."""
    old = [node("Shape", "x", "shape"), node("Gather", "shape zero", "n", axis=0), node("Unsqueeze", "n", "n1", axes=[0]), node("Concat", "n1 rest", "target", axis=0), node("Reshape", "x target", "y")]
    init = {"zero": np.int64(0), "rest": i64(-1)}
    case("view_9", 9, old, init=init)
    new = old[:2] + [node("Unsqueeze", "n axis", "n1")] + old[3:]
    case("view_13", 13, new, init=init | {"axis": i64(0)})
    case("view_fixed_batch_13", 13, new, x=(2, 3, 4, 4), init=init | {"axis": i64(0)})
    shuffle = [
        node("Shape", "x", "shape"), node("Gather", "shape i0", "n"), node("Gather", "shape i1", "c"), node("Gather", "shape i2", "h"), node("Gather", "shape i3", "w"),
        node("Div", "c groups", "each"),
        *[node("Unsqueeze", f"{v} axis", f"{v}1") for v in ["n", "groups", "each", "h", "w", "c"]],
        node("Concat", "n1 groups1 each1 h1 w1", "apart", axis=0), node("Reshape", "x apart", "a"), node("Transpose", "a", "t", perm=[0, 2, 1, 3, 4]),
        node("Concat", "n1 c1 h1 w1", "together", axis=0), node("Reshape", "t together", "y"),
    ]
    init = {"i0": np.int64(0), "i1": np.int64(1), "i2": np.int64(2), "i3": np.int64(3), "groups": np.int64(2), "axis": i64(0)}
    case("channel_shuffle_13", 13, shuffle, x=("N", 4, 3, 3), init=init)
    merge = [node("Shape", "x", "shape", start=0, end=2), node("ReduceProd", "shape", "nc", keepdims=1), node("Concat", "nc rest", "target", axis=0), node("Reshape", "x target", "y")]
    case("merge_batch_15", 15, merge, init={"rest": i64(16)})
    half = [node("Shape", "x", "shape"), node("Slice", "shape two four", "hw"), node("Cast", "hw", "f", to=F), node("Mul", "f half", "hf"), node("Floor", "hf", "fl"), node("Cast", "fl", "i", to=TensorProto.INT64), node("Concat", "front i four1", "target", axis=0), node("Reshape", "x target", "y")]
    case("scaled_shape_13", 13, half, init={"two": i64(2), "four": i64(4), "half": np.float32(0.5), "front": i64(0, 3), "four1": i64(-1)})
    case("size_13", 13, [node("Size", "x", "n"), node("Div", "n four", "rows"), node("Unsqueeze", "rows axis", "r1"), node("Concat", "r1 four1", "target", axis=0), node("Reshape", "x target", "y")], init={"four": np.int64(4), "four1": i64(4), "axis": i64(0)})
    case("range_13", 13, [node("Range", "zero two one", "i"), node("Gather", "x i", "y", axis=1)], init={"zero": np.int64(0), "two": np.int64(2), "one": np.int64(1)})
    expand = [node("Shape", "x", "shape"), node("Equal", "shape minus", "is"), node("Where", "is one shape", "w"), node("Reshape", "x w", "r"), node("Relu", "r", "y")]
    case("where_shape_13", 13, expand, init={"minus": i64(-1), "one": i64(1)})
    case("dynamic_image_13", 13, [node("Conv", "x w", "c", pads=[1, 1, 1, 1], strides=[2, 2]), node("GlobalAveragePool", "c", "g"), node("Flatten", "g", "y")], x=("N", 3, "H", "W"), init={"w": (4, 3, 3, 3)})


def microsoft():
    """Operators of ONNX Runtime's own domain."""
    def ms(op, inputs, outputs, **attributes):
        return helper.make_node(op, inputs.split(), outputs.split(), domain="com.microsoft", **attributes)

    def own(name, nodes, **more):
        case(f"ms_{name}_17", 17, nodes, domains=["com.microsoft"], **more)

    rows = ("N", 3, 8)
    vectors = {"b": (8,), "g": (8,), "s": (2, 3, 8)}
    own("bias_gelu", ms("BiasGelu", "x b", "y"), x=rows, init={"b": (8,)})
    own("fast_gelu", ms("FastGelu", "x b", "y"), x=rows, init={"b": (8,)})
    own("gelu", ms("Gelu", "x", "y"), x=rows)
    own("quick_gelu", ms("QuickGelu", "x", "y", alpha=1.5), x=rows)
    own("fused_conv", ms("FusedConv", "x w b", "y", activation="LeakyRelu", activation_params=[0.2]), init={"w": (2, 3, 3, 3), "b": (2,)})
    own("fused_gemm", ms("FusedGemm", "x w b", "y", activation="Relu", transB=1), x=("N", 4), init={"w": (5, 4), "b": (5,)})
    own("fused_matmul", ms("FusedMatMul", "x w", "y", alpha=0.5, transB=1), x=rows, init={"w": (5, 8)})
    own("skip_layer_norm", ms("SkipLayerNormalization", "x s g b c", "y", epsilon=1e-5), x=(2, 3, 8), init=vectors | {"c": (8,)})
    own("skip_simplified_layer_norm", ms("SkipSimplifiedLayerNormalization", "x s g", "y", epsilon=1e-5), x=(2, 3, 8), init={"g": (8,), "s": (2, 3, 8)})
    own("rotary_embedding", ms("RotaryEmbedding", "x p c s", "y"), x=(2, 2, 3, 8), init={"p": np.array([[0, 1, 2], [3, 4, 0]]), "c": (5, 4), "s": (5, 4)})
    own("embed_layer_norm", [node("Cast", "x", "i", to=TensorProto.INT32), ms("EmbedLayerNormalization", "i s we pe se g b", "y m", epsilon=1e-5)], x=(2, 3), positive=True, init={"s": np.array([[0, 1, 1], [1, 0, 0]], np.int32), "we": (9, 8), "pe": (5, 8), "se": (2, 8), "g": (8,), "b": (8,)})
    own("attention", ms("Attention", "x w b", "y", num_heads=2), x=rows, init={"w": (8, 24), "b": (24,)})
    own("attention_causal", ms("Attention", "x w b", "y", num_heads=2, unidirectional=1, scale=0.5), x=rows, init={"w": (8, 24), "b": (24,)})
    own("attention_lengths", ms("Attention", "x w b m", "y", num_heads=2), x=(2, 3, 8), init={"w": (8, 24), "b": (24,), "m": np.array([2, 3], np.int32)})
    own("attention_masked", ms("Attention", "x w b m", "y", num_heads=2, mask_filter_value=-5.0), x=(2, 3, 8), init={"w": (8, 24), "b": (24,), "m": np.array([[1, 1, 0], [0, 1, 1]], np.int32)})
    own("attention_masked_rows", ms("Attention", "x w b m", "y", num_heads=2), x=(1, 3, 8), init={"w": (8, 24), "b": (24,), "m": np.array([[[1, 0, 0], [1, 1, 0], [0, 1, 1]]], np.int32)})
    own("attention_sizes", ms("Attention", "x w b", "y", num_heads=2, qkv_hidden_sizes=[8, 8, 4]), x=rows, init={"w": (8, 20), "b": (20,)})
    own("attention_past", ms("Attention", "x w b m p", "y present", num_heads=2, unidirectional=1), x=(2, 3, 8), outputs=("y", "present"), init={"w": (8, 24), "b": (24,), "m": np.ones((2, 7), np.int32), "p": (2, 2, 2, 4, 4)})
    three = {"x": ("N", 3, 8), "k": ("N", 4, 8), "v": ("N", 4, 8)}
    mha = lambda name, inputs, outputs="y", shapes=three, **more: own(f"multi_head_{name}", ms("MultiHeadAttention", inputs, outputs, num_heads=2, **more.pop("attributes", {})), inputs=shapes, outputs=tuple(outputs.split()), **more)
    mha("plain", "x k v")
    mha("bias", "x k v b", init={"b": (24,)}, attributes={"scale": 0.3})
    mha("scores", "x k v b m a", init={"b": (24,), "m": np.array([[1, 1, 1, 0], [0, 1, 1, 1]], np.int32), "a": (1, 2, 3, 4)}, shapes={"x": (2, 3, 8), "k": (2, 4, 8), "v": (2, 4, 8)})
    mha("causal", "x k v", shapes={"x": ("N", 4, 8), "k": ("N", 4, 8), "v": ("N", 4, 8)}, attributes={"unidirectional": 1})
    flat = {"shape": i64(0, 0, -1)}
    parts = [node("Split", "x", "qp kp vp", axis=3)] + [node("Reshape", f"{p}p shape", p) for p in "qkv"]
    mha("packed", "x", shapes={"x": (2, 3, 2, 3, 4)}, init=flat, stand_in=parts + [ms("MultiHeadAttention", "q k v", "y", num_heads=2)])
    parts = [node("Split", "k", "kp vp", axis=3)] + [node("Reshape", f"{p}p shape", f"{p}f") for p in "kv"]
    mha("packed_pair", "x k", shapes={"x": (2, 3, 8), "k": (2, 4, 2, 2, 4)}, init=flat, stand_in=parts + [ms("MultiHeadAttention", "x kf vf", "y", num_heads=2)])
    mha("crossed", "x k v", shapes={"x": (2, 3, 8), "k": (2, 2, 4, 4), "v": (2, 2, 4, 4)})
    gqa = lambda name, inputs="x k v - - n t", shapes=None, length=5, init={}, **attributes: own(f"group_query_{name}", helper.make_node("GroupQueryAttention", [i if i != "-" else "" for i in inputs.split()], ["y", "present_k", "present_v"], domain="com.microsoft", num_heads=4, kv_num_heads=2, **attributes), inputs=shapes or {"x": (2, length, 64), "k": (2, length, 32), "v": (2, length, 32)}, outputs=("y", "present_k", "present_v"), init={"n": np.array([length - 1] * 2, np.int32), "t": np.array(length, np.int32)} | init)
    gqa("plain")
    gqa("packed", "x - - - - n t", shapes={"x": (2, 5, 128)})
    gqa("scaled", scale=0.2, softcap=1.5)
    gqa("window", local_window_size=2)
    gqa("rotary", "x k v - - n t c s", init={"c": (8, 8), "s": (8, 8)}, do_rotary=1)
    gqa("rotary_interleaved", "x k v - - n t c s", init={"c": (8, 8), "s": (8, 8)}, do_rotary=1, rotary_interleaved=1)
    gqa("smooth", smooth_softmax=1)
    gqa("sink", "x k v - - n t - - - - h", init={"h": (4,)})
    gqa("both_ways", causal=0, init={"n": np.array([4, 4], np.int32)})
    gqa("bias", "x k v - - n t - - - a", init={"a": (1, 4, 5, 5)}, softcap=2.0)
    random = rng("bits")
    codes = random.integers(0, 256, (6, 3, 8), dtype=np.uint8)
    nbits = {"w": codes, "s": (18,), "z": random.integers(0, 256, 12, dtype=np.uint8)}
    own("matmul_nbits", ms("MatMulNBits", "x w s z", "y", K=40, N=6, bits=4, block_size=16), x=(2, 3, 40), init=nbits)
    # Seven bits: ONNX Runtime sums pairs of products in 16 bits on some machines.
    w8 = random.integers(-64, 64, (8, 5)).astype(np.int8)
    grid = {"ws": np.float32(0.02), "wz": np.int8(3)}
    own("dynamic_quantize_matmul", ms("DynamicQuantizeMatMul", "x w ws wz b", "y"), x=(2, 8), init=grid | {"w": w8, "b": (5,)})
    xq = {"xs": np.float32(0.03), "xz": np.uint8(120), "ys": np.float32(0.05), "yz": np.uint8(110)}
    quantize = ms("QuantizeLinear", "x xs xz", "xq")
    out = ms("DequantizeLinear", "yq ys yz", "y")
    own("quantize_linear", [quantize, ms("DequantizeLinear", "xq xs xz", "y")], init=xq)
    own("matmul_integer_to_float", [quantize, ms("MatMulIntegerToFloat", "xq w xs ws xz wz b", "y")], x=(2, 8), init=xq | grid | {"w": w8, "b": (5,)})
    own("qgemm", [quantize, ms("QGemm", "xq xs xz w ws wz c ys yz", "yq"), out], x=(2, 8), init=xq | grid | {"w": w8, "c": np.arange(5, dtype=np.int32)})
    own("qlinear_add", [quantize, ms("QLinearAdd", "xq xs xz xq xs xz ys yz", "yq"), out], init=xq)
    own("qlinear_mul", [quantize, ms("QLinearMul", "xq xs xz xq xs xz ys yz", "yq"), out], init=xq)
    own("qlinear_sigmoid", [quantize, ms("QLinearSigmoid", "xq xs xz ys yz", "yq"), out], init=xq)
    own("qlinear_leaky_relu", [quantize, ms("QLinearLeakyRelu", "xq xs xz ys yz", "yq", alpha=0.1), out], init=xq)
    own("qlinear_softmax", [quantize, ms("QLinearSoftmax", "xq xs xz ys yz", "yq", opset=13), out], init=xq)
    own("qlinear_global_average_pool", [quantize, ms("QLinearGlobalAveragePool", "xq xs xz ys yz", "yq"), out], init=xq)
    own("qlinear_concat", [quantize, ms("QLinearConcat", "ys yz xq xs xz xq xs xz", "yq", axis=1), out], init=xq)
    four = helper.make_tensor("k", TensorProto.INT4, [4], [1, -2, 3, 7])
    case("dequantize_int4_21", 21, [node("DequantizeLinear", "k s", "w"), node("Add", "x w", "y")], init={"k": four, "s": np.float32(0.5)})


def recurrent():
    for op, gates in [("LSTM", 4), ("GRU", 3), ("RNN", 1)]:
        for direction, d in [("forward", 1), ("bidirectional", 2)]:
            init = {"w": (d, 5 * gates, 4), "r": (d, 5 * gates, 5), "b": (d, 10 * gates)}
            more = {"linear_before_reset": 1} if op == "GRU" else {}
            outputs = ("y", "h", "c") if op == "LSTM" else ("y", "h")
            case(f"{op.lower()}_{direction}_14", 14, node(op, "x w r b", " ".join(outputs), hidden_size=5, direction=direction, **more), x=(3, 2, 4), init=init, outputs=outputs)


def branches():
    value = lambda name: helper.make_tensor_value_info(name, F, None)
    then = helper.make_graph([node("Neg", "x", "t")], "then", [], [value("t")])
    other = helper.make_graph([node("Mul", "x two", "t2"), node("Abs", "t2", "e")], "else", [], [value("e")], [numpy_helper.from_array(np.float32(2), "two")])
    nodes = [node("Shape", "x", "shape"), node("Gather", "shape one", "c"), node("Equal", "c four", "is"), helper.make_node("If", ["is"], ["i"], then_branch=then, else_branch=other), node("Exp", "i", "y")]
    case("if_shape_13", 13, nodes, init={"one": np.int64(1), "four": np.int64(4)})


def opaque():
    def alone(name, opset, nodes, **more):
        case(f"opaque_{name}", opset, nodes, run=False, **more)

    alone("grid_sample", 16, [node("Conv", "x w", "c"), node("GridSample", "c grid", "g"), node("Relu", "g", "y")], init={"w": (2, 3, 1, 1), "grid": (2, 4, 4, 2)})
    alone("domain", 13, helper.make_node("FusedConv", ["x", "w"], ["y"], name="fused", domain="org.example", activation="Relu"), init={"w": (2, 3, 1, 1)})
    alone("lp_pool", 11, node("LpPool", "x", "y", kernel_shape=[2, 2]))
    alone("conv_3d", 11, node("Conv", "x w", "y"), x=("N", 1, 4, 4, 4), init={"w": (2, 1, 2, 2, 2)})
    alone("training", 14, node("BatchNormalization", "x s b m v", "y rm rv", training_mode=1), init={k: (3,) for k in "sbmv"})
    alone("max_pool_indices", 12, node("MaxPool", "x", "y i", kernel_shape=[2, 2]), outputs=("y", "i"))
    case("bound_same_upper_dynamic", 11, node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2]), x=("N", 3, "H", "W"), init={"w": (2, 3, 3, 3)}, run=False)
    case("bound_expand_shape", 13, [node("Shape", "x", "s"), node("Expand", "c s", "e"), node("Add", "x e", "y")], init={"c": (1, 1, 1, 4)}, run=False)
    doubling = [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(30)]
    alone("doubling_shape", 13, [*doubling, node("Reshape", "x c30", "y")], init={"c0": i64(1)})


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for old in list(OUT.glob("*.onnx")) + list(OUT.glob("*.npz")):
        old.unlink()
    for make in [conv, norm, activations, pools, arithmetic, layout, pads, slices, matmuls, softmaxes, reductions, constants, shapes, microsoft, recurrent, branches, opaque]:
        make()
    files = list(OUT.iterdir())
    print(f"{len(list(OUT.glob('*.onnx')))} models, {sum(f.stat().st_size for f in files) / 1000:.0f} KB")
