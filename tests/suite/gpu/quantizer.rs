//! The quantizer's codes are those of `fewbit_numeric`, bit for bit; so is the division that they rest on.

use fewbit_graph::op::Binary;
use fewbit_graph::{Graph, Op, Tensor};
use fewbit_numeric::Affine;
use fewbit_runtime::Keep;
use fewbit_tests::{Rng, gpu};

use crate::common::outputs;

/// The device's values for each row of `x` on a grid of its own.
fn fake_quantize(gpu: &fewbit_gpu::Gpu, x: &[Vec<f32>], grids: &[Affine]) -> Vec<f32> {
    let (rows, columns) = (x.len(), x[0].len());
    let bounds = [grids[0].min_code, grids[0].max_code];
    let mut graph = Graph::new();
    let inputs = [
        Tensor::f32([rows, columns], x.concat()).expect("rows of one length"),
        Tensor::vector(grids.iter().map(|grid| grid.scale).collect::<Vec<_>>()),
        Tensor::vector(grids.iter().map(|grid| grid.zero_point).collect::<Vec<_>>()),
        Tensor::vector(bounds),
    ]
    .map(|tensor| graph.parameter("p", tensor));
    let y = graph.node("y", Op::fake_quantize(0), &inputs);
    graph.outputs.push(y);
    let [y] = outputs(gpu, &graph, Keep::Outputs).expect("it runs").try_into().expect("one output");
    y.as_f32().expect("floats").to_vec()
}

fn check(x: &[Vec<f32>], grids: &[Affine]) {
    let Some(gpu) = gpu() else { return };
    let found = fake_quantize(&gpu, x, grids);
    let expected = x.iter().zip(grids).flat_map(|(row, grid)| row.iter().map(|&x| (x, *grid, grid.fake(x))));
    let mut wrong = 0;
    let mut first = None;
    for ((x, grid, expected), &found) in expected.zip(&found) {
        if expected != found && !(expected.is_nan() && found.is_nan()) {
            wrong += 1;
            first.get_or_insert((x, grid, expected, found));
        }
    }
    assert_eq!(wrong, 0, "of {}: {first:?}", found.len());
}

#[test]
fn random_values_get_the_same_codes() {
    let mut rng = Rng::new(1);
    for (min_code, max_code) in [(-127.0, 127.0), (0.0, 65535.0), (-4.0, 3.0)] {
        let grid = |rng: &mut Rng| Affine {
            scale: rng.float(0.5, 1.0) * 2f32.powi(rng.between(0, 12) as i32 - 10),
            zero_point: if min_code < 0.0 { 0.0 } else { rng.between(0, max_code as usize) as f32 },
            min_code,
            max_code,
        };
        let grids: Vec<Affine> = (0..64).map(|_| grid(&mut rng)).collect();
        let x: Vec<Vec<f32>> = grids
            .iter()
            .map(|grid| (0..2000).map(|_| grid.value(rng.float(min_code - 2.0, max_code + 2.0))).collect())
            .collect();
        check(&x, &grids);
    }
}

/// Ties and the floats next to them: where a quotient that is off by one bit gives another code.
#[test]
fn values_next_to_ties_get_the_same_codes() {
    let mut rng = Rng::new(2);
    let grids: Vec<Affine> = (0..256)
        .map(|i| Affine {
            scale: rng.float(0.001, 1.0),
            zero_point: [0.0, 7.0, 0.5, -1.25][i % 4],
            min_code: -127.0,
            max_code: 127.0,
        })
        .collect();
    let x: Vec<Vec<f32>> = grids
        .iter()
        .map(|grid| {
            (-130..130)
                .flat_map(|code| {
                    let tie = ((f64::from(code) + 0.5) * f64::from(grid.scale)) as f32;
                    [-2i32, -1, 0, 1, 2].map(|ulps| f32::from_bits(tie.to_bits().wrapping_add_signed(ulps)))
                })
                .collect()
        })
        .collect();
    check(&x, &grids);
}

#[test]
fn values_of_every_magnitude_get_the_same_codes() {
    let mut rng = Rng::new(3);
    let grids: Vec<Affine> = (0..64)
        .map(|_| Affine { scale: rng.float(1e-3, 10.0), zero_point: 3.0, min_code: 0.0, max_code: 255.0 })
        .collect();
    let normal = |x: &f32| x.is_nan() || x.abs() >= f32::MIN_POSITIVE;
    let x: Vec<Vec<f32>> = grids
        .iter()
        .map(|_| {
            let bits = std::iter::repeat_with(|| f32::from_bits(rng.between(0, u32::MAX as usize) as u32));
            let special = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
            bits.filter(normal).take(500).chain(special).collect()
        })
        .collect();
    check(&x, &grids);
}

/// WGSL's own division need not be: ours is made of integers.
#[test]
fn division_is_rounded_to_nearest() {
    let Some(gpu) = gpu() else { return };
    let mut rng = Rng::new(4);
    let normal = |x: f32| x.is_normal();
    let mut draw = || loop {
        // Exponents from 2⁻⁶³ to 2⁶³, so that every quotient is normal.
        let bits = rng.between(0, u32::MAX as usize) as u32;
        let x = f32::from_bits((bits & 0x807F_FFFF) | ((64 + (bits >> 23) % 126) << 23));
        if normal(x) {
            return x;
        }
    };
    let (mut x, mut y): (Vec<f32>, Vec<f32>) = (0..200_000).map(|_| (draw(), draw())).unzip();
    // Quotients that are whole, half, or a bit beside.
    for n in 1..5000u32 {
        let divisor = n as f32 * 0.7;
        for ulps in [-1, 0, 1] {
            x.push(f32::from_bits((divisor * (n % 9) as f32).max(1.0).to_bits().wrapping_add_signed(ulps)));
            y.push(divisor);
        }
    }
    let expected: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x / y).collect();
    let mut graph = Graph::new();
    let inputs = [x.clone(), y.clone()].map(|values| graph.parameter("p", Tensor::vector(values)));
    let quotient = graph.node("quotient", Op::Binary(Binary::Div), &inputs);
    graph.outputs.push(quotient);
    let found = outputs(&gpu, &graph, Keep::Outputs).expect("it runs");
    let found = found[0].as_f32().expect("floats");
    let wrong = (0..x.len()).find(|&i| found[i].to_bits() != expected[i].to_bits());
    assert!(wrong.is_none(), "{:?}", wrong.map(|i| (x[i], y[i], expected[i], found[i])));
}
