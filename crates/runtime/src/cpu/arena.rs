//! Which values share a buffer.

use crate::backend::RunError;

/// Hands out buffers for the values of a plan's steps, in the order of the steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    /// The length of each buffer.
    lens: Vec<usize>,
    /// The buffers that hold nothing that is still needed.
    free: Vec<usize>,
}

impl Arena {
    /// A buffer for `len` values that nothing before used and nothing after will.
    pub(crate) fn own(&mut self, len: usize) -> usize {
        self.lens.push(len);
        self.lens.len() - 1
    }

    /// A buffer for `len` values: the free one that fits best, else the longest free one, made longer, else a new one.
    pub(crate) fn take(&mut self, len: usize) -> usize {
        let free = self.free.iter().copied().enumerate();
        let fit = |&(_, slot): &(usize, usize)| (self.lens[slot] < len, self.lens[slot].abs_diff(len));
        let Some((i, slot)) = free.min_by_key(fit) else { return self.own(len) };
        self.free.swap_remove(i);
        self.lens[slot] = self.lens[slot].max(len);
        slot
    }

    /// The values in `slot` are not needed any more.
    pub(crate) fn give_back(&mut self, slot: usize) {
        self.free.push(slot);
    }

    /// The buffers.
    ///
    /// # Errors
    /// [`RunError::Device`] if there is not enough memory.
    pub(crate) fn allocate(&self) -> Result<Vec<Vec<f32>>, RunError> {
        let buffer = |&len: &usize| {
            let mut buffer: Vec<f32> = Vec::new();
            buffer
                .try_reserve_exact(len)
                .map_err(|_| RunError::Device(format!("no memory for a value of {len} floats")))?;
            buffer.resize(len, 0.0);
            Ok(buffer)
        };
        self.lens.iter().map(buffer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_is_taken_again() {
        let mut arena = Arena::default();
        let [small, large] = [arena.take(10), arena.take(100)];
        assert_ne!(small, large);
        arena.give_back(small);
        arena.give_back(large);
        assert_eq!(arena.take(50), large);
        assert_eq!(arena.take(50), small);
        let lens: Vec<usize> = arena.allocate().unwrap().iter().map(Vec::len).collect();
        assert_eq!(lens, [50, 100]);
    }
}
