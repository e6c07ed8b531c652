//! Damage of encoding, characters that nobody sees, and letters of another script inside words.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crm_ai_clean::text;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for place in 0..study.table.columns.len() {
        if !study.is_text(place) || study.facts[place].role == Role::Empty {
            continue;
        }
        let cleaned = format!(
            "{}.crm_clean_text({})",
            study.context.names.functions,
            study.context.names.text(place)
        );
        let mend = || study.context.names.update_by(place, &cleaned);
        let mut note = |code, severity, test: &dyn Fn(&str) -> bool, mend: Option<String>| {
            let numbers = study.values(place, |_, value| !value.is_ascii() && test(value));
            findings.values(study, place, (code, severity), &numbers, mend);
        };
        note("encoding", Severity::Error, &is_damaged, mend());
        note("mixed_script", Severity::Error, &mixes_scripts, None);
        let numbers = study.values(place, |_, value| has_invisible(value));
        findings.values(
            study,
            place,
            ("invisible_characters", Severity::Warning),
            &numbers,
            mend(),
        );
        let numbers = study.values(place, |_, value| has_markup(value));
        // A column of pages is meant to hold them.
        let is_meant = study.rows_of(place, &numbers) * 5 >= study.facts[place].there;
        let severity = if is_meant { Severity::Info } else { Severity::Warning };
        findings.values(study, place, ("markup", severity), &numbers, mend());
        let numbers = study.values(place, |_, value| is_typographic(value));
        let is_rare = study.rows_of(place, &numbers) * 10 < study.facts[place].there;
        if is_rare {
            findings.values(study, place, ("typographic", Severity::Info), &numbers, None);
        }
    }
}

/// True if UTF-8 was read as another encoding, or could not be read.
fn is_damaged(value: &str) -> bool {
    if value.contains('\u{FFFD}') {
        return true;
    }
    let is_sign = |c: char| {
        matches!(
            c,
            'Ã' | 'Â'
                | 'â'
                | 'Ä'
                | 'Å'
                | 'Ð'
                | 'Ñ'
                | 'ð'
                | 'Ï'
                | 'Î'
                | 'à'
                | '┬'
                | '├'
                | '‚'
                | 'Ë'
                | 'Ê'
        )
    };
    if !value.contains(is_sign) {
        return false;
    }
    let count = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let clean = text::clean(value);
    // What is repaired becomes shorter, and its signs go.
    count(&clean) < count(value) && clean.matches(is_sign).count() < value.matches(is_sign).count()
}

/// True if a character is one that nobody sees.
pub fn is_invisible(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
        || matches!(c, '\u{00A0}' | '\u{00AD}' | '\u{2007}' | '\u{200B}'..='\u{200F}')
        || matches!(c, '\u{2028}'..='\u{202F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

fn has_invisible(value: &str) -> bool {
    // Joiners belong to emoji.
    let is_joined = value.contains(|c: char| c as u32 > 0x1_F000) && value.contains('\u{200D}');
    value.contains(is_invisible) && !is_joined
}

fn script(c: char) -> Option<u8> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' if c.is_alphabetic() => Some(0),
        '\u{370}'..='\u{3FF}' if c.is_alphabetic() => Some(1),
        '\u{400}'..='\u{52F}' => Some(2),
        '\u{FF10}'..='\u{FF5A}' => Some(3),
        _ => None,
    }
}

/// True if a word has letters of two alphabets, or full-width ones stand beside others.
fn mixes_scripts(value: &str) -> bool {
    value.split(|c: char| !c.is_alphanumeric()).any(|word| {
        // A Greek letter alone before a word is a sign: µm, Δt.
        let scripts: Vec<u8> = word.chars().filter_map(script).collect();
        let greek = scripts.iter().filter(|script| **script == 1).count();
        let is_sign = greek == 1 && word.chars().next().and_then(script) == Some(1);
        scripts.windows(2).any(|pair| pair[0] != pair[1]) && !is_sign
    })
}

fn has_markup(value: &str) -> bool {
    let has_entity = value.split('&').skip(1).any(|rest| {
        let Some((name, _)) = rest.split_once(';') else { return false };
        ["amp", "lt", "gt", "quot", "nbsp", "apos", "eacute", "uuml", "ouml", "auml"]
            .contains(&name)
            || name.strip_prefix('#').is_some_and(|number| {
                !number.is_empty()
                    && number.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'x')
            })
    });
    let lower = || value.to_ascii_lowercase();
    has_entity
        || value.contains('<')
            && ["<br", "<p>", "</", "<b>", "<div", "<span", "<i>", "<script"]
                .iter()
                .any(|tag| lower().contains(tag))
}

/// Quotes and dashes that a word processor made.
fn is_typographic(value: &str) -> bool {
    value.contains(['‘', '’', '“', '”', '–', '—', '…'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_from_foreign_letters() {
        assert!(is_damaged("JosÃ© MartÃ\u{AD}nez"));
        assert!(is_damaged("caf\u{FFFD}"));
        for sound in ["Élan", "Ångström", "Ñandú", "Ålesund", "São Paulo", "Zürich", "Łódź", "âge"]
        {
            assert!(!is_damaged(sound), "{sound}");
        }
    }

    #[test]
    fn letters_that_only_look_the_same_are_found() {
        assert!(mixes_scripts("p\u{430}ypal"));
        assert!(mixes_scripts("1\u{FF12}3 \u{FF21}bc"));
        for sound in ["Иван Petrov", "µm", "Δt", "naïve", "Ωmega-3"] {
            assert!(!mixes_scripts(sound), "{sound}");
        }
    }

    #[test]
    fn unseen_characters_and_markup_are_found() {
        assert!(has_invisible("a\u{200B}b") && has_invisible("a\u{A0}b") && has_invisible("\u{7}"));
        assert!(!has_invisible("two\nlines") && !has_invisible("👩\u{200D}👧"));
        assert!(has_markup("a &amp; b") && has_markup("x<br/>y") && !has_markup("a & b; c < d"));
    }
}
