//! HTML tags among `<…>`, and the results of their removal.
//!
//! Only names that HTML (or Word's export) has, with attributes in HTML's form, are tags: in
//! customers' texts `<3`, `a <b and c> d` and `<ann@example.com>` are text.

/// Kind of a tag, by its effect on the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Stands inside a word or line: leaves nothing.
    Inline,
    /// Breaks the line: leaves a space.
    Block,
    /// Opens an element whose content is no text (script, style).
    OpensHidden,
    /// Closes such an element.
    ClosesHidden,
}

const BLOCKS: [&str; 61] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "col",
    "colgroup",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "link",
    "main",
    "menu",
    "meta",
    "nav",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "search",
    "section",
    "select",
    "summary",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

const INLINES: [&str; 68] = [
    "a", "abbr", "acronym", "applet", "area", "audio", "b", "base", "basefont", "bdi", "bdo",
    "big", "button", "canvas", "cite", "code", "data", "datalist", "del", "dfn", "em", "embed",
    "font", "i", "iframe", "image", "img", "input", "ins", "kbd", "label", "map", "mark",
    "marquee", "math", "meter", "nobr", "noframes", "noscript", "object", "output", "param",
    "picture", "progress", "q", "rp", "rt", "ruby", "s", "samp", "slot", "small", "source", "span",
    "strike", "strong", "sub", "sup", "svg", "template", "time", "track", "tt", "u", "var",
    "video", "wbr", "xml",
];

/// Attributes that HTML allows without a value.
const FLAGS: [&str; 30] = [
    "allowfullscreen",
    "async",
    "autofocus",
    "autoplay",
    "checked",
    "compact",
    "controls",
    "declare",
    "default",
    "defer",
    "disabled",
    "download",
    "formnovalidate",
    "hidden",
    "inert",
    "ismap",
    "itemscope",
    "loop",
    "multiple",
    "muted",
    "nohref",
    "nomodule",
    "noresize",
    "noshade",
    "novalidate",
    "nowrap",
    "readonly",
    "required",
    "reversed",
    "selected",
];

/// Prefixes of the elements that Word writes: `<o:p>`, `<w:sdt>`.
const WORD_PREFIXES: [&str; 6] = ["m", "o", "st1", "v", "w", "x"];

/// Reads `text`, which runs from `<` to `>` with no other `<` between.
pub(super) fn classify(text: &str) -> Option<Tag> {
    let inner = text.strip_prefix('<')?.strip_suffix('>')?;
    if let Some(declaration) = inner.strip_prefix(['!', '?']) {
        return is_declaration(declaration).then_some(Tag::Block);
    }
    let (inner, closes) = match inner.strip_prefix('/') {
        Some(rest) => (rest, true),
        None => (inner, false),
    };
    let name_bytes = inner
        .bytes()
        .position(|byte| !byte.is_ascii_alphanumeric() && byte != b':')
        .unwrap_or(inner.len());
    let (name, rest) = inner.split_at_checked(name_bytes)?;
    let tag = element(&name.to_ascii_lowercase(), closes)?;
    let is_whole = if closes { rest.trim_ascii().is_empty() } else { are_attributes(rest) };
    is_whole.then_some(tag)
}

/// `<!doctype html>`, `<?xml … ?>`, Word's `<![if …]>` and `<![endif]>`.
fn is_declaration(text: &str) -> bool {
    let starts =
        |start: &str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    starts("doctype") || starts("xml") || starts("[if") || starts("[endif]")
}

fn element(name: &str, closes: bool) -> Option<Tag> {
    if matches!(name, "script" | "style") {
        return Some(if closes { Tag::ClosesHidden } else { Tag::OpensHidden });
    }
    if BLOCKS.binary_search(&name).is_ok() {
        return Some(Tag::Block);
    }
    let is_word = || {
        name.split_once(':').is_some_and(|(prefix, local)| {
            WORD_PREFIXES.contains(&prefix) && !local.is_empty() && !local.contains(':')
        })
    };
    (INLINES.binary_search(&name).is_ok() || is_word()).then_some(Tag::Inline)
}

/// True if all of `rest` is attributes: each after white space, with a value or one of HTML's
/// flags, and perhaps a `/` at the end.
fn are_attributes(mut rest: &str) -> bool {
    loop {
        let trimmed = rest.trim_ascii_start();
        if trimmed.is_empty() || trimmed == "/" {
            return true;
        }
        if trimmed.len() == rest.len() {
            return false;
        }
        match after_attribute(trimmed) {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// The text after the attribute at the start of `text`; none where there is none.
fn after_attribute(text: &str) -> Option<&str> {
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.');
    let name_bytes = text.bytes().position(|byte| !is_name(byte)).unwrap_or(text.len());
    if name_bytes == 0 {
        return None;
    }
    let (name, rest) = text.split_at_checked(name_bytes)?;
    let Some(value) = rest.trim_ascii_start().strip_prefix('=') else {
        let name = name.to_ascii_lowercase();
        return FLAGS.binary_search(&name.as_str()).is_ok().then_some(rest);
    };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).map(|(_, after)| after);
        }
    }
    let is_value = |c: char| !c.is_ascii_whitespace() && !matches!(c, '"' | '\'' | '`' | '=');
    let value_bytes = value.find(|c| !is_value(c)).unwrap_or(value.len());
    if value_bytes == 0 {
        return None;
    }
    value.get(value_bytes..)
}
