//! The CPU engine.
//!
//! It gives the same bits on every machine, natively and in wasm. So that it does, an element of a product or a
//! convolution is the sum of its terms in ascending order, with one f32 multiplication and one f32 addition for each
//! and no fused multiply-add; other sums have a fixed order, written down where they are taken; and functions like eˣ
//! come from the `libm` crate. Vectors lie across outputs, never across the terms of a sum, and how wide they are
//! (AVX-512, AVX2, SSE, NEON, wasm `simd128`) is chosen when the engine starts and changes no bit. Only which NaN
//! comes out of an operation on NaNs is left to the machine.
//!
//! Reading order: [`plan`] runs what [`schedule`] laid out; [`kernel`] lists what a step can be; the rest is one file
//! for each family of operators, with `gemm` below `conv` and `matmul`.

mod arena;
mod bernoulli;
mod broadcast;
mod choice;
mod conv;
mod cumsum;
mod evaluate;
mod gather;
mod gemm;
mod kernel;
mod layout;
mod matmul;
mod observe;
mod order;
mod pieces;
mod plan;
mod pool;
mod pool_grad;
mod recurrent;
mod reduce;
mod scatter;
mod schedule;
mod simd;
mod softmax;
mod stage;
mod values;

use fearless_simd::Level;
use fewbit_graph::{Bindings, Graph};

use crate::backend::{Backend, BackendInfo, BackendKind, Keep, LocalFuture, Plan, RunError};

/// The CPU engine; one thread.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    level: Level,
}

impl Cpu {
    /// The engine, with the widest vectors that this machine has.
    pub fn new() -> Self {
        Self { level: Level::new() }
    }

    /// The engine with the vectors that every machine of this kind has: the same bits, slower.
    pub fn baseline() -> Self {
        Self { level: Level::baseline() }
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Cpu {
    fn info(&self) -> BackendInfo {
        let device = simd::name(self.level).to_owned();
        BackendInfo { kind: BackendKind::Cpu, device, software: false }
    }

    fn prepare<'a>(
        &'a self,
        graph: &'a Graph,
        bindings: &'a Bindings,
        keep: Keep,
    ) -> LocalFuture<'a, Result<Box<dyn Plan>, RunError>> {
        Box::pin(async move {
            let plan = plan::CpuPlan::new(self.level, graph, bindings, keep)?;
            Ok(Box::new(plan) as Box<dyn Plan>)
        })
    }
}
