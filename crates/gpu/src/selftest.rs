//! The self-test: a dozen small graphs on the device and on the CPU engine, here and now.
//!
//! Drivers and browsers have bugs that show as wrong numbers and nothing else. A page that is to trust a GPU first
//! asks this.

use fewbit_graph::op::{
    Binary, Conv, ConvWeightGrad, Estimator, Gemm, Pad, PadMode, Pool, PoolKind, QuantizerInput, Reduce,
    Reducer, Slope, Unary, Update,
};
use fewbit_graph::{Bindings, Graph, Op, Tensor, WireId};
use fewbit_runtime::cpu::Cpu;
use fewbit_runtime::{Backend, Cancel, Control, Keep, NeverPause, RunError};

use crate::device::Gpu;

/// What to test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelfTestOptions<'a> {
    /// Spoils the device's results of the checks of this kernel, so that one can see how a failed test is dealt with.
    /// A name that is no check's spoils all.
    pub corrupt: Option<&'a str>,
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTest {
    /// The adapter, for people.
    pub adapter: String,
    /// Whether every check passed.
    pub passed: bool,
    /// One for each graph.
    pub checks: Vec<Check>,
}

/// One graph on the device and on the CPU engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The kernel that it is for; see [`crate::kernels::ALL`].
    pub kernel: &'static str,
    /// What the kernel was to do, in English.
    pub what: &'static str,
    /// The largest |device − CPU|/max(1, |CPU|); infinite if the device failed or gave something that is no number.
    pub worst_error: f64,
    /// The largest that passes.
    pub tolerance: f64,
    /// Whether it passed.
    pub passed: bool,
    /// Why there is no result.
    pub failure: Option<String>,
}

/// Runs the self-test. It takes no time of its own notice; callers who want to know measure it.
pub async fn self_test(gpu: &Gpu, options: SelfTestOptions<'_>) -> SelfTest {
    let cases = cases();
    let known = cases.iter().any(|case| Some(case.kernel) == options.corrupt);
    let expected = answers(&Cpu::new(), &cases).await;
    let found = answers(gpu, &cases).await;
    let checks: Vec<Check> = cases
        .iter()
        .zip(expected.into_iter().zip(found))
        .map(|(case, (expected, found))| {
            let corrupt = options.corrupt.is_some_and(|name| !known || name == case.kernel);
            let error = expected.and_then(|expected| worst_error(&expected, &found?, corrupt));
            case.judge(error)
        })
        .collect();
    let passed = checks.iter().all(|check| check.passed);
    SelfTest { adapter: gpu.info().device, passed, checks }
}

/// A graph without inputs and with one output, and how near the device has to come.
struct Case {
    kernel: &'static str,
    what: &'static str,
    tolerance: f64,
    graph: Graph,
}

impl Case {
    fn judge(&self, error: Result<f64, RunError>) -> Check {
        let (worst_error, failure) = match error {
            Ok(error) => (error, None),
            Err(error) => (f64::INFINITY, Some(error.to_string())),
        };
        let passed = worst_error <= self.tolerance;
        let &Self { kernel, what, tolerance, .. } = self;
        Check { kernel, what, worst_error, tolerance, passed, failure }
    }
}

/// The outputs of all cases. They run as one graph, with all kernels compiled at once and one copy back; only if that
/// fails does each run by itself, which tells whose fault it is.
async fn answers(backend: &dyn Backend, cases: &[Case]) -> Vec<Result<Tensor, RunError>> {
    let mut all = Graph::new();
    for case in cases {
        let wires = all.splice(&case.graph, "", &mut |_, _| None);
        all.outputs.extend(case.graph.outputs.iter().filter_map(|wire| wires.get(wire.0 as usize)));
    }
    match run(backend, &all).await {
        Ok(outputs) => outputs.into_iter().map(Ok).collect(),
        Err(_) => {
            let mut outputs = Vec::with_capacity(cases.len());
            for case in cases {
                let found = run(backend, &case.graph).await;
                let missing = || RunError::NotKept(case.what.to_owned());
                outputs.push(found.and_then(|found| found.into_iter().next().ok_or_else(missing)));
            }
            outputs
        }
    }
}

async fn run(backend: &dyn Backend, graph: &Graph) -> Result<Vec<Tensor>, RunError> {
    let mut plan = backend.prepare(graph, &Bindings::new(), Keep::Outputs).await?;
    plan.run(&[], &Control { cancel: &Cancel::default(), pace: &NeverPause }).await?;
    plan.read(&graph.outputs).await
}

/// The largest |found − expected|/max(1, |expected|), the first number spoiled if `corrupt`.
fn worst_error(expected: &Tensor, found: &Tensor, corrupt: bool) -> Result<f64, RunError> {
    let mut worst = 0.0;
    for (i, (&expected, &found)) in expected.as_f32()?.iter().zip(found.as_f32()?).enumerate() {
        let spoiled = if corrupt && i == 0 { found + 1.0 } else { found };
        let (expected, found) = (f64::from(expected), f64::from(spoiled));
        let error = (found - expected).abs() / expected.abs().max(1.0);
        worst = if error.is_nan() { f64::INFINITY } else { error.max(worst) };
    }
    Ok(worst)
}

/// Makes cases.
#[derive(Default)]
struct Cases {
    cases: Vec<Case>,
    graph: Graph,
    state: u32,
}

impl Cases {
    /// A parameter of numbers in [−2, 2), the same each time.
    fn values(&mut self, shape: &[usize]) -> WireId {
        let values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|_| {
                self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.state >> 8) as f32 / (1u32 << 22) as f32 - 2.0
            })
            .collect();
        self.of(shape, values)
    }

    fn of(&mut self, shape: &[usize], values: Vec<f32>) -> WireId {
        // As many values as the shape has: it was made from it.
        let tensor = Tensor::f32(shape, values).unwrap_or_else(|_| Tensor::zeros(shape));
        self.graph.parameter("value", tensor)
    }

    fn node(&mut self, op: Op, inputs: &[WireId]) -> WireId {
        self.graph.node("node", op, inputs)
    }

    /// Ends a case: the graph so far, for `output`.
    fn case(&mut self, kernel: &'static str, what: &'static str, tolerance: f64, output: WireId) {
        let mut graph = std::mem::take(&mut self.graph);
        graph.outputs.push(output);
        self.cases.push(Case { kernel, what, tolerance, graph });
    }
}

fn cases() -> Vec<Case> {
    let mut c = Cases { state: 7, ..Cases::default() };
    products(&mut c);
    elements(&mut c);
    windows_and_moves(&mut c);
    sums(&mut c);
    learning(&mut c);
    c.cases
}

fn products(c: &mut Cases) {
    let conv = |groups: usize| {
        let (strides, dilations) = (vec![1; 2], vec![1; 2]);
        Op::Conv(Conv { groups, strides, dilations, pads_begin: vec![1; 2], pads_end: vec![1; 2] })
    };
    let (x, w, b) = (c.values(&[2, 5, 11, 9]), c.values(&[19, 5, 3, 3]), c.values(&[19]));
    let y = c.node(conv(1), &[x, w, b]);
    let y = c.node(Op::Unary(Unary::Relu), &[y]);
    c.case("gemm", "a convolution and ReLU", 2e-5, y);

    let (x, w) = (c.values(&[2, 6, 11, 9]), c.values(&[6, 1, 3, 3]));
    let y = c.node(conv(6), &[x, w]);
    c.case("conv_direct", "a depthwise convolution", 1e-5, y);

    let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    let (a, b, d) = (c.values(&[33, 70]), c.values(&[21, 70]), c.values(&[21]));
    let y = c.node(Op::Gemm(gemm), &[a, b, d]);
    c.case("pack", "a dense layer", 2e-5, y);
}

fn elements(c: &mut Cases) {
    let x = c.values(&[1000]);
    let y = c.node(Op::Unary(Unary::Silu), &[x]);
    c.case("pointwise", "SiLU", 2e-6, y);

    // Every hundredth value lies on a tie between two codes.
    let values =
        (0..4000).map(|i| if i % 100 == 0 { (i / 100) as f32 * 0.05 - 1.0 } else { i as f32 * 7e-4 - 1.4 });
    let x = c.of(&[4, 1000], values.collect());
    let scale = c.of(&[4], vec![0.1, 0.037, 0.0, 0.3]);
    let (zero_point, bounds) = (c.of(&[4], vec![0.0, 3.0, 0.0, 0.5]), c.of(&[2], vec![-8.0, 7.0]));
    let y = c.node(Op::fake_quantize(0), &[x, scale, zero_point, bounds]);
    c.case("pointwise", "a quantizer: the same codes", 0.0, y);

    let (a, b) = (c.values(&[6, 7, 8]), c.values(&[7, 1]));
    let y = c.node(Op::Binary(Binary::Mul), &[a, b]);
    c.case("binary", "a product of two tensors", 1e-6, y);

    let (x, scale, bias, mean) = (c.values(&[3, 4, 50]), c.values(&[4]), c.values(&[4]), c.values(&[4]));
    let variance = c.of(&[4], vec![0.1, 0.5, 1.0, 2.0]);
    let y = c.node(Op::BatchNorm { epsilon: 1e-5 }, &[x, scale, bias, mean, variance]);
    c.case("batch_norm", "a batch normalization", 5e-6, y);
}

fn windows_and_moves(c: &mut Cases) {
    let pool = Pool {
        kind: PoolKind::Mean { count_include_pad: false },
        kernel: vec![3; 2],
        strides: vec![2; 2],
        dilations: vec![1; 2],
        pads_begin: vec![1; 2],
        pads_end: vec![1; 2],
        ceil_mode: true,
    };
    let x = c.values(&[2, 3, 10, 7]);
    let y = c.node(Op::Pool(pool), &[x]);
    c.case("pool", "a mean over windows", 2e-6, y);

    let x = c.values(&[5, 6, 7]);
    let y = c.node(Op::Transpose { perm: vec![2, 0, 1] }, &[x]);
    c.case("copy", "a transposition", 0.0, y);

    let x = c.values(&[5, 6]);
    let y = c.node(Op::Pad(Pad { mode: PadMode::Reflect, begin: vec![2, -1], end: vec![0, 3] }), &[x]);
    c.case("pad", "padding with a mirror image", 0.0, y);
}

fn sums(c: &mut Cases) {
    let x = c.values(&[3, 20_000]);
    let y = c.node(Op::Reduce(Reduce { kind: Reducer::Mean, axes: vec![1], keep_dims: false }), &[x]);
    c.case("reduce", "a mean of 20,000 numbers", 1e-5, y);

    let x = c.values(&[4, 100]);
    let y = c.node(Op::Softmax { axis: 1 }, &[x]);
    c.case("softmax", "a softmax", 2e-6, y);

    let x = c.values(&[3, 5000]);
    let y = c.node(Op::Moments { axis: Some(0) }, &[x]);
    c.case("moments", "ranges and moments", 1e-5, y);

    let (a, b) = (c.values(&[3, 5000]), c.values(&[3, 5000]));
    let y = c.node(Op::Compare { axis: 0 }, &[a, b]);
    c.case("compare", "errors against a reference", 1e-5, y);

    let (x, range) = (c.values(&[20_000]), c.of(&[2], vec![-1.5, 1.0]));
    let y = c.node(Op::Histogram { bins: 100 }, &[x, range]);
    c.case("histogram", "a histogram: the same counts", 0.0, y);
}

fn learning(c: &mut Cases) {
    let (strides, dilations) = (vec![2; 2], vec![1; 2]);
    let conv = Conv { groups: 1, strides, dilations, pads_begin: vec![1; 2], pads_end: vec![1; 2] };
    let (g, x) = (c.values(&[3, 9, 8, 7]), c.values(&[3, 4, 15, 13]));
    let y = c.node(Op::ConvWeightGrad(ConvWeightGrad { conv, kernel: vec![3; 2] }), &[g, x]);
    c.case("conv_weight_grad", "the slope of a convolution along its weights", 5e-5, y);

    let (g, x) = (c.values(&[4, 500]), c.values(&[4, 500]));
    let scale = c.of(&[4], vec![0.1, 0.037, 0.0, 0.3]);
    let (zero_point, bounds) = (c.of(&[1], vec![0.5]), c.of(&[2], vec![-8.0, 7.0]));
    let estimator = Estimator { slope: Slope::Ewgs { delta: 0.2 }, ..Estimator::default() };
    let op = Op::FakeQuantizeGrad { axis: 0, estimator, wrt: QuantizerInput::Value };
    let y = c.node(op, &[g, x, scale, zero_point, bounds]);
    c.case("quantizer_grad", "the slope of a quantizer", 5e-6, y);

    let (p, m) = (c.values(&[500]), c.values(&[500]));
    let squares = c.of(&[500], (0..500).map(|i| (i as f32 * 0.01).powi(2)).collect());
    let rates = c.of(&[4], vec![0.01, 1.5, 3.0, 0.1]);
    let y = c.node(Op::Update(Update::Adam { epsilon: 1e-3 }), &[p, m, squares, rates]);
    c.case("update", "a step of Adam", 1e-5, y);
}
