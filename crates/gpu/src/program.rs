//! A recording made ready for a device: buffers, pipelines, bind groups, parameters.

use fewbit_graph::WireId;
use fewbit_runtime::RunError;

use crate::device::Device;
use crate::memory::Memory;
use crate::step::{Operand, Recording, Step};

/// What one submission may cost, in floating-point operations, on a GPU. Slow ones do some 100 GFLOP/s; Windows takes a
/// device away that does not answer for 2 s, and a person who cancels waits for what was submitted.
const GPU_BUDGET: u64 = 4_000_000_000;

/// The same for an adapter that is a CPU in disguise, at 0.5 to 2 GFLOP/s.
const SOFTWARE_BUDGET: u64 = 50_000_000;

/// Parameters lie this far apart in the uniform buffer, as the baseline limits ask.
const ALIGNMENT: usize = 256;

/// The most workgroups along one axis of a dispatch.
const MOST_GROUPS: u32 = 65_535;

/// Everything that a plan holds on the device.
#[derive(Debug)]
pub(crate) struct Program {
    /// By the numbers of [`Memory`].
    pub(crate) buffers: Vec<wgpu::Buffer>,
    /// One for each step.
    pub(crate) commands: Vec<Command>,
    /// The budget of a submission.
    pub(crate) budget: u64,
    /// The size of all buffers.
    pub(crate) bytes: u64,
}

/// A step made ready.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) slices: Vec<Slice>,
    /// What each slice costs.
    pub(crate) cost: u64,
    /// See [`Step::cached_on`].
    pub(crate) cached_on: Option<WireId>,
}

/// A part of a step's workgroups: as many as one submission may hold.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) bindings: wgpu::BindGroup,
    pub(crate) grid: (u32, u32),
}

impl Program {
    /// Makes a recording ready.
    ///
    /// # Errors
    /// [`RunError::Device`] if memory runs out or a kernel does not compile.
    pub(crate) async fn build(
        device: &Device,
        recording: &Recording,
        memory: &Memory,
    ) -> Result<Self, RunError> {
        let filters =
            [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Validation];
        let mut scopes: Vec<_> =
            filters.into_iter().map(|filter| device.device.push_error_scope(filter)).collect();
        let program = Self::create(device, recording, memory);
        let mut errors = Vec::new();
        while let Some(scope) = scopes.pop() {
            errors.push(scope.pop());
        }
        let mut failure = None;
        for error in errors {
            failure = failure.or(error.await);
        }
        device.health.check()?;
        match failure {
            None => Ok(program),
            Some(error) => {
                device.forget_pipelines();
                let why = match error {
                    wgpu::Error::OutOfMemory { .. } => {
                        format!(
                            "out of memory: the plan takes {:.0} MiB",
                            program.bytes as f64 / f64::from(1 << 20)
                        )
                    }
                    other => other.to_string(),
                };
                Err(RunError::Device(why))
            }
        }
    }

    fn create(device: &Device, recording: &Recording, memory: &Memory) -> Self {
        let budget = if device.info.software { SOFTWARE_BUDGET } else { GPU_BUDGET };
        let storage = |label: &str, size: u64| {
            device.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_DST
                    | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        };
        let buffers: Vec<_> = memory.sizes.iter().map(|&size| storage("values", size)).collect();
        let scratch: Vec<_> =
            recording.scratch.iter().map(|&words| storage("scratch", scratch_bytes(words))).collect();
        let blank = storage("blank", 16);

        let slices: Vec<Vec<(u32, u32)>> =
            recording.steps.iter().map(|step| slices_of(step.groups, step.cost, budget)).collect();
        let params = params_of(&recording.steps, &slices);
        let uniform = device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: params.len().max(ALIGNMENT) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        if !params.is_empty() {
            device.queue.write_buffer(&uniform, 0, &params);
        }

        let mut commands = Vec::with_capacity(recording.steps.len());
        let mut block = 0;
        for (step, slices) in recording.steps.iter().zip(&slices) {
            let pipeline = device.pipeline(step.kernel, &step.constants);
            let mut bind = |&(first, end): &(u32, u32)| {
                let offset = (block * ALIGNMENT) as u64;
                block += 1;
                let size = wgpu::BufferSize::new(padded(step.params.len()) as u64);
                let mut entries = vec![wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &uniform,
                        offset,
                        size,
                    }),
                }];
                for (binding, operand) in step.kernel.all_storage().zip(&step.operands) {
                    let buffer = match *operand {
                        Operand::Wire(wire) => memory.of(wire).map_or(&blank, |place| &buffers[place]),
                        Operand::Scratch(i) => &scratch[i],
                        Operand::Blank => &blank,
                    };
                    let resource = buffer.as_entire_binding();
                    entries.push(wgpu::BindGroupEntry { binding: binding.number, resource });
                }
                let bindings = device.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(step.kernel.name),
                    layout: &pipeline.bindings,
                    entries: &entries,
                });
                Slice { bindings, grid: grid_of(end - first) }
            };
            let slices: Vec<Slice> = slices.iter().map(&mut bind).collect();
            commands.push(Command {
                cost: step.cost / slices.len().max(1) as u64,
                pipeline: pipeline.pipeline,
                slices,
                cached_on: step.cached_on,
            });
        }
        let bytes = buffers.iter().chain(&scratch).map(wgpu::Buffer::size).sum::<u64>() + uniform.size();
        Self { buffers, commands, budget, bytes }
    }
}

/// The bytes of a scratch buffer: whole vectors of four words.
pub(crate) fn scratch_bytes(words: usize) -> u64 {
    (words as u64 * 4).next_multiple_of(16).max(16)
}

/// The size of a `Params` in WGSL: whole vectors of four words.
fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}

/// The parameters of all slices, each with its first and last group in the first two words.
fn params_of(steps: &[Step], slices: &[Vec<(u32, u32)>]) -> Vec<u8> {
    let mut all = Vec::new();
    for (step, slices) in steps.iter().zip(slices) {
        for &(first, end) in slices {
            let start = all.len();
            all.extend_from_slice(&first.to_le_bytes());
            all.extend_from_slice(&end.to_le_bytes());
            all.extend_from_slice(step.params.get(8..).unwrap_or_default());
            all.resize(start + padded(step.params.len()).next_multiple_of(ALIGNMENT), 0);
        }
    }
    all
}

/// Cuts `groups` workgroups, which cost `cost` in all, into slices that keep to the budget.
fn slices_of(groups: u32, cost: u64, budget: u64) -> Vec<(u32, u32)> {
    let count = cost.div_ceil(budget).clamp(1, u64::from(groups.max(1)));
    let each = u64::from(groups).div_ceil(count);
    (0..count)
        .map(|i| (i * each, ((i + 1) * each).min(u64::from(groups))))
        .filter(|(first, end)| first < end)
        .map(|(first, end)| (first as u32, end as u32))
        .collect()
}

/// A grid of at least `groups` workgroups.
fn grid_of(groups: u32) -> (u32, u32) {
    let columns = groups.min(MOST_GROUPS);
    (columns, groups.div_ceil(columns.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_all_groups_once() {
        for (groups, cost) in [(1, 0), (7, 100), (100, 1_000_000), (100_000, 999), (3, 1 << 40)] {
            let slices = slices_of(groups, cost, 1000);
            assert_eq!(slices.first().map(|s| s.0), Some(0));
            assert_eq!(slices.last().map(|s| s.1), Some(groups));
            assert!(slices.windows(2).all(|pair| pair[0].1 == pair[1].0), "{slices:?}");
        }
    }

    #[test]
    fn grids_hold_all_groups_within_the_limit() {
        for groups in [1, 65_535, 65_536, 1 << 23, u32::MAX] {
            let (columns, rows) = grid_of(groups);
            assert!(columns <= MOST_GROUPS && u64::from(columns) * u64::from(rows) >= u64::from(groups));
        }
    }
}
