//! Puts labelled words together into the parts of an address and its normal form.

use super::standard::{self, Labelled};
use super::tokens::Token;
use super::{AddressInfo, Problem, kept, zip};
use crate::tagger::{Reading, Tagger};

/// A reading whose least sure word is less sure than this is reported as ambiguous. What counts is
/// the part that a word belongs to, not its exact label.
const CERTAINTY_MIN: f64 = 0.5;

/// Part that a label belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Number,
    Street,
    Unit,
    Box,
    City,
    State,
    Zip,
    Country,
    /// Recipients, buildings, landmarks: in the normal form alone.
    Other,
}

pub fn part_of(label: &str) -> Part {
    match label {
        "AddressNumberPrefix" | "AddressNumber" | "AddressNumberSuffix" => Part::Number,
        "CornerOf" | "IntersectionSeparator" => Part::Street,
        "PlaceName" => Part::City,
        "StateName" => Part::State,
        "ZipCode" | "ZipPlus4" => Part::Zip,
        "CountryName" => Part::Country,
        _ if label.starts_with("StreetName") => Part::Street,
        _ if label.starts_with("Occupancy") || label.starts_with("Subaddress") => Part::Unit,
        _ if label.starts_with("USPSBox") => Part::Box,
        _ => Part::Other,
    }
}

/// The parts and the normal form of one address of the United States.
pub struct Assembled {
    pub info: AddressInfo,
    pub normal: String,
}

/// Puts the words of a reading together.
pub fn assemble(tokens: &[Token], tagger: &Tagger, reading: &Reading) -> Assembled {
    let mut labels: Vec<&str> =
        reading.labels.iter().map(|&label| tagger.labels()[label].as_str()).collect();
    number_boxes(tokens, &mut labels);
    let labelled: Vec<Labelled> = labels.iter().copied().zip(tokens).collect();
    let of = |part: Part| -> Vec<Labelled> {
        labelled.iter().copied().filter(|(label, _)| part_of(label) == part).collect()
    };
    let is_several = is_several(&labels);
    let render = |part: Part, form: fn(&[Labelled]) -> String| {
        let run = if is_several { first_run(&labelled, part) } else { of(part) };
        Some(form(&run)).filter(|text| !text.is_empty())
    };
    let mut info = AddressInfo {
        number: render(Part::Number, standard::number),
        street: render(Part::Street, standard::street),
        unit: render(Part::Unit, standard::unit),
        po_box: render(Part::Box, standard::po_box),
        city: render(Part::City, standard::city),
        state: render(Part::State, standard::state),
        postcode: render(Part::Zip, standard::postcode),
        country: None,
        problem: None,
    };
    // Alone after a street, these names are the cities'.
    let mut is_town = false;
    let is_city = info.city.is_none() && info.postcode.is_none();
    if let Some(name) = Some(standard::plain(&of(Part::State)))
        .filter(|name| is_city && matches!(name.as_str(), "New York" | "Washington"))
    {
        info.city = Some(name);
        info.state = None;
        is_town = true;
    }
    let is_country_written = labels.contains(&"CountryName");
    let is_proved = zip::proves_us(info.postcode.as_deref(), info.state.as_deref());
    if is_country_written || is_proved {
        info.country = Some("US".to_owned());
    }
    let others = others(&labelled);
    // Words of one part in two places: put together, they would be another address.
    let is_torn = [Part::Number, Part::Street, Part::City, Part::State]
        .iter()
        .any(|part| runs(&labels, *part) > 1);
    let certainty = if is_torn { 0.0 } else { certainty(tagger, reading, is_town) };
    info.problem = problem(&info, is_several, others.is_empty(), certainty);
    let whole =
        || labelled.iter().map(|(_, token)| token.text.trim()).collect::<Vec<_>>().join(" ");
    let mut normal = if is_several || is_torn {
        whole()
    } else {
        line(&info, others, is_country_written && !is_proved)
    };
    // The standard form of a reading that leaves a word out is no form of this text.
    if !(is_several || is_torn) && kept::loses_a_word(&labelled, &normal) {
        normal = whole();
        info.problem = info.problem.or(Some(Problem::Ambiguous));
    }
    Assembled { info, normal }
}

/// Labels what follows the word `Box` and has a digit as its number.
fn number_boxes(tokens: &[Token], labels: &mut [&str]) {
    for at in 1..tokens.len() {
        let is_box = labels[at - 1] == "USPSBoxType" && tokens[at - 1].key == "box";
        let is_number = tokens[at].key.starts_with(|c: char| c.is_ascii_digit());
        if is_box && is_number && part_of(labels[at]) == Part::Unit {
            labels[at] = "USPSBoxID";
        }
    }
}

/// Parts on one line: what is no part first, then street, box, city with state and ZIP, country.
fn line(info: &AddressInfo, others: Vec<String>, names_country: bool) -> String {
    let joined = |texts: &[&Option<String>]| {
        texts.iter().filter_map(|text| text.as_deref()).collect::<Vec<_>>().join(" ")
    };
    let country = info.country.clone().filter(|_| names_country);
    let pieces = others.into_iter().chain([
        joined(&[&info.number, &info.street, &info.unit]),
        joined(&[&info.po_box]),
        joined(&[&info.city]),
        joined(&[&info.state, &info.postcode]),
        joined(&[&country]),
    ]);
    pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Each run of words that are no part, cut where a comma was.
fn others(labelled: &[Labelled]) -> Vec<String> {
    let mut runs: Vec<Vec<Labelled>> = Vec::new();
    let mut is_open = false;
    for &(label, token) in labelled {
        if part_of(label) != Part::Other {
            is_open = false;
            continue;
        }
        match runs.last_mut().filter(|_| is_open) {
            Some(run) => run.push((label, token)),
            None => runs.push(vec![(label, token)]),
        }
        is_open = !token.ends_part;
    }
    runs.iter().map(|run| standard::plain(run)).collect()
}

/// True if there are two numbers with two streets, or two ZIPs, apart from one another.
fn is_several(labels: &[&str]) -> bool {
    let is_double = |part: Part| runs(labels, part) > 1;
    (is_double(Part::Number) && is_double(Part::Street)) || is_double(Part::Zip)
}

/// In how many places the words of a part stand.
fn runs(labels: &[&str], part: Part) -> usize {
    let is_start =
        |at: usize| part_of(labels[at]) == part && (at == 0 || part_of(labels[at - 1]) != part);
    (0..labels.len()).filter(|&at| is_start(at)).count()
}

fn first_run<'a>(labelled: &[Labelled<'a>], part: Part) -> Vec<Labelled<'a>> {
    let is_part = |(label, _): &&Labelled| part_of(label) == part;
    labelled.iter().skip_while(|word| !is_part(word)).take_while(is_part).copied().collect()
}

/// Probability of the least sure word's part; city and state are one where `is_town`.
fn certainty(tagger: &Tagger, reading: &Reading, is_town: bool) -> f64 {
    let part = |label: &String| match part_of(label) {
        Part::State if is_town => Part::City,
        part => part,
    };
    let parts: Vec<Part> = tagger.labels().iter().map(part).collect();
    let of_word = |(token, &label): (usize, &usize)| -> f64 {
        let same = (0..parts.len()).filter(|&other| parts[other] == parts[label]);
        same.map(|other| reading.marginal(token, other)).sum()
    };
    reading.labels.iter().enumerate().map(of_word).fold(1.0, f64::min)
}

fn problem(info: &AddressInfo, is_several: bool, is_bare: bool, certainty: f64) -> Option<Problem> {
    if is_several {
        return Some(Problem::SeveralAddresses);
    }
    let zip = info.postcode.as_deref().and_then(|zip| zip::problem(zip, info.state.as_deref()));
    if zip.is_some() {
        return zip;
    }
    if certainty < CERTAINTY_MIN {
        return Some(Problem::Ambiguous);
    }
    let is_placeless = info.street.is_none() && info.po_box.is_none() && is_bare;
    is_placeless.then_some(Problem::NoStreet)
}
