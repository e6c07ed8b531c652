//! The weights of a model that is trained, and the optimiser's memory of each.

use crm_ai_model::{Gradient, Parameter};

/// Standard deviation of a new head's weights, as Hugging Face's `initializer_range`.
const HEAD_DEVIATION: f32 = 0.02;

/// One weight.
#[derive(Debug)]
pub struct Weight {
    /// The parameter.
    pub parameter: Parameter,
    /// Its numbers, row-major.
    pub values: Vec<f32>,
    /// Moving mean of its gradients.
    pub mean: Vec<f32>,
    /// Moving mean of their squares.
    pub square: Vec<f32>,
}

/// All weights, in the order of the graph's inputs.
#[derive(Debug)]
pub struct Weights(pub Vec<Weight>);

impl Weights {
    /// The weights to begin with; new ones are drawn by `seed` from a normal distribution, new
    /// biases are 0.
    pub fn new(parameters: Vec<Parameter>, seed: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed as u64);
        let weights = parameters.into_iter().map(|mut parameter| {
            let length = parameter.shape.iter().product::<u64>() as usize;
            let mut values = std::mem::take(&mut parameter.values);
            if values.is_empty() {
                values = match parameter.decays {
                    true => (0..length).map(|_| HEAD_DEVIATION * normal(&mut random)).collect(),
                    false => vec![0.0; length],
                };
            }
            Weight { parameter, values, mean: vec![0.0; length], square: vec![0.0; length] }
        });
        Self(weights.collect())
    }

    /// Mixes the base's own weights into what was learnt from them: `share` of each, and none where
    /// the base has none (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    pub fn mix_in(&mut self, base: &[Parameter], share: f32) {
        for (weight, base) in self.0.iter_mut().zip(base) {
            for (value, own) in weight.values.iter_mut().zip(&base.values) {
                *value += share * (own - *value);
            }
        }
    }

    /// Gives the weight that is made of one tensor other numbers to begin with.
    pub fn set(&mut self, tensor: &str, values: Vec<f32>) {
        let is_it = |weight: &&mut Weight| weight.parameter.tensors == [tensor];
        if let Some(weight) = self.0.iter_mut().find(is_it)
            && weight.values.len() == values.len()
        {
            weight.values = values;
        }
    }
}

impl Weight {
    /// Length of a row.
    pub fn width(&self) -> usize {
        self.parameter.shape.iter().skip(1).product::<u64>() as usize
    }

    /// Name of the output that holds its gradient.
    pub fn gradient(&self) -> &str {
        match &self.parameter.gradient {
            Gradient::Dense(name) | Gradient::RowsFrom(name, _) | Gradient::TokenRows(name) => name,
        }
    }
}

/// A draw from the standard normal distribution (Box and Muller 1958).
fn normal(random: &mut fastrand::Rng) -> f32 {
    let radius = (-2.0 * (1.0 - random.f32()).ln()).sqrt();
    radius * (std::f32::consts::TAU * random.f32()).cos()
}
