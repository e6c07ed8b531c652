//! Look-alikes, keys, kinds, suggestions; and that hostile fields end.

use crm_ai_clean::email::{Problem, describe, normalise};

#[test]
fn look_alikes_are_reported_and_left_alone() {
    for raw in ["\u{430}nn@x.com", "ann@gm\u{430}il.com", "o’brien@x.com", "ann@xn--gmil-63d.com"]
    {
        let info = describe(raw);
        assert_eq!(info.problem, Some(Problem::LookAlike), "{raw:?}");
        assert!(info.is_valid && info.suggestion.is_none(), "{raw:?}");
    }
    assert_eq!(normalise("ann@gm\u{430}il.com").as_deref(), Some("ann@xn--gmil-63d.com"));
    for raw in ["иван@почта.рф", "ann@ひらがなabc.jp", "мария.ann@x.com", "ελένη@x.gr"]
    {
        assert_eq!(describe(raw).problem, None, "{raw:?}");
    }
}

#[test]
fn one_key_stands_for_all_spellings_of_a_mailbox() {
    let groups: &[&[&str]] = &[
        &["a.n.n+x@googlemail.com", "Ann@gmail.com", "\"ann\"@GMAIL.com", " <ANN+y+z@gmail.com>"],
        &["ann+a@outlook.com", "Ann@Outlook.com"],
        &["ann+a@hotmail.co.uk", "ann@hotmail.co.uk"],
        &["base-shop@yahoo.com", "base-bank@yahoo.com", "base@yahoo.com"],
        &["ann+1@fastmail.com", "shop@ann.fastmail.com", "ann@fastmail.com"],
        &["ann@icloud.com", "ann+x@me.com", "ann@mac.com"],
        &["a.n-n_@proton.me", "ann+x@protonmail.com", "ANN@pm.me"],
        &["ann+x@yandex.ru", "ann@ya.ru", "ann@yandex.com"],
        &["Ann@Example.com", "ann@example.com"],
        &["ÄNN@bücher.example", "änn@xn--bcher-kva.example"],
    ];
    let mut keys = Vec::new();
    for group in groups {
        let found: Vec<_> = group.iter().map(|raw| describe(raw).canonical.unwrap()).collect();
        assert!(found.iter().all(|key| *key == found[0]), "{found:?}");
        assert_eq!(describe(&found[0]).canonical.as_ref(), Some(&found[0]));
        keys.push(found[0].clone());
    }
    assert_eq!(keys[0], "ann@gmail.com");
    // Elsewhere dots and tags are part of the name.
    for (one, other) in [
        ("a.nn@outlook.com", "ann@outlook.com"),
        ("ann+x@example.com", "ann@example.com"),
        ("ann-x@gmail.com", "ann@gmail.com"),
        ("ann@hotmail.com", "ann@outlook.com"),
        ("ann+x@yahoo.com", "ann@yahoo.com"),
        ("\"a n\"@gmail.com", "an@gmail.com"),
    ] {
        assert_ne!(describe(one).canonical, describe(other).canonical, "{one} {other}");
    }
    assert_eq!(describe("+x@gmail.com").canonical.as_deref(), Some("+x@gmail.com"));
}

#[test]
fn knows_roles_free_providers_and_disposable_domains() {
    let flags = |raw: &str| {
        let info = describe(raw);
        (info.is_role, info.is_free_provider, info.is_disposable)
    };
    assert_eq!(flags("info@example.com"), (true, false, false));
    assert_eq!(flags("Customer.Service+de@example.com"), (true, false, false));
    assert_eq!(flags("ann@gmail.com"), (false, true, false));
    assert_eq!(flags(" sales@Yahoo.co.uk"), (true, true, false));
    assert_eq!(flags("ann@mailinator.com"), (false, false, true));
    assert_eq!(flags("ann@any.thing.mailinator.com"), (false, false, true));
    assert_eq!(flags("ann@mailinator.example"), (false, false, false));
    assert_eq!(flags("ann@com"), (false, false, false));
    assert_eq!(flags("not an address"), (false, false, false));
}

#[test]
fn suggests_well_known_domains_and_spares_others() {
    for (raw, expected) in [
        ("ann@gmial.com", "gmail.com"),
        ("ann@gamil.com", "gmail.com"),
        ("ann@gmai.com", "gmail.com"),
        ("ann@gmaill.com", "gmail.com"),
        ("ann@gmail.con", "gmail.com"),
        ("ann@gmail.cmo", "gmail.com"),
        ("ann@gmail.co", "gmail.com"),
        ("ann@gmailcom", "gmail.com"),
        ("ann@gmail", "gmail.com"),
        ("ann@gnail.con", "gmail.com"),
        ("ann@yaho.com", "yahoo.com"),
        ("ann@yahooo.co.uk", "yahoo.co.uk"),
        ("ann@hotmial.com", "hotmail.com"),
        ("ann@outlok.com", "outlook.com"),
        ("ann@iclod.com", "icloud.com"),
        ("ann@comcas.net", "comcast.net"),
        ("ann@acme.con", "acme.com"),
        ("ann@shop.acme.ocm", "shop.acme.com"),
        ("ann@gmail,com", "gmail.com"),
        ("ann@gmail..com", "gmail.com"),
        (" ann@GMIAL.com,", "gmail.com"),
    ] {
        assert_eq!(describe(raw).suggestion.as_deref(), Some(expected), "{raw}");
    }
    for raw in [
        "ann@gmail.com",
        "ann@ymail.com",
        "ann@mail.com",
        "ann@email.com",
        "ann@cloud.com",
        "ann@gmx.de",
        "ann@hotmail.se",
        "ann@aon.at",
        "ann@yahoo.dk",
        "ann@compact.net",
        "ann@acme.com",
        "ann@acme.co",
        "ann@acme.cm",
        "ann@example.org",
        "ann@ual.com",
        "ann@[1.2.3.4]",
        "ann@mailinator.com",
        "ann",
        "",
    ] {
        assert_eq!(describe(raw).suggestion, None, "{raw}");
    }
}

/// Fields at the limit on which careless rules look at everything again for each character.
#[test]
fn hostile_fields_end() {
    for piece in [
        "(",
        "<",
        "<a@b>",
        "a@b,",
        "(at)",
        "[at]",
        "\"",
        "\\",
        "@",
        " ",
        "%40",
        "mailto:",
        "mail:",
        "(a)",
        "&amp;",
        "</b>",
        "＠",
        "a@b.c ",
        "<\"a\"(b)@c>;",
        "\u{200b}a@b",
        "é",
        "\u{301}",
    ] {
        for suffix in ["", "a@x.com", " x"] {
            let room = 4096 - suffix.len();
            let field = piece.repeat(room / piece.len()) + suffix;
            let info = describe(&field);
            assert_eq!(info.address, normalise(&field), "{piece:?}");
        }
    }
}

#[test]
fn codes_are_stable() {
    assert_eq!(describe("ann@x.com, bob@x.com").problem.unwrap().code(), "several_addresses");
    assert_eq!(describe("").problem.unwrap().code(), "empty");
}

#[test]
fn a_top_level_domain_that_does_not_exist_is_told() {
    for (raw, suggestion) in [
        ("ann@stanford.eud", Some("stanford.edu")),
        ("ann@acme.fom", Some("acme.com")),
        ("ann@agency.goov", Some("agency.gov")),
        ("ann@gmail.c", Some("gmail.com")),
        ("ann@123.456", None),
        ("ann@192.0.2.1", None),
        ("ann@acme.zzzz", None),
    ] {
        let info = describe(raw);
        assert_eq!(info.problem, Some(Problem::UnknownTld), "{raw:?}");
        assert_eq!(info.address.as_deref(), Some(raw), "{raw:?}");
        assert_eq!(info.suggestion.as_deref(), suggestion, "{raw:?}");
    }
    for raw in ["ann@acme.museum", "ann@acme.test", "ann@localhost", "ann@[192.0.2.1]"] {
        assert_eq!(describe(raw).problem, None, "{raw:?}");
    }
    let doubled = describe("ann@gmail.com.com");
    assert_eq!((doubled.suggestion.as_deref(), doubled.problem), (Some("gmail.com"), None));
}
