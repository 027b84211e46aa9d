//! Methods that find codes: GPTQ, SQuant, HQQ, SeqMSE, each against its definition.

use fewbit_graph::op::{Conv, Op};
use fewbit_graph::{Graph, Model, Tensor};
use fewbit_numeric::{Affine, Format, Range};
use fewbit_quant::methods::capture::MEMORY;
use fewbit_quant::methods::gptq::columns::Columns;
use fewbit_quant::methods::gptq::hessian::Hessian;
use fewbit_quant::methods::gram::Gram;
use fewbit_quant::methods::{Capture, Fact, Frame, Place, hqq, squant};
use fewbit_quant::{Network, weights};
use fewbit_runtime::cpu::Cpu;
use fewbit_tests::Rng;
use pollster::block_on;

use crate::methods_correct::{advances, both, network, run};
use crate::nets::{batch_of, choice, prepare, random, residual, tensor, with_control};

const ROWS: usize = 6;

/// H = 2/N·XᵀX of inputs that depend on each other.
fn correlated(rng: &mut Rng, n: usize) -> Vec<f64> {
    let mut rows = Vec::new();
    for _ in 0..4 * n {
        let common = rng.float(-1.0, 1.0);
        rows.extend((0..n).map(|i| common * (1.0 + i as f32 / n as f32) + rng.float(-1.0, 1.0)));
    }
    Gram::of_rows(&tensor(&[4 * n, n], rows)).unwrap().matrices.remove(0)
}

fn grids(weights: &[f32], n: usize, format: &str) -> Vec<Affine> {
    let format: Format = format.parse().unwrap();
    weights.chunks(n).map(|row| Affine::covering(format, Range::of(row.iter().copied()))).collect()
}

fn gptq(weights: &[f32], hessian: &Hessian, order: Vec<usize>, grids: &[Affine]) -> Columns {
    let n = hessian.size();
    let mut columns = Columns::new(weights, hessian, order, grids.to_vec(), n, None).unwrap();
    (0..n).for_each(|_| columns.advance());
    columns
}

/// tr(δHδᵀ).
fn loss(weights: &[f32], codes: &[i32], grids: &[Affine], h: &[f64], n: usize) -> f64 {
    let mut loss = 0.0;
    for (row, grid) in grids.iter().enumerate() {
        let delta: Vec<f64> = (row * n..(row + 1) * n)
            .map(|i| f64::from(grid.value(codes[i] as f32)) - f64::from(weights[i]))
            .collect();
        for i in 0..n {
            loss += (0..n).map(|j| delta[i] * h[i * n + j] * delta[j]).sum::<f64>();
        }
    }
    loss
}

fn nearest(weights: &[f32], grids: &[Affine], n: usize) -> Vec<i32> {
    weights.chunks(n).zip(grids).flat_map(|(row, grid)| row.iter().map(|&w| grid.code(w) as i32)).collect()
}

/// LDLQ by its definition: H = (L + I)·D·(L + I)ᵀ with L strictly upper triangular, and
/// ŵ_k = Q(w_k + Σ_{j<k} (w_j − ŵ_j)·L_jk) (Chee et al. 2023, eq. 2).
fn ldlq(weights: &[f32], h: &[f64], grids: &[Affine], n: usize) -> Vec<i32> {
    let mut rest = h.to_vec();
    let mut upper = vec![0.0; n * n];
    for k in (0..n).rev() {
        let d = rest[k * n + k];
        for i in 0..k {
            upper[i * n + k] = rest[i * n + k] / d;
        }
        for i in 0..k {
            for j in 0..k {
                rest[i * n + j] -= upper[i * n + k] * d * upper[j * n + k];
            }
        }
    }
    let mut codes = Vec::new();
    for (row, grid) in weights.chunks(n).zip(grids) {
        let mut errors: Vec<f64> = Vec::new();
        for k in 0..n {
            let feedback: f64 = errors.iter().enumerate().map(|(j, error)| error * upper[j * n + k]).sum();
            let code = grid.code((f64::from(row[k]) + feedback) as f32);
            errors.push(f64::from(row[k]) - f64::from(grid.value(code)));
            codes.push(code as i32);
        }
    }
    codes
}

#[test]
fn gptq_rounds_to_nearest_where_inputs_do_not_depend_on_each_other() {
    let mut rng = Rng::new(1);
    let n = 20;
    let weights = rng.floats(ROWS * n);
    for format in ["int2", "int4-asym", "int1"] {
        let grids = grids(&weights, n, format);
        let identity: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect();
        let hessian = Hessian::damped(&identity, n, 0.01);
        let (codes, _) = gptq(&weights, &hessian, (0..n).collect(), &grids).finish();
        assert_eq!(codes, nearest(&weights, &grids, n), "{format}");
    }
}

#[test]
fn gptq_is_ldlq() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let n = rng.between(2, 40);
        let weights = rng.floats(ROWS * n);
        let grids = grids(&weights, n, "int3");
        let hessian = Hessian::damped(&correlated(&mut rng, n), n, 0.01);
        let columns = gptq(&weights, &hessian, (0..n).collect(), &grids);
        let errors: f64 = columns.errors().iter().sum();
        let (codes, _) = columns.finish();
        assert_eq!(codes, ldlq(&weights, hessian.values(), &grids, n), "seed {seed}");
        // Σe² is what the codes cost.
        let cost = loss(&weights, &codes, &grids, hessian.values(), n);
        assert!((errors - cost).abs() <= 1e-9 * cost, "{errors} {cost}");
    }
}

#[test]
fn gptq_leaves_less_error_than_rounding_to_nearest_and_further_passes_less_still() {
    for seed in 0..20 {
        let mut rng = Rng::new(100 + seed);
        let n = 30;
        let weights = rng.floats(ROWS * n);
        let grids = grids(&weights, n, "int3");
        let gram = correlated(&mut rng, n);
        let hessian = Hessian::damped(&gram, n, 0.01);
        let h = hessian.values();
        let before = loss(&weights, &nearest(&weights, &grids, n), &grids, h, n);
        for order in [(0..n).collect(), hessian.by_diagonal()] {
            let columns = gptq(&weights, &hessian, order, &grids);
            let mut last = loss(&weights, &columns.clone().finish().0, &grids, h, n);
            assert!(last <= before, "seed {seed}: {last} {before}");
            let mut refined = columns;
            for _ in 0..10 {
                let changed = refined.refine(&hessian);
                let now = loss(&weights, &refined.clone().finish().0, &grids, h, n);
                assert!(now <= last * (1.0 + 1e-12), "seed {seed}: {now} after {last}");
                assert!(changed > 0 || now == last);
                last = now;
            }
        }
    }
}

/// Σ x·xᵀ·2/N of a layer's unfolded input is the Hessian of the mean squared output error: the output, computed by the
/// engine with other weights, differs by ½·δᵀHδ.
#[test]
fn a_gram_matrix_foretells_the_error_of_any_convolution() {
    let convs: [(Conv, [usize; 4], usize); 4] = [
        (conv(1, [1, 1], [1, 1], [1, 1]), [6, 4, 3, 3], 4),
        (conv(2, [2, 1], [1, 2], [0, 2]), [6, 2, 3, 2], 4),
        (conv(4, [2, 2], [1, 1], [1, 0]), [4, 1, 3, 3], 4),
        (conv(1, [1, 2], [1, 1], [0, 0]), [5, 4, 1, 1], 4),
    ];
    for (conv, shape, channels) in convs {
        let mut rng = Rng::new(9);
        let mut graph = Graph::new();
        let x = graph.input("x", batch_of(&[channels, 7, 8]));
        let weight = graph.parameter("conv.weight", random(&mut rng, &shape));
        let y = graph.node("conv", Op::Conv(conv.clone()), &[x, weight]);
        graph.outputs.push(y);
        let prepared = prepare(&Model { graph, metadata: Default::default() });
        let samples = random(&mut rng, &[5, channels, 7, 8]);
        let network = network(&prepared, &samples, "int2@channel", "float");
        let [float, quantized] = both(&network, &samples, Place::Output(0));
        let pairs = float.as_f32().unwrap().iter().zip(quantized.as_f32().unwrap());
        let squares: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let measured = squares / float.len() as f64;
        let gram = with_control(|control| {
            block_on(async {
                let mut capture = Capture::quantized(&Cpu::new(), &network, &samples, MEMORY).await.unwrap();
                Gram::of_input(&mut capture, &prepared, 0, control).await.unwrap().unwrap()
            })
        });
        let n = gram.columns;
        let (float, quantized) = (prepared.weights(0).unwrap(), &network.layers()[0].weights);
        let mut foretold = 0.0;
        for row in 0..shape[0] {
            let delta: Vec<f64> = (row * n..(row + 1) * n)
                .map(|i| f64::from(quantized.as_f32().unwrap()[i]) - f64::from(float.as_f32().unwrap()[i]))
                .collect();
            let h = gram.of_row(row, shape[0]);
            let products = (0..n * n).map(|at| delta[at / n] * h[at] * delta[at % n]);
            foretold += 0.5 * products.sum::<f64>() / shape[0] as f64;
        }
        assert!((foretold - measured).abs() < 1e-5 * measured, "{conv:?}: {foretold} {measured}");
    }
}

fn conv(groups: usize, strides: [usize; 2], dilations: [usize; 2], pads: [usize; 2]) -> Conv {
    Conv {
        groups,
        strides: strides.to_vec(),
        dilations: dilations.to_vec(),
        pads_begin: pads.to_vec(),
        pads_end: pads.iter().rev().copied().collect(),
    }
}

fn output_error(network: &Network, samples: &Tensor) -> f64 {
    let face = network.prepared().face().unwrap();
    let [float, quantized] = both(network, samples, Place::Wire(face.output));
    let pairs = float.as_f32().unwrap().iter().zip(quantized.as_f32().unwrap());
    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / float.len() as f64
}

/// The errors of all layers that findings tell, before and after.
fn errors(findings: &[fewbit_quant::methods::Finding]) -> (f64, f64) {
    let pairs = findings.iter().filter_map(|finding| match finding.what {
        Fact::Error { before, after, .. } => Some((before, after)),
        _ => None,
    });
    pairs.fold((0.0, 0.0), |sum, (before, after)| (sum.0 + before, sum.1 + after))
}

#[test]
fn gptq_and_seqmse_bring_the_outputs_of_a_network_nearer() {
    let prepared = prepare(&residual(3));
    let samples = random(&mut Rng::new(7), &[64, 2, 6, 6]);
    for text in [
        "gptq",
        "gptq(act-order=1)",
        "gptq(passes=5,samples=40)",
        "seqmse",
        "seqmse,gptq",
        "seqmse,gptq(act-order=1),bias-correct",
    ] {
        for weights in ["int2@channel", "int3-asym@group4", "int3@tensor"] {
            let mut network = network(&prepared, &samples, weights, "uint4@tensor");
            let before = output_error(&network, &samples);
            let findings = run(text, &mut network, &samples);
            let after = output_error(&network, &samples);
            let (layers_before, layers_after) = errors(&findings);
            assert!(layers_after < layers_before, "{text} {weights}: {findings:?}");
            assert!(after < before, "{text} {weights}: {after} after {before}");
            for layer in network.layers() {
                let codes = layer.codes.as_ref().unwrap();
                let (low, high) = codes.format.code_range();
                assert!(codes.codes.iter().all(|code| (low..=high).contains(code)));
                assert_eq!(codes.grids.len(), codes.layout.block_count());
            }
        }
    }
}

#[test]
fn what_gptq_does_is_the_same_every_time_and_seen_in_frames() {
    let prepared = prepare(&residual(3));
    let samples = random(&mut Rng::new(7), &[40, 2, 6, 6]);
    let quantized = || {
        let mut network = network(&prepared, &samples, "int2@channel", "uint4@tensor");
        let told = advances("gptq(act-order=1)", &mut network, &samples);
        (network.layers().to_vec(), told)
    };
    let (layers, told) = quantized();
    assert_eq!((layers, told.clone()), quantized());
    assert_eq!(told.iter().map(|advance| advance.done).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(told[1].place, "conv2");
    assert!(told[1].frames.len() <= 32);
    let Some(Frame::Columns { layer, done, of, rows, order, compensation, errors }) = told[1].frames.last()
    else {
        panic!("{:?}", told[1].frames)
    };
    assert_eq!((*layer, *done, *of, *rows), (1, 36, 36, 4));
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..36) && order.iter().any(|&column| order[0] > column));
    // Nothing is added to the column that comes first, something to the others.
    let first = order[0] as usize;
    assert!(compensation.iter().enumerate().all(|(i, &added)| (added > 0.0) == (i != first)));
    assert!(errors.iter().all(|&error| error > 0.0));
}

#[test]
fn layers_kept_in_float_are_left_alone_and_say_so() {
    let prepared = prepare(&residual(3));
    let samples = random(&mut Rng::new(7), &[8, 2, 6, 6]);
    for text in ["gptq", "seqmse", "squant", "hqq"] {
        let mut network = network(&prepared, &samples, "float", "float");
        let before = network.layers().to_vec();
        let findings = run(text, &mut network, &samples);
        assert_eq!(findings.len(), 4);
        for finding in findings {
            assert_eq!(finding.what, Fact::NotApplied { reason: "its weights are in float".into() });
        }
        assert_eq!(network.layers(), before);
    }
}

/// Sums of q − (w/Δ + z) over runs of `len` codes.
fn sums(weights: &[f32], codes: &[i32], grid: Affine, len: usize) -> Vec<f64> {
    let delta = |(&w, &code): (&f32, &i32)| {
        f64::from(code) - f64::from(w) / f64::from(grid.scale) - f64::from(grid.zero_point)
    };
    let deltas: Vec<f64> = weights.iter().zip(codes).map(delta).collect();
    deltas.chunks(len).map(|run| run.iter().sum()).collect()
}

#[test]
fn squant_cancels_errors_in_every_kernel_and_channel() {
    let mut flips = 0;
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let kernel = rng.pick(&[1, 4, 9, 25]);
        let weights = rng.floats(kernel * rng.clone().between(1, 20));
        let grid = grids(&weights, weights.len(), rng.pick(&["int3", "int4", "int4-asym", "int2"]))[0];
        let codes = squant::cancel(&weights, grid, kernel);
        for sum in sums(&weights, &codes, grid, kernel) {
            assert!(sum.abs() <= 1.0 + 1e-9, "seed {seed}: {sum} over a kernel");
        }
        let sum = sums(&weights, &codes, grid, weights.len())[0];
        // Zero points are rounded: an asymmetric grid may clip a little at one end.
        let slack = if grid.zero_point == 0.0 { 1e-9 } else { 0.5 };
        assert!(sum.abs() <= 0.5 + slack, "seed {seed}: {sum} over the channel");
        for delta in sums(&weights, &codes, grid, 1) {
            assert!(delta.abs() <= 1.0 + 1e-9, "seed {seed}: {delta}");
        }
        flips += codes.iter().zip(nearest(&weights, &[grid], weights.len())).filter(|(a, b)| *a != b).count();
    }
    assert!(flips > 1000, "{flips}");
    // Where there is one kernel, its sum is the channel's.
    let weights = Rng::new(3).floats(9);
    let grid = grids(&weights, 9, "int4")[0];
    assert!(sums(&weights, &squant::cancel(&weights, grid, 9), grid, 9)[0].abs() <= 0.5 + 1e-9);
}

#[test]
fn hqq_without_a_turn_is_rounding_with_a_zero_point_that_is_not_rounded() {
    let mut rng = Rng::new(4);
    let weights = rng.floats(64);
    let quantizer = choice("int4-asym@channel").quantizer().unwrap();
    let rounded = grids(&weights, 64, "int4-asym")[0];
    let start = hqq::unrounded(&weights, rounded, quantizer);
    let settings = hqq::Settings { iterations: 0, p: 0.7, beta: 10.0, kappa: 1.01 };
    assert_eq!(hqq::fit(&weights, start, settings), start);
    let (min, max) = weights.iter().fold((0.0f32, 0.0f32), |(min, max), &w| (min.min(w), max.max(w)));
    for &w in &weights {
        // s = 15/(max − min), z = −min·s, q = round(w·s + z): the same in f64.
        let scale = f64::from(max - min) / 15.0;
        let code = (f64::from(w - min) / scale).round_ties_even() - 8.0;
        assert_eq!(f64::from(start.code(w)), code.clamp(-8.0, 7.0), "{w}");
    }
    let before: f64 = weights.iter().map(|&w| f64::from((start.fake(w) - w).abs())).sum();
    let fitted = hqq::fit(&weights, start, hqq::Settings { iterations: 20, ..settings });
    let after: f64 = weights.iter().map(|&w| f64::from((fitted.fake(w) - w).abs())).sum();
    assert!(after <= before && fitted.scale == start.scale, "{after} {before}");
}

#[test]
fn hqq_moves_zero_points_and_tells_what_they_take() {
    let prepared = prepare(&residual(3));
    let samples = random(&mut Rng::new(7), &[8, 2, 6, 6]);
    let mut network = network(&prepared, &samples, "int3-asym@group8", "float");
    let before = network.layers()[1].weight_bits();
    let findings = run("hqq", &mut network, &samples);
    let blocks = network.layers()[1].codes.as_ref().unwrap().grids.len() as u64;
    assert_eq!(network.layers()[1].weight_bits(), before + blocks * (32 - 3));
    assert!(
        findings
            .iter()
            .any(|finding| finding.what
                == Fact::ZeroPoints { max: zero_move(&finding.what), bits: 32 * blocks })
    );
    // A symmetric format has none.
    let mut network = crate::methods_correct::network(&prepared, &samples, "int3@channel", "float");
    let findings = run("hqq", &mut network, &samples);
    assert!(matches!(&findings[0].what, Fact::NotApplied { reason } if reason.contains("int3-asym")));
}

fn zero_move(fact: &Fact) -> f64 {
    match fact {
        Fact::ZeroPoints { max, .. } => *max,
        _ => 0.0,
    }
}

#[test]
fn a_network_of_squant_keeps_its_grids() {
    let prepared = prepare(&residual(3));
    let samples = random(&mut Rng::new(7), &[64, 2, 6, 6]);
    let mut network = network(&prepared, &samples, "int3@channel", "float");
    let before = network.layers()[1].codes.clone().unwrap();
    let findings = run("squant", &mut network, &samples);
    let after = network.layers()[1].codes.clone().unwrap();
    assert_eq!(before.grids, after.grids);
    let differ = before.codes.iter().zip(&after.codes).filter(|(a, b)| a != b).count() as u64;
    assert!(differ > 0 && findings[1].what == Fact::Flipped { count: differ, of: 144 }, "{findings:?}");
    let float = prepared.weights(1).unwrap().as_f32().unwrap();
    for (row, grid) in after.grids.iter().enumerate() {
        let own = row * 36..(row + 1) * 36;
        assert!(sums(&float[own.clone()], &after.codes[own], *grid, 36)[0].abs() <= 0.5 + 1e-6);
    }
    // Grids are those of the range method.
    let layout = after.layout;
    assert_eq!(after.grids, weights::grids(float, layout, choice("int3@channel").quantizer().unwrap()));
}
