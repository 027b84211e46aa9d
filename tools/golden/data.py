"""Goldens of own data: pictures as Pillow reads and resizes them, tokens as Hugging Face's tokenizers and SentencePiece make them,
and a small language model with its perplexity.

Writes tests/golden/data/. Needs numpy, pillow < 13 (later ones take rows and columns in another order), tokenizers, sentencepiece, protobuf, gguf, onnx, onnxruntime.
"""

import base64
import json
import math
import pathlib
import tempfile

import gguf
import numpy as np
import onnx
import onnxruntime
import sentencepiece
import sentencepiece.sentencepiece_model_pb2 as sentencepiece_model_pb2
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Regex

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/data"
LICENCE = (ROOT / "LICENSE-APACHE").read_text()

# ---------------------------------------------------------------------------------------------------------------- pictures

FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIZES = [(16, 16), (23, 37), (64, 48), (5, 41), (37, 9), (1, 1), (90, 23)]


def scene(height, width, seed):
    """A smooth scene with some noise, uint8 H×W×3."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / a + c) * np.cos(y / b) for a, b, c in [(3, 5, 0), (7, 2, 1), (4, 9, 2)]]
    return np.clip(np.stack(waves, -1) * 90 + 128 + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8)


def pictures():
    arrays = {}
    rgb = Image.fromarray(scene(37, 23, 0))
    grey = rgb.convert("L")
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray((np.arange(37 * 23) % 256).astype(np.uint8).reshape(37, 23)))
    deep = Image.fromarray((np.arange(37 * 23, dtype=np.uint16) * 77).reshape(37, 23))
    files = {
        "rgb.png": (rgb, {}),
        "grey.png": (grey, {}),
        "alpha.png": (alpha, {}),
        "palette.png": (rgb.quantize(16), {}),
        "bilevel.png": (grey.convert("1"), {}),
        "deep.png": (deep, {}),
        "rgb.jpg": (rgb, {"quality": 92}),
        "progressive.jpg": (rgb, {"quality": 90, "progressive": True, "subsampling": 0}),
        "grey.jpg": (grey, {"quality": 92}),
    }
    for name, (image, options) in files.items():
        image.save(OUT / name, **options)
        read = Image.open(OUT / name)
        if name == "deep.png":
            # Pillow clips 16 bits to 8; the upper 8 bits are the picture.
            pixels = (np.asarray(read).astype(np.uint16) >> 8).astype(np.uint8)
        else:
            is_grey = read.mode in ("L", "1")
            pixels = np.asarray(read.convert("L" if is_grey else "RGB"))
        arrays[name] = pixels
    arrays["rgb.png luma"] = np.asarray(rgb.convert("L"))
    for name, kind in FILTERS.items():
        for width, height in SIZES:
            arrays[f"resize {name} {width}x{height}"] = np.asarray(rgb.resize((width, height), kind))
    # The usual preparation for ImageNet, in double precision, rounded once.
    small = rgb.resize((18, 28), Image.BILINEAR)  # the shorter side 23 becomes 18, 37·18/23 = 28.9
    left, top = (18 - 16) // 2, (28 - 16) // 2
    cut = np.asarray(small.crop((left, top, left + 16, top + 16))).astype(np.float64)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    arrays["prepared"] = ((cut * (1 / 255) - mean) / std).astype(np.float32).transpose(2, 0, 1)
    np.savez_compressed(OUT / "pictures.npz", **arrays)


# ------------------------------------------------------------------------------------------------------------------ tokens

CORPUS = LICENCE + """
Die Straße führt über die Brücke, größer als früher. Ça va? Où êtes-vous allé hier à Noël? El niño pequeño comió piñas.
量化是把模型的权重和激活值变成整数的过程。我们在浏览器里量化神经网络。今天天气很好，我们去公园散步吧。
Быстрая коричневая лиса прыгает через ленивую собаку. γνῶθι σεαυτόν. 今日は良い天気ですね。 안녕하세요 세계.
0 1 22 333 4444 55555 3.14159 2026-11-22 1,000,000 for (int i = 0; i < n; ++i) { x[i] += y[i] * 2; }
😀 👩‍👩‍👧 🇨🇭 ∑∫√ ﬁ ½ é e\u0301 naïve co\u0308operate
"""
TRICKY = [
    "",
    " ",
    "Hello, world!",
    "  two  spaces   and a tab\tand\nnew\r\nlines  ",
    "The License shall terminate as of the date such litigation is filed.",
    "it's we've I'LL they'd DON'T",
    "量化神经网络，变成整数。",
    "混合 mixed 文本 text 123 和 numbers",
    "1234567890 3.14 0x1F 1,000",
    "😀👍🏽 👩‍👩‍👧 🇨🇭 𝕏 🤖",
    "naïve café cafe\u0301 ﬁne ½ Straße ΣΊΣΥΦΟΣ",
    "▁under▁lines ĠĠ ## [UNK] <unk> </s>",
    "<s>special</s> in<s>side",
    "tabs\t\t\tand    many     spaces",
    "\u200bzero\u00a0width \ufeffbom",
    "日本語のテキスト 한국어 텍스트 العربية עברית ไทย",
    "a" * 40,
    "def f(x):\n    return x**2  # comment\n",
    "The end. ",
]


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def trained(model, trainer, normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(CORPUS.splitlines(keepends=True), trainer)
    if post_processor:
        tokenizer.post_processor = post_processor
    return tokenizer


def tokenizers():
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytes_trainer = lambda special: trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    return {
        "byte-level": trained(
            models.BPE(),
            bytes_trainer(["<|endoftext|>"]),
            pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False),
            decoder=decoders.ByteLevel(),
            post_processor=processors.ByteLevel(trim_offsets=False),
        ),
        "llama-3": trained(
            models.BPE(ignore_merges=True),
            bytes_trainer(["<s>", "</s>"]),
            pre_tokenizer=pre_tokenizers.Sequence(
                [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
            ),
            decoder=decoders.ByteLevel(),
            post_processor=processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)]),
        ),
        "wordpiece": trained(
            models.WordPiece(unk_token="[UNK]"),
            trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False),
            normalizer=normalizers.BertNormalizer(lowercase=True),
            pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
            decoder=decoders.WordPiece(),
        ),
        "unigram": trained(
            models.Unigram(),
            trainers.UnigramTrainer(vocab_size=400, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False),
            normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
            pre_tokenizer=pre_tokenizers.Metaspace(),
            decoder=decoders.Metaspace(),
        ),
    }


def sentence_piece():
    """A SentencePiece model as Llama's: byte-pair encoding, digits apart, unknown characters as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = pathlib.Path(folder) / "corpus.txt"
        corpus.write_text(CORPUS)
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=f"{folder}/m", vocab_size=640, model_type="bpe", byte_fallback=True,
            split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.99,
            allow_whitespace_only_pieces=True, minloglevel=2,
        )
        return sentencepiece.SentencePieceProcessor(model_file=f"{folder}/m.model")


def charsmap():
    """A table of characters as SentencePiece compiles it: a ligature, fractions, accents, wide and Greek letters, some to nothing."""
    rules = {"ﬁ": "fi", "½": "1/2", "é": "e", "e\u0301": "e", "ï": "i", "Σ": "S", "\u200b": "", "\u00a0": " ", "，": ",", "😀": ":-)"}
    with tempfile.TemporaryDirectory() as folder:
        corpus, table = pathlib.Path(folder) / "corpus.txt", pathlib.Path(folder) / "rules.tsv"
        corpus.write_text(CORPUS)
        hexadecimal = lambda text: " ".join(f"{ord(c):X}" for c in text)
        table.write_text("".join(f"{hexadecimal(a)}\t{hexadecimal(b)}\n" for a, b in rules.items()))
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=f"{folder}/m", vocab_size=300, model_type="unigram", hard_vocab_limit=False,
            normalization_rule_tsv=str(table), minloglevel=2,
        )
        spec = sentencepiece_model_pb2.ModelProto.FromString(pathlib.Path(f"{folder}/m.model").read_bytes())
        return base64.b64encode(spec.normalizer_spec.precompiled_charsmap).decode()


def gguf_file(name, model, tokens, kinds, scores=None, merges=None, pre=None):
    writer = gguf.GGUFWriter(OUT / name, "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    if scores:
        writer.add_token_scores(scores)
    if merges:
        writer.add_token_merges(merges)
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def byte_level_gguf(name, tokenizer, pre):
    state = json.loads(tokenizer.to_str())
    vocabulary = sorted(tokenizer.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1])
    special = {token["content"] for token in state["added_tokens"]}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in state["model"]["merges"]]
    kinds = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token, _ in vocabulary]
    gguf_file(name, "gpt2", [token for token, _ in vocabulary], kinds, merges=merges, pre=pre)


def tokens():
    cases = {}
    made = tokenizers()
    for name in made:
        # Training does not give the same twice: what is there stays.
        path = OUT / f"{name}.json"
        if not path.exists():
            path.write_text(made[name].to_str())
        made[name] = tokenizer = Tokenizer.from_file(str(path))
        cases[f"{name}.json"] = [tokenizer.encode(text, add_special_tokens=False).ids for text in TRICKY]
    charsmapped = json.loads(made["unigram"].to_str())
    charsmapped["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
    (OUT / "charsmap.json").write_text(json.dumps(charsmapped))
    charsmapped = Tokenizer.from_file(str(OUT / "charsmap.json"))
    cases["charsmap.json"] = [charsmapped.encode(text, add_special_tokens=False).ids for text in TRICKY]
    for name, pre in [("byte-level", "gpt-2"), ("llama-3", "llama-bpe")]:
        byte_level_gguf(f"{name}.gguf", made[name], pre)
        cases[f"{name}.gguf"] = cases[f"{name}.json"]
    sp = sentence_piece()
    kind = lambda i: (
        gguf.TokenType.UNKNOWN if sp.is_unknown(i) else gguf.TokenType.CONTROL if sp.is_control(i)
        else gguf.TokenType.BYTE if sp.is_byte(i) else gguf.TokenType.NORMAL
    )
    n = sp.get_piece_size()
    gguf_file(
        "sentencepiece.gguf", "llama", [sp.id_to_piece(i) for i in range(n)], [kind(i) for i in range(n)],
        scores=[sp.get_score(i) for i in range(n)],
    )
    # SentencePiece does not look for control tokens in a text, which readers of tokenizer.json do.
    plain = [text if "<s>" not in text and "</s>" not in text else None for text in TRICKY]
    cases["sentencepiece.gguf"] = [None if text is None else sp.encode(text) for text in plain]
    (OUT / "tokens.json").write_text(json.dumps({"texts": TRICKY, "tokens": cases}, ensure_ascii=True, indent=0))


# --------------------------------------------------------------------------------------------------------- language model

WINDOW, RANK = 32, 40


def language_model():
    """Bytes in, scores of the next byte out: the logarithms of how often one byte follows another, at a low rank."""
    text = np.frombuffer(LICENCE.encode(), np.uint8)
    counts = np.full((256, 256), 0.05)
    np.add.at(counts, (text[:-1], text[1:]), 1)
    logs = np.log(counts / counts.sum(1, keepdims=True))
    u, s, v = np.linalg.svd(logs)
    # A sign for each direction, which the decomposition leaves open.
    signs = np.sign(u[np.abs(u).argmax(0), np.arange(256)])
    embedding = (u * signs * np.sqrt(s))[:, :RANK].astype(np.float32)
    head = ((v.T * signs).T * np.sqrt(s)[:, None])[:RANK].astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["embedding", "tokens"], ["embedded"], name="embed"), helper.make_node("MatMul", ["embedded", "head"], ["logits"], name="head")],
        "bytes",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", WINDOW])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", WINDOW, 256])],
        [numpy_helper.from_array(embedding, "embedding"), numpy_helper.from_array(head, "head")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, OUT / "bytes.onnx")
    sample = text[:4097].astype(np.int64)
    (OUT / "bytes.txt").write_bytes(text[:4097].tobytes())
    x, y = sample[:-1].reshape(-1, WINDOW), sample[1:].reshape(-1, WINDOW)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    logits = session.run(None, {"tokens": x})[0].astype(np.float64)
    log_sum = np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) + logits.max(-1)
    loss = (log_sum - np.take_along_axis(logits, y[..., None], -1)[..., 0]).mean()
    right = int((logits.argmax(-1) == y).sum())
    told = {"tokens": int(y.size), "right": right, "cross_entropy": loss, "perplexity": math.exp(loss)}
    (OUT / "bytes.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    pictures()
    tokens()
    language_model()
