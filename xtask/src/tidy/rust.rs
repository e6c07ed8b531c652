//! Rules for Rust sources, held over their tokens: comments and strings may say what they like.

use super::Problem;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Longest function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// SQLSTATEs on which connection pools throw a connection away; never raised for our own faults.
const POOL_BREAKING: [&str; 12] = [
    "ERRCODE_CONNECTION_EXCEPTION",
    "ERRCODE_CONNECTION_DOES_NOT_EXIST",
    "ERRCODE_CONNECTION_FAILURE",
    "ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION",
    "ERRCODE_SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION",
    "ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN",
    "ERRCODE_PROTOCOL_VIOLATION",
    "ERRCODE_FEATURE_NOT_SUPPORTED",
    "ERRCODE_ADMIN_SHUTDOWN",
    "ERRCODE_CRASH_SHUTDOWN",
    "ERRCODE_CANNOT_CONNECT_NOW",
    "ERRCODE_DATABASE_DROPPED",
];

/// A word or a mark, and the line that it stands in.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// All problems of one file, given by its path in the repository.
pub fn check(path: &str, content: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !content.starts_with("//!") {
        problems.push(Problem::new(1, "a file opens with //! and what its job is"));
    }
    let Ok(stream) = content.parse::<TokenStream>() else {
        problems.push(Problem::new(0, "not Rust"));
        return problems;
    };
    problems.extend(long_functions(&stream));
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    for rule in RULES {
        if (rule.applies)(path) {
            problems.extend(occurrences(&tokens, rule));
        }
    }
    problems
}

/// A sequence of tokens that must not occur in some files.
struct Rule {
    applies: fn(&str) -> bool,
    /// Whether the tokens from here on are what the rule is about.
    matches: fn(&[Token]) -> bool,
    message: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        applies: |path| !UNSAFE.iter().any(|place| path.starts_with(place)),
        matches: |tokens| starts(tokens, &["unsafe"]),
        message: "unsafe code lies in src/pg, src/plan/execute and src/entry.rs alone",
    },
    Rule {
        applies: may_not_know_spi,
        matches: |tokens| {
            let word = tokens[0].text.as_str();
            // Two that read a row in memory and run nothing.
            let reads_a_row = matches!(word, "SPI_getvalue" | "SPI_getbinval");
            let runs_queries = word.starts_with("SPI_") && !reads_a_row;
            word == "Spi" || word == "SpiClient" || runs_queries
        },
        message: "SPI lies in src/store/spi.rs alone",
    },
    Rule {
        applies: |path| is_extension(path) && !MAY_CALL_SPI.contains(&path),
        matches: |tokens| {
            // pgrx::spi::Error and other types are no calls.
            let is_type = |token: &Token| token.text.starts_with(char::is_uppercase);
            tokens[0].text == "spi" && !tokens.get(3).is_some_and(is_type)
        },
        message: "queries go through store::registry, as the owner, or store::caller, as the role",
    },
    Rule {
        applies: |path| !path.starts_with("crates/infer/") && !path.starts_with("crates/train/"),
        matches: |tokens| starts(tokens, &["ort", ":", ":"]),
        message: "ONNX Runtime is called in crates/infer and crates/train alone",
    },
    Rule {
        applies: |path| !is_extension(path),
        matches: |tokens| starts(tokens, &["pgrx", ":", ":"]),
        message: "only the extension knows pgrx",
    },
    Rule {
        applies: |path| {
            is_extension(path) && path != "src/error.rs" && !path.starts_with("src/pg/")
        },
        matches: |tokens| starts(tokens, &["error", "!"]) || starts(tokens, &["ereport", "!"]),
        message: "errors are returned, and become SQLSTATEs in src/error.rs alone",
    },
    Rule {
        applies: is_extension,
        matches: |tokens| POOL_BREAKING.contains(&tokens[0].text.as_str()),
        message: "connection pools throw a connection away on this SQLSTATE",
    },
    Rule {
        applies: |_| true,
        matches: |tokens| {
            ["common", "util", "utils"]
                .iter()
                .any(|vague| starts(tokens, &["mod", vague]) || starts(tokens, &[vague, ":", ":"]))
        },
        message: "a module is named for its job, not common or utils",
    },
    Rule {
        applies: |_| true,
        matches: |tokens| starts(tokens, &["dbg", "!"]),
        message: "dbg! is for the desk",
    },
    Rule {
        applies: |_| true,
        matches: |tokens| starts(tokens, &["#", "[", "ignore"]),
        message: "a test runs, or is not there",
    },
    Rule {
        applies: |_| true,
        matches: |tokens| starts(tokens, &["anyhow", ":", ":"]),
        message: "errors are typed",
    },
];

/// Where unsafe code may lie: what the server offers, the node that it executes, and the symbols
/// that it looks up.
const UNSAFE: [&str; 3] = ["src/pg/", "src/plan/execute/", "src/entry.rs"];

fn is_extension(path: &str) -> bool {
    path.starts_with("src/")
}

/// Who says with whose rights a statement is run, and where its names are looked up.
const MAY_CALL_SPI: [&str; 4] =
    ["src/store/mod.rs", "src/store/spi.rs", "src/store/registry.rs", "src/store/caller.rs"];

/// `src/pg/query.rs` reads for `src/store` under the statement's own snapshot
/// (docs/decisions/0002).
fn may_not_know_spi(path: &str) -> bool {
    is_extension(path) && !["src/store/spi.rs", "src/pg/query.rs"].contains(&path)
}

fn occurrences<'a>(tokens: &'a [Token], rule: &'a Rule) -> impl Iterator<Item = Problem> + 'a {
    (0..tokens.len())
        .filter(|&index| (rule.matches)(&tokens[index..]))
        .map(|index| Problem::new(tokens[index].line, rule.message))
}

fn starts(tokens: &[Token], pattern: &[&str]) -> bool {
    tokens.len() >= pattern.len()
        && pattern.iter().zip(tokens).all(|(expected, token)| token.text == *expected)
}

/// All words and marks in order; groups become their brackets and what is in them.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(Token { text: open.to_owned(), line });
                let end = group.span_close().end().line;
                flatten(group.stream(), tokens);
                tokens.push(Token { text: close.to_owned(), line: end });
            }
            TokenTree::Ident(ident) => tokens.push(Token { text: ident.to_string(), line }),
            TokenTree::Punct(punct) => {
                tokens.push(Token { text: punct.as_char().to_string(), line });
            }
            TokenTree::Literal(_) => tokens.push(Token { text: "\"\"".to_owned(), line }),
        }
    }
}

/// Functions over the limit, at every depth.
fn long_functions(stream: &TokenStream) -> Vec<Problem> {
    let mut problems = Vec::new();
    // The function whose body has not begun yet.
    let mut pending: Option<(String, usize)> = None;
    let mut after_fn = None;
    for tree in stream.clone() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(word) => {
                if let Some(begin) = after_fn.take() {
                    pending = Some((word.to_string(), begin));
                } else if word == "fn" {
                    after_fn = Some(line);
                }
            }
            TokenTree::Punct(mark) => {
                after_fn = None;
                if mark.as_char() == ';' {
                    pending = None;
                }
            }
            TokenTree::Group(group) => {
                after_fn = None;
                if group.delimiter() == Delimiter::Brace
                    && let Some((name, begin)) = pending.take()
                {
                    let lines = group.span_close().end().line + 1 - begin;
                    if lines > FUNCTION_LINES_MAX {
                        problems.push(Problem::new(begin, too_long(&name, lines)));
                    }
                }
                problems.extend(long_functions(&group.stream()));
            }
            TokenTree::Literal(_) => after_fn = None,
        }
    }
    problems
}

fn too_long(name: &str, lines: usize) -> String {
    format!("{name} has {lines} lines; {FUNCTION_LINES_MAX} are the limit")
}

#[cfg(test)]
mod tests;
