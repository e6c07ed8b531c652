//! From tokens' vectors to one vector of unit length, for graphs that leave that to their caller.

use crm_ai_model::Pooling;

/// Least length that a vector is divided by, so that zero stays zero.
const LENGTH_MIN: f32 = 1e-12;

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

/// Divides each row of [rows, width] by its Euclidean length.
pub(crate) fn unit_rows(mut rows: Vec<f32>, width: usize) -> Vec<f32> {
    for row in rows.chunks_exact_mut(width) {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(LENGTH_MIN);
        row.iter_mut().for_each(|value| *value /= length);
    }
    rows
}
