//! Fields as people and programs leave them: what is valid, mended, or refused and why.

use crm_ai_clean::email::{Problem, describe, normalise};

/// Field, deliverable form, problem. Valid as written where there is no problem.
fn check(cases: &[(&str, Option<&str>, Option<Problem>)]) {
    for (raw, address, problem) in cases {
        let info = describe(raw);
        assert_eq!(info.address.as_deref(), *address, "{raw:?} ({:?})", info.problem);
        assert_eq!(info.problem, *problem, "{raw:?}");
        assert_eq!(normalise(raw), info.address, "{raw:?}");
        let is_warning = matches!(problem, Some(Problem::LookAlike | Problem::UnknownTld));
        assert!(is_warning || info.is_valid == problem.is_none(), "{raw:?}");
        if let Some(address) = &info.address {
            let again = describe(address);
            assert_eq!(again.address.as_ref(), Some(address), "{raw:?} again");
            assert!(again.is_valid, "{raw:?} again");
            let parts = (info.local_part.unwrap(), info.domain.unwrap());
            assert_eq!([&*parts.0, "@", &*parts.1].concat(), *address);
        }
    }
}

#[test]
fn keeps_what_is_valid_as_written() {
    check(&[
        ("ann@example.com", Some("ann@example.com"), None),
        ("Ann.O'Neil+news@Example.COM", Some("Ann.O'Neil+news@example.com"), None),
        ("ann@[192.0.2.1]", Some("ann@[192.0.2.1]"), None),
        ("ann@[ipv6:2001:DB8::1]", Some("ann@[IPv6:2001:db8::1]"), None),
        ("\"ann smith\"@example.com", Some("\"ann smith\"@example.com"), None),
        ("\"a@b\"@example.com", Some("\"a@b\"@example.com"), None),
        ("用户@例子.中国", Some("用户@xn--fsqu00a.xn--fiqs8s"), None),
        ("jörg@bücher.example", Some("jörg@xn--bcher-kva.example"), None),
        ("ann@xn--bcher-kva.example", Some("ann@xn--bcher-kva.example"), None),
        ("ann@XN--BCHER-KVA.example", Some("ann@xn--bcher-kva.example"), None),
        ("ann@faß.example", Some("ann@xn--fa-hia.example"), None),
        ("अजय@डाटा.भारत", Some("अजय@xn--c2bd1gb.xn--h2brj9c"), None),
        ("jo\u{308}rg@x.com", Some("j\u{f6}rg@x.com"), None),
    ]);
}

#[test]
fn takes_off_what_stands_around_an_address() {
    use Problem::*;
    let ann = Some("ann@x.com");
    check(&[
        (" ann@x.com ", ann, Some(SurroundingSpace)),
        ("\u{a0}ann@x.com\u{3000}\r\n", ann, Some(SurroundingSpace)),
        ("<ann@x.com>", ann, Some(AngleBrackets)),
        ("Ann Lee <ann@x.com>", ann, Some(DisplayName)),
        ("Ann<ann@x.com>", ann, Some(DisplayName)),
        ("\"Lee, Ann\" <ann@X.com>", ann, Some(DisplayName)),
        ("Lee, Ann <ann@x.com>", ann, Some(DisplayName)),
        ("\"Ann \\\"A\\\" Lee\" <ann@x.com>", ann, Some(DisplayName)),
        ("'ann@x.com' <ann@x.com>", ann, Some(DisplayName)),
        ("ann@x.com <Ann@x.com>", Some("Ann@x.com"), Some(DisplayName)),
        ("<ann@x.com> Ann", ann, Some(DisplayName)),
        ("\"Ann @ Work\" <ann@x.com>", ann, Some(DisplayName)),
        ("mailto:ann@x.com", ann, Some(Mailto)),
        ("MAILTO:ann%40x.com?subject=Hi%20there&cc=bob@y.com", ann, Some(Mailto)),
        ("<mailto:ann@x.com>", ann, Some(Mailto)),
        ("Ann <mailto:ann@x.com>", ann, Some(Mailto)),
        ("mailto:Ann%20Lee%20%3Cann@x.com%3E", ann, Some(Mailto)),
        ("mailto:a%25b@x.com", Some("a%b@x.com"), Some(Mailto)),
        ("E-Mail: ann@x.com", ann, Some(Label)),
        ("SMTP:ann@x.com", ann, Some(Label)),
        ("邮箱：ann@x.com", ann, Some(Label)),
        ("ann@x.com.", ann, Some(Punctuation)),
        ("ann@x.com,", ann, Some(Punctuation)),
        ("ann@x.com;", ann, Some(Punctuation)),
        ("'ann@x.com'", ann, Some(Punctuation)),
        ("'ann@x.com", ann, Some(Punctuation)),
        ("ann@x.com'", ann, Some(Punctuation)),
        ("\"ann@x.com", ann, Some(UnclosedQuote)),
        ("ann@x.com\"", ann, Some(Punctuation)),
        ("ann@x.com>", ann, Some(Punctuation)),
        ("ann@x.com|", ann, Some(Punctuation)),
        ("ann@x.com; N/A", ann, Some(Punctuation)),
        ("n/a, ann@x.com", ann, Some(Punctuation)),
        ("ann@x.com<br>", ann, Some(Markup)),
        ("ann@x.com<mailto:ann@x.com>", ann, Some(Mailto)),
        ("Ann [mailto:ann@x.com]", ann, Some(Mailto)),
        ("\"ann@x.com\"", ann, Some(Punctuation)),
        ("“ann@x.com”", ann, Some(Punctuation)),
        ("(ann@x.com)", ann, Some(Punctuation)),
        ("[ann@x.com]", ann, Some(Punctuation)),
        ("ann@x.com (Ann Lee)", ann, Some(Comment)),
        ("(work) ann@x.com", ann, Some(Comment)),
        ("ann(nested (twice))@(here)x.com", ann, Some(Comment)),
        ("ann@x.com\u{200b}", ann, Some(InvisibleCharacters)),
        ("\u{feff}ann@x.com", ann, Some(InvisibleCharacters)),
        ("\u{202a}ann@x.com\u{202c}", ann, Some(InvisibleCharacters)),
        ("ann＠x.com", ann, Some(FullWidth)),
        ("ａｎｎ＠ｘ．ｃｏｍ", ann, Some(FullWidth)),
        ("（ann@x.com）", ann, Some(FullWidth)),
        ("ann @ x.com", ann, Some(SpacedAt)),
        ("ann@ x.com", ann, Some(SpacedAt)),
        ("ann (at) x.com", ann, Some(Obfuscated)),
        ("ann[at]x[dot]com", ann, Some(Obfuscated)),
        ("ann {AT} x dot com", ann, Some(Obfuscated)),
        ("ann <at> x.com", ann, Some(Obfuscated)),
        ("ann at x dot com", ann, Some(Obfuscated)),
        ("<a href=\"mailto:ann@x.com\">ann@x.com</a>", ann, Some(Markup)),
        ("ann&#64;x.com", ann, Some(Markup)),
        ("ann@x。com", ann, Some(DomainMapped)),
        ("ann@BÜCHER.example", Some("ann@xn--bcher-kva.example"), Some(DomainMapped)),
    ]);
}

#[test]
fn takes_the_first_of_a_list_if_all_can_be_read() {
    let (ann, several) = (Some("ann@x.com"), Some(Problem::SeveralAddresses));
    check(&[
        ("ann@x.com; bob@y.com", ann, several),
        ("ann@x.com,bob@y.com,", ann, several),
        ("ann@x.com bob@y.com", ann, several),
        ("ann@x.com / bob@y.com", ann, several),
        ("ann@x.com/bob@y.com", ann, several),
        ("ann@x.com or bob@y.com", ann, several),
        ("ann@x.com\nbob@y.com", ann, several),
        ("\"Lee, Ann\" <ann@x.com>, \"Roe; Bob\" <bob@y.com>", ann, several),
        ("Lee, Ann <ann@x.com>; Roe, Bob <bob@y.com>", ann, several),
        ("mailto:ann@x.com,bob@y.com", ann, several),
        ("ann@x.com，bob@y.com", ann, several),
        ("ann@x.com, call bob@y.com", None, Some(Problem::SeveralAts)),
        ("ann@x.com, bob", None, Some(Problem::InvalidDomain)),
        ("<bob@y.com> <ann@x.com>, Cy", None, Some(Problem::SeveralAts)),
        ("bob@y.com <ann@x.com>", None, Some(Problem::SeveralAts)),
    ]);
}

#[test]
fn says_why_a_field_holds_no_address() {
    use Problem::*;
    let long = |length: usize| "a".repeat(length);
    check(&[
        ("", None, Some(Empty)),
        (" \u{200b}\n", None, Some(Empty)),
        ("n/a", None, Some(MissingAt)),
        ("ann.x.com", None, Some(MissingAt)),
        ("Ann at x.com", None, Some(MissingAt)),
        ("@x.com", None, Some(MissingLocalPart)),
        ("ann@", None, Some(MissingDomain)),
        ("ann@b@x.com", None, Some(SeveralAts)),
        ("ann lee@x.com", None, Some(SpaceInside)),
        ("ann@x com", None, Some(SpaceInside)),
        ("ann@gmail,com", None, Some(InvalidDomain)),
        ("ann@x_y.com", None, Some(InvalidDomain)),
        ("ann@x..com", None, Some(ConsecutiveDots)),
        ("ann..lee@x.com", None, Some(ConsecutiveDots)),
        (".ann@x.com", None, Some(DotAtEdge)),
        ("ann@.x.com", None, Some(DotAtEdge)),
        ("ann@-x.com", None, Some(HyphenAtEdge)),
        ("a:b@x.com", None, Some(InvalidLocalPart)),
        ("\"ann b@x.com", None, Some(UnclosedQuote)),
        ("\u{301}ann@x.com", None, Some(InvalidLocalPart)),
        ("Ann <ann@x.com", None, Some(UnclosedBracket)),
        ("ann@[1.2.3.400]", None, Some(InvalidAddressLiteral)),
        ("ann@[1.2.3.4", None, Some(UnclosedBracket)),
        ("ann@xn--a.com", None, Some(InvalidIdna)),
        ("ann@x\u{fffd}.com", None, Some(InvalidIdna)),
        ("ann@x.com”", None, Some(InvalidIdna)),
        ("http://ann@x.com", None, Some(InvalidLocalPart)),
        ("sip:ann@x.com", None, Some(InvalidLocalPart)),
        (&(long(65) + "@x.com"), None, Some(LocalPartTooLong)),
        (&format!("a@{}.com", long(64)), None, Some(LabelTooLong)),
        (&long(5000), None, Some(TooLong)),
    ]);
}

#[test]
fn limits_count_octets_in_both_forms() {
    let label = "a".repeat(63);
    let domain = |last: usize| [&*label, &*label, &*label, &"a".repeat(last)].join(".");
    // 1 + 1 + 3 * 64 + 60 = 254.
    assert!(describe(&format!("a@{}", domain(60))).is_valid);
    assert_eq!(describe(&format!("a@{}", domain(61))).problem, Some(Problem::TooLong));
    assert!(describe(&format!("{}@x.com", "é".repeat(32))).is_valid);
    let problem = describe(&format!("{}é@x.com", "é".repeat(32))).problem;
    assert_eq!(problem, Some(Problem::LocalPartTooLong));
    // Punycode of 30 letters outside ASCII takes more than 63 octets.
    let wide: String = "ąćęłńóśźżаяأب漢字한글ひら".chars().collect();
    let info = describe(&format!("ann@{}.com", wide.repeat(3)));
    assert!(!info.is_valid && info.address.is_none());
}
