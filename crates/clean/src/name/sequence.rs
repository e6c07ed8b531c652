//! Labels of the words of a name, by a trained sequence model: its labels, its features, its use.
//!
//! Public for the programs that train and measure the model (`examples/`): they see the same words
//! and the same features as `describe`. Labels are those of probablepeople's labelled names.

use std::ops::Range;
use std::sync::OnceLock;

use super::features;
use super::tokens::{Token, tokenise};
use crate::tagger::{AttributeSink, Tagger};

/// Weights, written by `examples/train_names`.
const MODEL: &[u8] = include_bytes!("../../data/name/model.bin");

/// Role of a word in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names of the labelled data say it")]
pub enum Label {
    PrefixMarital,
    PrefixOther,
    GivenName,
    FirstInitial,
    MiddleName,
    MiddleInitial,
    Surname,
    LastInitial,
    SuffixGenerational,
    SuffixOther,
    Nickname,
    And,
    CorporationName,
    CorporationNameOrganization,
    CorporationNameAndCompany,
    CorporationNameBranchType,
    CorporationNameBranchIdentifier,
    CorporationCommitteeType,
    CorporationLegalType,
    ShortForm,
    ProxyFor,
    CareOf,
    Aka,
}

/// Labels with their names in the labelled data.
const LABELS: [(Label, &str); 23] = [
    (Label::PrefixMarital, "PrefixMarital"),
    (Label::PrefixOther, "PrefixOther"),
    (Label::GivenName, "GivenName"),
    (Label::FirstInitial, "FirstInitial"),
    (Label::MiddleName, "MiddleName"),
    (Label::MiddleInitial, "MiddleInitial"),
    (Label::Surname, "Surname"),
    (Label::LastInitial, "LastInitial"),
    (Label::SuffixGenerational, "SuffixGenerational"),
    (Label::SuffixOther, "SuffixOther"),
    (Label::Nickname, "Nickname"),
    (Label::And, "And"),
    (Label::CorporationName, "CorporationName"),
    (Label::CorporationNameOrganization, "CorporationNameOrganization"),
    (Label::CorporationNameAndCompany, "CorporationNameAndCompany"),
    (Label::CorporationNameBranchType, "CorporationNameBranchType"),
    (Label::CorporationNameBranchIdentifier, "CorporationNameBranchIdentifier"),
    (Label::CorporationCommitteeType, "CorporationCommitteeType"),
    (Label::CorporationLegalType, "CorporationLegalType"),
    (Label::ShortForm, "ShortForm"),
    (Label::ProxyFor, "ProxyFor"),
    (Label::CareOf, "CareOf"),
    (Label::Aka, "AKA"),
];

impl Label {
    /// Its name in the labelled data.
    pub fn name(self) -> &'static str {
        LABELS.iter().find(|(label, _)| *label == self).map_or("", |(_, name)| *name)
    }

    fn from_name(name: &str) -> Option<Self> {
        LABELS.iter().find(|(_, known)| *known == name).map(|(label, _)| *label)
    }

    /// True if the label belongs to the name of an organisation.
    pub(super) fn is_organisation(self) -> bool {
        matches!(
            self,
            Self::CorporationName
                | Self::CorporationNameOrganization
                | Self::CorporationNameAndCompany
                | Self::CorporationNameBranchType
                | Self::CorporationNameBranchIdentifier
                | Self::CorporationCommitteeType
                | Self::CorporationLegalType
                | Self::ShortForm
        )
    }

    /// True if the label belongs to the name of a person.
    pub(super) fn is_person(self) -> bool {
        matches!(
            self,
            Self::PrefixMarital
                | Self::PrefixOther
                | Self::GivenName
                | Self::FirstInitial
                | Self::MiddleName
                | Self::MiddleInitial
                | Self::Surname
                | Self::LastInitial
                | Self::SuffixGenerational
                | Self::SuffixOther
                | Self::Nickname
        )
    }
}

/// The model, with its labels.
#[derive(Debug)]
pub struct Model {
    tagger: Tagger,
    labels: Vec<Label>,
}

/// The likeliest label of each word of a text, and how sure they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// One for each word.
    pub labels: Vec<Label>,
    /// Probability of each word's label, 0 to 1.
    pub certainties: Vec<f64>,
    /// Mean probability, over the words, of labels that people's names have, against those that
    /// organisations' have: 0 to 1.
    pub person: f64,
}

impl Model {
    /// Reads packed weights; none where they are no model of these labels.
    pub fn new(packed: &[u8]) -> Option<Self> {
        let tagger = Tagger::new(packed).ok()?;
        let labels: Option<Vec<Label>> =
            tagger.labels().iter().map(|name| Label::from_name(name)).collect();
        Some(Self { tagger, labels: labels? })
    }

    /// The model that is compiled in; a test holds that it can be read.
    pub fn built_in() -> Option<&'static Self> {
        static BUILT_IN: OnceLock<Option<Model>> = OnceLock::new();
        BUILT_IN.get_or_init(|| Self::new(MODEL)).as_ref()
    }

    /// Labels the words of `text`; `words` gives them.
    pub fn label(&self, text: &str) -> Labelled {
        self.label_tokens(&tokenise(text))
    }

    pub(super) fn label_tokens(&self, tokens: &[Token<'_>]) -> Labelled {
        let mut scores = self.tagger.scores();
        features::put(tokens, &mut scores);
        let reading = scores.read();
        let label = |position: usize| self.labels.get(position).copied();
        let (mut person, mut organisation) = (0.0, 0.0);
        for token in 0..reading.labels.len() {
            for (position, label) in self.labels.iter().enumerate() {
                let probability = reading.marginal(token, position);
                if label.is_person() {
                    person += probability;
                } else if label.is_organisation() {
                    organisation += probability;
                }
            }
        }
        Labelled {
            certainties: reading.certainties().collect(),
            labels: reading.labels.iter().filter_map(|position| label(*position)).collect(),
            person: if person > 0.0 { person / (person + organisation) } else { 0.0 },
        }
    }
}

/// The positions of the words of `text`, in bytes.
pub fn words(text: &str) -> Vec<Range<usize>> {
    let range = |token: Token<'_>| token.start..token.start + token.text.len();
    tokenise(text).into_iter().map(range).collect()
}

/// Hands the features of the words of `text` to `sink`.
pub fn put_attributes(text: &str, sink: &mut impl AttributeSink) {
    features::put(&tokenise(text), sink);
}

/// All words of the gazetteer with their levels as given and as family names.
pub fn gazetteer() -> impl Iterator<Item = (&'static str, u8, u8)> {
    super::gazetteer::entries()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_can_be_read() {
        assert!(Model::built_in().is_some());
        assert!(Model::new(b"nothing").is_none());
    }

    #[test]
    fn labels_know_their_names() {
        for (label, name) in LABELS {
            assert_eq!(label.name(), name);
            assert_eq!(Label::from_name(name), Some(label));
        }
    }
}
