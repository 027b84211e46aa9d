//! The shape rules of operators that choose elements.

use crate::infer::broadcast_shapes;
use crate::infer::shapes::{Shape, check, length, takes};

pub(super) fn choice(inputs: &[&[usize]]) -> Shape {
    let &[condition, a, b] = inputs else { return Err(takes("3 inputs", inputs.len())) };
    let values = broadcast_shapes(a, b);
    let all = values.and_then(|values| broadcast_shapes(condition, &values));
    all.ok_or_else(|| "the shapes cannot be broadcast to each other".to_owned())
}

pub(super) fn top_k(axis: usize, k: usize, x: &[usize]) -> Shape {
    let n = length(x, axis)?;
    check((1..=n).contains(&k), || format!("it takes 1 to {n} elements of axis {axis}, not {k}"))?;
    Ok([&x[..axis], &[k], &x[axis + 1..]].concat())
}

pub(super) fn gather_elements(axis: usize, (x, indices): (&[usize], &[usize])) -> Shape {
    length(x, axis)?;
    let fits = x.len() == indices.len()
        && std::iter::zip(x, indices).enumerate().all(|(i, (own, other))| i == axis || other <= own);
    check(fits, || format!("the indices {indices:?} do not fit into {x:?} beside axis {axis}"))?;
    Ok(indices.to_vec())
}

pub(super) fn scatter_elements(axis: usize, inputs: &[&[usize]]) -> Shape {
    let &[x, indices, updates] = inputs else { return Err(takes("3 inputs", inputs.len())) };
    gather_elements(axis, (x, indices))?;
    check(indices == updates, || format!("the updates are {updates:?}, but the indices are {indices:?}"))?;
    Ok(x.to_vec())
}

pub(super) fn gather_nd(batch: usize, (x, indices): (&[usize], &[usize])) -> Shape {
    let (places, parts) = nd(batch, x, indices)?;
    Ok([places, parts].concat())
}

pub(super) fn scatter_nd(inputs: &[&[usize]]) -> Shape {
    let &[x, indices, updates] = inputs else { return Err(takes("3 inputs", inputs.len())) };
    let (places, parts) = nd(0, x, indices)?;
    let wanted = [places, parts].concat();
    check(updates == wanted, || format!("the updates are {updates:?}, not {wanted:?}"))?;
    Ok(x.to_vec())
}

/// Of indices [*B, *P, n] into x [*B, *N, *S]: [*B, *P] and S.
fn nd<'a>(batch: usize, x: &'a [usize], indices: &'a [usize]) -> Result<(&'a [usize], &'a [usize]), String> {
    let Some((&n, places)) = indices.split_last() else {
        return Err("the indices have no axis that lists them".to_owned());
    };
    let fits = batch <= places.len() && x.get(..batch) == places.get(..batch);
    check(fits, || format!("the first {batch} axes of x {x:?} and of the indices {indices:?} differ"))?;
    let parts = batch.checked_add(n).and_then(|first| x.get(first..));
    let parts = parts.filter(|_| n > 0);
    let parts = parts.ok_or_else(|| {
        format!("the indices list {n} numbers for each place, but x has {} axes for them", x.len() - batch)
    })?;
    Ok((places, parts))
}
