//! Forms of ZIPs, and whether they belong to the state.

use super::Problem;
use super::places;

/// States whose ZIPs begin with a zero, which spreadsheets take away.
const ZERO_STATES: [&str; 9] = ["CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VI", "VT"];

/// `60601`, or `60601-1234` however the nine digits are parted; other texts as they are.
pub fn standard(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let is_number = written
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '-' | '–' | '—' | ' ' | '.' | '+'));
    match (is_number, digits.len()) {
        (true, 5) => digits,
        (true, 9) => format!("{}-{}", &digits[..5], &digits[5..]),
        _ => written.to_uppercase(),
    }
}

/// The problem of a ZIP in its standard form. Nothing is changed by it.
pub fn problem(zip: &str, state: Option<&str>) -> Option<Problem> {
    let digits = zip.chars().filter(char::is_ascii_digit).count();
    let is_form = zip.chars().all(|c| c.is_ascii_digit() || c == '-');
    if is_form && matches!(digits, 4 | 8) {
        let is_short = state.is_some_and(|state| ZERO_STATES.contains(&state))
            && !contradicts(&format!("0{zip}"), state);
        return Some(if is_short { Problem::ZipTooShort } else { Problem::InvalidZip });
    }
    if !is_form || !matches!(digits, 5 | 9) || places::states_of(zip).is_none() {
        return Some(Problem::InvalidZip);
    }
    contradicts(zip, state).then_some(Problem::ZipStateMismatch)
}

/// True if ZIP and state are known and do not belong together.
fn contradicts(zip: &str, state: Option<&str>) -> bool {
    let (Some(state), Some(mut states)) = (state, places::states_of(zip)) else { return false };
    !states.any(|known| known == state)
}

/// True if ZIP and state are of one another, so that the country is beyond doubt.
pub fn proves_us(zip: Option<&str>, state: Option<&str>) -> bool {
    zip.is_some_and(|zip| state.is_some() && problem(zip, state).is_none())
}
