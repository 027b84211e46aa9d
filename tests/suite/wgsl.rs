//! Every kernel is valid WGSL within what each WebGPU device offers, and is what its descriptor says. No GPU needed.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use fewbit_gpu::kernel::{Access, Binding, Kernel, PRELUDE, WORKGROUP};
use fewbit_gpu::kernels;
use naga::front::wgsl;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess};

/// WebGPU's `maxComputeInvocationsPerWorkgroup`.
const MOST_INVOCATIONS: u32 = 256;
const _: () = assert!(WORKGROUP <= MOST_INVOCATIONS);

/// WebGPU's `maxStorageBuffersPerShaderStage`.
const MOST_STORAGE_BUFFERS: usize = 8;
/// WebGPU's `maxComputeWorkgroupStorageSize`.
const MOST_WORKGROUP_BYTES: u32 = 16_384;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/gpu/src/kernels").join(name)
}

fn stems(name: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(name)).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .map(|path| path.file_stem().expect("files have names").to_string_lossy().into_owned())
        .collect()
}

fn file(kernel: &Kernel) -> String {
    std::fs::read_to_string(folder(&format!("{}.wgsl", kernel.name))).expect("it can be read")
}

fn parse(kernel: &Kernel) -> Module {
    wgsl::parse_str(&kernel.wgsl())
        .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(&kernel.wgsl())))
}

/// What the source declares: its storage buffers and the size of its uniform buffer.
fn reflect(module: &Module) -> (BTreeSet<(u32, bool)>, u32) {
    let mut storage = BTreeSet::new();
    let mut uniform = 0;
    for (_, global) in module.global_variables.iter() {
        let binding = global.binding.as_ref();
        match global.space {
            AddressSpace::Storage { access } => {
                let binding = binding.expect("storage buffers are bound");
                assert_eq!(binding.group, 0, "there is one bind group");
                storage.insert((binding.binding, access.contains(StorageAccess::STORE)));
            }
            AddressSpace::Uniform => {
                assert_eq!(binding.map(|b| (b.group, b.binding)), Some((0, 0)), "Params are binding 0");
                uniform = module.types[global.ty].inner.size(module.to_ctx());
            }
            _ => {}
        }
    }
    (storage, uniform)
}

#[test]
fn every_file_is_a_kernel_and_every_kernel_a_file() {
    let listed: BTreeSet<String> = kernels::ALL.iter().map(|kernel| kernel.name.to_owned()).collect();
    assert_eq!(listed.len(), kernels::ALL.len(), "no name is listed twice");
    assert_eq!(listed, stems(""));
    for kernel in kernels::ALL {
        // The build takes comments and indentation out, and leaves the lines.
        let file = file(kernel);
        let code = |line: &str| match line.trim() {
            import if import.starts_with("//#") => import.to_owned(),
            line => line.split("//").next().unwrap_or_default().trim_end().to_owned(),
        };
        assert!(file.lines().map(code).eq(kernel.source.lines()), "{}", kernel.name);
    }
}

#[test]
fn every_prelude_file_is_imported_and_every_import_is_known() {
    let files: BTreeSet<String> =
        stems("prelude").iter().map(|stem| format!("prelude/{stem}.wgsl")).collect();
    let known: BTreeSet<String> = PRELUDE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let imports = |kernel: &&Kernel| -> Vec<String> {
        let names = kernel.source.lines().filter_map(|line| line.strip_prefix("//#import "));
        names.map(|name| name.trim().to_owned()).collect()
    };
    let imported: BTreeSet<String> = kernels::ALL.iter().flat_map(imports).collect();
    assert_eq!(files, known);
    assert_eq!(imported, known);
}

#[test]
fn every_kernel_is_valid_with_the_baseline_capabilities() {
    let mut faults = Vec::new();
    for kernel in kernels::ALL {
        let module = parse(kernel);
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        if let Err(error) = validator.validate(&module) {
            faults.push(format!("{}: {}", kernel.name, error.emit_to_string(&kernel.wgsl())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_kernel_is_what_its_descriptor_says() {
    for kernel in kernels::ALL {
        let module = parse(kernel);
        let (storage, uniform) = reflect(&module);
        let said: BTreeSet<(u32, bool)> = kernel
            .all_storage()
            .map(|Binding { number, access }| (number, access == Access::Write))
            .collect();
        assert_eq!(said.len(), kernel.all_storage().count(), "{}: no binding is listed twice", kernel.name);
        assert_eq!(storage, said, "{}: storage buffers (number, written)", kernel.name);
        assert_eq!(
            uniform as usize,
            kernel.params.next_multiple_of(16),
            "{}: the size of Params",
            kernel.name
        );

        let [entry] = module.entry_points.as_slice() else { panic!("{}: one entry point", kernel.name) };
        assert_eq!((entry.name.as_str(), entry.stage), ("main", ShaderStage::Compute), "{}", kernel.name);
        assert_eq!(entry.workgroup_size, [WORKGROUP, 1, 1], "{}", kernel.name);

        let constants: BTreeSet<&str> =
            module.overrides.iter().filter_map(|(_, constant)| constant.name.as_deref()).collect();
        assert_eq!(constants, kernel.all_constants().collect(), "{}: constants", kernel.name);
    }
}

#[test]
fn every_kernel_keeps_to_the_baseline_limits() {
    for kernel in kernels::ALL {
        let module = parse(kernel);
        assert!(kernel.all_storage().count() <= MOST_STORAGE_BUFFERS, "{}", kernel.name);
        let shared: u32 = module
            .global_variables
            .iter()
            .filter(|(_, global)| global.space == AddressSpace::WorkGroup)
            .map(|(_, global)| module.types[global.ty].inner.size(module.to_ctx()))
            .sum();
        assert!(shared <= MOST_WORKGROUP_BYTES, "{}: {shared} bytes of workgroup memory", kernel.name);
        assert!(kernel.params <= 256, "{}: parameters lie 256 bytes apart", kernel.name);
    }
}

#[test]
fn every_kernel_says_what_it_computes_and_names_its_twin() {
    for kernel in kernels::ALL {
        let header: String =
            file(kernel).lines().take_while(|line| line.starts_with("//")).collect::<Vec<_>>().join(" ");
        let twin = header.split("fewbit_runtime::cpu::").nth(1).unwrap_or_else(|| {
            panic!("{}: the header names no CPU twin", kernel.name);
        });
        let module: String = twin.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let cpu = folder("../../../runtime/src/cpu");
        let exists = cpu.join(format!("{module}.rs")).exists() || cpu.join(&module).is_dir();
        assert!(exists, "{}: there is no fewbit_runtime::cpu::{module}", kernel.name);
    }
}
