//! PNG and JPEG files to pixels.
//!
//! An Exif orientation is not applied, as data loaders for training do not; an alpha channel is left out, and 16 bits a channel become
//! their upper 8. Only a header is believed before it is held to a limit.

use std::io::Cursor;

use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Pixels of a picture, at most: 64 Mi, as in a photograph of 8192×8192.
pub(super) const MOST_PIXELS: u64 = 1 << 26;
/// The longest side.
const MOST_SIDE: usize = 1 << 16;
/// Scans of a progressive JPEG; each costs a pass over all pixels.
const MOST_SCANS: usize = 64;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// A picture of 8 bits a channel, 1 channel (grey) or 3 (RGB), interleaved, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Image {
    /// A picture; none unless `pixels` are width × height × channels, of 1 or 3 channels and at least one pixel.
    pub fn new(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Option<Self> {
        let len = width.checked_mul(height)?.checked_mul(channels)?;
        let is_whole = len == pixels.len() && len > 0 && matches!(channels, 1 | 3);
        is_whole.then_some(Self { width, height, channels, pixels })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 for grey, 3 for RGB.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The channels of all pixels, interleaved.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The same in `channels` channels. Grey of colours is luma by ITU-R BT.601, (19595·R + 38470·G + 7471·B + 2¹⁵) >> 16.
    pub(crate) fn with_channels(&self, channels: usize) -> Self {
        let pixels = match (self.channels, channels) {
            (1, 3) => self.pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
            (3, 1) => self.pixels.chunks_exact(3).map(luma).collect(),
            _ => return self.clone(),
        };
        Self { channels, pixels, ..*self }
    }
}

fn luma(rgb: &[u8]) -> u8 {
    let weighted: u32 =
        rgb.iter().zip([19_595, 38_470, 7_471]).map(|(&c, weight)| u32::from(c) * weight).sum();
    ((weighted + (1 << 15)) >> 16) as u8
}

/// Decodes a PNG or JPEG file.
///
/// # Errors
/// What is wrong, in words, with the byte where that is known.
pub fn decode(bytes: &[u8]) -> Result<Image, String> {
    if bytes.starts_with(PNG) {
        png(bytes)
    } else if bytes.starts_with(JPEG) {
        jpeg(bytes)
    } else {
        Err("this is neither a PNG nor a JPEG file".to_owned())
    }
}

fn hold(width: u64, height: u64) -> Result<(), String> {
    match width.checked_mul(height) {
        Some(0) => Err(format!("it is {width}×{height} pixels large; it has none")),
        Some(n) if n <= MOST_PIXELS && width.max(height) <= MOST_SIDE as u64 => Ok(()),
        _ => Err(format!(
            "it says that it is {width}×{height} pixels large, more than the {MOST_PIXELS} that are read"
        )),
    }
}

fn png(bytes: &[u8]) -> Result<Image, String> {
    let damaged = |why: png::DecodingError| format!("a damaged PNG file: {why}");
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: 1 << 26 });
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(damaged)?;
    hold(header.width.into(), header.height.into())?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let size = reader.output_buffer_size().ok_or("it is larger than memory")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    let (channels, kept) = match frame.color_type {
        png::ColorType::Grayscale => (1, 1),
        png::ColorType::GrayscaleAlpha => (2, 1),
        png::ColorType::Rgb => (3, 3),
        png::ColorType::Rgba => (4, 3),
        png::ColorType::Indexed => return Err("a PNG file whose palette is missing".to_owned()),
    };
    if kept < channels {
        pixels = pixels.chunks_exact(channels).flat_map(|pixel| pixel.iter().take(kept).copied()).collect();
    }
    whole(frame.width as usize, frame.height as usize, kept, pixels)
}

fn jpeg(bytes: &[u8]) -> Result<Image, String> {
    let damaged =
        |why: zune_jpeg::errors::DecodeErrors| format!("a damaged JPEG file: {}", format!("{why:?}").trim());
    let options = DecoderOptions::default()
        .set_max_width(MOST_SIDE)
        .set_max_height(MOST_SIDE)
        .set_strict_mode(true)
        .jpeg_set_max_scans(MOST_SCANS);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or("a JPEG file without a size")?;
    hold(width as u64, height as u64)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (colors, channels) = if is_grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let pixels = decoder.decode().map_err(damaged)?;
    whole(width, height, channels, pixels)
}

fn whole(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Result<Image, String> {
    let found = pixels.len();
    Image::new(width, height, channels, pixels)
        .ok_or_else(|| format!("{width}×{height} pixels of {channels} channels, but {found} bytes"))
}
