//! Lists of domains and of names of offices, compiled in from `data/email`, whose README names
//! their sources.
//!
//! Each file has one entry per line in the order of its bytes, so that a line is found by halving
//! the text, without anything to build at the first call.

const DISPOSABLE: &str = include_str!("../../data/email/disposable.txt");
const FREE: &str = include_str!("../../data/email/free.txt");
const ROLES: &str = include_str!("../../data/email/roles.txt");
const TLDS: &str = include_str!("../../data/email/tlds.txt");

/// Names that no registry gives out, and that people use on purpose (RFC 2606, RFC 6762).
const RESERVED_TLDS: [&str; 6] = ["test", "example", "invalid", "localhost", "local", "internal"];

/// True if the domain, or one above it, gives out addresses to be thrown away.
pub(super) fn is_disposable(domain: &str) -> bool {
    let mut rest = Some(domain).filter(|domain| !domain.starts_with('['));
    while let Some(name) = rest {
        if holds(DISPOSABLE, name) {
            return true;
        }
        rest = name.split_once('.').map(|(_, above)| above);
    }
    false
}

/// True if the last label of a domain is none that the root of the DNS has. A name of one label and
/// an address literal have none.
pub(super) fn is_tld_unknown(domain: &str) -> bool {
    let Some((_, tld)) = domain.rsplit_once('.').filter(|_| !domain.starts_with('[')) else {
        return false;
    };
    !holds(TLDS, tld) && !RESERVED_TLDS.contains(&tld)
}

/// True if the domain is one of a provider of private mailboxes.
pub(super) fn is_free(domain: &str) -> bool {
    holds(FREE, domain)
}

/// True if the local part, its `+tag` left out, names an office. Case makes no difference.
pub(super) fn is_role(local_part: &str) -> bool {
    let name = local_part.split_once('+').map_or(local_part, |(name, _)| name);
    holds(ROLES, &name.trim_matches('"').to_ascii_lowercase())
}

/// True if `line` is one of the lines of `list`, which are sorted and each ended by a line feed.
fn holds(list: &str, line: &str) -> bool {
    let (list, line) = (list.as_bytes(), line.as_bytes());
    if line.is_empty() || line.contains(&b'\n') {
        return false;
    }
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        // The line in which the middle lies: both ends are at line starts.
        let before = list.get(low..middle).unwrap_or_default();
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(low, |at| low + at + 1);
        let rest = list.get(start..high).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        match rest.get(..length).unwrap_or_default().cmp(line) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = start + length + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_each_list_is_found_and_its_neighbours_are_not() {
        for list in [DISPOSABLE, FREE, ROLES, TLDS] {
            let lines: Vec<&str> = list.lines().collect();
            assert!(lines.len() > 100 && list.ends_with('\n'));
            assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "not sorted");
            for line in lines {
                assert!(holds(list, line), "{line}");
                assert!(line.is_ascii() && line.to_ascii_lowercase() == line, "{line}");
                assert!(!holds(list, &format!("{line}~")) && !holds(list, &format!("!{line}")));
            }
            assert!(!holds(list, "") && !holds(list, "\n") && !holds(list, "~"));
        }
    }

    #[test]
    fn no_domain_is_free_and_disposable() {
        for domain in FREE.lines() {
            assert!(!is_disposable(domain), "{domain}");
        }
    }
}
