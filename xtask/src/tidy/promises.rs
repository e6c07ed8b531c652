//! Tests that documents name: in a code span, a path such as `attacks::names::a_test`, which is a
//! function of a file under a folder of tests. With `engine::` it is one of the engine's.

use super::Problem;
use std::collections::BTreeSet;

const INTEGRATION: &str = "tests/integration/tests/";
const ENGINE: &str = "crates/engine/tests/";
/// Documents whose code spans with `::` are names of tests.
const DOCUMENTS: [&str; 2] = ["docs/security.md", "docs/reliability.md"];

/// The tests that the repository has, by their paths.
#[derive(Default)]
pub struct Tests(BTreeSet<String>);

impl Tests {
    /// Adds the functions of a file, if it is one of tests.
    pub fn add(&mut self, path: &str, content: &str) {
        let Some(path) = [INTEGRATION, ENGINE].iter().find_map(|root| path.strip_prefix(root))
        else {
            return;
        };
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let names = content.lines().filter_map(|line| line.strip_prefix("fn ")?.split_once('('));
        self.0.extend(names.map(|(name, _)| format!("{module}::{name}")));
    }

    /// Tests that a document names and that are not there.
    pub fn missing<'a>(
        &'a self,
        path: &str,
        content: &'a str,
    ) -> impl Iterator<Item = Problem> + 'a {
        let lines = content.lines().enumerate().filter({
            let is_checked = DOCUMENTS.contains(&path);
            move |_| is_checked
        });
        lines.flat_map(|(number, line)| {
            let spans = line.split('`').skip(1).step_by(2);
            let missing = spans.filter(|span| is_test(span) && !self.0.contains(*span));
            missing.map(move |span| Problem::new(number + 1, format!("there is no test {span}")))
        })
    }
}

fn is_test(span: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    span.contains("::") && span.split("::").all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_tests_that_there_are() {
        let mut tests = Tests::default();
        tests.add("tests/integration/tests/attacks/names.rs", "#[test]\nfn a_test() {\n");
        tests.add("crates/engine/tests/engine/fuzz.rs", "#[test]\nfn another() {\n");
        tests.add("src/lib.rs", "fn none() {\n");
        let missing = |path: &str, content: &str| -> Vec<String> {
            tests.missing(path, content).map(|problem| problem.message).collect()
        };
        let named = "| a | `attacks::names::a_test`, `engine::fuzz::another` `x` |\n";
        assert_eq!(missing("docs/security.md", named), Vec::<String>::new());
        let gone = "text `attacks::names::gone`";
        assert_eq!(missing("docs/security.md", gone), ["there is no test attacks::names::gone"]);
        assert_eq!(missing("docs/models.md", gone), Vec::<String>::new());
    }
}
