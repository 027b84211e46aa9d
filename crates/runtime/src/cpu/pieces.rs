//! Long work in short pieces, so that a cancel is heard and a host can breathe.

use std::ops::Range;

use crate::backend::RunError;
use crate::control::Control;

/// The work of a piece, in multiply-adds: 13 ms for a slow machine's 2.5 billion a second.
const PIECE: usize = 1 << 25;

/// What a load, a comparison or a conversion costs, in multiply-adds of a tuned product.
pub(crate) const ELEMENT: usize = 8;

/// What a function of `libm` costs, in multiply-adds of a tuned product.
pub(crate) const FUNCTION: usize = 64;

/// Gives `work` the numbers 0 to `items` in consecutive ranges, each of which costs `cost` multiply-adds an item, and
/// looks at `control` after each range.
///
/// # Errors
/// Those of `work`, and [`RunError::Cancelled`].
pub(crate) async fn in_pieces(
    items: usize,
    cost: usize,
    control: &Control<'_>,
    mut work: impl FnMut(Range<usize>) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let step = (PIECE / cost.max(1)).max(1);
    let mut first = 0;
    while first < items {
        let last = items.min(first + step);
        work(first..last)?;
        control.step().await?;
        first = last;
    }
    Ok(())
}
