//! Text beside a name: whom a letter is for, notes, posts, letters after the name.
//!
//! It is taken apart from the name only where the words say what it is; nothing of it is lost.

use super::gazetteer;
use super::words::{self, Role};

/// A name field without what stands beside the name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asides {
    /// The rest, to be read as a name.
    pub name: String,
    /// Post of the person: `CFO`, `Head of Sales`.
    pub job_title: Option<String>,
    /// Letters after the name that no list knows: `SHRM-CP`, `BA (Hons)`.
    pub letters: Vec<String>,
    /// Notes, and what the field says of its use: `Attn`, `DO NOT CONTACT`, `✅`.
    pub notes: Vec<String>,
}

/// First words of a field that is addressed to somebody, in small letters.
const ADDRESSED: &str = "\
    attn|attention|att|fao|f.a.o.|c/o|care of|z.hd.|z. hd.|z.h.|zhd|zu händen|zu handen|\
    à l'attention de|a la atención de|a la atencion de|alla c.a.|t.a.v.|tav";

/// Of these, the ones that can be names: a colon or a full stop must follow.
const ADDRESSED_WEAK: &[&str] = &["att", "tav"];

/// First words of notes, in small letters.
const NOTES: &str = "\
    do not contact|do not call|do not email|do not e-mail|do not mail|do not use|do not disturb|\
    don't call|don't contact|dont call|no calls|no contact|dnc|vip|duplicate|dup|dupe|\
    duplicated|possible duplicate|deceased|rip|inactive|old|old account|old record|left company|\
    left the company|left|no longer|opt out|opted out|unsubscribed|bad address|bad email|moved|\
    archived|merged|bounced|blocked|prospect|new customer|new contact|test account|see notes|\
    see other|use other|call first|call back|callback|preferred|nicht kontaktieren|\
    nicht anrufen|verstorben|doppelt|dublette|gesperrt|inaktiv|ne pas contacter|ne pas appeler|\
    décédé|décédée|doublon|inactif|no contactar|no llamar|fallecido|fallecida|duplicado|\
    inactivo|não contactar|falecido|non contattare|deceduto|niet bellen|overleden";

/// Notes that are told without a sign before them, too.
const NOTES_STRONG: &str = "\
    do not contact|do not call|do not email|do not e-mail|do not mail|do not use|\
    nicht kontaktieren|nicht anrufen|ne pas contacter|ne pas appeler|no contactar|no llamar|\
    non contattare";

/// Posts, in small letters: whole, or the last word of one.
const POSTS: &str = "\
    ceo|cfo|cto|coo|cmo|cio|cro|chro|cpo|ciso|vp|svp|evp|avp|gm|md & ceo|president|director|\
    manager|owner|co-owner|founder|co-founder|cofounder|partner|realtor|realtor®|broker|agent|\
    attorney|attorney at law|lawyer|secretary|treasurer|chairman|chairwoman|chairperson|chair|\
    consultant|engineer|accountant|buyer|assistant|supervisor|coordinator|analyst|developer|\
    designer|teacher|principal|administrator|receptionist|officer|executive|specialist|\
    representative|rep|technician|architect|controller|comptroller|superintendent|foreman|\
    bookkeeper|trustee|sales|marketing|purchasing|accounting|accounts payable|human resources|\
    hr|finance|operations|procurement|logistics|geschäftsführer|geschäftsführerin|prokurist|\
    prokuristin|inhaber|inhaberin|leiter|leiterin|einkauf|vertrieb|buchhaltung|directeur|\
    directrice|gérant|gérante|gerente|directora|propietario|titolare|direttore|\
    directeur général|eigenaar";

/// First words of a post, where more words follow.
const POSTS_OPEN: &[&str] = &[
    "head of ",
    "director of ",
    "vp of ",
    "vp ",
    "vice president ",
    "chief ",
    "manager of ",
    "senior ",
    "junior ",
    "assistant ",
    "deputy ",
    "regional ",
    "leiter ",
    "leiterin ",
    "directeur ",
    "directrice ",
    "director de ",
    "jefe de ",
    "responsable ",
];

/// True if a list, parted by bars, has the words.
fn is_in(list: &str, words: &str) -> bool {
    list.split('|').any(|known| known == words)
}

/// Longest post, in words.
const POST_WORDS_MAX: usize = 6;

/// Takes what stands beside it off a name.
pub(super) fn take(text: &str) -> Asides {
    let mut asides = Asides { name: text.to_owned(), ..Asides::default() };
    take_symbols(&mut asides);
    take_addressed(&mut asides);
    take_starred(&mut asides);
    take_bracketed(&mut asides);
    take_after_dash(&mut asides);
    take_strong(&mut asides);
    take_after_comma(&mut asides);
    take_family_of(&mut asides);
    if !asides.name.chars().any(char::is_alphabetic) {
        return Asides { name: text.to_owned(), ..Asides::default() };
    }
    asides
}

/// Pictures and marks that no name has: emoji, arrows, stars, ticks.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' | '\u{FE0F}')
}

fn take_symbols(asides: &mut Asides) {
    if !asides.name.contains(is_symbol) {
        return;
    }
    let is_mark = |c: char| is_symbol(c) || c == '\u{200D}';
    asides.notes.push(asides.name.chars().filter(|c| is_mark(*c)).collect());
    let rest: String = asides.name.chars().map(|c| if is_mark(c) { ' ' } else { c }).collect();
    asides.name = rest.split_whitespace().collect::<Vec<_>>().join(" ");
}

fn take_addressed(asides: &mut Asides) {
    let small = asides.name.to_lowercase();
    if small.len() != asides.name.len() {
        return;
    }
    let found = ADDRESSED.split('|').filter_map(|word| {
        let rest = small.strip_prefix(word)?;
        let is_marked = rest.starts_with([':', '.']);
        let is_whole = is_marked || (rest.starts_with(' ') && !ADDRESSED_WEAK.contains(&word));
        is_whole.then_some(word.len())
    });
    let Some(stop) = found.max() else { return };
    let rest = asides.name[stop..].trim_start_matches([':', '.', ' ', '-']).to_owned();
    if rest.chars().filter(|c| c.is_alphabetic()).count() >= 2 {
        asides.notes.push(asides.name[..stop].to_owned());
        asides.name = rest;
    }
}

/// `*VIP*`, `**old**`: what stands between asterisks.
fn take_starred(asides: &mut Asides) {
    while let Some((before, rest)) = asides.name.split_once('*') {
        let Some((note, after)) = rest.trim_start_matches('*').split_once('*') else { return };
        let note = note.trim().to_owned();
        let after = after.trim_start_matches('*').trim();
        asides.name = [before.trim(), after].join(" ").trim().to_owned();
        asides.notes.push(note);
    }
}

/// `(deceased)`, `[VIP]`: brackets that hold a note.
fn take_bracketed(asides: &mut Asides) {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let Some((before, rest)) = asides.name.split_once(open) else { continue };
        let Some((inside, after)) = rest.split_once(close) else { continue };
        if is_note(inside) {
            let note = inside.trim().to_owned();
            asides.name = [before.trim(), after.trim()].join(" ").trim().to_owned();
            asides.notes.push(note);
        }
    }
}

fn is_note(text: &str) -> bool {
    let small = text.trim().trim_end_matches(['!', '.']).to_lowercase();
    NOTES
        .split('|')
        .any(|note| small.strip_prefix(note).is_some_and(|r| r.is_empty() || r.starts_with(' ')))
}

/// True if the words are somebody's post.
fn is_post(text: &str) -> bool {
    let small = text.trim().trim_end_matches('.').to_lowercase();
    let count = small.split_whitespace().count();
    if count == 0 || count > POST_WORDS_MAX {
        return false;
    }
    let last = small.rsplit([' ', '/']).next().unwrap_or(&small);
    is_in(POSTS, &small)
        || (count > 1
            && (is_in(POSTS, last) || POSTS_OPEN.iter().any(|open| small.starts_with(open))))
}

/// `Jane Doe - DO NOT CONTACT`: a dash between spaces stands before a note or a post.
fn take_after_dash(asides: &mut Asides) {
    let dashes = [" - ", " -- ", " – ", " — ", " | ", " // "];
    let Some((at, dash)) =
        dashes.iter().filter_map(|dash| Some((asides.name.rfind(dash)?, *dash))).max()
    else {
        return;
    };
    let after = asides.name[at + dash.len()..].trim_matches(['-', ' ']).to_owned();
    let before = asides.name[..at].trim_end_matches(['-', ' ']).to_owned();
    if is_note(&after) {
        asides.notes.push(after);
    } else if is_post(&after) && before.contains(' ') {
        asides.job_title = Some(after);
    } else {
        return;
    }
    asides.name = before;
}

/// `John Smith DO NOT CALL`.
fn take_strong(asides: &mut Asides) {
    let small = asides.name.to_lowercase();
    if small.len() != asides.name.len() {
        return;
    }
    let found = NOTES_STRONG.split('|').filter_map(|note| small.find(&format!(" {note}"))).min();
    let Some(at) = found.filter(|at| *at > 0) else { return };
    asides.notes.push(asides.name[at..].trim().to_owned());
    asides.name = asides.name[..at].trim_end_matches([' ', ',', ';', '-', '(', '[']).to_owned();
}

/// `Jane Doe, CFO`; `Jane Doe, SHRM-CP`; `Jane Doe, Acme`.
fn take_after_comma(asides: &mut Asides) {
    while let Some((before, after)) = asides.name.rsplit_once(',') {
        let (first, after) = (before.split(',').next().unwrap_or(before), after.trim());
        if first.split_whitespace().count() < 2 || after.is_empty() {
            return;
        }
        if is_post(after) && asides.job_title.is_none() {
            asides.job_title = Some(after.to_owned());
        } else if is_note(after) {
            asides.notes.push(after.to_owned());
        } else if are_letters(after, first) {
            asides.letters.insert(0, after.to_owned());
        } else if is_elsewhere(first, after) && !before.contains(',') {
            asides.notes.push(after.to_owned());
        } else {
            return;
        }
        asides.name = before.trim_end().to_owned();
    }
}

/// Letters of a degree or a certificate that no list knows: large beside a name that is not, or a
/// known degree with brackets.
fn are_letters(text: &str, name: &str) -> bool {
    let (head, rest) = text.split_once(' ').unwrap_or((text, ""));
    let roles = words::roles(&words::key(head));
    let is_listed = |roles: words::Roles| roles.has(Role::Degree) || roles.has(Role::Generation);
    if is_listed(roles) {
        return roles.has(Role::Degree) && rest.starts_with('(');
    }
    let is_code = text.chars().all(|c| c.is_ascii_uppercase() || "-.+/®™0123456789".contains(c))
        && text.chars().filter(char::is_ascii_uppercase).count() >= 2;
    is_code && name.contains(char::is_lowercase) && gazetteer::look_up(text).given < 4
}

/// `Jane Doe, Acme`: a name in its usual order, and a word that is no given name.
fn is_elsewhere(name: &str, after: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    let ([given, family] | [given, _, family]) = words.as_slice() else { return false };
    let (given, family) = (gazetteer::look_up(given), gazetteer::look_up(family));
    let is_plain = given.given >= 5 && given.family + 2 < given.given && family.family >= 3;
    let roles = words::roles(&words::key(after));
    let is_known = ![Role::Degree, Role::Generation, Role::Title, Role::Particle]
        .iter()
        .all(|role| !roles.has(*role));
    is_plain && !is_known && !after.contains(' ') && gazetteer::look_up(after).is_unknown()
}

/// `John Smith & family`.
fn take_family_of(asides: &mut Asides) {
    let small = asides.name.to_lowercase();
    if small.len() != asides.name.len() {
        return;
    }
    for end in
        [" & family", " and family", " + family", " et famille", " und familie", " y familia"]
    {
        if small.ends_with(end) {
            let at = asides.name.len() - end.len();
            asides.notes.push(asides.name[at..].trim().to_owned());
            asides.name.truncate(at);
            return;
        }
    }
}

/// True if a note says that the name stands for a family.
pub(super) fn is_family(note: &str) -> bool {
    let small = note.to_lowercase();
    [" family", " famille", " familie", " familia"].iter().any(|end| small.ends_with(end))
}

/// Words of other languages that join two people, as the sign that all share: `Jean et Marie
/// Dupont`. Only between two given names, or before a form of address: `y` and `e` join family
/// names, too.
pub(super) fn join_people(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let is_given = |word: &str| {
        let common = gazetteer::look_up(word);
        common.given >= 4 && common.given >= common.family
    };
    let is_title = |word: &str| words::roles(&words::key(word)).has(Role::Title) || word == "M.";
    let at = (1..words.len().saturating_sub(1)).find(|at| {
        let (before, after) = (words[at - 1], words[at + 1]);
        let joins = ["et", "y", "und", "e", "og", "och", "ja", "i"].contains(&words[*at]);
        joins && ((is_given(before) && is_given(after)) || (is_title(before) && is_title(after)))
    })?;
    let mut joined = words;
    joined[at] = "&";
    Some(joined.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(text: &str) -> String {
        take(text).name
    }

    #[test]
    fn what_stands_beside_a_name_is_taken_apart() {
        for text in [
            "Attn: Jane Doe",
            "ATTN. Jane Doe",
            "FAO Jane Doe",
            "c/o Jane Doe",
            "z.Hd. Jane Doe",
            "Jane Doe - DO NOT CONTACT",
            "Jane Doe -- VIP",
            "Jane Doe (deceased)",
            "*VIP* Jane Doe",
            "⭐ Jane Doe ✅",
            "Jane Doe, CFO",
            "Jane Doe, Head of Sales",
            "Jane Doe, SHRM-CP",
            "Jane Doe, BA (Hons)",
            "Jane Doe & family",
        ] {
            assert_eq!(name_of(text), "Jane Doe", "{text}");
        }
    }

    #[test]
    fn names_stay_whole() {
        for text in [
            "Doe, Jane",
            "Lloyd Webber, Andrew",
            "Gonzalez Perez, Xochitl",
            "Jane Doe, MD",
            "Jane Doe, Jr.",
            "Smith - Jones",
            "Att Lundqvist",
            "Manager, Jane",
            "Acme - Berlin",
        ] {
            assert_eq!(name_of(text), text);
        }
    }

    #[test]
    fn people_are_joined_by_words_of_their_language() {
        assert_eq!(join_people("Jean et Marie Dupont").as_deref(), Some("Jean & Marie Dupont"));
        assert_eq!(join_people("José Ortega y Gasset"), None);
    }
}
