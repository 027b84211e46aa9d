//! What a file is, told from its first bytes, and what to do with one that is no model.

use crate::limits::Limits;
use crate::npz::Npz;

/// The kinds of file that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A model for [`crate::onnx`].
    Onnx,
    /// An archive of arrays for [`crate::npz`].
    Npz,
    /// One array for [`crate::npy`].
    Npy,
    /// Named tensors for [`crate::safetensors`].
    Safetensors,
    /// A GGUF model, which is recognised but not read.
    Gguf,
    /// A PyTorch checkpoint, which is recognised but not read: it holds Python objects.
    PyTorch,
    /// Anything else.
    Unknown,
}

impl Kind {
    /// Tells what `bytes` are. `file_name` only counts where the bytes leave a doubt: ONNX has no magic number.
    pub fn of(bytes: &[u8], file_name: &str) -> Self {
        match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Self::Npy,
            [b'G', b'G', b'U', b'F', ..] => Self::Gguf,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::of_zip(bytes),
            // Pickle, protocols 2 to 5.
            [0x80, 2..=5, ..] => Self::PyTorch,
            [_, _, _, _, _, _, _, 0, b'{', ..] => Self::Safetensors,
            _ if looks_like_onnx(bytes) || has_extension(file_name, "onnx") => Self::Onnx,
            _ => Self::Unknown,
        }
    }

    fn of_zip(bytes: &[u8]) -> Self {
        let Ok(npz) = Npz::open(bytes, &Limits::default()) else { return Self::Unknown };
        if npz.members().iter().any(|name| name.ends_with("data.pkl")) {
            Self::PyTorch
        } else if !npz.names().is_empty() {
            Self::Npz
        } else {
            Self::Unknown
        }
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Onnx => "ONNX model",
            Self::Npz => "npz archive",
            Self::Npy => "npy array",
            Self::Safetensors => "safetensors file",
            Self::Gguf => "GGUF model",
            Self::PyTorch => "PyTorch checkpoint",
            Self::Unknown => "unknown file",
        }
    }

    /// What someone who wanted to open this as a model should do; `None` for what is one.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Onnx => None,
            Self::Npz => Some("This is data, not a model: open it as the data of a model"),
            Self::Npy => {
                Some("This is one array, not a model: as data, it has to be an npz archive with x and y")
            }
            Self::Safetensors => Some(
                "This holds weights without the network that uses them: put the checkpoint's config.json beside it, or export the model to ONNX",
            ),
            Self::Gguf => Some("GGUF language models are not read yet: export the model to ONNX"),
            Self::PyTorch => Some(
                "A PyTorch checkpoint is a Python program's memory: export the model with torch.onnx.export",
            ),
            Self::Unknown => Some("This is no model that Fewbit knows: open an ONNX file"),
        }
    }
}

fn has_extension(file_name: &str, extension: &str) -> bool {
    file_name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
}

/// A model begins with `ir_version`, a varint of one byte in field 1, and goes on with another of its fields.
fn looks_like_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=0x7f, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72, ..])
}
