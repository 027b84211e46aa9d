//! Which engine runs here, and why.

use std::rc::Rc;

use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use fewbit_experiment::protocol::{EngineChoice, EngineInfo, EngineReason, KernelCheck, SelfTestReport};
use fewbit_gpu::{Gpu, Options, SelfTestOptions, self_test};
use fewbit_runtime::Backend;
use fewbit_runtime::cpu::Cpu;

/// Opens the engine of `choice`: a hardware adapter that passes the self-test, unless something else was asked for. An
/// adapter that fails it is never used. `spoil` names a kernel whose test is to fail, for tests of what happens then.
///
/// # Errors
/// [`Code::Engine`] if the GPU was asked for and there is none.
pub(super) async fn open(
    choice: EngineChoice,
    spoil: Option<&str>,
    now_millis: fn() -> f64,
) -> Result<(Rc<dyn Backend>, EngineInfo), Failure> {
    if choice == EngineChoice::Cpu {
        return Ok(cpu(EngineReason::AskedFor, None));
    }
    let gpu = match Gpu::open(Options::default()).await {
        Ok(gpu) => gpu,
        Err(error) if choice == EngineChoice::Gpu => {
            return Err(Failure::new(Code::Engine, error)
                .hint("use the CPU engine, or a browser with WebGPU on a machine with a GPU"));
        }
        Err(error) => return Ok(cpu(EngineReason::NoAdapter(error.to_string()), None)),
    };
    let info = gpu.info();
    if choice == EngineChoice::Auto && info.software {
        return Ok(cpu(EngineReason::SoftwareAdapter(info.device), None));
    }
    let test = tested(&gpu, spoil, now_millis).await;
    let wrong: Vec<String> =
        test.checks.iter().filter(|check| !check.passed).map(|c| c.kernel.clone()).collect();
    if !wrong.is_empty() {
        return Ok(cpu(EngineReason::SelfTestFailed(wrong.join(", ")), Some(test)));
    }
    let reason = match choice {
        EngineChoice::Gpu => EngineReason::AskedFor,
        _ => EngineReason::Verified,
    };
    let info = EngineInfo { gpu: true, device: info.device, reason, self_test: Some(test) };
    Ok((Rc::new(gpu), info))
}

async fn tested(gpu: &Gpu, spoil: Option<&str>, now_millis: fn() -> f64) -> SelfTestReport {
    let start = now_millis();
    let test = self_test(gpu, SelfTestOptions { corrupt: spoil }).await;
    let checks = test.checks.into_iter().map(|check| KernelCheck {
        kernel: format!("{}: {}", check.kernel, check.failure.as_deref().unwrap_or(check.what)),
        worst: check.worst_error,
        allowed: check.tolerance,
        passed: check.passed,
    });
    SelfTestReport {
        adapter: test.adapter,
        checks: checks.collect(),
        millis: now_millis() - start,
        spoiled: spoil.is_some(),
    }
}

fn cpu(reason: EngineReason, self_test: Option<SelfTestReport>) -> (Rc<dyn Backend>, EngineInfo) {
    let cpu = Cpu::new();
    let info = EngineInfo { gpu: false, device: cpu.info().device, reason, self_test };
    (Rc::new(cpu), info)
}
