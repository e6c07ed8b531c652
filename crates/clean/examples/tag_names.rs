//! Labels names: `tag_names MODEL ROWS`, where ROWS holds lines `text<tab>labels`; adds columns.
//!
//! The labels that MODEL finds; then title, given, middle and family name, suffix and nickname by
//! `name::describe` and its built-in model. `benches/names/run.sh` runs it beside others.

use std::error::Error;

use crm_ai_clean::name::describe;
use crm_ai_clean::name::sequence::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = std::fs::read(arguments.next().ok_or("a model is wanted")?)?;
    let rows = std::fs::read_to_string(arguments.next().ok_or("a file of rows is wanted")?)?;
    let model = Model::new(&model).ok_or("the model cannot be read")?;
    for line in rows.lines() {
        let (text, labels) = line.split_once('\t').ok_or("a line has no tab")?;
        let found: Vec<&str> = model.label(text).labels.iter().map(|label| label.name()).collect();
        let info = describe(text);
        let parts = [info.title, info.given, info.middle, info.family, info.suffix, info.nickname];
        let parts = parts.map(Option::unwrap_or_default).join("\t");
        println!("{text}\t{labels}\t{}\t{parts}", found.join(" "));
    }
    Ok(())
}
