//! Fuzz targets that stable Rust runs: real inputs, changed at random, a bounded number of times.
//!
//! The numbers come from a seed, so a run repeats itself. `CRM_AI_FUZZ_CASES` makes it longer,
//! `CRM_AI_FUZZ_SEED` another one. A failure prints the text as a Rust literal: it becomes a test
//! where it belongs.

mod fuzz {
    pub mod generator;
}

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crm_ai_clean::phone::Region;
use crm_ai_clean::{email, phone};
use fuzz::generator::Generator;

/// Cases of each target in `make test`.
const CASES: usize = 10_000;

/// Feeds `check` with texts made of `seeds` and `fragments`, until one is wrong.
fn run(seeds: &[String], fragments: &[&str], check: impl Fn(&str) -> Result<(), String>) {
    let setting = |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap());
    let cases = setting("CRM_AI_FUZZ_CASES").unwrap_or(CASES);
    let seed = setting("CRM_AI_FUZZ_SEED").unwrap_or(2026);
    assert!(seeds.len() > 10 && fragments.len() > 10);
    let mut generator = Generator::new(seed as u64, seeds, fragments);
    for case in 0..cases {
        let text = generator.text();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&text)));
        let fault = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(fault)) => fault,
            Err(_) => "it panics".to_owned(),
        };
        panic!("case {case} of seed {seed}, {text:?}: {fault}");
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/clean");
    std::fs::read(root.join(name)).unwrap()
}

/// The claim holds, or the two sides are told.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: T, other: T) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what}: {one:?} and {other:?}")) }
}

#[test]
fn phones() {
    let mut oracle = String::new();
    let compressed = fixture("phone_truth.csv.gz");
    flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut oracle).unwrap();
    let seeds: Vec<String> = csv::Reader::from_reader(oracle.as_bytes())
        .records()
        .map(|record| record.unwrap().get(0).unwrap().to_owned())
        .collect();
    let fragments = [
        "+",
        "＋",
        "00",
        "011",
        "1",
        "44",
        "86",
        "(",
        ")",
        "-",
        "/",
        " / ",
        ".",
        ".0",
        "E+10",
        "1.38E+10",
        ",",
        ";",
        "x",
        "ext. ",
        "#",
        "*",
        " ",
        "\n",
        "tel:",
        ";phone-context=",
        ";isub=",
        ";ext=",
        "FLOWERS",
        "６",
        "٦",
        "६",
        "\u{200b}",
        "é",
        "😀",
        "~",
        "[",
        "доб",
        " or ",
    ];
    let regions: Vec<Region> =
        ["US", "", "CN", "DE"].into_iter().map(|code| code.parse().unwrap()).collect();
    run(&seeds, &fragments, |text| {
        for &region in &regions {
            let info = phone::describe(text, region);
            let normal = phone::normalise(text, region);
            same("both answers", &info.e164.clone().filter(|_| info.is_valid), &normal)?;
            same("a number, or a reason", info.is_valid || info.problem.is_some(), true)?;
            if let Some(number) = normal {
                same("twice", phone::normalise(&number, Region::NONE), Some(number))?;
            }
        }
        let characters: Vec<char> = text.chars().collect();
        let mut previous = 1;
        for found in phone::find(text, regions[0]) {
            same("positions in order", previous <= found.start && found.start < found.stop, true)?;
            let taken = characters.get(found.start - 1..found.stop - 1).ok_or("out of bounds")?;
            same("text at its position", taken.iter().collect(), found.raw)?;
            previous = found.stop;
        }
        let digits = phone::digits(text, 11);
        same("digits twice", phone::digits(&digits, 11), digits)
    });
}

#[test]
fn emails() {
    let xml = String::from_utf8(fixture("isemail_email_tests.xml")).unwrap();
    let mut seeds: Vec<String> = xml
        .split("<address>")
        .skip(1)
        .filter_map(|part| part.split_once("</address>"))
        .map(|(address, _)| address.replace("&#x240D;", "\r").replace("&#x240A;", "\n"))
        .collect();
    seeds.extend(
        [
            "Ann Lee <ann@example.com>",
            "\"Lee, Ann\" <ann.lee+news@gmail.com>, bob@y.com",
            "mailto:ann%40x.com?subject=Hi",
            "ann (at) x (dot) com",
            "jörg@bücher.example",
            "用户@例子.广告",
            "ａｎｎ＠ｘ．ｃｏｍ",
            "<a href=\"mailto:ann@x.com\">ann@x.com</a>",
        ]
        .map(str::to_owned),
    );
    let fragments = [
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
    run(&seeds, &fragments, |text| {
        let info = email::describe(text);
        let normal = email::normalise(text);
        same("both answers", &info.address, &normal)?;
        let is_warning = info.problem == Some(email::Problem::LookAlike);
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
