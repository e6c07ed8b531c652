//! Made-up customers' messages, so that tests need no data from outside.

/// A text that every usable model judges positive.
pub const GREAT: &str = "This is a great product!";
/// And one that it judges negative.
pub const TERRIBLE: &str = "Terrible service, I want my money back and will never return.";

const OPENINGS: [&str; 10] = [
    "Hello, ",
    "",
    "My order arrived and ",
    "I called twice last week; ",
    "To whom it may concern: ",
    "Quick note. ",
    "After three years as a customer I must say ",
    "As asked on the phone, ",
    "Between us, ",
    "One more thing: ",
];

const VERDICTS: [&str; 12] = [
    "the team was wonderful and solved it in minutes",
    "the parcel was broken and nobody answers",
    "I would like to change my delivery address",
    "this is the worst support I have ever met",
    "everything works as described",
    "I love how easy the new app is",
    "the invoice shows the wrong amount again",
    "please tell me when the shop opens",
    "the battery died after two days, very disappointing",
    "your driver was friendly and on time",
    "I cannot log in and feel ignored",
    "the colour is fine, the size is a little small",
];

const ENDINGS: [&str; 6] = [
    ".",
    "!",
    ", which I did not expect at all.",
    ". Thank you and best regards from all of us at home.",
    " :-(",
    ", and that is all there is to say about it for now, really.",
];

/// The `index`-th message; all are different, and neighbours differ in length and mood.
pub fn message(index: usize) -> String {
    let opening = OPENINGS[index % OPENINGS.len()];
    let verdict = VERDICTS[index / 7 % VERDICTS.len()];
    let ending = ENDINGS[index / 3 % ENDINGS.len()];
    format!("{opening}{verdict}{ending} Ticket {index}")
}

/// The first `count` messages.
pub fn messages(count: usize) -> Vec<String> {
    (0..count).map(message).collect()
}

/// Texts that programs tend to trip over, each with what makes it odd.
pub fn odd() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("blank", " \t\r\n ".into()),
        ("emoji", "👍🏽👩‍👩‍👧‍👦🎉 love it".into()),
        ("Chinese", "这个产品非常好,我很喜欢".into()),
        ("right to left", "خدمة سيئة جدا ולא אחזור".into()),
        ("control characters", "bad\u{1}\u{7f}\u{200b}\u{feff}\u{202e} good".into()),
        ("combining marks", "e\u{301}".repeat(300)),
        ("one long word", "a".repeat(20_000)),
        ("quotes", "it's \"so\" \\ good'; DROP TABLE notes; --".into()),
        ("special tokens", "[CLS] [SEP] [MASK] [PAD] [UNK] great".into()),
        ("private use", "\u{e000}\u{10ffff}".into()),
    ]
}
