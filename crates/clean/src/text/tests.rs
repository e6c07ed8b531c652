//! Parts that are taken out, parts that must stay, and that cleaning twice is cleaning once.

use super::clean;

fn check(cases: &[(&str, &str)]) {
    for (raw, expected) in cases {
        assert_eq!(clean(raw), *expected, "of {raw:?}");
        assert_eq!(clean(expected), *expected, "again, of {raw:?}");
    }
}

#[test]
fn takes_markup_out() {
    check(&[
        ("<p>Hello <b>Wor</b>ld</p><br/>Bye", "Hello World Bye"),
        ("a<br>b<BR />c", "a b c"),
        ("<a href=\"http://x.com/?a>b\" target=_blank>link</a>", "link"),
        ("Tom &amp; Jerry &lt;3 &#8364;5 &#x20AC;6 &euro;7", "Tom & Jerry <3 €5 €6 €7"),
        ("it&#146;s", "it’s"),
        ("&amp;amp;amp;lt;b&amp;gt;x", "x"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("x<!-- <b>hidden</b> a>b -->y", "xy"),
        ("<style>p { color: red }</style>text<script>if (a<b) alert('x')</script> end", "text end"),
        ("<!DOCTYPE html><html><body>hi</body></html>", "hi"),
        ("<p class=MsoNormal>Dear<o:p></o:p></p>", "Dear"),
        ("<<b>b>x", "x"),
        ("&am<i></i>p;lt;3", "<3"),
        ("<input disabled>x<option selected value='1'>y", "x y"),
    ]);
}

#[test]
fn leaves_what_only_looks_like_markup() {
    for text in [
        "a < b and c > d",
        "a <b and c> d",
        "I <3 you",
        "write to <ann@example.com> or <a@b.c>",
        "Ann <b@x.com>, <https://example.com/p>",
        "x<y and y>z",
        "<- back | next ->",
        "AT&T, R&D; see ?a=1&copy=2&lt=3",
        "&unknown; &#; &#x; &;",
        "<!-- never closed",
        "<Customer Name>",
        "1 <2> 3",
    ] {
        check(&[(text, text)]);
    }
}

#[test]
fn repairs_certain_mojibake() {
    check(&[
        ("cafÃ©", "café"),
        ("itâ€™s â€œfineâ€\u{9d} â€“ reallyâ€¦", "it’s “fine” – really…"),
        ("FranÃ§ois MÃ¼ller, SÃ£o Paulo", "François Müller, São Paulo"),
        ("Ã–sterreich, Ãœber, StraÃŸe", "Österreich, Über, Straße"),
        ("Å koda", "Å koda"),
        ("Å¡koda, KovÃ¡Å™", "škoda, Kovář"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€ Ð¸ Ñ‚Ñ‹", "Привет, мир и ты"),
        ("æ—¥æœ¬èªž", "日本語"),
        ("great ðŸ˜€", "great 😀"),
        ("Â£20 Â© 2020 25Â°C", "£20 © 2020 25°C"),
        ("cafÃƒÂ©", "café"),
        ("caf&Atilde;&copy;", "café"),
        ("Viá»‡t Nam", "Việt Nam"),
        ("Nguyá»…n", "Nguyễn"),
        ("BÃ©art, LÃ©a, VOILÃ€", "Béart, Léa, VOILÀ"),
        ("ï»¿id", "id"),
        ("donÂ’t", "don’t"),
        ("voilÃ\u{a0}!", "voilà!"),
        ("MartÃƒÂ\u{ad}nez, voilÃƒÂ\u{a0}", "Martínez, voilà"),
        ("Ã¢â‚¬Å“xÃ¢â‚¬Â\u{9d}", "“x”"),
        ("GarcÃƒÆ’Ã‚Â\u{ad}a", "García"),
        ("LÃ“PEZ PEÃ‘A NOÃ‹L ZOÃ‹ KÃ–LN CÅ’UR", "LÓPEZ PEÑA NOËL ZOË KÖLN CŒUR"),
        ("Å‚ukasz, RÄ«ga, Å›wiat", "łukasz, Rīga, świat"),
        ("SÄ…siad, MATKÄ„, Å»ABA", "Sąsiad, MATKĄ, ŻABA"),
        ("BÄ°R, Ä°stanbul", "BİR, İstanbul"),
        ("Å\u{a0}KODA", "ŠKODA"),
    ]);
}

#[test]
fn leaves_text_that_could_be_right() {
    for text in [
        "CAFÉ… et «CAFÉ»",
        "« déjà »… à « Paris »",
        "IRMÃ… A MAÇÃ” AMANHÃ – HOJE",
        "SMÅ… Å–Ä",
        "naïve café, Zürich, Ærø, ½ £ € ™",
        "Привет мир, 日本語, Ελλάδα, שלום, مرحبا",
        "né»…",
    ] {
        check(&[(text, text)]);
    }
}

#[test]
fn takes_invisible_characters_out_and_folds_white_space() {
    check(&[
        ("  a\t\tb \r\n c\u{a0}\u{3000}d\u{2028}e  ", "a b c d e"),
        ("a\u{0}b\u{7}c\u{1b}d\u{7f}e", "abcde"),
        ("zero\u{200b}width\u{feff}\u{2060}soft\u{ad}hyphen", "zerowidthsofthyphen"),
        ("\u{202e}evil\u{202c} \u{2066}x\u{2069}\u{200e}\u{200f}\u{61c}", "evil x"),
        ("x\u{1f}y\u{1c}z\u{85}w\u{b}v", "x y z w v"),
        ("smart \u{93}quotes\u{94} \u{80}5", "smart “quotes” €5"),
        ("e\u{301}", "é"),
        ("a\u{fffe}\u{fdd0}\u{1ffff}b", "ab"),
        ("a\u{e0041}\u{e0042}b", "ab"),
        ("", ""),
        (" \u{200b} ", ""),
    ]);
}

#[test]
fn keeps_joiners_where_they_are_read() {
    for text in [
        "👨\u{200d}👩\u{200d}👧 family",
        "❤\u{fe0f}\u{200d}🔥 🏳\u{fe0f}\u{200d}🌈 👩🏽\u{200d}⚕\u{fe0f}",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "می\u{200c}خواهم",
        "क्\u{200d}ष क्\u{200c}ष",
        "1\u{fe0f}\u{20e3}",
    ] {
        check(&[(text, text)]);
    }
    check(&[
        ("a\u{200d}b\u{200c}c", "abc"),
        ("👩\u{200d} alone", "👩 alone"),
        ("می\u{200c} \u{200c}x", "می x"),
        ("🏴\u{e0067}\u{e0062}x", "🏴x"),
    ]);
}
