//! The floors of `src/`: which room may import which.
//!
//! A room is a directory or a file directly under `src/`. Each room stands on a floor of its own,
//! and imports rooms below it only, so that no circle of imports can arise. Imports are read from
//! paths that begin with `crate::` (or climb to the crate by `super::`); items under
//! `#[cfg(test)]` and the files of tests are left out.

use super::Problem;
use crate::repository::{Repository, TaskError};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// The rooms, lowest first.
pub const FLOORS: [&str; 14] = [
    "error", "pg", "settings", "folder", "run", "store", "client", "files", "link", "judge",
    "plan", "worker", "api", "entry",
];

/// One import of a room by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The room that imports.
    pub from: String,
    /// The room that is imported.
    pub to: String,
    /// The line of the import, counted from 1.
    pub line: usize,
}

/// All imports of other rooms in one file, given by its path in the repository.
pub fn imports(path: &str, content: &str) -> Vec<Import> {
    let Some(modules) = modules(path) else { return Vec::new() };
    let Ok(stream) = content.parse::<TokenStream>() else { return Vec::new() };
    let mut targets = Vec::new();
    collect(stream, modules.len(), &mut targets);
    let from = &modules[0];
    let others = targets.into_iter().filter(|(to, _)| to != from);
    others.map(|(to, line)| Import { from: from.clone(), to, line }).collect()
}

/// Problems of one file: the imports of rooms that are not below its own.
pub fn check(path: &str, content: &str) -> Vec<Problem> {
    let upward = imports(path, content).into_iter().filter(goes_up);
    upward.map(|import| Problem::new(import.line, message(&import))).collect()
}

/// Prints the imports between rooms, those that go up, and the circles.
pub fn print(repository: &Repository) -> Result<(), TaskError> {
    let mut arrows: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for file in repository.files()? {
        let Some(content) = repository.text(&file)? else { continue };
        for Import { from, to, line } in imports(&file, &content) {
            arrows.entry((from, to)).or_default().push(format!("{file}:{line}"));
        }
    }
    let edges: BTreeSet<(String, String)> = arrows.keys().cloned().collect();
    let mut upward = 0;
    for ((from, to), places) in &arrows {
        let import = Import { from: from.clone(), to: to.clone(), line: 0 };
        if goes_up(&import) {
            upward += 1;
            println!("up: {from} -> {to} ({})", places.join(", "));
        }
    }
    let (circles, knot) = circles(&edges);
    println!("floors, lowest first: {}", FLOORS.join(" "));
    println!("{} arrows between rooms, {upward} of them up", edges.len());
    println!("{circles} circles; {} rooms lie on one", knot.len());
    Ok(())
}

/// Whether an import is of a room that is not below the importing one. A room without a floor is
/// above and below none.
fn goes_up(import: &Import) -> bool {
    let floor = |room: &str| FLOORS.iter().position(|known| *known == room);
    match (floor(&import.from), floor(&import.to)) {
        (Some(from), Some(to)) => from <= to,
        _ => true,
    }
}

fn message(import: &Import) -> String {
    let Import { from, to, .. } = import;
    format!("{from} imports {to}, which is not on a floor below it (xtask/src/tidy/floors.rs)")
}

/// The path of modules of a file under `src/`, the room first; `None` for the crate's root, for
/// files of tests and for files elsewhere.
fn modules(path: &str) -> Option<Vec<String>> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    let modules: Vec<String> = inside.split('/').map(str::to_owned).collect();
    let is_test = modules.iter().any(|module| module == "tests");
    (inside != "lib" && !is_test).then_some(modules)
}

/// Adds the first step of every path that begins at the crate's root. `depth` is how many `super`
/// lead there.
fn collect(stream: TokenStream, depth: usize, found: &mut Vec<(String, usize)>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut index = 0;
    while index < trees.len() {
        if is_test_attribute(&trees[index..]) {
            index = after_item(&trees, index + 2);
            continue;
        }
        if let Some(after) = after_root(&trees[index..], depth) {
            match trees.get(index + after) {
                Some(TokenTree::Ident(room)) => {
                    found.push((room.to_string(), room.span().start().line));
                }
                Some(TokenTree::Group(group)) => branches(group.stream(), found),
                _ => {}
            }
            index += after;
            continue;
        }
        if let TokenTree::Group(group) = &trees[index] {
            collect(group.stream(), depth, found);
        }
        index += 1;
    }
}

/// The first steps of `{a::b, c}`.
fn branches(stream: TokenStream, found: &mut Vec<(String, usize)>) {
    let mut begins = true;
    for tree in stream {
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == ',' => begins = true,
            TokenTree::Ident(room) if begins => {
                found.push((room.to_string(), room.span().start().line));
                begins = false;
            }
            _ => begins = false,
        }
    }
}

/// How many tokens name the crate's root with the `::` after it, here: `crate::`, or as many
/// `super::` as the file is deep.
fn after_root(trees: &[TokenTree], depth: usize) -> Option<usize> {
    let is_mark = |tree: Option<&TokenTree>| match tree {
        Some(TokenTree::Punct(mark)) => mark.as_char() == ':',
        _ => false,
    };
    let step = |index: usize, word: &str| {
        matches!(trees.get(index), Some(TokenTree::Ident(ident)) if ident == word)
            && is_mark(trees.get(index + 1))
            && is_mark(trees.get(index + 2))
    };
    if step(0, "crate") {
        return Some(3);
    }
    let climbs = (0..).take_while(|count| step(3 * count, "super")).count();
    (climbs > 0 && climbs >= depth).then_some(3 * climbs)
}

/// Whether `#[cfg(test)]` stands here.
fn is_test_attribute(trees: &[TokenTree]) -> bool {
    let [TokenTree::Punct(mark), TokenTree::Group(group), ..] = trees else { return false };
    mark.as_char() == '#'
        && group.delimiter() == Delimiter::Bracket
        && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Where the item that begins at `index` has ended: after its braces, or its semicolon.
fn after_item(trees: &[TokenTree], index: usize) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    };
    let length = trees[index..].iter().position(ends).map_or(trees.len() - index, |end| end + 1);
    index + length
}

/// The number of circles that pass no room twice, and the rooms on them.
fn circles(edges: &BTreeSet<(String, String)>) -> (usize, BTreeSet<String>) {
    let mut count = 0;
    let mut knot = BTreeSet::new();
    let rooms: BTreeSet<&String> = edges.iter().map(|(from, _)| from).collect();
    for start in rooms {
        // Each circle is found from its first room in the order of names.
        let mut path = vec![start];
        follow(edges, &mut path, &mut count, &mut knot);
    }
    (count, knot)
}

fn follow<'a>(
    edges: &'a BTreeSet<(String, String)>,
    path: &mut Vec<&'a String>,
    count: &mut usize,
    knot: &mut BTreeSet<String>,
) {
    let (start, last) = (path[0], path[path.len() - 1]);
    for (_, to) in edges.iter().filter(|(from, _)| from == last) {
        if to == start {
            *count += 1;
            knot.extend(path.iter().map(|room| (*room).clone()));
        } else if to > start && !path.contains(&to) {
            path.push(to);
            follow(edges, path, count, knot);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(path: &str, body: &str) -> Vec<String> {
        imports(path, body).into_iter().map(|import| import.to).collect()
    }

    #[test]
    fn imports_are_read_from_paths() {
        let body = "use crate::pg::{a, b}; use crate::{error::Error, store};\n\
                    fn f() { crate::api::g(super::h()); } pub(crate) fn i() {}";
        assert_eq!(targets("src/worker/a.rs", body), ["pg", "error", "store", "api"]);
        assert_eq!(targets("src/store/a.rs", "use crate::store::b;"), Vec::<String>::new());
        assert_eq!(targets("src/store/a.rs", "use super::super::api::b;"), ["api"]);
        assert_eq!(targets("src/store/clean/a.rs", "use super::super::b;"), Vec::<String>::new());
        assert_eq!(targets("src/settings.rs", "use super::api;"), ["api"]);
        assert_eq!(targets("src/lib.rs", "use crate::api;"), Vec::<String>::new());
        assert_eq!(targets("crates/wire/src/a.rs", "use crate::api;"), Vec::<String>::new());
    }

    #[test]
    fn tests_may_import_what_they_like() {
        let body = "#[cfg(test)] mod tests { use crate::api::a; } fn f() { crate::pg::b() }";
        assert_eq!(targets("src/store/a.rs", body), ["pg"]);
        assert_eq!(targets("src/store/a.rs", "#[cfg(test)] use crate::api;"), Vec::<String>::new());
        assert_eq!(targets("src/store/tests/a.rs", "use crate::api;"), Vec::<String>::new());
    }

    #[test]
    fn a_planted_import_of_a_higher_room_is_refused() {
        let planted = "//! A file.\nuse crate::api::models;\n";
        let problems = check("src/store/models.rs", planted);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 2);
        assert!(problems[0].message.starts_with("store imports api, "), "{problems:?}");
        assert_eq!(check("src/api/models.rs", "use crate::store::models;"), vec![]);
        assert_eq!(check("src/attic/a.rs", "use crate::pg::a;").len(), 1);
    }

    #[test]
    fn the_document_draws_the_floors_in_this_order() {
        let document = include_str!("../../../docs/architecture.md");
        let section = document.split("\n## Floors\n").nth(1).unwrap();
        let drawing = section.split("```").nth(1).unwrap();
        let words = drawing.lines().filter_map(|line| line.split_whitespace().next());
        let drawn: Vec<&str> = words.collect();
        assert_eq!(drawn, FLOORS.iter().rev().copied().collect::<Vec<_>>());
    }

    #[test]
    fn circles_are_counted_once() {
        let edge = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
        let edges = |list: &[(&str, &str)]| list.iter().map(edge).collect::<BTreeSet<_>>();
        assert_eq!(circles(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])).0, 0);
        let (count, knot) =
            circles(&edges(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "d")]));
        assert_eq!((count, knot.len()), (2, 3));
    }
}
