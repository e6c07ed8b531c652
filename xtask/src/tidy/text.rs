//! Rules for any text file: its name, its length, and what must not be told in a repository that
//! is public.

use super::Problem;

/// Longest source file.
const FILE_LINES_MAX: usize = 500;
/// Longest line of source code, in characters.
const LINE_CHARACTERS_MAX: usize = 100;

/// Words for work that is not finished, put together so that this file passes.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];

/// Wordings for which the field has plain ones, each with these; put together as above.
const UNPLAIN: [(&str, &str); 6] = [
    (concat!("is none ", "of auto"), "invalid value for …; expected …"),
    (concat!("that go on ", "at a time"), "maximum number of concurrent …"),
    (concat!("is no cron ", "schedule"), "invalid cron expression"),
    (concat!("is no ", "SQL"), "is not valid SQL"),
    (concat!("to learn ", "from"), "to train on"),
    (concat!("stands back ", "for"), "nice value"),
];

/// First words of a comment that asks in place of saying what an item is.
const QUESTIONS: [&str; 9] =
    ["What", "Which", "Whether", "How", "Where", "When", "Who", "Why", "Whose"];

/// Beginnings of paths and addresses that are right on one machine only.
const MACHINE: [&str; 8] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("pypi", ".org"),
    concat!("python", "hosted"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
];

/// All problems of one file.
pub fn check(path: &str, content: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(file_name(path));
    if is_source(path) {
        problems.extend(unfinished(content));
        let is_table = is_table_or_test(path);
        if path.ends_with(".rs") || !is_table {
            problems.extend(length(content));
        }
        if !is_table {
            problems.extend(long_lines(content));
        }
    }
    if !is_data(path) {
        problems.extend(machine(content));
    }
    if is_product_code(path) {
        problems.extend(questions(content));
    }
    if ["src/", "docs/", "sql/", "README.md"].iter().any(|place| path.starts_with(place)) {
        problems.extend(unplain(content));
    }
    problems
}

fn unplain(content: &str) -> Vec<Problem> {
    each_line(content, |line| {
        let (words, plain) = UNPLAIN.into_iter().find(|(words, _)| line.contains(words))?;
        Some(format!("\"{words}\": write \"{plain}\""))
    })
}

fn is_product_code(path: &str) -> bool {
    let in_crate = path.starts_with("crates/") && path.contains("/src/");
    path.ends_with(".rs") && (path.starts_with("src/") || in_crate)
}

/// Items whose comment opens with a question word.
fn questions(content: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut is_first = true;
    for (index, line) in content.lines().enumerate() {
        let comment = ["///", "//!"].iter().find_map(|mark| line.trim_start().strip_prefix(mark));
        let word = comment.and_then(|text| text.split_whitespace().next());
        if is_first && word.is_some_and(|word| QUESTIONS.contains(&word)) {
            problems.push(Problem::new(index + 1, "a comment opens with what the item is"));
        }
        is_first = comment.is_none();
    }
    problems
}

fn is_source(path: &str) -> bool {
    [".rs", ".sh", ".py", ".sql", ".toml"].iter().any(|end| path.ends_with(end))
}

/// Expectations and tables are clearer on one line each, however long; COMMENT ON is a table, and
/// so are a manifest's features.
fn is_table_or_test(path: &str) -> bool {
    path.ends_with(".sql")
        || path.ends_with(".toml")
        || path.starts_with("tests/")
        || path.ends_with("tests.rs")
        || path.contains("/tests/")
        || path.starts_with("models/")
}

/// Texts by real people, vocabularies and weights; they say what they say.
fn is_data(path: &str) -> bool {
    path.starts_with("tests/fixtures/")
        || [".csv", ".tsv", "tokenizer.json", "vocab.txt", "Cargo.lock"]
            .iter()
            .any(|end| path.ends_with(end))
}

/// Upgrade scripts, and nothing else, lie directly in `sql/`: only those names are installed.
fn file_name(path: &str) -> Option<Problem> {
    let is_version = |version: &str| {
        let parts: Vec<&str> = version.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
    };
    if let Some(name) = path.strip_prefix("sql/").filter(|name| !name.contains('/')) {
        let versions = name
            .strip_prefix("crm_ai--")
            .and_then(|rest| rest.strip_suffix(".sql"))
            .and_then(|rest| rest.split_once("--"));
        return match versions {
            Some((from, to)) if is_version(from) && is_version(to) => None,
            _ => Some(Problem::new(0, "only crm_ai--A--B.sql lies in sql/ itself")),
        };
    }
    let vague = ["common", "util", "utils", "misc", "helpers"];
    let is_vague = |part: &str| vague.contains(&part.split('.').next().unwrap_or(part));
    let is_rust = path.ends_with(".rs");
    (is_rust && path.split('/').any(is_vague))
        .then(|| Problem::new(0, "a file is named for its job, not common or utils"))
}

fn length(content: &str) -> Option<Problem> {
    let lines = content.lines().count();
    (lines > FILE_LINES_MAX)
        .then(|| Problem::new(0, format!("{lines} lines; {FILE_LINES_MAX} are the limit")))
}

fn unfinished(content: &str) -> Vec<Problem> {
    each_line(content, |line| {
        let word = UNFINISHED.into_iter().find(|word| line.contains(word))?;
        Some(format!("{word}: finish it, or leave it out"))
    })
}

fn long_lines(content: &str) -> Vec<Problem> {
    each_line(content, |line| {
        let characters = line.chars().count();
        (characters > LINE_CHARACTERS_MAX).then(|| format!("{characters} characters in a line"))
    })
}

fn machine(content: &str) -> Vec<Problem> {
    each_line(content, |line| {
        let place = MACHINE.into_iter().find(|place| line.contains(place))?;
        Some(format!("{place} is right on one machine only, or names a package host"))
    })
}

fn each_line(content: &str, rule: impl Fn(&str) -> Option<String>) -> Vec<Problem> {
    let numbered = content.lines().enumerate();
    numbered
        .filter_map(|(index, line)| rule(line).map(|message| Problem::new(index + 1, message)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_upgrade_scripts_lie_in_sql() {
        assert_eq!(file_name("sql/crm_ai--0.1.0--0.2.0.sql"), None);
        assert_eq!(file_name("sql/schema/10_registry.sql"), None);
        for refused in ["sql/crm_ai--0.1.0.sql", "sql/crm_ai--a--b.sql", "sql/notes.md"] {
            assert!(file_name(refused).is_some(), "{refused}");
        }
    }

    #[test]
    fn files_are_named_for_their_job() {
        assert_eq!(file_name("crates/wire/src/frame.rs"), None);
        for refused in ["crates/wire/src/utils.rs", "src/common/mod.rs"] {
            assert!(file_name(refused).is_some(), "{refused}");
        }
    }

    #[test]
    fn files_have_a_limit() {
        assert_eq!(length(&"x\n".repeat(500)), None);
        assert!(length(&"x\n".repeat(501)).is_some());
    }

    #[test]
    fn unfinished_work_is_refused_with_its_line() {
        let problems = unfinished(&format!("fine\n// {}: later\n", UNFINISHED[0]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 2);
    }

    #[test]
    fn comments_say_what_an_item_is() {
        let asked =
            |line: &str| questions(&format!("fn a() {{}}\n    /// {line}\n    fn b() {{}}"));
        assert_eq!(asked("Length of a row.\n    /// What is longer is cut."), vec![]);
        for refused in ["What a row holds.", "Whether it is one.", "How long it is."] {
            let problems = asked(refused);
            assert_eq!((problems.len(), problems[0].line), (1, 2), "{refused}");
        }
        let file = "//! Why a run failed.\n";
        assert_eq!((check("src/a.rs", file).len(), check("tests/a.rs", file).len()), (1, 0));
    }

    #[test]
    fn lines_are_counted_in_characters() {
        assert_eq!(long_lines(&"é".repeat(100)), vec![]);
        assert_eq!(long_lines(&"é".repeat(101)).len(), 1);
        let long = format!("// {}\n", "x".repeat(100));
        assert_eq!(check("src/lib.rs", &long).len(), 1);
        assert_eq!(check("crates/clean/src/phone/tests.rs", &long), vec![]);
    }

    #[test]
    fn unplain_words_are_refused_where_users_read() {
        let message = format!("promote {} always and never", UNPLAIN[0].0);
        assert_eq!(check("src/run/options.rs", &message).len(), 1);
        assert_eq!(check("docs/training.md", &message).len(), 1);
        assert_eq!(check("docs/training.md", "invalid value for promote"), vec![]);
    }

    #[test]
    fn machine_paths_and_package_hosts_are_refused() {
        assert_eq!(machine("see https://www.postgresql.org/docs/15/ and /usr/lib"), vec![]);
        for place in MACHINE {
            assert_eq!(machine(&format!("cd {place}somewhere")).len(), 1, "{place}");
        }
        assert_eq!(check("docs/testing.md", MACHINE[0]).len(), 1);
        assert_eq!(check("scripts/demo/customers.csv", MACHINE[0]), vec![]);
    }
}
