//! Tensors of codes, and the signal that formats keep of a Gaussian.

use fewbit_numeric::quantized::storage_bits;
use fewbit_numeric::{
    Affine, BlockLayout, ErrorStats, Format, Granularity, NoiseSplit, Philox, Quantized, Range,
};

/// `values` in `format`, each block with the grid that covers its own range.
pub(crate) fn absmax(format: Format, layout: BlockLayout, values: &[f32]) -> Quantized {
    let range = |block| Range::of(layout.indices(block).map(|i| values[i]));
    let grids = (0..layout.block_count()).map(|block| Affine::covering(format, range(block))).collect();
    Quantized::nearest(format, layout, grids, values)
}

#[test]
fn each_value_is_rounded_on_the_grid_of_its_block() {
    let values: Vec<f32> = Philox::new(1).normals(0).take(5 * 7 * 3).collect();
    for format in crate::formats() {
        for axis in 0..=3 {
            for granularity in [Granularity::Tensor, Granularity::Channel, Granularity::Group(4)] {
                let layout = BlockLayout::new(&[5, 7, 3], axis, granularity);
                let quantized = absmax(format, layout, &values);
                let dequantized = quantized.dequantize();
                for (i, &x) in values.iter().enumerate() {
                    let grid = quantized.grids[layout.block_of(i)];
                    assert_eq!(quantized.codes[i], grid.code(x) as i32);
                    assert_eq!(dequantized[i].to_bits(), grid.fake(x).to_bits());
                }
            }
        }
    }
}

#[test]
fn an_empty_tensor_quantizes_to_nothing() {
    let quantized = absmax(Format::INT8, BlockLayout::new(&[0, 4], 0, Granularity::Tensor), &[]);
    assert_eq!((quantized.codes.len(), quantized.dequantize().len()), (0, 0));
    assert_eq!(NoiseSplit::of(&quantized, &[]), NoiseSplit::default());
}

#[test]
fn storage_counts_codes_scales_and_zero_points() {
    let layout = BlockLayout::new(&[10, 100], 0, Granularity::Group(32));
    // Four groups a channel: 1000 codes, 40 scales.
    assert_eq!(storage_bits("int4".parse().unwrap(), &layout), 1000 * 4 + 40 * 32);
    assert_eq!(storage_bits("uint4".parse().unwrap(), &layout), 1000 * 4 + 40 * (32 + 4));
    assert_eq!(storage_bits("int1".parse().unwrap(), &layout), 1000 + 40 * 32);
}

#[test]
fn noise_is_rounding_within_the_levels_and_clipping_outside() {
    let format = Format::INT8;
    let layout = BlockLayout::new(&[6], 0, Granularity::Tensor);
    let grid = Affine { scale: 0.5, zero_point: 0.0, min_code: -3.0, max_code: 3.0 };
    let values = [0.1, -0.7, 1.5, -1.5, 1.6, -4.5];
    let quantized = Quantized::nearest(format, layout, vec![grid], &values);
    let split = NoiseSplit::of(&quantized, &values);
    assert!((split.rounding - (0.1f64.powi(2) + 0.2f64.powi(2))).abs() < 1e-7);
    assert!((split.clipping - (0.1f64.powi(2) + 3.0f64.powi(2))).abs() < 1e-6);
    assert_eq!(split.clipped, 2);
}

#[test]
fn the_two_noises_add_up_to_all_of_it() {
    let values: Vec<f32> = Philox::new(2).normals(0).take(6000).collect();
    for granularity in [Granularity::Tensor, Granularity::Channel, Granularity::Group(7)] {
        let layout = BlockLayout::new(&[20, 300], 1, granularity);
        let grid = Affine::covering("int4".parse().unwrap(), Range { min: -1.5, max: 1.5 });
        let grids = vec![grid; layout.block_count()];
        let quantized = Quantized::nearest("int4".parse().unwrap(), layout, grids, &values);
        let stats = ErrorStats::between(&values, &quantized.dequantize());
        let split = NoiseSplit::of(&quantized, &values);
        assert!((split.rounding + split.clipping - stats.noise).abs() < 1e-9 * stats.noise);
        assert!(split.clipped > 0 && split.clipping > split.rounding);
    }
}

/// The signal-to-noise ratios in dB of absmax scales over groups of 128 standard normal values.
#[test]
fn formats_keep_the_expected_signal_of_a_gaussian() {
    let values: Vec<f32> = Philox::new(3).normals(0).take(1 << 18).collect();
    let layout = BlockLayout::new(&[1 << 11, 128], 0, Granularity::Group(128));
    for (bits, expected) in [(8, 43.8), (6, 31.5), (5, 25.2), (4, 18.6), (3, 11.2), (2, 2.3)] {
        let quantized = absmax(Format::INT8.with_bits(bits).unwrap(), layout, &values);
        let found = ErrorStats::between(&values, &quantized.dequantize()).sqnr_db();
        assert!((found - expected).abs() <= 0.15, "{bits} bits: {found:.2} dB, expected {expected}");
    }
}

#[test]
fn one_more_bit_never_loses_signal() {
    let values: Vec<f32> = Philox::new(4).normals(0).take(4096).collect();
    for family in ["int8", "int8-full", "int8-asym", "uint8"] {
        let family: Format = family.parse().unwrap();
        let sqnr = |bits| {
            let layout = BlockLayout::new(&[4096], 0, Granularity::Tensor);
            let quantized = absmax(family.with_bits(bits).unwrap(), layout, &values);
            ErrorStats::between(&values, &quantized.dequantize()).sqnr_db()
        };
        for bits in 2..8 {
            assert!(sqnr(bits) < sqnr(bits + 1), "{family} at {bits} bits");
        }
    }
}
