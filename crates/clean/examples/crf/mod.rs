//! What the trainers of sequence models share.

#[allow(dead_code, reason = "each trainer draws in some of the ways only")]
pub mod random;
pub mod trainer;
