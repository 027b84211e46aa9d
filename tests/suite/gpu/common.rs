//! What the parts of the suite share.

use std::cell::Cell;

use fewbit_gpu::Gpu;
use fewbit_graph::{Bindings, Graph, Tensor};
use fewbit_runtime::{
    Backend, Cancel, Control, Cpu, Keep, LocalFuture, NeverPause, Pace, Plan, RunError, RunReport,
};
use fewbit_tests::{Rng, Tolerance};
use pollster::block_on;

/// Runs a plan without anybody waiting.
pub(crate) fn run(plan: &mut dyn Plan) -> Result<RunReport, RunError> {
    block_on(plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }))
}

/// The outputs of a graph of parameters.
pub(crate) fn outputs(backend: &dyn Backend, graph: &Graph, keep: Keep) -> Result<Vec<Tensor>, RunError> {
    block_on(async {
        let mut plan = backend.prepare(graph, &Bindings::new(), keep).await?;
        plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }).await?;
        plan.read(&graph.outputs).await
    })
}

/// Whether the device's outputs are near the CPU engine's.
pub(crate) fn compare_with_cpu(gpu: &Gpu, graph: &Graph, tolerance: Tolerance, what: &str) {
    let expected = outputs(&Cpu::new(), graph, Keep::Outputs).expect("the CPU engine runs it");
    let found = outputs(gpu, graph, Keep::Outputs).expect("the device runs it");
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected.shape(), found.shape(), "{what}");
        let pairs = expected.as_f32().expect("floats").iter().zip(found.as_f32().expect("floats"));
        for (i, (&expected, &found)) in pairs.enumerate() {
            let distance = tolerance.distance(expected.into(), found);
            assert!(distance <= 1.0, "{what}: element {i} is {found}, expected {expected}");
        }
    }
}

/// A tensor of random values in [−2, 2).
pub(crate) fn random(shape: &[usize], seed: u64) -> Tensor {
    let values = Rng::new(seed).floats(shape.iter().product());
    Tensor::f32(shape, values).expect("as many values as the shape has")
}

/// Cancels when it is asked for the nth time.
pub(crate) struct CancelAt<'a> {
    pub(crate) cancel: &'a Cancel,
    pub(crate) left: Cell<u32>,
}

impl Pace for CancelAt<'_> {
    fn is_due(&self) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            self.cancel.cancel();
        }
        false
    }

    fn breathe(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
