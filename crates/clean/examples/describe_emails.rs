//! Reads fields as JSON strings, one a line, and writes what `describe` says of each: for comparing
//! with other readers of e-mail addresses.

use std::error::Error;
use std::io::{BufRead, Write};

use crm_ai_clean::email::describe;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let raw: String = serde_json::from_str(&line?)?;
        let info = describe(&raw);
        let row = serde_json::json!({
            "address": info.address, "local_part": info.local_part, "domain": info.domain,
            "canonical": info.canonical, "is_valid": info.is_valid, "is_role": info.is_role,
            "is_disposable": info.is_disposable, "is_free_provider": info.is_free_provider,
            "suggestion": info.suggestion,
            "problem": info.problem.map(|problem| problem.code()),
        });
        writeln!(out, "{row}")?;
    }
    Ok(())
}
