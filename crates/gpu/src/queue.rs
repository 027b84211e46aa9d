//! Waiting for the device, natively and in a browser, and copying results to the host.

use std::collections::VecDeque;

use fewbit_runtime::RunError;
use futures_channel::oneshot;

use crate::device::Device;

/// How many submissions may be under way before a run waits for the oldest. Two keep the device busy; more
/// would only make a cancelled run end later.
const MOST_IN_FLIGHT: usize = 2;

/// The end of a submission.
#[derive(Debug)]
struct Fence {
    #[cfg(not(target_arch = "wasm32"))]
    index: wgpu::SubmissionIndex,
    #[cfg(target_arch = "wasm32")]
    done: oneshot::Receiver<()>,
}

/// The submissions of a plan that have not ended yet.
#[derive(Debug, Default)]
pub(crate) struct InFlight(VecDeque<Fence>);

impl InFlight {
    /// Submits, and waits until few enough submissions are under way.
    pub(crate) async fn submit(
        &mut self,
        device: &Device,
        commands: wgpu::CommandBuffer,
    ) -> Result<(), RunError> {
        self.0.push_back(Fence::submit(device, commands));
        while self.0.len() > MOST_IN_FLIGHT {
            let Some(oldest) = self.0.pop_front() else { break };
            oldest.wait(device).await?;
        }
        device.health.check()
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Fence {
    fn submit(device: &Device, commands: wgpu::CommandBuffer) -> Self {
        Self { index: device.queue.submit([commands]) }
    }

    /// Natively nothing moves until somebody polls.
    async fn wait(self, device: &Device) -> Result<(), RunError> {
        let wait = wgpu::PollType::Wait { submission_index: Some(self.index), timeout: None };
        device.device.poll(wait).map(drop).or_else(|error| {
            device.health.check()?;
            Err(RunError::Device(error.to_string()))
        })
    }
}

#[cfg(target_arch = "wasm32")]
impl Fence {
    fn submit(device: &Device, commands: wgpu::CommandBuffer) -> Self {
        let (send, done) = oneshot::channel();
        device.queue.submit([commands]);
        device.queue.on_submitted_work_done(move || {
            send.send(()).ok();
        });
        Self { done }
    }

    /// The browser's event loop brings the news. It also says so when the device is lost.
    async fn wait(self, device: &Device) -> Result<(), RunError> {
        self.done.await.or_else(|oneshot::Canceled| device.health.check())
    }
}

/// A buffer that results are copied through, kept for the next time.
#[derive(Debug, Default)]
pub(crate) struct Staging(Option<wgpu::Buffer>);

impl Staging {
    /// The first `len` floats of each buffer, in one copy and one mapping.
    pub(crate) async fn read(
        &mut self,
        device: &Device,
        sources: &[(&wgpu::Buffer, usize)],
    ) -> Result<Vec<Vec<f32>>, RunError> {
        let bytes = |len: usize| len as u64 * 4;
        let total = sources.iter().map(|&(_, len)| bytes(len)).sum::<u64>();
        let buffer = self.of_size(device, total);
        let mut encoder = device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut offset = 0;
        for &(source, len) in sources {
            encoder.copy_buffer_to_buffer(source, 0, &buffer, offset, Some(bytes(len)));
            offset += bytes(len);
        }
        let (send, mapped) = oneshot::channel();
        encoder.map_buffer_on_submit(&buffer, wgpu::MapMode::Read, ..total, move |result| {
            send.send(result).ok();
        });
        device.queue.submit([encoder.finish()]);
        #[cfg(not(target_arch = "wasm32"))]
        let polled = device.device.poll(wgpu::PollType::wait_indefinitely());
        #[cfg(target_arch = "wasm32")]
        let polled: Result<(), std::convert::Infallible> = Ok(());
        let failed = |why: String| match device.health.check() {
            Err(reason) => reason,
            Ok(()) => RunError::Device(why),
        };
        polled.map_err(|error| failed(error.to_string()))?;
        let result = mapped.await.map_err(|_| failed("a result was never copied".to_owned()))?;
        result.map_err(|error| failed(error.to_string()))?;
        let values = split(&buffer, total, sources.iter().map(|&(_, len)| len)).map_err(failed);
        buffer.unmap();
        device.health.check()?;
        values
    }

    fn of_size(&mut self, device: &Device, bytes: u64) -> wgpu::Buffer {
        if let Some(buffer) = self.0.as_ref().filter(|buffer| buffer.size() >= bytes) {
            return buffer.clone();
        }
        let buffer = device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("results"),
            size: bytes,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        self.0.insert(buffer).clone()
    }

    /// The bytes that it holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, wgpu::Buffer::size)
    }
}

/// The floats of a mapped buffer, cut into pieces of these lengths.
fn split(
    buffer: &wgpu::Buffer,
    total: u64,
    lengths: impl Iterator<Item = usize>,
) -> Result<Vec<Vec<f32>>, String> {
    let view = buffer.slice(..total).get_mapped_range().map_err(|error| error.to_string())?;
    let mut rest: &[u8] = &view;
    let mut pieces = Vec::new();
    for len in lengths {
        let (piece, others) = rest.split_at_checked(len * 4).ok_or("fewer results than were asked for")?;
        pieces.push(bytemuck::pod_collect_to_vec(piece));
        rest = others;
    }
    Ok(pieces)
}
