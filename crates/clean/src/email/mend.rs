//! What people and programs put around an address, or do to it.

use super::{Mailbox, Problem, syntax};

/// The mailbox in `raw`, which is none as it stands for the reason `fault`.
pub(super) fn mend(raw: &str, fault: Problem) -> Result<Mailbox, Problem> {
    let trimmed = raw.trim();
    if trimmed.is_empty() {
        return Err(Problem::Empty);
    }
    if trimmed.len() == raw.len() {
        return Err(fault);
    }
    let mailbox = syntax::mailbox(trimmed)?;
    Ok(Mailbox { problem: Some(Problem::SurroundingSpace), is_valid: false, ..mailbox })
}
