//! What the host knows of a kernel, and how its source is put together.

/// How a kernel uses a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads it.
    Read,
    /// It writes it.
    Write,
}

/// A storage buffer of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its number in bind group 0. Number 0 is the uniform buffer with the kernel's `Params`.
    pub number: u32,
    /// How it is used.
    pub access: Access,
}

/// A buffer that is read.
pub(crate) const fn read(number: u32) -> Binding {
    Binding { number, access: Access::Read }
}

/// A buffer that is written.
pub(crate) const fn write(number: u32) -> Binding {
    Binding { number, access: Access::Write }
}

/// The invocations of a workgroup, of every kernel.
pub const WORKGROUP: u32 = 64;

/// The buffers of a quantizer, which kernels with an epilogue have beside their own.
const EPILOGUE_STORAGE: [Binding; 3] = [read(6), read(7), read(8)];

/// The constants of an epilogue.
const EPILOGUE_CONSTANTS: [&str; 2] = ["ACTIVATION", "QUANTIZE"];

/// A compute kernel: a `.wgsl` file and what the host has to know of it. Its entry point is `main`.
#[derive(Debug)]
pub struct Kernel {
    /// The file's stem.
    pub name: &'static str,
    /// The file without comments and indentation, before its imports are put in; see [`Kernel::wgsl`].
    pub source: &'static str,
    /// The bytes of its `Params`.
    pub params: usize,
    /// Its own storage buffers, in the order in which steps name them.
    pub storage: &'static [Binding],
    /// The names of its own `override` constants.
    pub constants: &'static [&'static str],
    /// Whether `prelude/epilogue.wgsl` is part of it, with more buffers and constants.
    pub epilogue: bool,
}

/// The files that kernels import, by the name in `//#import`.
pub const PRELUDE: &[(&str, &str)] = &[
    ("prelude/activation.wgsl", wgsl!("prelude/activation.wgsl")),
    ("prelude/division.wgsl", wgsl!("prelude/division.wgsl")),
    ("prelude/elements.wgsl", wgsl!("prelude/elements.wgsl")),
    ("prelude/epilogue.wgsl", wgsl!("prelude/epilogue.wgsl")),
    ("prelude/groups.wgsl", wgsl!("prelude/groups.wgsl")),
    ("prelude/index.wgsl", wgsl!("prelude/index.wgsl")),
    ("prelude/nan.wgsl", wgsl!("prelude/nan.wgsl")),
    ("prelude/parts.wgsl", wgsl!("prelude/parts.wgsl")),
    ("prelude/quantizer.wgsl", wgsl!("prelude/quantizer.wgsl")),
    ("prelude/reduction.wgsl", wgsl!("prelude/reduction.wgsl")),
    ("prelude/statistics.wgsl", wgsl!("prelude/statistics.wgsl")),
    ("prelude/strided.wgsl", wgsl!("prelude/strided.wgsl")),
    ("prelude/trigonometry.wgsl", wgsl!("prelude/trigonometry.wgsl")),
    ("prelude/window.wgsl", wgsl!("prelude/window.wgsl")),
];

impl Kernel {
    /// All its storage buffers, in the order in which steps name them.
    pub fn all_storage(&self) -> impl Iterator<Item = Binding> {
        let epilogue = EPILOGUE_STORAGE.iter().filter(|_| self.epilogue);
        self.storage.iter().chain(epilogue).copied()
    }

    /// The names of all its `override` constants.
    pub fn all_constants(&self) -> impl Iterator<Item = &'static str> {
        let epilogue = EPILOGUE_CONSTANTS.iter().filter(|_| self.epilogue);
        self.constants.iter().chain(epilogue).copied()
    }

    /// The whole source: each line `//#import prelude/x.wgsl` is replaced by that file. Imports do not nest, and
    /// an unknown one stays a comment, so that the compiler names what is missing.
    pub fn wgsl(&self) -> String {
        let mut whole = String::with_capacity(2 * self.source.len());
        for line in self.source.lines() {
            let imported = line
                .strip_prefix("//#import ")
                .and_then(|name| PRELUDE.iter().find(|(known, _)| *known == name.trim()));
            whole.push_str(imported.map_or(line, |(_, source)| source));
            whole.push('\n');
        }
        whole
    }
}
