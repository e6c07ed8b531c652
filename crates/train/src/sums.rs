//! Gradients of a batch that was cut into parts, summed over the parts.

use crate::weights::Weights;
use crm_ai_model::Gradient;
use std::collections::HashMap;

/// Numbers below which another thread costs more than it spares.
const THREAD_NUMBERS_MIN: usize = 1 << 18;

/// Sums by the name of the graph's output. The buffers are kept from step to step.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    by_name: HashMap<String, Vec<f32>>,
    /// Token ids of all parts, in the order of the token rows.
    pub ids: Vec<i64>,
}

impl Sums {
    /// Forgets what was summed.
    pub fn clear(&mut self) {
        self.by_name.values_mut().for_each(Vec::clear);
        self.ids.clear();
    }

    /// Adds a part's gradients, which `gradient` gives by name; `None` where one is missing.
    pub fn add<'a>(
        &mut self,
        weights: &Weights,
        gradient: impl Fn(&str) -> Option<&'a [f32]>,
        ids: &[i64],
        threads: usize,
    ) -> Option<()> {
        for weight in &weights.0 {
            let name = weight.gradient();
            let values = gradient(name)?;
            if !self.by_name.contains_key(name) {
                self.by_name.insert(name.to_owned(), Vec::new());
            }
            let sum = self.by_name.get_mut(name)?;
            match weight.parameter.gradient {
                Gradient::TokenRows(_) => sum.extend_from_slice(values),
                Gradient::Dense(_) | Gradient::RowsFrom(..) => add(sum, values, threads),
            }
        }
        self.ids.extend_from_slice(ids);
        Some(())
    }

    /// The sum of an output.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        self.by_name.get(name).map(Vec::as_slice)
    }
}

/// Adds `values` to the first numbers of `sum`, which grows to hold them.
fn add(sum: &mut Vec<f32>, values: &[f32], threads: usize) {
    if sum.is_empty() {
        sum.extend_from_slice(values);
        return;
    }
    if sum.len() < values.len() {
        sum.resize(values.len(), 0.0);
    }
    let plus = |sum: &mut [f32], values: &[f32]| {
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    };
    let piece = values.len().div_ceil(threads.max(1));
    if piece < THREAD_NUMBERS_MIN || threads <= 1 {
        return plus(sum, values);
    }
    std::thread::scope(|scope| {
        for (sum, values) in sum.chunks_mut(piece).zip(values.chunks(piece)) {
            scope.spawn(move || plus(sum, values));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts differ in length where positions are concerned: a longer one grows the sum.
    #[test]
    fn sums_grow_to_the_longest_part() {
        let mut sum = Vec::new();
        add(&mut sum, &[1.0, 2.0], 1);
        add(&mut sum, &[10.0, 20.0, 30.0], 1);
        add(&mut sum, &[100.0], 1);
        assert_eq!(sum, [111.0, 22.0, 30.0]);
    }
}
