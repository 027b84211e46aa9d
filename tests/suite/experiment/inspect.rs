//! Tensors of files, inspected a piece at a time: the same as at once.

use std::collections::BTreeMap;
use std::io::Cursor;

use fewbit_experiment::inspect::{Inspected, Inspection, PIECE, Target};
use fewbit_formats::safetensors::{self, Dtype, Entry};
use fewbit_formats::{Limits, TensorFile};
use fewbit_numeric::ggml::BlockType;
use fewbit_numeric::{ErrorStats, Philox};
use fewbit_quant::{Choice, weights};

fn file(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let entry = Entry { name: "w", dtype: Dtype::F32, shape, bytes: &bytes };
    safetensors::write(&[entry], &BTreeMap::new()).unwrap()
}

/// Values like those of a layer, with some far out.
fn values(count: usize) -> Vec<f32> {
    let mut values: Vec<f32> = Philox::new(7).normals(0).take(count).map(|x| 0.05 * x).collect();
    for place in (0..count).step_by(9973) {
        values[place] *= 40.0;
    }
    values
}

fn inspected(shape: &[usize], values: &[f32], target: &str) -> Inspected {
    let mut file = TensorFile::open(Cursor::new(file(shape, values)), &Limits::default()).unwrap();
    let tensor = file.tensors[0].clone();
    let mut inspection = Inspection::new(&tensor, target.parse().unwrap(), None).unwrap();
    let mut before = 0.0;
    loop {
        if let Some((_, inspected)) = inspection.step(&mut file).unwrap() {
            return inspected;
        }
        assert!(inspection.progress() >= before && inspection.progress() <= 1.0);
        before = inspection.progress();
    }
}

fn sqnr(float: &[f32], quantized: &[f32]) -> f64 {
    ErrorStats::between(float, quantized).sqnr_db()
}

#[test]
fn statistics_are_those_of_all_values() {
    let (rows, columns) = (700, 1000);
    let values = values(rows * columns);
    let found = inspected(&[rows, columns], &values, "float").statistics;
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    assert_eq!(found.n, values.len() as u64);
    assert_eq!(found.range.max, values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    assert!((found.mean - mean).abs() < 1e-12 && (found.deviation - variance.sqrt()).abs() < 1e-12);
    assert_eq!(found.channels, 700);
    let magnitude = |row: usize| values[row * columns..][..columns].iter().fold(0f32, |m, x| m.max(x.abs()));
    let mut all: Vec<f32> = (0..rows).map(magnitude).collect();
    assert_eq!(found.widest[0].range.max_abs(), magnitude(found.widest[0].index as usize));
    all.sort_by(f32::total_cmp);
    let largest: Vec<f32> = all.iter().rev().take(8).copied().collect();
    assert_eq!(found.widest.iter().map(|channel| channel.range.max_abs()).collect::<Vec<_>>(), largest);
    assert_eq!(found.median_magnitude, Some(all[350]));
}

#[test]
fn histograms_count_every_value_and_outliers_apart() {
    let values = values(300_000);
    let found = inspected(&[300, 1000], &values, "int4@channel");
    let deviation = found.statistics.deviation;
    let far = |x: &&f32| (f64::from(**x) - found.statistics.mean).abs() > 6.0 * deviation;
    let outliers = values.iter().filter(far).count() as u64;
    assert!(outliers > 10);
    assert_eq!(found.view.outside.iter().sum::<u64>(), outliers);
    assert_eq!(found.view.float_bins.iter().sum::<u64>() + outliers, values.len() as u64);
}

#[test]
fn what_is_quantized_by_the_piece_is_what_the_bench_would_make_of_it() {
    let (rows, columns) = (600, 1024);
    let values = values(rows * columns);
    assert!(values.len() as u64 > PIECE);
    for target in ["int4@channel", "int3@group32:mse", "uint8@channel:percentile99.9", "int4-asym@group100"] {
        let found = inspected(&[rows, columns], &values, target);
        let choice: Choice = target.parse().unwrap();
        let (codes, _) = weights::quantize("w", &values, &[rows, columns], 0, choice).unwrap();
        let codes = codes.unwrap();
        let quantized = codes.dequantize();
        assert!((found.view.errors.sqnr_db - sqnr(&values, &quantized)).abs() < 1e-9, "{target}");
        assert_eq!(found.view.errors.n, values.len() as u64, "{target}");
        assert_eq!(found.bits, Some(codes.storage_bits() as u64), "{target}");
        assert_eq!(found.reason, None, "{target}");
    }
}

#[test]
fn one_scale_for_more_values_than_memory_has_is_found_in_passes() {
    let values = values(600_000);
    for (target, exactly) in [("int8@tensor", true), ("int8@tensor:mse", false), ("int4-asym@tensor", true)] {
        let found = inspected(&[600, 1000], &values, target);
        let (codes, _) = weights::quantize("w", &values, &[600, 1000], 0, target.parse().unwrap()).unwrap();
        let codes = codes.unwrap();
        let whole = sqnr(&values, &codes.dequantize());
        let grid = found.view.grid.unwrap();
        assert_eq!(found.view.levels.iter().map(|level| level.count).sum::<u64>(), 600_000, "{target}");
        if exactly {
            assert_eq!(grid, codes.grids[0], "{target}");
            assert!((found.view.errors.sqnr_db - whole).abs() < 1e-9, "{target}");
        } else {
            assert!(found.reason.is_some(), "that the range was found from counts is said");
            assert!((found.view.errors.sqnr_db - whole).abs() < 0.2, "{} {whole}", found.view.errors.sqnr_db);
        }
    }
    // Two channels that are each too long for a piece.
    let long = inspected(&[2, 300_000], &values, "int8@channel");
    let (codes, _) =
        weights::quantize("w", &values, &[2, 300_000], 0, "int8@channel".parse().unwrap()).unwrap();
    let whole = sqnr(&values, &codes.unwrap().dequantize());
    assert!((long.view.errors.sqnr_db - whole).abs() < 1e-9);
    let groups = inspected(&[2, 300_000], &values, "int4@group48");
    let (codes, _) =
        weights::quantize("w", &values, &[2, 300_000], 0, "int4@group48".parse().unwrap()).unwrap();
    let codes = codes.unwrap();
    assert!((groups.view.errors.sqnr_db - sqnr(&values, &codes.dequantize())).abs() < 1e-9);
    assert_eq!(groups.bits, Some(codes.storage_bits() as u64));
}

#[test]
fn blocks_of_ggml_are_made_as_in_a_file() {
    let values = values(512 * 768);
    let found = inspected(&[512, 768], &values, "Q4_K");
    let bytes = BlockType::Q4_K.quantize(&values).unwrap();
    let whole = sqnr(&values, &BlockType::Q4_K.dequantize(&bytes).unwrap());
    assert!((found.view.errors.sqnr_db - whole).abs() < 1e-9);
    assert_eq!(found.bits, Some(8 * bytes.len() as u64));
    let odd = inspected(&[512, 100], &values[..51_200], "Q4_K");
    assert_eq!(odd.done, Target::Float);
    assert!(odd.reason.unwrap().contains("rows of 100"));
}

#[test]
fn odd_tensors_are_inspected_too() {
    let scalar = inspected(&[], &[2.5], "int8@channel");
    assert_eq!((scalar.statistics.n, scalar.statistics.range.max), (1, 2.5));
    let empty = inspected(&[0, 4], &[], "int8@channel");
    assert_eq!(empty.statistics.n, 0);
    let constant = inspected(&[4, 4], &[1.0; 16], "int4@tensor");
    assert_eq!(constant.view.float_bins.iter().sum::<u64>(), 16);
    let broken = inspected(&[2, 2], &[1.0, f32::NAN, f32::INFINITY, 0.0], "int8@tensor");
    assert_eq!((broken.statistics.not_finite, broken.statistics.zeros, broken.done), (2, 1, Target::Float));
    assert!(broken.reason.unwrap().contains("2 of 4"));
}
