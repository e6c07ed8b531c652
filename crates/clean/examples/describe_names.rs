//! Reads names, one a line, from the standard input and prints one JSON object for each: the text
//! and what `name::describe` makes of it, empty parts left out.

use std::error::Error;
use std::io::BufRead;

use crm_ai_clean::name::describe;
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let raw = line?;
        let info = describe(&raw);
        let mut object = Map::new();
        object.insert("raw".to_owned(), Value::from(raw));
        object.insert("kind".to_owned(), Value::from(info.kind.name()));
        let parts = [
            ("title", info.title),
            ("given", info.given),
            ("middle", info.middle),
            ("family", info.family),
            ("suffix", info.suffix),
            ("nickname", info.nickname),
            ("organisation", info.organisation),
            ("display", info.display),
            ("problem", info.problem.map(|problem| problem.code().to_owned())),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                object.insert(name.to_owned(), Value::from(part));
            }
        }
        println!("{}", Value::from(object));
    }
    Ok(())
}
