//! Resize and Upsample: along each axis an output element is a sum of input elements, each with a weight.
//!
//! Which ones is worked out here from the lengths, so that what runs is Gather, Mul and Add, or a matrix product where a
//! smoothing filter has many taps. Formulas: ONNX's Resize; the cubic is that of Keys 1981, eq. 4.

use fewbit_graph::op::Binary;
use fewbit_graph::{Op, Tensor, WireId};

use crate::error::Problem;
use crate::onnx::call::{Built, Call, Fault, axis_in, unsupported};

/// Where an output element lies in the input.
#[derive(Clone, Copy, PartialEq)]
enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    HalfPixelForNearest,
    /// Within a part of the input, from 0 to 1.
    Crop,
}

#[derive(Clone, Copy, PartialEq)]
enum Filter {
    Nearest(Nearest),
    Linear,
    Cubic { a: f64 },
}

#[derive(Clone, Copy, PartialEq)]
enum Nearest {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
}

/// How all axes are resized.
struct Rule {
    coordinates: Coordinates,
    filter: Filter,
    /// Whether taps beside the input have no weight; else they are the edge.
    exclude_outside: bool,
    antialias: bool,
    /// What is beside the input, for [`Coordinates::Crop`].
    outside: f32,
}

/// How one axis is resized.
struct Axis {
    from: usize,
    to: usize,
    scale: f64,
    crop: (f64, f64),
}

/// The taps of one output element; none: it lies outside.
type Taps = Vec<(usize, f64)>;

/// The most elements of a matrix of weights.
const MOST: usize = 1 << 24;

pub(super) fn resize(call: &mut Call<'_, '_>) -> Built {
    let text = |name: &str| -> Result<&str, Problem> { Ok(call.attributes.text(name)?.unwrap_or_default()) };
    let old = call.opset < 11;
    let nearest = match text("nearest_mode")? {
        _ if old => Nearest::Floor,
        "" | "round_prefer_floor" => Nearest::PreferFloor,
        "round_prefer_ceil" => Nearest::PreferCeil,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceil,
        other => return unsupported(format!("its nearest_mode is {other}")),
    };
    let filter = match text("mode")? {
        "" | "nearest" => Filter::Nearest(nearest),
        "linear" | "bilinear" => Filter::Linear,
        "cubic" => Filter::Cubic { a: f64::from(call.attributes.float("cubic_coeff_a")?.unwrap_or(-0.75)) },
        other => return unsupported(format!("its mode is {other}")),
    };
    let coordinates = match text("coordinate_transformation_mode")? {
        _ if old => Coordinates::Asymmetric,
        "" | "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        "tf_half_pixel_for_nn" => Coordinates::HalfPixelForNearest,
        "tf_crop_and_resize" => Coordinates::Crop,
        other => return unsupported(format!("its coordinate_transformation_mode is {other}")),
    };
    let rule = Rule {
        coordinates,
        filter,
        exclude_outside: call.attributes.flag("exclude_outside")?.unwrap_or(false),
        antialias: call.attributes.flag("antialias")?.unwrap_or(false),
        outside: call.attributes.float("extrapolation_value")?.unwrap_or(0.0),
    };
    let axes = axes(call, coordinates)?;
    let mut x = call.wire(0)?;
    for (axis, how) in axes {
        x = along(call, x, axis, &how, &rule)?;
    }
    call.done(x)
}

/// The axes that change, and how.
fn axes(call: &mut Call<'_, '_>, coordinates: Coordinates) -> Result<Vec<(usize, Axis)>, Fault> {
    let rank = call.rank(0)?;
    let listed: Vec<usize> = match call.attributes.ints("axes")? {
        Some(axes) => axes.iter().map(|&axis| axis_in(axis, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).collect(),
    };
    let scales_at = if call.opset < 11 { 1 } else { 2 };
    let scales = match call.attributes.floats("scales")? {
        Some(scales) => scales.to_vec(),
        None => floats(call, scales_at)?,
    };
    let roi = if coordinates == Coordinates::Crop { floats(call, 1)? } else { Vec::new() };
    let sizes = if scales.is_empty() { call.fixed_integers(3)? } else { None };
    let found = sizes.as_ref().map_or(scales.len(), Vec::len);
    if found != listed.len() {
        return Err(Problem::Field {
            what: "the list of its sizes or scales".to_owned(),
            found: format!("of {found} numbers"),
            needed: format!("of {}, one for each axis", listed.len()),
        }
        .into());
    }
    let kept = match (call.attributes.text("keep_aspect_ratio_policy")?.unwrap_or("stretch"), &sizes) {
        ("not_larger", Some(sizes)) => Some(ratio(call, &listed, sizes, f64::min)?),
        ("not_smaller", Some(sizes)) => Some(ratio(call, &listed, sizes, f64::max)?),
        _ => None,
    };
    let mut axes = Vec::new();
    for (i, &axis) in listed.iter().enumerate() {
        let crop = |i: usize| roi.get(i).copied().map_or(0.0, f64::from);
        let crop = if roi.is_empty() { (0.0, 1.0) } else { (crop(i), crop(i + listed.len())) };
        let same = match &sizes {
            Some(_) => false,
            None => scales.get(i) == Some(&1.0),
        };
        if same && crop == (0.0, 1.0) {
            continue;
        }
        let from = call.fixed_length(0, axis)?;
        let (to, scale) = match (&sizes, kept) {
            (Some(_), Some(kept)) => ((kept * from as f64 + 0.5).floor(), kept),
            (Some(sizes), None) => {
                let size = sizes.get(i).copied().unwrap_or(0) as f64;
                (size, size / from as f64)
            }
            (None, _) => {
                let scale = f64::from(scales.get(i).copied().unwrap_or(1.0));
                ((from as f64 * scale).floor(), scale)
            }
        };
        if !(1.0..=MOST as f64).contains(&to) || scale.is_nan() || scale <= 0.0 {
            return Err(Problem::Field {
                what: format!("the length to which axis {axis} is resized"),
                found: to.to_string(),
                needed: format!("a number from 1 to {MOST}"),
            }
            .into());
        }
        let to = to as usize;
        if to != from || crop != (0.0, 1.0) {
            axes.push((axis, Axis { from, to, scale, crop }));
        }
    }
    Ok(axes)
}

/// The floats of input `i`, which has to be known; none if it is not given.
fn floats(call: &Call<'_, '_>, i: usize) -> Result<Vec<f32>, Fault> {
    if call.input(i).is_none() {
        return Ok(Vec::new());
    }
    match call.constant(i).map(Tensor::as_f32) {
        Some(Ok(floats)) => Ok(floats.to_vec()),
        _ => unsupported(format!("its input {i} is only known when it runs")),
    }
}

/// The one scale for all axes.
fn ratio(
    call: &Call<'_, '_>,
    axes: &[usize],
    sizes: &[i64],
    choose: fn(f64, f64) -> f64,
) -> Result<f64, Fault> {
    let mut kept = None;
    for (&axis, &size) in axes.iter().zip(sizes) {
        let scale = size as f64 / call.fixed_length(0, axis)? as f64;
        kept = Some(kept.map_or(scale, |kept| choose(kept, scale)));
    }
    Ok(kept.unwrap_or(1.0))
}

impl Axis {
    /// Where output element `i` lies in the input; `None` beside what is cropped.
    fn place(&self, i: usize, coordinates: Coordinates) -> Option<f64> {
        let (x, from, to) = (i as f64, self.from as f64, self.to as f64);
        let half = (x + 0.5) / self.scale - 0.5;
        Some(match coordinates {
            Coordinates::HalfPixel => half,
            Coordinates::HalfPixelSymmetric => from / 2.0 * (1.0 - to / (from * self.scale)) + half,
            Coordinates::PytorchHalfPixel => {
                if self.to > 1 {
                    half
                } else {
                    0.0
                }
            }
            Coordinates::AlignCorners if self.to == 1 => 0.0,
            // By the whole length, as ONNX Runtime and PyTorch have it; ONNX's reference divides by scale·from − 1.
            Coordinates::AlignCorners => x * (from - 1.0) / (to - 1.0),
            Coordinates::Asymmetric => x / self.scale,
            Coordinates::HalfPixelForNearest => (x + 0.5) / self.scale,
            Coordinates::Crop => {
                let (start, end) = self.crop;
                let place = if self.to > 1 {
                    start * (from - 1.0) + x * (end - start) * (from - 1.0) / (to - 1.0)
                } else {
                    0.5 * (start + end) * (from - 1.0)
                };
                return (0.0..=from - 1.0).contains(&place).then_some(place);
            }
        })
    }

    fn taps(&self, i: usize, rule: &Rule) -> Taps {
        let Some(place) = self.place(i, rule.coordinates) else { return Taps::new() };
        let last = self.from as i64 - 1;
        if let Filter::Nearest(nearest) = rule.filter {
            let index = match nearest {
                Nearest::PreferFloor => (place - 0.5).ceil(),
                Nearest::PreferCeil => (place + 0.5).floor(),
                Nearest::Floor => place.floor(),
                Nearest::Ceil => place.ceil(),
            };
            return vec![((index as i64).clamp(0, last) as usize, 1.0)];
        }
        let (reach, weight): (f64, &dyn Fn(f64) -> f64) = match rule.filter {
            Filter::Cubic { a } => (2.0, &move |x| cubic(x.abs(), a)),
            _ => (1.0, &|x: f64| (1.0 - x.abs()).max(0.0)),
        };
        // A filter that smooths is as much wider as the output is shorter.
        let scale = if rule.antialias { self.scale.min(1.0) } else { 1.0 };
        let base = place.floor();
        let first = (-reach / scale).floor() as i64 + 1;
        let mut taps: Vec<(i64, f64)> = (first..=1 - first)
            .map(|i| (base as i64 + i, weight(scale * (i as f64 - (place - base)))))
            .filter(|(index, _)| !rule.exclude_outside || (0..=last).contains(index))
            .collect();
        if rule.antialias || rule.exclude_outside {
            let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
            taps.iter_mut().for_each(|(_, weight)| *weight /= sum);
        }
        taps.into_iter().map(|(index, weight)| (index.clamp(0, last) as usize, weight)).collect()
    }
}

fn cubic(x: f64, a: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn along(call: &mut Call<'_, '_>, x: WireId, axis: usize, how: &Axis, rule: &Rule) -> Result<WireId, Fault> {
    let taps: Vec<Taps> = (0..how.to).map(|i| how.taps(i, rule)).collect();
    let most = taps.iter().map(Vec::len).max().unwrap_or(0);
    let rank = call.rank_of(x)?;
    let mut broadcast = vec![1; rank - axis.min(rank)];
    broadcast.first_mut().into_iter().for_each(|length| *length = how.to);
    let column = |call: &mut Call<'_, '_>, what: String, values: Vec<f32>| -> Result<WireId, Fault> {
        let tensor =
            Tensor::f32(broadcast.clone(), values).map_err(|why| Problem::Syntax(why.to_string()))?;
        Ok(call.given(&what, tensor))
    };
    let tap = |taps: &Taps, t: usize| taps.get(t).copied().unwrap_or((0, 0.0));
    let mut y = None;
    if most > 4 {
        y = Some(product(call, x, axis, rank, how, &taps)?);
    } else {
        for t in 0..most.max(1) {
            let indices: Vec<f32> = taps.iter().map(|taps| tap(taps, t).0 as f32).collect();
            let weights: Vec<f32> = taps.iter().map(|taps| tap(taps, t).1 as f32).collect();
            let indices = call.given(&format!("indices{axis}.{t}"), Tensor::vector(indices));
            let mut part = call.step(&format!("picked{axis}.{t}"), Op::Gather { axis }, &[x, indices]);
            if weights.iter().any(|weight| *weight != 1.0) {
                let weights = column(call, format!("weights{axis}.{t}"), weights)?;
                part = call.binary(&format!("weighted{axis}.{t}"), Binary::Mul, part, weights);
            }
            y = Some(y.map_or(part, |y| call.binary(&format!("sum{axis}.{t}"), Binary::Add, y, part)));
        }
    }
    let y = y.unwrap_or(x);
    if taps.iter().all(|taps| !taps.is_empty()) {
        return Ok(y);
    }
    let outside = taps.iter().map(|taps| if taps.is_empty() { rule.outside } else { 0.0 }).collect();
    let outside = column(call, format!("outside{axis}"), outside)?;
    Ok(call.binary(&format!("whole{axis}"), Binary::Add, y, outside))
}

/// The sums as a product with a matrix of weights, for which the axis goes to the end and back.
fn product(
    call: &mut Call<'_, '_>,
    x: WireId,
    axis: usize,
    rank: usize,
    how: &Axis,
    taps: &[Taps],
) -> Result<WireId, Fault> {
    let elements = how.from.saturating_mul(how.to);
    call.importer.fill(elements as u64)?;
    let mut matrix = vec![0f64; elements];
    for (column, taps) in taps.iter().enumerate() {
        for &(row, weight) in taps {
            matrix.get_mut(row * how.to + column).into_iter().for_each(|entry| *entry += weight);
        }
    }
    let matrix: Vec<f32> = matrix.into_iter().map(|weight| weight as f32).collect();
    let matrix = Tensor::f32([how.from, how.to], matrix).map_err(|why| Problem::Syntax(why.to_string()))?;
    let matrix = call.given(&format!("filter{axis}"), matrix);
    let mut perm: Vec<usize> = (0..rank).collect();
    if let Some(last) = rank.checked_sub(1) {
        perm.swap(axis, last);
    }
    let moved = call.transpose(&format!("moved{axis}"), x, perm.clone());
    let product = call.step(&format!("filtered{axis}"), Op::MatMul, &[moved, matrix]);
    Ok(call.transpose(&format!("back{axis}"), product, perm))
}
