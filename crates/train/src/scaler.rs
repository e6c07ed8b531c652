//! Dynamic loss scaling (Micikevicius et al. 2018, "Mixed Precision Training"), by the rules and
//! constants of PyTorch's `GradScaler`.
//!
//! In 16-bit floating point small gradients become zero, so the loss is multiplied by a factor
//! before the backward pass and the gradients are divided by it after. A factor that makes them
//! overflow is halved and the step is left out; after many good steps it is doubled.

/// `init_scale`, `growth_factor`, `backoff_factor` and `growth_interval` of PyTorch's `GradScaler`.
const SCALE: f32 = 65_536.0;
const GROWTH: f32 = 2.0;
const BACKOFF: f32 = 0.5;
const GROWTH_STEPS: u32 = 2000;
/// Below this the gradients overflow by themselves: scaling is not to blame.
const SCALE_MIN: f32 = 1.0;

/// The factor and how it has fared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scaler {
    /// Factor of the loss.
    pub scale: f32,
    /// Good steps since the factor changed.
    pub good: u32,
    /// Steps that were left out.
    pub skipped: u64,
}

impl Scaler {
    /// The factor to begin with.
    pub fn new() -> Self {
        Self { scale: SCALE, good: 0, skipped: 0 }
    }

    /// A step's gradients were all finite and were used.
    pub fn succeed(&mut self) {
        self.good += 1;
        if self.good < GROWTH_STEPS {
            return;
        }
        self.good = 0;
        if (self.scale * GROWTH).is_finite() {
            self.scale *= GROWTH;
        }
    }

    /// A step's gradients overflowed, and it was left out. `false` where no factor helps any more.
    #[must_use]
    pub fn overflow(&mut self) -> bool {
        self.skipped += 1;
        self.good = 0;
        self.scale *= BACKOFF;
        self.scale >= SCALE_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_halves_the_factor_and_begins_to_count_anew() {
        let mut scaler = Scaler::new();
        (0..1999).for_each(|_| scaler.succeed());
        assert!(scaler.overflow());
        assert_eq!(scaler, Scaler { scale: 32_768.0, good: 0, skipped: 1 });
        (0..1999).for_each(|_| scaler.succeed());
        assert_eq!(scaler.scale, 32_768.0);
        scaler.succeed();
        assert_eq!(scaler, Scaler { scale: 65_536.0, good: 0, skipped: 1 });
    }

    #[test]
    fn the_factor_stays_between_one_and_infinity() {
        let mut scaler = Scaler { scale: f32::MAX / 1.5, good: 1999, skipped: 0 };
        scaler.succeed();
        assert_eq!(scaler.scale, f32::MAX / 1.5);
        let mut scaler = Scaler::new();
        assert!((0..16).all(|_| scaler.overflow()));
        assert!(!scaler.overflow());
    }
}
