//! Which engine runs here, and why.

use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{EngineChoice, EngineInfo, EngineReason};
use fewbit_gpu::{Gpu, Options};
use fewbit_runtime::Backend;
use fewbit_runtime::cpu::Cpu;

/// Opens the engine of `choice`.
///
/// # Errors
/// [`Code::Engine`] if the GPU was asked for and there is none.
pub(super) async fn open(
    choice: EngineChoice,
    now_millis: fn() -> f64,
) -> Result<(Rc<dyn Backend>, EngineInfo), Failure> {
    if choice == EngineChoice::Cpu {
        return Ok(cpu(EngineReason::AskedFor));
    }
    let gpu = match Gpu::open(Options::default()).await {
        Ok(gpu) => gpu,
        Err(error) if choice == EngineChoice::Gpu => {
            return Err(Failure::new(Code::Engine, error)
                .hint("use the CPU engine, or a browser with WebGPU on a machine with a GPU"));
        }
        Err(error) => return Ok(cpu(EngineReason::NoAdapter(error.to_string()))),
    };
    let info = gpu.info();
    let _ = now_millis;
    if choice == EngineChoice::Auto && info.software {
        return Ok(cpu(EngineReason::SoftwareAdapter(info.device)));
    }
    let reason = if choice == EngineChoice::Gpu { EngineReason::AskedFor } else { EngineReason::Verified };
    let info = EngineInfo { gpu: true, device: info.device, reason, self_test: None };
    Ok((Rc::new(gpu), info))
}

fn cpu(reason: EngineReason) -> (Rc<dyn Backend>, EngineInfo) {
    let cpu = Cpu::new();
    let info = EngineInfo { gpu: false, device: cpu.info().device, reason, self_test: None };
    (Rc::new(cpu), info)
}
