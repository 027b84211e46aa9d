//! What the modules of a Llama-style decoder are called: by Hugging Face, and by llama.cpp.

/// Modules of a block, by both names.
const BLOCK: [(&str, &str); 11] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// Modules outside of the blocks.
const WHOLE: [(&str, &str); 3] =
    [("embed_tokens", "token_embd"), ("norm", "output_norm"), ("lm_head", "output")];

/// How a checkpoint names the modules of a decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Hugging Face's names behind a prefix, `model.` or nothing.
    HuggingFace(&'static str),
    /// llama.cpp's.
    Gguf,
}

impl Names {
    /// A module outside of the blocks.
    pub(super) fn whole(&self, what: &str) -> String {
        match self {
            Self::HuggingFace(_) if what == "lm_head" => what.to_owned(),
            Self::HuggingFace(prefix) => format!("{prefix}{what}"),
            Self::Gguf => in_gguf(&WHOLE, what).to_owned(),
        }
    }

    /// A module of block `i`.
    pub(super) fn block(&self, i: usize, what: &str) -> String {
        match self {
            Self::HuggingFace(prefix) => format!("{prefix}layers.{i}.{what}"),
            Self::Gguf => format!("blk.{i}.{}", in_gguf(&BLOCK, what)),
        }
    }

    /// A part of block `i` that has no parameters of its own.
    pub(super) fn group(&self, i: usize, what: &str) -> String {
        match self {
            Self::HuggingFace(prefix) => format!("{prefix}layers.{i}.{what}"),
            Self::Gguf => format!("blk.{i}.{what}"),
        }
    }
}

fn in_gguf<'a>(table: &[(&'static str, &'static str)], what: &'a str) -> &'a str {
    table.iter().find(|(name, _)| *name == what).map_or(what, |(_, name)| name)
}

/// What llama.cpp calls the parameter that Hugging Face calls `name`, `….weight` or `….bias`; none for what it does not have.
pub fn to_gguf(name: &str) -> Option<String> {
    let (module, end) = name.rsplit_once('.')?;
    let bare = module.strip_prefix("model.").unwrap_or(module);
    let found = |table: &[(&'static str, &'static str)], what: &str| {
        table.iter().find(|(known, _)| *known == what).map(|(_, name)| *name)
    };
    if let Some(name) = found(&WHOLE, bare) {
        return Some(format!("{name}.{end}"));
    }
    let (block, what) = bare.strip_prefix("layers.")?.split_once('.')?;
    block.parse::<u32>().ok()?;
    found(&BLOCK, what).map(|name| format!("blk.{block}.{name}.{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_llama_cpp() {
        assert_eq!(to_gguf("model.layers.12.mlp.up_proj.weight").as_deref(), Some("blk.12.ffn_up.weight"));
        assert_eq!(to_gguf("layers.0.self_attn.q_proj.bias").as_deref(), Some("blk.0.attn_q.bias"));
        assert_eq!(to_gguf("lm_head.weight").as_deref(), Some("output.weight"));
        assert_eq!(to_gguf("model.layers.x.mlp.up_proj.weight"), None);
        assert_eq!(to_gguf("vit.layernorm.weight"), None);
        let names = Names::HuggingFace("model.");
        for (what, _) in BLOCK {
            let name = format!("{}.weight", names.block(3, what));
            assert_eq!(to_gguf(&name), Some(format!("{}.weight", Names::Gguf.block(3, what))));
        }
    }
}
