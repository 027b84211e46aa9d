//! Reading an array.

use super::header::{self, Header};
use super::{Array, Values};
use crate::error::{Place, Problem, ReadError};
use crate::float16;

const READABLE: &str = "little-endian bool, uint8, int8, int32, int64, float16, float32 or float64";

/// Reads an npy file.
///
/// # Errors
/// [`ReadError`] with the byte at which the file stops making sense.
pub fn read(bytes: &[u8]) -> Result<Array, ReadError> {
    read_at(bytes, &Place::Byte)
}

/// Reads the npy file that is the member `name` of an archive.
///
/// # Errors
/// [`ReadError`] with the member's name.
pub fn read_member(name: &str, bytes: &[u8]) -> Result<Array, ReadError> {
    read_at(bytes, &|_| Place::Member(name.to_owned()))
}

fn read_at(bytes: &[u8], place: &dyn Fn(u64) -> Place) -> Result<Array, ReadError> {
    let (Header { descr, fortran_order, shape }, values) = header::split(bytes, place)?;
    let values_at = (bytes.len() - values.len()) as u64;
    let element_bytes = match descr.as_str() {
        "|b1" | "|u1" | "<u1" | "|i1" | "<i1" => 1,
        "<f2" => 2,
        "<i4" | "<f4" => 4,
        "<i8" | "<f8" => 8,
        _ => {
            return Err(
                place(10).error(Problem::ElementType { found: format!("`{descr}`"), readable: READABLE })
            );
        }
    };
    let overflow = || place(10).error(Problem::ShapeOverflow(shape.clone()));
    let lengths = shape.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>().ok();
    let lengths = lengths.ok_or_else(overflow)?;
    let needed = lengths.iter().try_fold(element_bytes, |product: usize, &n| product.checked_mul(n));
    let needed = needed.ok_or_else(overflow)?;
    if needed != values.len() {
        let (needed, found) = (needed as u64, values.len() as u64);
        return Err(place(values_at).error(Problem::Length { shape, unit: "bytes", needed, found }));
    }
    let order = if fortran_order { Order::Fortran(&lengths) } else { Order::C };
    let values = match descr.as_str() {
        "|b1" => Values::Bool(decode(values, order, |[byte]| byte != 0)),
        "|u1" | "<u1" => Values::U8(decode(values, order, |[byte]| byte)),
        "|i1" | "<i1" => Values::I8(decode(values, order, i8::from_le_bytes)),
        "<i4" => Values::I32(decode(values, order, i32::from_le_bytes)),
        "<i8" => Values::I64(decode(values, order, i64::from_le_bytes)),
        "<f2" => Values::F32(decode(values, order, |b| float16::from_f16(u16::from_le_bytes(b)))),
        "<f4" => Values::F32(decode(values, order, f32::from_le_bytes)),
        _ => Values::F64(decode(values, order, f64::from_le_bytes)),
    };
    Ok(Array { shape: lengths, values })
}

/// The order of a file's values.
#[derive(Clone, Copy)]
enum Order<'a> {
    /// The last axis varies fastest.
    C,
    /// The first axis does, in an array of this shape.
    Fortran(&'a [usize]),
}

/// Little-endian elements of `N` bytes, put into C order.
fn decode<const N: usize, T>(bytes: &[u8], order: Order<'_>, element: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    match order {
        Order::C => elements.iter().map(|bytes| element(*bytes)).collect(),
        Order::Fortran(shape) => FortranOffsets::new(shape)
            .filter_map(|at| elements.get(at))
            .map(|bytes| element(*bytes))
            .collect(),
    }
}

/// Where the elements of a Fortran-order array lie, visited in C order.
struct FortranOffsets {
    /// Length and stride of each axis.
    axes: Vec<(usize, usize)>,
    index: Vec<usize>,
    left: usize,
}

impl FortranOffsets {
    fn new(shape: &[usize]) -> Self {
        let mut stride = 1;
        let mut axes = Vec::with_capacity(shape.len());
        for &length in shape {
            axes.push((length, stride));
            stride *= length;
        }
        Self { axes, index: vec![0; shape.len()], left: stride }
    }
}

impl Iterator for FortranOffsets {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let offset = self.index.iter().zip(&self.axes).map(|(i, (_, stride))| i * stride).sum();
        for (i, (length, _)) in self.index.iter_mut().zip(&self.axes).rev() {
            *i += 1;
            if *i < *length {
                break;
            }
            *i = 0;
        }
        Some(offset)
    }
}
