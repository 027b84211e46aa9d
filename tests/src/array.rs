//! The oracle's tensors.

use fewbit_graph::Tensor;

/// A row-major array of f64, read and written by index.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: Vec<f64>,
}

impl Array {
    /// The array whose element at each index is `f(index)`.
    pub fn from_fn(shape: &[usize], f: impl FnMut(&[usize]) -> f64) -> Self {
        Self { shape: shape.to_vec(), values: indices(shape).iter().map(Vec::as_slice).map(f).collect() }
    }

    /// The values of a float tensor.
    pub fn of(tensor: &Tensor) -> Self {
        let values =
            tensor.as_f32().expect("problems are made of floats").iter().map(|&x| x.into()).collect();
        Self { shape: tensor.shape().to_vec(), values }
    }

    /// The element at `index`.
    pub fn at(&self, index: &[usize]) -> f64 {
        self.values[self.place(index)]
    }

    /// The element at `index`, to be changed.
    pub fn at_mut(&mut self, index: &[usize]) -> &mut f64 {
        let place = self.place(index);
        &mut self.values[place]
    }

    /// The element at `index` after NumPy's broadcasting: missing axes and axes of length 1 repeat.
    pub fn broadcast(&self, index: &[usize]) -> f64 {
        let own = &index[index.len() - self.shape.len()..];
        let index: Vec<usize> =
            own.iter().zip(&self.shape).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
        self.at(&index)
    }

    /// The element at `tail` of the block at `head`, with broadcasting of the axes before the block's.
    pub fn broadcast_head(&self, head: &[usize], tail: &[usize]) -> f64 {
        let own = self.shape.len() - tail.len();
        let head: Vec<usize> = head[head.len() - own..]
            .iter()
            .zip(&self.shape)
            .map(|(&i, &n)| if n == 1 { 0 } else { i })
            .collect();
        self.at(&[head.as_slice(), tail].concat())
    }

    /// The element at `index`, or `outside` where it lies beyond an axis.
    pub fn get(&self, index: &[i64], outside: f64) -> f64 {
        let inside = index.iter().zip(&self.shape).all(|(&i, &n)| 0 <= i && i < n as i64);
        if !inside {
            return outside;
        }
        self.at(&index.iter().map(|&i| i as usize).collect::<Vec<_>>())
    }

    /// This array with `f` of each element.
    pub fn map(&self, f: impl FnMut(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().copied().map(f).collect() }
    }

    fn place(&self, index: &[usize]) -> usize {
        assert_eq!(index.len(), self.shape.len(), "one number for each axis");
        index.iter().zip(&self.shape).fold(0, |place, (&i, &n)| {
            assert!(i < n, "index {index:?} of an array of shape {:?}", self.shape);
            place * n + i
        })
    }
}

/// Every index of an array of `shape`, row-major.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |heads, &n| {
        heads.iter().flat_map(|head| (0..n).map(|i| [head.as_slice(), &[i]].concat())).collect()
    })
}

/// The shape that `a` and `b` broadcast to.
pub fn broadcast_shape(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank).map(|axis| if at(a, axis) == 1 { at(b, axis) } else { at(a, axis) }).collect()
}
