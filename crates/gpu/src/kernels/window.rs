//! Windows that slide over images: the host's side of `prelude/window.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::step::word;

/// `Window` of the prelude. With one spatial axis, heights are 1.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(crate) struct Window {
    pub(crate) in_h: u32,
    pub(crate) in_w: u32,
    pub(crate) out_h: u32,
    pub(crate) out_w: u32,
    pub(crate) kernel_h: u32,
    pub(crate) kernel_w: u32,
    pub(crate) stride_h: u32,
    pub(crate) stride_w: u32,
    pub(crate) dilation_h: u32,
    pub(crate) dilation_w: u32,
    pub(crate) pad_h: u32,
    pub(crate) pad_w: u32,
}

/// The attributes of a window, one for each spatial axis.
pub(crate) struct Attributes<'a> {
    pub(crate) kernel: &'a [usize],
    pub(crate) strides: &'a [usize],
    pub(crate) dilations: &'a [usize],
    pub(crate) pads_begin: &'a [usize],
    pub(crate) pads_end: &'a [usize],
}

impl Window {
    /// A window of one place on rows of `length` places: what a matrix is to `gemm.wgsl`.
    pub(crate) fn row(length: u32) -> Self {
        Self {
            in_h: 1,
            in_w: length,
            out_h: 1,
            out_w: length,
            kernel_h: 1,
            kernel_w: 1,
            stride_h: 1,
            stride_w: 1,
            dilation_h: 1,
            dilation_w: 1,
            pad_h: 0,
            pad_w: 0,
        }
    }

    /// The windows that turn images of `input` into images of `output` (spatial axes alone).
    pub(crate) fn new(
        input: &[usize],
        output: &[usize],
        attributes: &Attributes<'_>,
    ) -> Result<Self, String> {
        let Attributes { kernel, strides, dilations, pads_begin, pads_end } = attributes;
        let [in_h, in_w] = two(input, 1)?;
        let [out_h, out_w] = two(output, 1)?;
        let [kernel_h, kernel_w] = two(kernel, 1)?;
        let [stride_h, stride_w] = two(strides, 1)?;
        let [dilation_h, dilation_w] = two(dilations, 1)?;
        let [pad_h, pad_w] = two(pads_begin, 0)?;
        let [end_h, end_w] = two(pads_end, 0)?;
        for (input, begin, end) in [(in_h, pad_h, end_h), (in_w, pad_w, end_w)] {
            // Places before the image wrap around; this keeps them beyond its end.
            word(input as usize + begin as usize + end as usize)?;
        }
        Ok(Self {
            in_h,
            in_w,
            out_h,
            out_w,
            kernel_h,
            kernel_w,
            stride_h,
            stride_w,
            dilation_h,
            dilation_w,
            pad_h,
            pad_w,
        })
    }
}

/// One or two numbers as height and width.
fn two(list: &[usize], missing: usize) -> Result<[u32; 2], String> {
    match *list {
        [w] => Ok([word(missing)?, word(w)?]),
        [h, w] => Ok([word(h)?, word(w)?]),
        _ => Err(format!("windows of {} axes; one or two are supported", list.len())),
    }
}
