//! Labels of addresses by a model: `label_addresses MODEL < words`, one address a line with its
//! words separated by TABs (`\n` for a line end), gives the labels likewise. Without a model, the
//! lines are raw addresses and what `describe` makes of them is printed: number, street, unit, box,
//! city, state, postcode, country, problem. Used by `benches/addresses`.

use crm_ai_clean::address::{describe, label};
use crm_ai_clean::tagger::Tagger;
use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tagger = match std::env::args().nth(1) {
        Some(path) => Some(Tagger::new(&std::fs::read(path)?)?),
        None => None,
    };
    let text = std::io::read_to_string(std::io::stdin())?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in text.lines() {
        if let Some(tagger) = &tagger {
            let words: Vec<String> =
                line.split('\t').map(|word| word.replace("\\n", "\n")).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            writeln!(out, "{}", label(tagger, &words).join("\t"))?;
            continue;
        }
        let info = describe(line);
        let problem = info.problem.map(|problem| problem.code().to_owned());
        let parts = [
            info.number,
            info.street,
            info.unit,
            info.po_box,
            info.city,
            info.state,
            info.postcode,
            info.country,
            problem,
        ];
        writeln!(out, "{}", parts.map(Option::unwrap_or_default).join("\t"))?;
    }
    Ok(())
}
