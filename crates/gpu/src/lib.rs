//! The wgpu engine: WebGPU in the browser; Vulkan, Metal or Direct3D 12 natively.
//!
//! [`Gpu::open`] finds a device; as a [`fewbit_runtime::Backend`] it then makes plans. A plan goes through these
//! stages, each of them data for the next:
//!
//! 1. `fuse`: nodes become tasks; an activation and a quantizer go into the store of the node before them.
//! 2. `schedule`, [`kernels`]: each task becomes steps, a step being one use of a kernel: parameters, operands, workgroups.
//! 3. `memory`: wires get buffers, shared if nobody wants to look at inner values.
//! 4. `program`: buffers, pipelines and bind groups are made; long steps are cut into slices.
//! 5. `plan`: a run encodes the slices of what is out of date, a few to a submission, and looks for a cancel between. A
//!    step of learning ends with its assignments (`assign`), behind the last slices and in one submission with them.
//!
//! Kernels keep to what every WebGPU device offers, and no result depends on the order in which invocations run: the same
//! device and the same input give the same bits.

/// A kernel's source as the build script leaves it, by its path in `kernels/`.
macro_rules! wgsl {
    ($path:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/kernels/", $path))
    };
}

mod assign;
mod device;
mod fuse;
pub mod kernel;
pub mod kernels;
mod memory;
mod plan;
mod program;
mod queue;
mod schedule;
pub mod selftest;
mod step;

pub use device::{Adapter, Gpu, GpuError, Options};
pub use kernel::Kernel;
pub use selftest::{Check, SelfTest, SelfTestOptions, self_test};
