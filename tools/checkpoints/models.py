"""Makes tiny random checkpoints with `transformers` and `gguf`, and compares what `fewbit infer` makes of them with what they answer.

Needs numpy, torch, transformers 4.43 or newer (Qwen3 from 4.51 on), safetensors and gguf.

    python tools/checkpoints/models.py [--fewbit PROGRAM] [--folder DIR] [--only NAME] [--cpu]
    python tools/checkpoints/models.py --golden        # writes tests/golden/checkpoints anew; then run qwen3.py

The error of a model is max|a − b|/max|b| over its outputs, with b those of transformers in float32 from the stored values; of a GGUF with
b those of transformers with the values that the PyPI package `gguf` dequantizes from the file.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers as tf

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/checkpoints"
KEPT = [
    "llama", "qwen2", "stablelm", "gemma", "gpt2", "bert_masked", "roberta_text", "distilbert", "distilbert_masked", "distilbert_text", "vit",
    "llama_mixed",
]
TEXT = dict(vocab_size=48, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4)
GROUPED = dict(**TEXT, num_key_value_heads=2, max_position_embeddings=64)
ENCODER = dict(**TEXT, max_position_embeddings=40)
DISTILLED = dict(vocab_size=48, dim=32, hidden_dim=48, n_layers=2, n_heads=4, max_position_embeddings=40)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
LABELS = {i: f"label{i}" for i in range(3)}
PICTURE = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4, id2label=LABELS)


def models():
    """Each model's name, the model, and how it is stored: its type, and the bytes of a shard."""
    yield "llama", tf.LlamaForCausalLM(tf.LlamaConfig(**GROUPED, rope_scaling=LLAMA3)), torch.bfloat16, "9KB"
    yield "llama_linear", tf.LlamaForCausalLM(
        tf.LlamaConfig(**GROUPED, rope_scaling=dict(type="linear", factor=4.0), rope_theta=5e5, tie_word_embeddings=True, attention_bias=True)), torch.float16, None
    yield "mistral", tf.MistralForCausalLM(tf.MistralConfig(**GROUPED, sliding_window=5, head_dim=16)), torch.float32, None
    yield "qwen2", tf.Qwen2ForCausalLM(tf.Qwen2Config(**GROUPED, use_sliding_window=False)), torch.bfloat16, None
    if hasattr(tf, "Qwen3ForCausalLM"):
        yield "qwen3", tf.Qwen3ForCausalLM(tf.Qwen3Config(**GROUPED, head_dim=16)), torch.bfloat16, None
    yield "stablelm", tf.StableLmForCausalLM(tf.StableLmConfig(**GROUPED, partial_rotary_factor=0.5, use_qkv_bias=True)), torch.float16, None
    yield "gemma", tf.GemmaForCausalLM(tf.GemmaConfig(**GROUPED, head_dim=16, pad_token_id=0)), torch.bfloat16, None
    yield "gpt2", tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=48, n_embd=32, n_layer=2, n_head=4, n_positions=40, n_inner=48)), torch.float16, None
    yield "bert", tf.BertModel(tf.BertConfig(**ENCODER)), torch.float16, None
    yield "bert_text", tf.BertForSequenceClassification(tf.BertConfig(**ENCODER, id2label=LABELS, hidden_act="gelu_new")), torch.float32, None
    yield "bert_masked", tf.BertForMaskedLM(tf.BertConfig(**ENCODER)), torch.float16, None
    yield "bert_token", tf.BertForTokenClassification(tf.BertConfig(**ENCODER, id2label=LABELS)), torch.float16, None
    yield "roberta_text", tf.RobertaForSequenceClassification(tf.RobertaConfig(**ENCODER, id2label=LABELS)), torch.float16, None
    yield "roberta_masked", tf.RobertaForMaskedLM(tf.RobertaConfig(**ENCODER)), torch.float16, None
    yield "distilbert", tf.DistilBertModel(tf.DistilBertConfig(**DISTILLED)), torch.float16, None
    yield "distilbert_masked", tf.DistilBertForMaskedLM(tf.DistilBertConfig(**DISTILLED)), torch.float16, None
    yield "distilbert_text", tf.DistilBertForSequenceClassification(tf.DistilBertConfig(**DISTILLED, id2label=LABELS, activation="relu")), torch.float16, None
    yield "distilbert_token", tf.DistilBertForTokenClassification(tf.DistilBertConfig(**DISTILLED, id2label=LABELS)), torch.float32, None
    yield "vit", tf.ViTForImageClassification(tf.ViTConfig(**PICTURE)), torch.float16, None
    yield "vit_base", tf.ViTModel(tf.ViTConfig(**PICTURE, qkv_bias=False)), torch.float16, None


def stored(folder, name, model, dtype, shard):
    """Stores a model, its values far from zero, and gives it with the values that were stored."""
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.mul_(4).add_(0.05 * torch.randn_like(tensor))
    path = folder / name
    shutil.rmtree(path, ignore_errors=True)
    model.to(dtype).save_pretrained(path, safe_serialization=True, **({"max_shard_size": shard} if shard else {}))
    for extra in path.glob("generation_config.json"):
        extra.unlink()
    # Read again: a model that is made wider has rotary frequencies of few bits still.
    return path, type(model).from_pretrained(path, torch_dtype=torch.float32, attn_implementation="eager").eval()


def inputs(model, random):
    config = model.config
    if hasattr(config, "image_size"):
        return {"pixel_values": random.standard_normal((2, 3, config.image_size, config.image_size)).astype(np.float32)}
    ids = random.integers(3, config.vocab_size, (2, 12))
    if "Bert" in type(model).__name__ or "Roberta" in type(model).__name__:
        ids[1, 9:] = config.pad_token_id
    return {"input_ids": ids}


def answers(model, given):
    tensors = {name: torch.tensor(value) for name, value in given.items()}
    ids = tensors.get("input_ids")
    padding = getattr(model.config, "pad_token_id", None)
    if ids is not None and padding is not None and (ids == padding).any():
        tensors["attention_mask"] = (ids != padding).long()
    with torch.no_grad():
        output = model(**tensors)
    names = ["logits", "last_hidden_state", "pooler_output"]
    return {name: output[name].numpy() for name in names if output.get(name) is not None}


# A module of a block by transformers' name, and by llama.cpp's.
BLOCK = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
}
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def name_in_gguf(name):
    module, end = name.rsplit(".", 1)
    if module in WHOLE:
        return f"{WHOLE[module]}.{end}"
    block, rest = module.removeprefix("model.layers.").split(".", 1)
    return f"blk.{block}.{BLOCK[rest]}.{end}"


def interleaved(values, heads):
    """Rows so that the numbers that rotary positions turn together are neighbours, as llama.cpp has them."""
    return values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def to_gguf(path, model, architecture, kinds, frequencies=False):
    """Writes a decoder as GGUF. `kinds` gives the type for a name; the model then has the values that were stored."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    if frequencies:
        plain = config.rope_theta ** -(np.arange(0, config.hidden_size // config.num_attention_heads, 2) / (config.hidden_size // config.num_attention_heads))
        writer.add_tensor("rope_freqs.weight", (plain / model.model.layers[0].self_attn.rotary_emb.inv_freq.numpy()).astype(np.float32))
    state = model.state_dict()
    for name, tensor in state.items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = tensor.numpy()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        turned = heads and architecture == "llama"
        if turned:
            values = interleaved(values, heads)
        kind = kinds(name_in_gguf(name)) if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        blocks = gguf.quants.quantize(np.ascontiguousarray(values), kind)
        writer.add_tensor(name_in_gguf(name), blocks, raw_dtype=kind)
        back = gguf.quants.dequantize(blocks, kind).reshape(values.shape)
        if turned:
            back = back.reshape(heads, -1, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        with torch.no_grad():
            tensor.copy_(torch.tensor(back))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def mixed(name):
    kinds = gguf.GGMLQuantizationType
    order = [kinds.F16, kinds.Q8_0, kinds.Q4_0, kinds.Q4_1, kinds.Q5_0, kinds.Q5_1, kinds.BF16]
    return kinds.F16 if name.startswith(("token", "output")) else order[sum(name.encode()) % len(order)]


def gguf_models():
    config = dict(GROUPED)
    yield "llama_mixed", tf.LlamaForCausalLM(tf.LlamaConfig(**config, rope_scaling=LLAMA3)), "llama", True
    yield "qwen2_mixed", tf.Qwen2ForCausalLM(tf.Qwen2Config(**config, use_sliding_window=False, tie_word_embeddings=True)), "qwen2", False


def cases(folder):
    """Each case: what to open, what to give, what comes out."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    for name, model, dtype, shard in models():
        path, model = stored(folder, name, model, dtype, shard)
        given = inputs(model, random)
        yield path, given, answers(model, given)
    for name, model, architecture, frequencies in gguf_models():
        scratch, model = stored(folder, name, model, torch.float32, None)
        shutil.rmtree(scratch)
        path = folder / f"{name}.gguf"
        to_gguf(path, model, architecture, mixed, frequencies)
        given = inputs(model, random)
        yield path, given, answers(model, given)


def error(fewbit, path, given, expected, backend):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        command = [fewbit, "infer", str(path), "--output", str(folder / "out"), "--backend", backend, "--json"]
        for name, value in given.items():
            np.save(folder / f"{name}.npy", value)
            command += ["--input", f"{name}={folder / name}.npy"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return done.stderr.strip()
        named = {output["name"]: np.load(output["file"]) for output in json.loads(done.stdout)["outputs"]}
        if named.keys() != expected.keys():
            return f"outputs {list(named)}, expected {list(expected)}"
        return max(float(np.abs(named[name] - value).max() / np.abs(value).max()) for name, value in expected.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewbit", default=str(ROOT / "target/release/fewbit"))
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--cpu", action="store_true", help="the CPU engine alone")
    parser.add_argument("--golden", action="store_true")
    args = parser.parse_args()
    if args.golden:
        shutil.rmtree(GOLDEN, ignore_errors=True)
        GOLDEN.mkdir(parents=True)
        for path, given, expected in cases(args.folder or pathlib.Path(tempfile.mkdtemp())):
            if path.stem not in KEPT:
                continue
            shutil.move(path, GOLDEN / path.name)
            arrays = {f"in.{name}": value for name, value in given.items()} | {f"out.{name}": value for name, value in expected.items()}
            np.savez(GOLDEN / f"{path.stem}.npz", **arrays)
        return
    folder = args.folder or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    worst = 0.0
    for path, given, expected in cases(folder):
        if args.only not in path.name:
            continue
        errors = [error(args.fewbit, path, given, expected, backend) for backend in (["cpu"] if args.cpu else ["cpu", "gpu"])]
        print(f"{path.name:20}", "  ".join(f"{e:.1e}" if isinstance(e, float) else e for e in errors), flush=True)
        worst = max([worst] + [e if isinstance(e, float) else 1.0 for e in errors])
    print(f"worst {worst:.1e}")
    sys.exit(worst > 1e-4)


if __name__ == "__main__":
    main()
