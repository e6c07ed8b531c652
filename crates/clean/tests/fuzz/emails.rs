//! E-mail addresses, from isemail's tests.

use crm_ai_clean::email;

use crate::runner::{fixture, run, same};

/// Fields that isemail has none of.
const FIELDS: &[&str] = &[
    "Ann Lee <ann@example.com>",
    "\"Lee, Ann\" <ann.lee+news@gmail.com>, bob@y.com",
    "mailto:ann%40x.com?subject=Hi",
    "ann (at) x (dot) com",
    "jörg@bücher.example",
    "用户@例子.广告",
    "ａｎｎ＠ｘ．ｃｏｍ",
    "<a href=\"mailto:ann@x.com\">ann@x.com</a>",
];

/// What the rules look for.
const FRAGMENTS: &[&str] = &[
    "@",
    "＠",
    "﹫",
    ".",
    "。",
    "-",
    "+",
    "_",
    "\"",
    "\\",
    "'",
    "(",
    ")",
    "<",
    ">",
    "[",
    "]",
    "IPv6:",
    "::",
    ",",
    ";",
    "/",
    " or ",
    " ",
    "\t",
    "\r\n",
    "\u{a0}",
    "\u{3000}",
    "mailto:",
    "E-mail: ",
    "?",
    "%40",
    "%",
    "&#64;",
    "&amp;",
    "</b>",
    "(at)",
    "[dot]",
    " at ",
    " dot ",
    "xn--",
    "xn--a",
    "gmail.com",
    "googlemail.com",
    "ann.fastmail.com",
    "a",
    "Z",
    "9",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ſ",
    "K",
    "\u{37e}",
    "\u{200b}",
    "\u{200d}",
    "\u{202e}",
    "\u{feff}",
    "\u{ad}",
    "\u{7f}",
    "\u{85}",
    "а",
    "α",
    "’",
    "–",
    "漢",
    "ب",
    "ا",
    "1",
    "😀",
    "\u{fffd}",
    "\u{e000}",
    "\u{338}",
    "क्",
    "．",
    "ａ",
];

#[test]
fn addresses_hold_what_they_promise() {
    let xml = String::from_utf8(fixture("isemail_email_tests.xml")).unwrap();
    let mut seeds: Vec<String> = xml
        .split("<address>")
        .skip(1)
        .filter_map(|part| part.split_once("</address>"))
        .map(|(address, _)| address.replace("&#x240D;", "\r").replace("&#x240A;", "\n"))
        .collect();
    seeds.extend(FIELDS.iter().map(|&field| field.to_owned()));
    run(&seeds, FRAGMENTS, |text| {
        let info = email::describe(text);
        let normal = email::normalise(text);
        same("both answers", &info.address, &normal)?;
        let is_warning =
            matches!(info.problem, Some(email::Problem::LookAlike | email::Problem::UnknownTld));
        same("valid, or a reason", info.is_valid != info.problem.is_some() || is_warning, true)?;
        same("valid has an address", !info.is_valid || info.address.is_some(), true)?;
        let Some(address) = normal else { return Ok(()) };
        let parts = [info.local_part.unwrap(), info.domain.unwrap()].join("@");
        same("the parts", &parts, &address)?;
        same("length", address.len() <= 254, true)?;
        let again = email::describe(&address);
        same("twice", again.address.as_ref(), Some(&address))?;
        same("the deliverable form is valid", again.is_valid, true)?;
        same("one key", &again.canonical, &info.canonical)
    });
}
