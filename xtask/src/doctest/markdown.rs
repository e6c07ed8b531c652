//! Finds the SQL blocks of a Markdown file and what the file says that they print.

/// What a document says of a block's output.
#[derive(Debug, PartialEq, Eq)]
pub enum Expectation {
    /// psql prints these lines.
    Output(Vec<String>),
    /// Nothing is said, or what is said is an example.
    Anything,
}

/// A block of SQL.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Line of its opening fence, counted from 1.
    pub line: usize,
    /// Its text.
    pub sql: String,
    /// What it prints.
    pub expectation: Expectation,
    /// The SQLSTATE that its last failing statement fails with.
    pub error: Option<String>,
}

/// A fenced block of any language.
#[derive(Debug)]
struct Fence {
    line: usize,
    info: String,
    content: Vec<String>,
    /// Whether nothing but white space lies between it and the fence before it.
    follows: bool,
}

/// All SQL blocks in order; the error is `line: what is wrong`.
pub fn blocks(document: &str) -> Result<Vec<Block>, String> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open_for_output = false;
    for fence in fences(document)? {
        let mut words = fence.info.split([',', ' ']).filter(|word| !word.is_empty());
        let language = words.next();
        match (language, blocks.last_mut()) {
            (Some("sql"), _) => {
                let block = sql_block(&fence, words)?;
                is_open_for_output = block.expectation == Expectation::Anything
                    && !fence.info.contains("ignore-output");
                blocks.push(block);
            }
            (Some("text" | "output"), Some(block)) if is_open_for_output && fence.follows => {
                block.expectation = Expectation::Output(fence.content);
                is_open_for_output = false;
            }
            _ => is_open_for_output = false,
        }
    }
    Ok(blocks)
}

fn sql_block<'a>(fence: &Fence, flags: impl Iterator<Item = &'a str>) -> Result<Block, String> {
    let mut error = None;
    for flag in flags {
        match flag.split_once('=') {
            Some(("error", state)) if state.len() == 5 => error = Some(state.to_owned()),
            None if flag == "ignore-output" => {}
            _ => return Err(format!("{}: unknown flag {flag}", fence.line)),
        }
    }
    let sql = fence.content.join("\n");
    Ok(Block { line: fence.line, sql, expectation: Expectation::Anything, error })
}

/// All fences; a fence inside a list loses the indentation that it opens with.
fn fences(document: &str) -> Result<Vec<Fence>, String> {
    let mut fences = Vec::new();
    // The fence that is open, its marks and its indentation.
    let mut open: Option<(Fence, &str, usize)> = None;
    let mut follows = false;
    for (index, line) in document.lines().enumerate() {
        let trimmed = line.trim_start();
        if let Some((mut fence, marks, indentation)) = open.take() {
            if trimmed.trim_end() == marks {
                fences.push(fence);
                follows = true;
            } else {
                fence.content.push(without_indentation(line, indentation).to_owned());
                open = Some((fence, marks, indentation));
            }
        } else if trimmed.starts_with("```") {
            let length = trimmed.len() - trimmed.trim_start_matches('`').len();
            let (marks, info) = trimmed.split_at(length);
            let info = info.trim().to_owned();
            let fence = Fence { line: index + 1, info, content: Vec::new(), follows };
            open = Some((fence, marks, line.len() - trimmed.len()));
        } else if !trimmed.is_empty() {
            follows = false;
        }
    }
    match open {
        Some((fence, ..)) => Err(format!("{}: the block is not closed", fence.line)),
        None => Ok(fences),
    }
}

fn without_indentation(line: &str, indentation: usize) -> &str {
    let own = line.len() - line.trim_start_matches(' ').len();
    line.get(own.min(indentation)..).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(document: &str) -> Vec<Option<String>> {
        let blocks = blocks(document).unwrap();
        let output = |block: Block| match block.expectation {
            Expectation::Output(lines) => Some(lines.join("|")),
            Expectation::Anything => None,
        };
        blocks.into_iter().map(output).collect()
    }

    #[test]
    fn a_block_is_found_with_its_line_and_its_output() {
        let document = "Text.\n\n```sql\nSELECT 1;\n```\n\n```text\n 1\n(1 row)\n```\n";
        let found = blocks(document).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].sql.as_str()), (3, "SELECT 1;"));
        assert_eq!(found[0].expectation, Expectation::Output(vec![" 1".into(), "(1 row)".into()]));
    }

    #[test]
    fn only_the_next_block_is_an_output() {
        assert_eq!(outputs("```sql\nA;\n```\nprints\n```text\nb\n```\n"), [None]);
        assert_eq!(outputs("```sql\nA;\n```\n```sh\nls\n```\n```text\nb\n```\n"), [None]);
        assert_eq!(outputs("```text\nb\n```\n```sql\nA;\n```\n"), [None]);
        let two = "```sql\nA;\n```\n```output\nb\n```\n```text\nc\n```\n";
        assert_eq!(outputs(two), [Some("b".to_owned())]);
        assert_eq!(outputs("```sql,ignore-output\nA;\n```\n```text\nb\n```\n"), [None]);
    }

    #[test]
    fn other_languages_and_plain_fences_are_not_run() {
        assert_eq!(outputs("```\nSELECT 1;\n```\n```bash\nls\n```\n~~~sql\nA;\n~~~\n").len(), 0);
        assert_eq!(outputs("````md\n```sql\nA;\n```\n````\n").len(), 0);
    }

    #[test]
    fn a_list_item_loses_its_indentation() {
        let document = "1. Do:\n\n   ```sql\n   SELECT\n     1;\n   ```\n";
        assert_eq!(blocks(document).unwrap()[0].sql, "SELECT\n  1;");
    }

    #[test]
    fn flags_are_read_and_unknown_ones_refused() {
        let found = blocks("```sql,error=42704\nA;\n```\n").unwrap();
        assert_eq!(found[0].error.as_deref(), Some("42704"));
        assert!(blocks("```sql,error=x\nA;\n```\n").unwrap_err().starts_with("1: "));
        assert!(blocks("a\n```sql,skip\nA;\n```\n").unwrap_err().starts_with("2: "));
        assert!(blocks("```sql\nA;\n").unwrap_err().contains("not closed"));
    }
}
