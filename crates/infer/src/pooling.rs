//! From tokens' vectors to one vector of unit length, for graphs that leave that to their caller.

use crm_ai_model::Pooling;

/// Least length that a vector is divided by, so that zero stays zero.
const LENGTH_MIN: f32 = 1e-12;
/// Parts of a unit vector below this become zero. MiniLM has some of 1e-33, whose products are
/// below the least `real`: PostgreSQL fails on them ("value out of range: underflow"), where the
/// scalar product of two vectors is asked for in plain SQL.
const PART_MIN: f32 = 1e-18;

/// The first token's vector or the mean of all: `rows` is [tokens, width], without padding.
pub(crate) fn pool(rows: &[f32], width: usize, kind: Pooling) -> Vec<f32> {
    let mut pooled = rows[..width].to_vec();
    if kind == Pooling::Mean {
        for row in rows.chunks_exact(width).skip(1) {
            pooled.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let count = (rows.len() / width) as f32;
        pooled.iter_mut().for_each(|sum| *sum /= count);
    }
    pooled
}

/// Divides each row of [rows, width] by its Euclidean length. No product of two parts underflows.
pub(crate) fn unit_rows(mut rows: Vec<f32>, width: usize) -> Vec<f32> {
    for row in rows.chunks_exact_mut(width) {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(LENGTH_MIN);
        for value in row {
            *value /= length;
            if value.abs() < PART_MIN {
                *value = 0.0;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::unit_rows;

    #[test]
    fn rows_have_length_one_and_their_products_do_not_underflow() {
        let rows = unit_rows(vec![3e3, -4e3, 5e-30, 0.0, 0.0, 0.0, 1e-17, 0.0, 1.0], 3);
        assert_eq!(rows, [0.6, -0.8, 0.0, 0.0, 0.0, 0.0, 1e-17, 0.0, 1.0]);
        for (first, second) in rows.iter().zip(&rows).filter(|(a, b)| **a != 0.0 && **b != 0.0) {
            assert!((first * second).is_normal());
        }
    }
}
