//! Which vectors there are.

pub(crate) use fearless_simd::prelude::{Select, SimdBase};
pub(crate) use fearless_simd::{Level, Simd, dispatch, f32x4, f32x8, f64x4};

/// `x`, with 0 for −0.
///
/// For results of a choice between a new value and the one that is there already: without an operation on the latter,
/// such a loop is compiled to masked stores, which some machines do ten times slower than plain ones.
#[inline(always)]
pub(crate) fn rewritten(x: f32) -> f32 {
    x + 0.0
}

/// What people call the instruction set.
pub(crate) fn name(level: Level) -> &'static str {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let wide = [
        (level.as_avx512().is_some(), "AVX-512"),
        (level.as_avx2().is_some(), "AVX2"),
        (level.as_sse4_2().is_some(), "SSE4.2"),
        (level.as_sse2().is_some(), "SSE2"),
    ];
    #[cfg(target_arch = "aarch64")]
    let wide = [(level.as_neon().is_some(), "NEON")];
    #[cfg(target_arch = "wasm32")]
    let wide = [(!level.is_fallback(), "wasm simd128")];
    #[cfg(not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "wasm32"
    )))]
    let wide = [(!level.is_fallback(), "SIMD")];
    wide.into_iter().find(|(present, _)| *present).map_or("scalar", |(_, name)| name)
}
