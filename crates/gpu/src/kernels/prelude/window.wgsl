// Windows that slide over images of one or two axes (with one axis, heights are 1). Params have it as `window`.

struct Window {
  in_h: u32,
  in_w: u32,
  out_h: u32,
  out_w: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_h: u32,
  stride_w: u32,
  dilation_h: u32,
  dilation_w: u32,
  pad_h: u32,
  pad_w: u32,
}

// A place of an output: its image, its place within it, and where its window begins. The last two may lie before
// the image: they wrap around, and so compare as beyond its end.
struct Place {
  image: u32,
  row: u32,
  column: u32,
  y: u32,
  x: u32,
}

// Place l of all images, one after the other.
fn place_of(l: u32) -> Place {
  let area = params.window.out_h * params.window.out_w;
  let image = l / area;
  let position = l - image * area;
  let row = position / params.window.out_w;
  let column = position - row * params.window.out_w;
  let y = row * params.window.stride_h - params.window.pad_h;
  let x = column * params.window.stride_w - params.window.pad_w;
  return Place(image, row, column, y, x);
}
