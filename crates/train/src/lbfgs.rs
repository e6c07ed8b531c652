//! Minimising a smooth function: limited-memory BFGS (Nocedal and Wright, Numerical Optimization,
//! 2006, algorithm 7.5) with a backtracking search.

use std::cmp::Ordering;
use std::collections::VecDeque;

/// Pairs of steps that the curvature is remembered by.
const MEMORY: usize = 10;
/// Share of the expected decrease that a step must bring (Armijo).
const DECREASE: f64 = 1e-4;

/// Walks from `start` until the gradient's largest number is below `tolerance` or `steps` are
/// done. `function` gives the value at a point and writes the gradient there. Gives
/// the last point and its value.
pub(crate) fn minimise(
    start: Vec<f32>,
    steps: usize,
    tolerance: f64,
    mut function: impl FnMut(&[f32], &mut [f32]) -> f64,
) -> (Vec<f32>, f64) {
    let mut point = start;
    let mut gradient = vec![0.0; point.len()];
    let mut value = function(&point, &mut gradient);
    let mut pairs: VecDeque<(Vec<f32>, Vec<f32>, f64)> = VecDeque::new();
    for _ in 0..steps {
        let largest = gradient.iter().fold(0.0_f32, |most, slope| most.max(slope.abs()));
        if f64::from(largest) < tolerance {
            break;
        }
        let direction = direction(&gradient, &pairs);
        let slope = dot(&direction, &gradient);
        // The first step has no curvature to go by.
        let mut length =
            if pairs.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt() } else { 1.0 };
        let mut next = point.clone();
        let mut next_gradient = vec![0.0; point.len()];
        let mut next_value = f64::INFINITY;
        for _ in 0..20 {
            for ((to, from), along) in next.iter_mut().zip(&point).zip(&direction) {
                *to = from + length as f32 * along;
            }
            next_value = function(&next, &mut next_gradient);
            if next_value <= value + DECREASE * length * slope {
                break;
            }
            length /= 2.0;
        }
        // NaN is no decrease either.
        if next_value.partial_cmp(&value) != Some(Ordering::Less) {
            break;
        }
        let moved: Vec<f32> = next.iter().zip(&point).map(|(to, from)| to - from).collect();
        let bent: Vec<f32> =
            next_gradient.iter().zip(&gradient).map(|(to, from)| to - from).collect();
        let curvature = dot(&moved, &bent);
        if curvature > 1e-12 {
            pairs.push_back((moved, bent, curvature));
            if pairs.len() > MEMORY {
                pairs.pop_front();
            }
        }
        (point, gradient, value) = (next, next_gradient, next_value);
    }
    (point, value)
}

/// −H · gradient by the two loops over the remembered pairs.
fn direction(gradient: &[f32], pairs: &VecDeque<(Vec<f32>, Vec<f32>, f64)>) -> Vec<f32> {
    let mut along: Vec<f32> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for (moved, bent, curvature) in pairs.iter().rev() {
        let share = dot(moved, &along) / curvature;
        add(&mut along, bent, -share);
        shares.push(share);
    }
    if let Some((_, bent, curvature)) = pairs.back() {
        let scale = (curvature / dot(bent, bent)) as f32;
        along.iter_mut().for_each(|number| *number *= scale);
    }
    for ((moved, bent, curvature), share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = dot(bent, &along) / curvature;
        add(&mut along, moved, share - back);
    }
    along
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn add(sum: &mut [f32], values: &[f32], factor: f64) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor as f32 * value);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley in four dimensions has its least point at (1, 1, 1, 1).
    #[test]
    fn a_narrow_valley_is_followed_to_its_end() {
        let (found, least) = minimise(vec![-1.2, 1.0, -1.2, 1.0], 500, 1e-4, |x, slope| {
            slope.fill(0.0);
            let mut value = 0.0;
            for i in [0, 2] {
                let (a, b) = (f64::from(x[i]), f64::from(x[i + 1]));
                value += 100.0 * (b - a * a).powi(2) + (1.0 - a).powi(2);
                slope[i] = (-400.0 * a * (b - a * a) - 2.0 * (1.0 - a)) as f32;
                slope[i + 1] = (200.0 * (b - a * a)) as f32;
            }
            value
        });
        assert!(found.iter().all(|x| (x - 1.0).abs() < 2e-2), "{found:?}");
        assert!((0.0..1e-3).contains(&least), "{least}");
    }

    /// −x, which is not a number beyond a half.
    #[test]
    fn a_step_to_where_there_is_no_value_is_not_taken() {
        let (found, least) = minimise(vec![0.0], 50, 1e-4, |x, slope| {
            slope[0] = -1.0;
            if x[0] > 0.5 { f64::NAN } else { -f64::from(x[0]) }
        });
        assert_eq!((found, least), (vec![0.5], -0.5));
        let (found, _) = minimise(vec![1.0], 50, 1e-4, |_, slope| {
            slope[0] = f32::NAN;
            f64::NAN
        });
        assert_eq!(found, [1.0]);
    }
}
