"""Makes the golden of Qwen3: a tiny checkpoint as transformers stores it, and its scores, computed here in 64-bit floats after the
architecture's description (Qwen3 Technical Report, 2025, section 2: grouped queries, rotary positions, RMSNorm before each part and of each
head's queries and keys, SwiGLU, no biases). The implementation in candle-transformers 0.9.2 gives the same scores within 5e-7.

transformers has Qwen3 from 4.51 on, which needs a torch that is not everywhere; where it is, `models.py` compares with it. Needs numpy and
safetensors. Run it after `models.py --golden`, which empties the folder of goldens.

    python tools/checkpoints/qwen3.py
"""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/checkpoints"
CONFIG = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "model_type": "qwen3",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
    "use_sliding_window": False,
    "vocab_size": 48,
}


def tensors(random):
    """Each tensor's name, without its end, and its values."""
    width, inner, vocabulary = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["vocab_size"]
    queries, keys = (CONFIG[name] * CONFIG["head_dim"] for name in ["num_attention_heads", "num_key_value_heads"])

    def matrix(rows, columns):
        return (random.standard_normal((rows, columns)) * 0.2).astype(np.float16)

    def vector(length):
        return (1 + 0.3 * random.standard_normal(length)).astype(np.float16)

    yield "model.embed_tokens", matrix(vocabulary, width)
    yield "model.norm", vector(width)
    yield "lm_head", matrix(vocabulary, width)
    for i in range(CONFIG["num_hidden_layers"]):
        for name, values in [
            ("input_layernorm", vector(width)),
            ("self_attn.q_proj", matrix(queries, width)),
            ("self_attn.k_proj", matrix(keys, width)),
            ("self_attn.v_proj", matrix(keys, width)),
            ("self_attn.o_proj", matrix(width, queries)),
            ("self_attn.q_norm", vector(CONFIG["head_dim"])),
            ("self_attn.k_norm", vector(CONFIG["head_dim"])),
            ("post_attention_layernorm", vector(width)),
            ("mlp.gate_proj", matrix(inner, width)),
            ("mlp.up_proj", matrix(inner, width)),
            ("mlp.down_proj", matrix(width, inner)),
        ]:
            yield f"model.layers.{i}.{name}", values


def normed(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + CONFIG["rms_norm_eps"]) * weight


def turned(x):
    """Rotary positions: number i of a head and number i + half turn together. x is [heads, T, head_dim]."""
    half = CONFIG["head_dim"] // 2
    angles = np.outer(np.arange(x.shape[1]), CONFIG["rope_theta"] ** (-np.arange(half) / half))
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], -1)


def scores(weights, ids):
    """The scores [T, V] for a text."""

    def split(x):
        return x.reshape(len(ids), -1, CONFIG["head_dim"]).swapaxes(0, 1)

    x = weights["model.embed_tokens"][ids]
    for i in range(CONFIG["num_hidden_layers"]):
        own = {name.removeprefix(f"model.layers.{i}."): value for name, value in weights.items()}
        h = normed(x, own["input_layernorm"])
        q, k, v = (split(h @ own[f"self_attn.{name}_proj"].T) for name in "qkv")
        q, k = turned(normed(q, own["self_attn.q_norm"])), turned(normed(k, own["self_attn.k_norm"]))
        k, v = (np.repeat(one, len(q) // len(one), 0) for one in (k, v))
        weighed = q @ k.swapaxes(1, 2) / np.sqrt(CONFIG["head_dim"])
        weighed = np.exp(np.where(np.tri(len(ids), dtype=bool), weighed, -np.inf))
        mixed = weighed / weighed.sum(-1, keepdims=True) @ v
        x = x + mixed.swapaxes(0, 1).reshape(len(ids), -1) @ own["self_attn.o_proj"].T
        h = normed(x, own["post_attention_layernorm"])
        gate = h @ own["mlp.gate_proj"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ own["mlp.up_proj"].T)) @ own["mlp.down_proj"].T
    return normed(x, weights["model.norm"]) @ weights["lm_head"].T


def main():
    random = np.random.default_rng(0)
    values = dict(tensors(random))
    ids = random.integers(3, CONFIG["vocab_size"], (2, 12))
    wide = {name: value.astype(np.float64) for name, value in values.items()}
    logits = np.stack([scores(wide, row) for row in ids]).astype(np.float32)
    folder = GOLDEN / "qwen3"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    save_file({f"{name}.weight": value for name, value in values.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    np.savez(GOLDEN / "qwen3.npz", **{"in.input_ids": ids, "out.logits": logits})


if __name__ == "__main__":
    main()
