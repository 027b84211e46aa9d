"""Makes the hostile files beside it: each is damaged or absurd in one way, and has to be refused with a place.

What is said of each stands in `refusals.txt`. Files that are cut short or have flipped bits are made by the test itself.

    venv/bin/python tests/hostile/make.py      (the packages are those of tools/golden/operators.py)
"""

import base64
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
    own = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
    constant = helper.make_node("Constant", [], ["c"], value=tensor("c", [10_000], bytes(40_000)))
    often = model([helper.make_node("f", ["x" if i == 0 else f"v{i}"], ["y" if i == 499 else f"v{i + 1}"], domain="own") for i in range(500)])
    often.opset_import.append(own[1])
    often.functions.append(helper.make_function("own", "f", ["a"], ["b"], [constant, node("Add", "a c", "b")], own))
    save("function-called-often", often)
    chained = model([helper.make_node("f0", ["x"], ["y"], domain="own")])
    chained.opset_import.append(own[1])
    for i in range(100):
        inner = [node("Relu", "a", "t"), helper.make_node(f"f{i + 1}", ["t"], ["b"], domain="own")]
        chained.functions.append(helper.make_function("own", f"f{i}", ["a"], ["b"], inner, own))
    save("functions-within-functions", chained)
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


def gguf_files():
    string = lambda text: struct.pack("<Q", len(text)) + text.encode()
    u32 = lambda name, value: string(name) + struct.pack("<II", 4, value)
    strings = lambda name, values: string(name) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(string, values))
    info = lambda name, dims, kind=0, offset=0: string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)

    def save(name, entries=(), tensors=(), version=3, counts=None, data=b""):
        head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(entries))))
        body = head + b"".join(entries) + b"".join(tensors)
        write(f"{name}.gguf", body + b"\0" * (-len(body) % 32) + data)

    save("version-1", version=1)
    save("big-endian", version=0x03000000)
    save("countless-tensors", counts=(2**60, 0))
    save("countless-metadata", counts=(0, 2**60))
    save("endless-string", [struct.pack("<Q", 2**62) + b"general.name"])
    save("endless-array", [string("a") + struct.pack("<IIQ", 9, 8, 2**40)])
    save("array-beyond-the-end", [string("a") + struct.pack("<IIQ", 9, 4, 2**20)])
    save("arrays-in-arrays", [string("a") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 9, 1) * 100])
    save("type-of-no-value", [string("a") + struct.pack("<I", 99)])
    save("no-text", [string("general.name") + struct.pack("<IQ", 8, 2) + b"\xff\xfe"])
    save("alignment-of-zero", [u32("general.alignment", 0)])
    save("overflowing", tensors=[info("a", [2**40, 2**40])])
    save("values-beyond-the-end", tensors=[info("a", [1024])], data=b"\0" * 64)
    save("offset-beyond-the-end", tensors=[info("a", [8], offset=2**63)], data=b"\0" * 64)
    save("offset-between", tensors=[info("a", [8], offset=4)], data=b"\0" * 64)
    save("hundred-axes", tensors=[info("a", [1] * 100)])
    save("type-of-no-tensor", tensors=[info("a", [32], kind=77)], data=b"\0" * 64)
    save("row-of-no-block", tensors=[info("a", [33], kind=8)], data=b"\0" * 64)
    save("tensor-twice", tensors=[info("a", [8]), info("a", [8])], data=b"\0" * 64)
    model = string("tokenizer.ggml.model") + struct.pack("<I", 8)
    save("tokens-without-scores", [model + string("llama"), strings("tokenizer.ggml.tokens", ["a", "b"])])
    save("tokens-without-merges", [model + string("gpt2"), strings("tokenizer.ggml.tokens", ["a", "b"])])
    save("merge-of-no-tokens", [model + string("gpt2"), strings("tokenizer.ggml.tokens", ["a", "b"]), strings("tokenizer.ggml.merges", ["a c"])])
    save("tokens-of-numbers", [model + string("gpt2"), string("tokenizer.ggml.tokens") + struct.pack("<IIQI", 9, 4, 1, 7)])


def picture_files():
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = lambda width, height, depth=8, colors=2: chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colors, 0, 0, 0))
    png = lambda *chunks: b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")
    rows = lambda width, height: chunk(b"IDAT", zlib.compress(b"".join(b"\0" + b"\x80" * 3 * width for _ in range(height))))
    write("bomb.png", png(head(60000, 60000), chunk(b"IDAT", zlib.compress(b"\0" * 1000))))
    write("bomb-of-one-row.png", png(head(2**31 - 1, 1), rows(4, 1)))
    write("bomb-of-text.png", png(head(4, 4), chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000, 9)), rows(4, 2)))
    write("no-pixels.png", png(head(0, 4), rows(0, 4)))
    write("no-palette.png", png(head(4, 4, colors=3), chunk(b"IDAT", zlib.compress(b"\0" * 20))))
    write("short-pixels.png", png(head(4, 4), rows(4, 2)))
    write("truncated.png", png(head(64, 64), rows(64, 64))[:60])
    write("wrong-checksum.png", png(head(4, 4), rows(4, 4)).replace(b"IHDR\0", b"IHDR\1", 1))
    write("no-picture.png", b"GIF89a\1\0\1\0")
    segment = lambda marker, data: b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data
    frame = lambda marker, width, height: segment(marker, struct.pack(">BHHB", 8, height, width, 3) + b"\1\x11\0\2\x11\0\3\x11\0")
    table = segment(0xDB, b"\0" + b"\1" * 64)
    huffman = segment(0xC4, b"\0" + b"\1" + b"\0" * 15 + b"\0") + segment(0xC4, b"\x10" + b"\1" + b"\0" * 15 + b"\0")
    scan = segment(0xDA, b"\3\1\0\2\0\3\0\0\x3f\0")
    jpeg = lambda *parts: b"\xff\xd8" + table + b"".join(parts)
    write("bomb.jpg", jpeg(frame(0xC0, 65500, 65500), huffman, scan, b"\0" * 64, b"\xff\xd9"))
    write("no-frame.jpg", jpeg(huffman, scan, b"\0" * 64, b"\xff\xd9"))
    write("no-pixels.jpg", jpeg(frame(0xC0, 0, 0), huffman, scan, b"\0" * 64, b"\xff\xd9"))
    write("truncated.jpg", jpeg(frame(0xC0, 64, 64), huffman)[:100])
    write("segment-beyond-the-end.jpg", b"\xff\xd8\xff\xe0\xff\xff")
    one = segment(0xDA, b"\1\1\0\0\0\0") + b"\0"
    write("many-scans.jpg", jpeg(frame(0xC2, 4096, 4096), huffman, one * 2000, b"\xff\xd9"))


def table_files():
    write("empty.csv", b"")
    write("only-names.csv", b"a,b,y\n")
    write("ragged.csv", b"a,b,y\n1,2,0\n1,2\n")
    write("word-for-a-number.csv", b"a,b,y\n1,2,0\n1,two,0\n")
    write("infinite.csv", b"a,b,y\n1,2,0\n1,1e999,0\n")
    write("no-text.csv", b"a,b,y\n1,2,0\n1,\xff,0\n")
    write("fraction-for-a-class.csv", b"a,b,y\n1,2,0\n1,2,0.5\n")
    write("unclosed-quote.csv", b"a,b,y\n1,2,0\n1,\"2,0\n" + b"1,2,0\n" * 100)
    write("too-many-columns.csv", b"a,b,c,y\n1,2,3,0\n")


def tokenizer_files():
    def save(name, model, **others):
        write(f"{name}.json", json.dumps({"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model, **others}).encode())

    bpe = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
    write("not-json.json", b"\x80\x04.")
    write("no-model.json", b"{\"model_type\": \"llama\"}")
    write("bottomless.json", b"[" * 100_000)
    save("model-of-another-kind", {"type": "Magic", "vocab": {}})
    save("merge-of-no-tokens", {**bpe, "merges": ["a c"]})
    save("merge-of-three", {**bpe, "merges": [["a", "b", "c"]]})
    save("merge-to-no-token", {**bpe, "vocab": {"a": 0, "b": 1}})
    save("negative-token", {**bpe, "vocab": {"a": -1}})
    save("wide-token", {**bpe, "vocab": {"a": 2**40}})
    save("pattern-that-is-none", bpe, pre_tokenizer={"type": "Split", "pattern": {"Regex": "(((("}, "behavior": "Isolated", "invert": False})
    save("pattern-without-end", bpe, pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a{1000}){1000}{1000}"}, "behavior": "Isolated", "invert": False})
    save("unknown-of-no-token", {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 7})
    charsmap = lambda trie, texts: {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(struct.pack(f"<I{len(trie)}I", 4 * len(trie), *trie) + texts).decode()}
    # From the root byte 97 leads to unit 97, which has its label, a value at unit 97 ^ 1, and that value.
    one = lambda value: [0] * 96 + [value, 1 << 10 | 1 << 8 | 97] + [0] * 158
    save("charsmap-beyond-its-trie", bpe, normalizer=charsmap([0] * 8, b"b\0"))
    save("charsmap-beyond-its-texts", bpe, normalizer=charsmap(one(1 << 31 | 3), b"b\0"))
    save("charsmap-longer-than-itself", bpe, normalizer={"type": "Precompiled", "precompiled_charsmap": "/////w=="})
    save("words-of-no-length", bpe, pre_tokenizer={"type": "FixedLength", "length": 0})
    save("prefix-of-no-token", {**bpe, "continuing_subword_prefix": "###"})
    save("step-of-no-kind", bpe, normalizer={"type": "Sequence", "normalizers": [{"type": "Shuffle"}]})
    save("charsmap-that-is-none", bpe, normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"})


if __name__ == "__main__":
    for old in HERE.iterdir():
        if old.suffix in {".npy", ".npz", ".onnx", ".pt", ".safetensors", ".gguf", ".png", ".jpg", ".csv", ".json"}:
            old.unlink()
    for make in [npy_files, npz_files, onnx_files, safetensors_files, gguf_files, picture_files, table_files, tokenizer_files]:
        make()
    files = [f for f in HERE.iterdir() if f.suffix not in {".py", ".txt"}]
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1000:.0f} KB")
