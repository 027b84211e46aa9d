"""Runs the ONNX project's operator tests on both engines and writes docs/operators.md.

The tests come with the `onnx` packages of PyPI, which hold each operator's form of their time; they are kept in a cache
outside of the repository. The runner is an example of `tests/`.

    python tools/operators/tests.py [--cache DIR] [--only NAME] [--cpu] [--failures]
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# (version, a Python that it was built for): operator sets 13, 17, 20 and 23.
PACKAGES = [("1.8.1", "3.8"), ("1.12.0", "3.10"), ("1.15.0", "3.11"), ("1.18.0", "3.11")]
OPSETS = range(7, 24)

# What issue and manual promise. Where a test has other operators as well, it does not count.
PROMISED = """
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Cast CastLike Ceil Celu Clip
Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout
DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm
GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity If
InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul
MatMulInteger Max MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul
QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize RotaryEmbedding Round ScatterElements ScatterND Scatter Selu Shape Shrink
Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu
Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
""".split()


# Tests whose expected values we take for wrong: why, and the names. ONNX Runtime was seen to differ from three of the first kind.
WRONG = {
    "onnx 1.18 reads heads in the wrong order from three axes, and repeats grouped ones in the wrong order": ["attention_3d", "attention_4d_gqa"],
    "int8 codes that do not fit are wrapped around instead of clamped": ["qlinearmatmul_2D_int8", "qlinearmatmul_3D_int8"],
}


def fetch(cache):
    """The folders of tests, by the package that they are from."""
    folders = []
    for version, python in PACKAGES:
        target = cache / f"onnx-{version}"
        if not target.exists():
            wheels = cache / "wheels"
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", python,
                 "--dest", str(wheels), f"onnx=={version}"], check=True)
            (wheel,) = wheels.glob(f"onnx-{version}-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                members = [name for name in archive.namelist() if "/backend/test/data/node/" in name]
                archive.extractall(target, members)
        folders += [(version, path) for path in sorted(target.glob("onnx/backend/test/data/node/test_*"))]
    return folders


def distinct(folders):
    """Without tests that a package has from an older one."""
    seen, kept = set(), []
    for version, path in folders:
        key = (path.name, (path / "model.onnx").read_bytes())
        if key not in seen:
            seen.add(key)
            kept.append((version, path))
    return kept


def run(folders, cpu):
    command = ["cargo", "run", "--quiet", "--profile", "dev", "-p", "fewbit-tests", "--example", "onnx_tests", "--"]
    command += [] if cpu else ["--gpu"]
    text = "".join(f"{path}\n" for _, path in folders)
    output = subprocess.run(command, cwd=ROOT, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def subject(answer):
    """The operator that a test is of: that of its only node, apart from constants."""
    names = [name for name in answer["operators"] if name != "Constant"] or ["Constant"]
    return names[0] if len(names) == 1 else None


def table(answers, engines):
    counts = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    opsets = sorted({answer["opset"] for answer in answers})
    rows = []
    for answer in answers:
        for engine in engines:
            for column in (answer["opset"], "all"):
                count = counts[(subject(answer), engine)][column]
                count[0] += answer[engine] == "pass"
                count[1] += 1
    def cell(count):
        return "" if not count[1] else str(count[0]) if count[0] == count[1] else f"**{count[0]}/{count[1]}**"
    for name in sorted({name for name, _ in counts}):
        for engine in engines:
            own = counts[(name, engine)]
            cells = [cell(own[opset]) for opset in opsets]
            rows.append(f"| {name} | {engine} | " + " | ".join(cells) + f" | {own['all'][0]}/{own['all'][1]} |")
    head = "| operator | engine | " + " | ".join(map(str, opsets)) + " | all |"
    return "\n".join([head, "|---|---|" + "---|" * (len(opsets) + 1), *rows])


def share(answers, engine):
    passed = sum(answer[engine] == "pass" for answer in answers)
    return f"{passed} of {len(answers)} ({100 * passed / max(len(answers), 1):.1f} %)"


def is_wrong(answer):
    name = pathlib.Path(answer["test"]).name.removeprefix("test_")
    return not name.endswith("expanded") and any(name.startswith(part) for parts in WRONG.values() for part in parts)


def document(answers, engines):
    promised = [a for a in answers if subject(a) in PROMISED]
    composed = [a for a in answers if subject(a) is None and set(a["operators"]) <= set(PROMISED)]
    bound = sum(bool(a["known"]) for a in promised)
    lines = [
        "# ONNX operators",
        "",
        "Generated by `python tools/operators/tests.py`: the ONNX project's own tests of operators (the packages "
        + ", ".join(f"onnx {version}" for version, _ in PACKAGES)
        + "), with their tolerances (10⁻³ relative, 10⁻⁷ absolute). A cell has the number of tests that pass, or how many of how many, in bold.",
        "The column is the operator set of the test's model, which is most often the one in which the operator changed last: a form holds until the next one.",
        f"{bound} of the tests give shapes, axes or the like as inputs; these are bound to their values when the model is read, as exporters write them.",
        "Tests with texts, sequences or 8-bit floats are left out, and 32 whose expected values we take for wrong. Of three of the attention tests ONNX Runtime was seen to give other values as well; that the rest of these names share the cause is inferred. With the 32 counted as failed, 94.8 % of the tests of one operator pass. Four tests of Resize fail on purpose: by align_corners, and with a scale that gives no whole length, they divide by that length where ONNX Runtime and PyTorch divide by the whole one, as we do.",
        "",
        *[f"* {why}: {', '.join(f'`test_{name}*`' for name in names)}." for why, names in WRONG.items()],
        "",
    ]
    for engine in engines:
        lines.append(f"* {engine}: {share(promised, engine)} of the tests of one operator, "
                     f"{share(composed, engine)} of those of graphs of several.")
    failing = [a for a in promised if any(a[engine] != "pass" for engine in engines)]
    lines += ["", table(promised, engines), "", "## What does not pass", ""]
    seen = set()
    for a in sorted(failing, key=lambda a: (subject(a), pathlib.Path(a["test"]).name, a["opset"])):
        why = next(a[engine] for engine in engines if a[engine] != "pass")
        line = f"* {subject(a)}, `{pathlib.Path(a['test']).name}` ({a['opset']}): {why}"
        if line not in seen:
            seen.add(line)
            lines.append(line)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "fewbit" / "onnx-tests")
    parser.add_argument("--only", default="", help="tests whose name has this in it; nothing is written then")
    parser.add_argument("--cpu", action="store_true", help="without the GPU engine; nothing is written then")
    parser.add_argument("--failures", action="store_true", help="print what fails")
    args = parser.parse_args()
    folders = distinct((version, path) for version, path in fetch(args.cache) if args.only in path.name)
    answers = [answer for answer in run(folders, args.cpu) if answer["opset"] in OPSETS and answer["numeric"] and not is_wrong(answer)]
    engines = ["cpu"] if args.cpu else ["cpu", "gpu"]
    for engine in engines:
        promised = [a for a in answers if subject(a) in PROMISED]
        composed = [a for a in answers if subject(a) is None and set(a["operators"]) <= set(PROMISED)]
        print(engine, share(promised, engine), "composed", share(composed, engine))
        for a in answers if args.failures else []:
            if a[engine] != "pass" and set(a["operators"]) <= set(PROMISED):
                print(f"  {engine} {pathlib.Path(a['test']).name} {a['opset']}: {a[engine]}")
    if not args.only and not args.cpu:
        (ROOT / "docs" / "operators.md").write_text(document(answers, engines))


if __name__ == "__main__":
    main()
