//! Distances of texts.

/// Longest text that Jaro's similarity looks at, in characters.
const JARO_MAX: usize = 64;
/// Longest part that differs, in characters, whose distance is counted.
const OSA_MAX: usize = 63;

/// Jaro's similarity, 0 to 1, of the first 64 characters (Jaro 1989).
pub fn jaro(a: &[u16], b: &[u16]) -> f64 {
    let (a, b) = (&a[..a.len().min(JARO_MAX)], &b[..b.len().min(JARO_MAX)]);
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let (mut found_a, mut found_b, mut matches) = (0u64, 0u64, 0u32);
    for (i, unit) in a.iter().enumerate() {
        let end = (i + window + 1).min(b.len());
        for (j, other) in b.iter().enumerate().take(end).skip(i.saturating_sub(window)) {
            if other == unit && found_b >> j & 1 == 0 {
                found_a |= 1 << i;
                found_b |= 1 << j;
                matches += 1;
                break;
            }
        }
    }
    if matches == 0 {
        return 0.0;
    }
    let mut moved = 0;
    while found_a != 0 {
        let (i, j) = (found_a.trailing_zeros() as usize, found_b.trailing_zeros() as usize);
        moved += u32::from(a[i] != b[j]);
        found_a &= found_a - 1;
        found_b &= found_b - 1;
    }
    let matches = f64::from(matches);
    let in_order = matches - f64::from(moved / 2);
    (matches / a.len() as f64 + matches / b.len() as f64 + in_order / matches) / 3.0
}

/// Jaro's similarity, raised by the common beginning of up to four characters (Winkler 1990).
pub fn jaro_winkler(a: &[u16], b: &[u16]) -> f64 {
    let jaro = jaro(a, b);
    let prefix = a.iter().zip(b).take(4).take_while(|(x, y)| x == y).count();
    jaro + 0.1 * prefix as f64 * (1.0 - jaro)
}

/// The optimal string alignment distance (insertions, deletions, replacements and swaps of
/// neighbours), or `max + 1` where it is larger.
pub fn osa(a: &[u16], b: &[u16], max: usize) -> usize {
    let (a, b) = without_ends(a, b);
    if a.len().abs_diff(b.len()) > max {
        return max + 1;
    }
    if a.is_empty() || b.is_empty() {
        return a.len().max(b.len());
    }
    if a.len() > OSA_MAX || b.len() > OSA_MAX {
        return max + 1;
    }
    let mut before = [0u8; OSA_MAX + 1];
    let mut last = [0u8; OSA_MAX + 1];
    let mut row = [0u8; OSA_MAX + 1];
    for (j, cell) in last.iter_mut().enumerate().take(b.len() + 1) {
        *cell = j as u8;
    }
    for i in 1..=a.len() {
        row[0] = i as u8;
        let mut best = row[0];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + u8::from(a[i - 1] != b[j - 1]);
            let mut cell = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cell = cell.min(before[j - 2] + 1);
            }
            row[j] = cell;
            best = best.min(cell);
        }
        if usize::from(best) > max {
            return max + 1;
        }
        before = last;
        last = row;
    }
    usize::from(last[b.len()]).min(max + 1)
}

/// Two texts without what they begin and end with together.
fn without_ends<'a>(mut a: &'a [u16], mut b: &'a [u16]) -> (&'a [u16], &'a [u16]) {
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b)
        && x == y
    {
        (a, b) = (rest_a, rest_b);
    }
    while let ([rest_a @ .., x], [rest_b @ .., y]) = (a, b)
        && x == y
    {
        (a, b) = (rest_a, rest_b);
    }
    (a, b)
}

/// True if signatures of two texts allow a Jaro similarity of `least`.
pub fn may_reach(common: u32, a: usize, b: usize, least: f64) -> bool {
    let common = f64::from(common.min(a.min(b) as u32));
    (common / a as f64 + common / b as f64 + 1.0) / 3.0 >= least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::units;

    fn u(text: &str) -> Vec<u16> {
        units(text)
    }

    #[test]
    fn published_examples() {
        // Winkler 1990, as the literature repeats them.
        for (a, b, expected) in [
            ("martha", "marhta", 0.9611),
            ("dwayne", "duane", 0.84),
            ("dixon", "dicksonx", 0.8133),
            ("a", "b", 0.0),
        ] {
            assert!((jaro_winkler(&u(a), &u(b)) - expected).abs() < 1e-4, "{a} {b}");
        }
        for (a, b, expected) in
            [("ca", "abc", 3), ("smith", "smiht", 1), ("", "abc", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(osa(&u(a), &u(b), 5), expected, "{a} {b}");
        }
        assert_eq!(osa(&u("kitten"), &u("sitting"), 2), 3);
    }
}
