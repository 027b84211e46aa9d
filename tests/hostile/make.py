"""Makes the hostile files beside it: each is damaged or absurd in one way, and has to be refused with a place.

What is said of each stands in `refusals.txt`. Files that are cut short or have flipped bits are made by the test itself.

    venv/bin/python tests/hostile/make.py      (the packages are those of tools/golden/operators.py)
"""

import io
import json
import pathlib
import struct
import zipfile
import zlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
F = TensorProto.FLOAT


def write(name, data):
    (HERE / name).write_bytes(data)


def npy(header, data=b"", version=1):
    text = header if isinstance(header, bytes) else header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def array(x):
    buffer = io.BytesIO()
    np.save(buffer, x)
    return buffer.getvalue()


def zipped(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def npy_files():
    shape = lambda text: f"{{'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}\n"
    write("overflowing-shape.npy", npy(shape("(4294967296, 4294967296, 4294967296)")))
    write("overflowing-bytes.npy", npy(shape("(4611686018427387904,)")))
    write("huge-shape.npy", npy(shape("(1000000000000,)"), b"\0" * 16))
    write("negative-shape.npy", npy(shape("(-1, 4)"), b"\0" * 16))
    write("shape-of-many-digits.npy", npy(shape("(99999999999999999999999,)")))
    write("hundred-axes.npy", npy(shape("(" + "1, " * 100 + ")"), b"\0" * 4))
    write("long-header.npy", npy(b" " * 70000, version=2))
    write("header-longer-than-file.npy", b"\x93NUMPY\x02\x00\xff\x00\x00\x00{'descr'")
    write("pickled.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", b"\x80\x04."))
    write("big-endian.npy", npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n", b"\0" * 4))
    write("record.npy", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", b"\0" * 4))
    write("shape-twice.npy", npy("{'descr': '<f4', 'shape': (1,), 'shape': (2,), 'fortran_order': False}\n", b"\0" * 4))
    write("unclosed.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,"))
    write("code-in-header.npy", npy("__import__('os').abort()\n"))
    write("trailing-bytes.npy", npy(shape("(1,)"), b"\0" * 5))
    write("version-9.npy", npy(shape("(1,)"), b"\0" * 4, version=9))


def npz_files():
    zeros = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (100000000,), }\n")
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(zeros)
    for _ in range(100):
        packed += bomb.compress(b"\0" * 1_000_000)
    packed += bomb.flush()
    size = len(zeros) + 100_000_000
    write("bomb.npz", raw_zip([("x.npy", packed, size)]))
    write("bomb-that-lies.npz", raw_zip([("x.npy", packed, 128)]))
    write("not-an-array.npz", zipped({"x.npy": b"hello"}))
    write("no-x.npz", zipped({"images.npy": array(np.zeros((2, 1, 4, 4), np.float32))}))
    write("short-member.npz", zipped({"x.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 4, 4), }\n", b"\0" * 100)}))
    write("text-x.npz", zipped({"x.npy": array(np.array(["cat"]))}))
    write("no-images.npz", zipped({"x.npy": array(np.zeros((0, 1, 4, 4), np.uint8))}))
    write("nan.npz", zipped({"x.npy": array(np.array([0, np.nan], np.float32).reshape(2, 1, 1, 1))}))
    x = array(np.zeros((2, 1, 4, 4), np.uint8))
    write("too-few-labels.npz", zipped({"x.npy": x, "y.npy": array(np.zeros(1, np.int64))}))
    write("float-labels.npz", zipped({"x.npy": x, "y.npy": array(np.zeros(2, np.float32))}))
    write("negative-label.npz", zipped({"x.npy": x, "y.npy": array(np.array([0, -1]))}))
    good = bytearray(zipped({"x.npy": x}))
    good[60] ^= 0xFF
    write("wrong-checksum.npz", bytes(good))
    write("empty.npz", b"")
    write("checkpoint.pt", zipped({"archive/data.pkl": b"\x80\x02}q\x00.", "archive/version": b"3\n"}))
    write("directory-beyond-the-end.npz", b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 0xFFFFFF, 0xFFFFFF, 0))


def raw_zip(members):
    """A zip file of deflated members that says of each what it is told."""
    body, directory = b"", b""
    for name, packed, size in members:
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(packed), size, len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\x03\x04" + common + name.encode() + packed
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + end


def model(nodes, inits=(), inputs=(("x", [1, 3, 4, 4]),), outputs=("y",), opset=13, ir=8):
    infos = [helper.make_tensor_value_info(n, F, s) for n, s in inputs]
    graph = helper.make_graph(nodes, "g", infos, [helper.make_tensor_value_info(o, F, None) for o in outputs], list(inits))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = ir
    return made


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=f"the-{op.lower()}", **attributes)


def tensor(name, dims, raw, kind=F):
    proto = TensorProto(name=name, data_type=kind, raw_data=raw)
    proto.dims.extend(dims)
    return proto


def onnx_files():
    def save(name, proto):
        write(f"{name}.onnx", proto.SerializeToString())

    relu = node("Relu", "x", "y")
    save("circle", model([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Neg", "b", "y")]))
    save("missing-input", model([node("Add", "x nowhere", "y")]))
    save("missing-output", model([relu], outputs=("z",)))
    save("no-outputs", model([relu], outputs=()))
    save("no-input-given", model([node("Conv", "x", "y")]))
    save("value-computed-twice", model([relu, node("Neg", "x", "y")]))
    save("input-twice", model([relu], inputs=(("x", [1]), ("x", [1]))))
    w = numpy_helper.from_array(np.zeros((2, 3, 1, 1), np.float32), "w")
    save("initializer-twice", model([node("Conv", "x w", "y")], [w, w]))
    save("attribute-twice", duplicated_attribute())
    save("attribute-of-wrong-type", model([node("Conv", "x w", "y", strides=1.5)], [w]))
    save("negative-dim", model([relu], inputs=(("x", [-4, 3, 4, 4]),)))
    save("zero-dim", model([relu], inputs=(("x", [0, 3, 4, 4]),)))
    save("negative-initializer", model([node("Add", "x c", "y")], [tensor("c", [-4], b"")]))
    save("short-initializer", model([node("Add", "x c", "y")], [tensor("c", [4], b"\0" * 15)]))
    save("overflowing-initializer", model([node("Add", "x c", "y")], [tensor("c", [2**40, 2**40], b"")]))
    save("empty-overflowing-initializer", model([node("Add", "x c", "y")], [tensor("c", [0, 2**62, 2**62], b"")]))
    save("huge-initializer", model([node("Add", "x c", "y")], [tensor("c", [2**40], b"\0" * 16)]))
    external = tensor("c", [4], b"")
    external.data_location = TensorProto.EXTERNAL
    external.external_data.add(key="location", value="../../etc/passwd")
    save("external-initializer", model([node("Add", "x c", "y")], [external]))
    save("huge-constant-of-shape", model([node("ConstantOfShape", "n", "c"), node("Add", "x c", "y")], [numpy_helper.from_array(np.array([2**20, 2**20]), "n")]))
    save("many-constants-of-shape", model([helper.make_node("ConstantOfShape", ["n"], [f"f{i}"]) for i in range(8)] + [helper.make_node("Sum", [f"f{i}" for i in range(8)], ["y"])], [numpy_helper.from_array(np.array([2**14, 2**10]), "n")]))
    def list_of(name, *values, dtype=np.int64):
        return numpy_helper.from_array(np.array(values, dtype), name)

    save("huge-tile", model([node("Tile", "x r", "y")], [list_of("r", 1, 1, 2**24, 2**24)]))
    save("huge-resize", model([helper.make_node("Resize", ["x", "", "s"], ["y"])], [list_of("s", 1, 1, 1e9, 1e9, dtype=np.float32)]))
    save("negative-expand", model([node("Expand", "x s", "y")], [list_of("s", 1, -3, 4, 4)]))
    save("huge-range", model([node("Range", "a b c", "r"), node("Add", "x r", "y")], [numpy_helper.from_array(np.float32(v), n) for n, v in [("a", 0), ("b", 1e12), ("c", 1)]]))
    calls_itself = model([helper.make_node("f", ["x"], ["y"], domain="own")])
    calls_itself.opset_import.append(helper.make_opsetid("own", 1))
    twice = [helper.make_node("f", ["a"], ["t"], domain="own"), helper.make_node("f", ["t"], ["b"], domain="own")]
    calls_itself.functions.append(helper.make_function("own", "f", ["a"], ["b"], twice, [helper.make_opsetid("own", 1)]))
    save("function-that-calls-itself", calls_itself)
    save("stride-of-zero", model([node("Conv", "x w", "y", strides=[0, 1])], [w]))
    save("absurd-stride", model([node("Conv", "x w", "y", strides=[2**62, 1])], [w]))
    save("absurd-pads", model([node("Pad", "x", "y", pads=[0, 0, 2**62, 0, 0, 0, 0, 2**62])], opset=9))
    save("short-pads", model([node("Conv", "x w", "y", pads=[1, 1])], [w]))
    save("kernel-unlike-weight", model([node("Conv", "x w", "y", kernel_shape=[5, 5])], [w]))
    save("axis-beyond-the-last", model([node("Softmax", "x", "y", axis=4)]))
    save("axis-twice", model([node("ReduceMean", "x", "y", axes=[1, -3])]))
    save("split-unlike-axis", model([node("Split", "x s", "y z", axis=1)], [numpy_helper.from_array(np.array([2, 2]), "s")]))
    save("opset-0", model([relu], opset=0))
    no_opset = model([relu])
    del no_opset.opset_import[:]
    save("no-opset", no_opset)
    no_graph = model([relu])
    no_graph.ClearField("graph")
    save("no-graph", no_graph)
    write("bottomless.onnx", bottomless())
    write("not-a-model.onnx", b"Not a model, just some text that happens to be here.\n")
    write("html.onnx", b"<!DOCTYPE html><html><body>404</body></html>")
    write("git-lfs-pointer.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    write("number-without-end.onnx", b"\x08" + b"\xff" * 20)
    write("length-beyond-the-end.onnx", b"\x08\x08\x3a\xff\xff\xff\xff\x0f")


def duplicated_attribute():
    made = model([node("Softmax", "x", "y", axis=1)])
    made.graph.node[0].attribute.append(made.graph.node[0].attribute[0])
    return made


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def bottomless():
    """A graph in an attribute of a node of a graph in an attribute …"""
    graph = b""
    for _ in range(200):
        graph = field(1, field(5, field(6, graph)))
    return b"\x08\x08" + field(7, graph)


def safetensors_files():
    def save(name, header, data=b"", length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        write(f"{name}.safetensors", struct.pack("<Q", len(text) if length is None else length) + text + data)

    entry = lambda shape, begin, end: {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    save("header-beyond-the-end", {"a": entry([1], 0, 4)}, b"\0" * 4, length=2**62)
    save("overlapping", {"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"\0" * 12)
    save("gap", {"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, b"\0" * 12)
    save("overflowing", {"a": entry([2**62, 2**62], 0, 4)}, b"\0" * 4)
    save("backwards", {"a": entry([1], 4, 0)}, b"\0" * 4)
    save("no-json", b"{{{{{{{{")
    save("deep-json", b"[" * 100_000)


if __name__ == "__main__":
    for old in HERE.iterdir():
        if old.suffix in {".npy", ".npz", ".onnx", ".pt", ".safetensors"}:
            old.unlink()
    for make in [npy_files, npz_files, onnx_files, safetensors_files]:
        make()
    files = [f for f in HERE.iterdir() if f.suffix not in {".py", ".txt"}]
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1000:.0f} KB")
