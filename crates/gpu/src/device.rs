//! The device: opening one, its state of health, its pipelines.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fewbit_runtime::{BackendInfo, BackendKind, RunError};

use crate::kernel::{Access, Kernel};

/// Which adapter to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adapter {
    /// The fastest that the host offers.
    #[default]
    Fastest,
    /// A software adapter, if there is one: for tests that should give the same result everywhere. A browser does not
    /// let one choose, and gives what it has.
    Software,
}

/// How to open a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which adapter.
    pub adapter: Adapter,
    /// Stay within the limits that every WebGPU device has, also where this one allows larger buffers.
    pub baseline: bool,
}

/// Why there is no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The host has no adapter, or keeps it to itself.
    #[error("there is no GPU adapter: {0}")]
    NoAdapter(String),
    /// The adapter is not good enough for compute shaders within WebGPU's baseline limits, or refused.
    #[error("the adapter {adapter} could not be opened: {why}")]
    Refused {
        /// Its name.
        adapter: String,
        /// What it said.
        why: String,
    },
}

/// The wgpu engine. Clones share one device.
#[derive(Clone, Debug)]
pub struct Gpu(pub(crate) Rc<Device>);

/// A device and what is compiled for it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) limits: wgpu::Limits,
    pub(crate) health: Health,
    pub(crate) info: BackendInfo,
    modules: RefCell<BTreeMap<&'static str, Rc<Module>>>,
    pipelines: RefCell<BTreeMap<PipelineKey, Pipeline>>,
}

/// A kernel's name and the bits of its constants.
type PipelineKey = (&'static str, Vec<(&'static str, u64)>);

/// A compiled file.
#[derive(Debug)]
struct Module {
    shader: wgpu::ShaderModule,
    bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
}

/// A kernel with values for its constants.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) bindings: wgpu::BindGroupLayout,
}

impl Gpu {
    /// Opens a device.
    ///
    /// # Errors
    /// [`GpuError`] if there is none, or it does not offer what WebGPU promises.
    pub async fn open(options: Options) -> Result<Self, GpuError> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        // OpenGL lacks compute shaders in places, and is never the only choice where a device is fit for this.
        descriptor.backends = wgpu::Backends::PRIMARY;
        let instance = wgpu::Instance::new(descriptor);
        let request = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            force_fallback_adapter: options.adapter == Adapter::Software,
            ..Default::default()
        };
        let adapter = instance
            .request_adapter(&request)
            .await
            .map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        let info = describe(&adapter.get_info());
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("fewbit"),
                required_limits: limits(&adapter, options.baseline),
                ..Default::default()
            })
            .await
            .map_err(|error| GpuError::Refused { adapter: info.device.clone(), why: error.to_string() })?;
        let health = Health::watch(&device);
        Ok(Self(Rc::new(Device {
            limits: device.limits(),
            device,
            queue,
            health,
            info,
            modules: RefCell::default(),
            pipelines: RefCell::default(),
        })))
    }

    /// The kernels that were compiled so far, in alphabetical order.
    pub fn compiled(&self) -> Vec<&'static str> {
        self.0.modules.borrow().keys().copied().collect()
    }

    /// Gives the device up, as a driver may at any time. For tests of what happens then.
    pub fn destroy(&self) {
        self.0.device.destroy();
    }
}

fn describe(info: &wgpu::AdapterInfo) -> BackendInfo {
    let backend = match info.backend {
        wgpu::Backend::Vulkan => "Vulkan",
        wgpu::Backend::Metal => "Metal",
        wgpu::Backend::Dx12 => "Direct3D 12",
        wgpu::Backend::BrowserWebGpu => "WebGPU",
        _ => "wgpu",
    };
    // Browsers often keep the name to themselves.
    let device = match info.name.as_str() {
        "" => format!("an adapter without a name ({backend})"),
        name => format!("{name} ({backend})"),
    };
    BackendInfo { kind: BackendKind::Gpu, device, software: info.device_type == wgpu::DeviceType::Cpu }
}

/// The limits that every WebGPU device has; unless told otherwise, with buffers as large as the adapter's, up to what
/// signed 32-bit offsets reach.
fn limits(adapter: &wgpu::Adapter, baseline: bool) -> wgpu::Limits {
    const LARGEST: u64 = 1 << 31;
    let mut limits = wgpu::Limits::defaults();
    if !baseline {
        let offered = adapter.limits();
        let larger = |default: u64, offered: u64| default.max(offered.min(LARGEST));
        limits.max_buffer_size = larger(limits.max_buffer_size, offered.max_buffer_size);
        limits.max_storage_buffer_binding_size =
            larger(limits.max_storage_buffer_binding_size, offered.max_storage_buffer_binding_size);
    }
    limits
}

impl Device {
    /// The kernel with these values for its constants, compiled on first use. Errors of the compiler go to the
    /// error scope of the caller.
    pub(crate) fn pipeline(&self, kernel: &'static Kernel, constants: &[(&'static str, f64)]) -> Pipeline {
        let bits = constants.iter().map(|&(name, value)| (name, value.to_bits())).collect();
        let key: PipelineKey = (kernel.name, bits);
        if let Some(known) = self.pipelines.borrow().get(&key) {
            return known.clone();
        }
        let module = self.module(kernel);
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name),
            layout: Some(&module.layout),
            module: &module.shader,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        let pipeline = Pipeline { pipeline, bindings: module.bindings.clone() };
        self.pipelines.borrow_mut().insert(key, pipeline.clone());
        pipeline
    }

    fn module(&self, kernel: &'static Kernel) -> Rc<Module> {
        if let Some(known) = self.modules.borrow().get(kernel.name) {
            return known.clone();
        }
        let shader = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name),
            source: wgpu::ShaderSource::Wgsl(kernel.wgsl().into()),
        });
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
        entries.extend(kernel.all_storage().map(|binding| {
            let read_only = binding.access == Access::Read;
            entry(binding.number, wgpu::BufferBindingType::Storage { read_only })
        }));
        let bindings = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(kernel.name),
            entries: &entries,
        });
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.name),
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        let module = Rc::new(Module { shader, bindings, layout });
        self.modules.borrow_mut().insert(kernel.name, module.clone());
        module
    }

    /// Forgets what was compiled, so that an error in it is not met again as if it were fine.
    pub(crate) fn forget_pipelines(&self) {
        self.modules.borrow_mut().clear();
        self.pipelines.borrow_mut().clear();
    }
}

/// What the device told us outside of any call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<Report>>);

#[derive(Debug, Default)]
struct Report {
    lost: Option<String>,
    error: Option<String>,
}

impl Health {
    /// Listens to a device.
    fn watch(device: &wgpu::Device) -> Self {
        let health = Self::default();
        let listener = health.clone();
        device.set_device_lost_callback(move |reason, message| {
            let reason = match reason {
                wgpu::DeviceLostReason::Destroyed => "it was given up",
                wgpu::DeviceLostReason::Unknown => "the driver or the host took it away",
            };
            let message = message.trim();
            let why = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
            listener.report().lost.get_or_insert(why);
        });
        let listener = health.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            listener.report().error.get_or_insert_with(|| error.to_string());
        }));
        health
    }

    /// Whether all is well.
    ///
    /// # Errors
    /// [`RunError::Lost`] for good, [`RunError::Device`] once for each error.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        let mut report = self.report();
        if let Some(why) = &report.lost {
            return Err(RunError::Lost(why.clone()));
        }
        report.error.take().map_or(Ok(()), |why| Err(RunError::Device(why)))
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
