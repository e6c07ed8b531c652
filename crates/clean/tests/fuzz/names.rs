//! Names of people and organisations.

use crm_ai_clean::name;

use crate::runner::{run, same};

/// Names in the forms that the rules know.
const SEEDS: &[&str] = &[
    "Ann Lee",
    "LEE, ANN MARIE",
    "Dr. Martin Luther King, Jr.",
    "Mr. John Q. Public III, Esq.",
    "Ludwig van Beethoven",
    "maria de la cruz",
    "O'NEIL, SHAUN",
    "ronald mcdonald",
    "MacArthur, Douglas",
    "William \"Bill\" Gates",
    "Robert (Bob) Smith",
    "J. R. R. Tolkien",
    "Madonna",
    "Mr. and Mrs. John Smith",
    "Ann Lee & Bob Roe",
    "Jean-Luc Picard",
    "José García Márquez",
    "Nguyễn Văn An",
    "王小明",
    "欧阳修",
    "山田太郎",
    "김철수",
    "Иван Петрович Сидоров",
    "محمد علي",
    "Acme, Inc.",
    "SIEMENS AG",
    "Müller & Söhne GmbH & Co. KG",
    "Marks and Spencer Ltd",
    "上海某某有限公司",
    "University of Springfield",
    "Acme LLC dba Road Runner Supplies",
    "John Smith c/o Acme Inc",
    "Smith Family Trust",
    "N/A",
];

/// What the rules look for.
const FRAGMENTS: &[&str] = &[
    ",",
    ", ",
    ".",
    "-",
    "'",
    "’",
    "\"",
    "(",
    ")",
    " & ",
    " and ",
    "/",
    " ",
    "  ",
    "Mr. ",
    "Dr ",
    "Prof. ",
    " Jr.",
    " III",
    ", PhD",
    " Esq",
    "van der ",
    "de la ",
    "Mc",
    "Mac",
    "O'",
    "bin ",
    "A.",
    "J",
    "Inc.",
    " LLC",
    " GmbH",
    "有限公司",
    "株式会社",
    "王",
    "小明",
    "さん",
    "様",
    "김",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ŉ",
    "ﬁ",
    "Ａ",
    "1",
    "a@x.com",
    "650-253-0000",
    "www.x.com",
    "aka ",
    " dba ",
    "c/o ",
    "unknown",
    "test",
    "<b>",
    "&amp;",
    "Ã©",
    "\u{200b}",
    "\u{200d}",
    "\u{202e}",
    "\u{a0}",
    "\n",
    "😀",
    "\u{fffd}",
    "\u{7f}",
    "Ǆ",
    "ǆ",
    "Σ",
    "ς",
];

#[test]
fn names_hold_what_they_promise() {
    let seeds: Vec<String> = SEEDS.iter().map(|&seed| seed.to_owned()).collect();
    run(&seeds, FRAGMENTS, |text| {
        let info = name::describe(text);
        let normal = name::normalise(text);
        same("both answers", &info.display, &normal)?;
        same("a name, or a reason", normal.is_some() || info.problem.is_some(), true)?;
        let parts = [
            &info.title,
            &info.given,
            &info.middle,
            &info.family,
            &info.suffix,
            &info.nickname,
            &info.organisation,
            &info.display,
        ];
        let is_blank = |part: &&Option<String>| part.as_ref().is_some_and(|p| p.trim().is_empty());
        same("no part is blank", parts.iter().find(|part| is_blank(part)), None)?;
        let Some(normal) = normal else { return Ok(()) };
        same("twice", name::normalise(&normal), Some(normal))
    });
}
