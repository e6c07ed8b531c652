//! One key for all the addresses that reach one mailbox.
//!
//! A rule stands here only where the provider says so itself; the source is beside it. Everywhere
//! else dots and tags are part of the name, since a company's server may tell them apart. The local
//! part is put in lower case for every domain: RFC 5321, 2.4 lets a server tell cases apart and
//! advises against it, and no provider listed here does.

use unicode_normalization::UnicodeNormalization;

/// Characters that a provider ignores when it looks for the mailbox.
struct Rule {
    /// The provider's domains that share one set of names; the first stands for all.
    domains: &'static [&'static str],
    /// The character from which on the local part is a tag.
    tag: Option<char>,
    /// Characters that make no difference.
    ignored: &'static [char],
    /// The name stands below the domain too: `tag@name.domain`.
    is_name_above: bool,
}

const NONE: Rule = Rule { domains: &[], tag: None, ignored: &[], is_name_above: false };
const PLUS: Rule = Rule { tag: Some('+'), ..NONE };
/// Yahoo Help, "Temporary email addresses" (before: AddressGuard): `base-keyword`; names of
/// accounts have no hyphen. The base is chosen apart from the account's name, so the key gathers a
/// person's disposable addresses, not those and the account's own.
const YAHOO: Rule = Rule { tag: Some('-'), ..NONE };

const SHARED: &[Rule] = &[
    // Gmail Help, "Dots don't matter in Gmail addresses", "Send emails from a different address
    // or alias", "Google Mail in the UK and Germany".
    Rule { domains: &["gmail.com", "googlemail.com"], ignored: &['.'], ..PLUS },
    // Apple Support 118230: who has me.com or mac.com has the same name at icloud.com.
    Rule { domains: &["icloud.com", "me.com", "mac.com"], ..PLUS },
    // Proton Support, "Addresses and aliases"; Proton's own clients leave these characters out to
    // compare addresses (WebClients, `removeEmailAlias`), and a name belongs to one person in all
    // its domains.
    Rule {
        domains: &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
        ignored: &['.', '-', '_'],
        ..PLUS
    },
    // Fastmail Help, "Plus addressing and subdomain addressing".
    Rule { domains: &["fastmail.com"], is_name_above: true, ..PLUS },
    Rule { domains: &["fastmail.fm"], is_name_above: true, ..PLUS },
    // Yandex Mail Help, "Aliases": one mailbox in all its domains.
    Rule {
        domains: &["yandex.ru", "yandex.com", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua"],
        ..PLUS
    },
];

/// Domains, each with names of its own, at which `+` opens a tag. Microsoft: "Outlook.com now
/// supports simpler email aliases" (2013) and "Plus addressing in Exchange Online". Posteo Help,
/// mailbox.org Knowledge Base, Runbox Help, Zoho Mail Help and HEY Help, each on plus addressing.
const PLUS_DOMAINS: &[&str] = &[
    "msn.com",
    "passport.com",
    "windowslive.com",
    "fastmail.net",
    "fastmail.org",
    "posteo.de",
    "posteo.net",
    "mailbox.org",
    "runbox.com",
    "zoho.com",
    "zohomail.com",
    "hey.com",
];

/// The key of the mailbox `local_part@domain`, which is in its deliverable form.
pub(super) fn key(local_part: &str, domain: &str) -> String {
    let folded: String = unquote(local_part).to_lowercase().nfc().collect();
    let fallback = [&folded, "@", domain].concat();
    // What needs its quotes is nobody's name at a provider.
    if folded.starts_with('"') {
        return fallback;
    }
    let Some((rule, name, domain)) = rule_for(&folded, domain) else { return fallback };
    let name = rule.tag.and_then(|tag| name.split_once(tag)).map_or(name, |(base, _)| base);
    let name: String = name.chars().filter(|c| !rule.ignored.contains(c)).collect();
    if name.is_empty() { fallback } else { [&name, "@", domain].concat() }
}

/// The rule of a domain, with the name and the domain that it is about.
fn rule_for<'a>(local: &'a str, domain: &'a str) -> Option<(&'static Rule, &'a str, &'a str)> {
    for rule in SHARED {
        if rule.domains.contains(&domain) {
            return rule.domains.first().map(|&main| (rule, local, main));
        }
        if !rule.is_name_above {
            continue;
        }
        for &main in rule.domains {
            let name = domain.strip_suffix(main).and_then(|above| above.strip_suffix('.'));
            if let Some(name) = name.filter(|name| !name.contains('.')) {
                return Some((rule, name, main));
            }
        }
    }
    let brand = domain.split_once('.').map_or(domain, |(brand, _)| brand);
    let is_family = super::lists::is_free(domain);
    match brand {
        "outlook" | "hotmail" | "live" if is_family => Some((&PLUS, local, domain)),
        "yahoo" if is_family => Some((&YAHOO, local, domain)),
        _ if PLUS_DOMAINS.contains(&domain) => Some((&PLUS, local, domain)),
        _ => None,
    }
}

/// The local part without its quotes where it can stand without them: both forms are one mailbox
/// (RFC 5321, 4.1.2).
fn unquote(local_part: &str) -> String {
    let inner = local_part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return local_part.to_owned() };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    if super::syntax::is_dot_string(&plain) { plain } else { local_part.to_owned() }
}
