//! A single operator on given values.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fewbit_graph::passes::Evaluate;
use fewbit_graph::{Bindings, Graph, Op, Tensor, WireId};

use crate::backend::{Backend, Keep, RunError};
use crate::control::{Cancel, Control, NeverPause};
use crate::cpu::Cpu;

impl Evaluate for Cpu {
    fn evaluate(&self, op: &Op, inputs: &[&Tensor]) -> Option<Tensor> {
        let mut graph = Graph::new();
        let wires: Vec<WireId> =
            inputs.iter().map(|&tensor| graph.parameter("input", tensor.clone())).collect();
        let output = graph.node("node", op.clone(), &wires);
        graph.outputs.push(output);
        let run = async {
            let mut plan = self.prepare(&graph, &Bindings::new(), Keep::Outputs).await?;
            plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }).await?;
            plan.read(&[output]).await
        };
        let found: Result<Vec<Tensor>, RunError> = finish(run)?;
        found.ok()?.pop()
    }
}

/// The result of a future that never waits; `None` of one that does.
fn finish<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
