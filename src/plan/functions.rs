//! Batchable functions: the question of a call of each, and the value that it returns.

use crate::error::{Error, Result};
use crate::judge::questions::{AnswerPlace, Answers, Question};
use crate::judge::sentiment::Sentiment;
use crate::pg::catalog;
use crate::settings;
use crate::store::versions::{self, Version};
use crm_ai_wire::Task;
use pgrx::pg_sys::Oid;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Functions that ask the same question of the same arguments: one answer serves them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `(note)`, of the model of `crm_ai.sentiment_model`.
    Sentiment,
    /// `(version, note)`.
    SentimentAt,
    /// `(model, body)`.
    Classify,
    /// `(version, body)`.
    ClassifyAt,
    /// `(body, model)`.
    Embed,
    /// `(version, body)`.
    EmbedAt,
    /// `(model, record)`.
    Predict,
}

/// Part of the answer that a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Label,
    Score,
    Level,
    Detail,
    Class,
    Vector,
    Prediction,
}

/// A batchable function. All are strict.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name in SQL.
    pub name: &'static str,
    /// Functions with the same question.
    pub family: Family,
    part: Part,
}

/// All of them.
const FUNCTIONS: [Function; 12] = [
    Function::new("crm_sentiment", Family::Sentiment, Part::Label),
    Function::new("crm_sentiment_score", Family::Sentiment, Part::Score),
    Function::new("crm_sentiment_level", Family::Sentiment, Part::Level),
    Function::new("crm_sentiment_detail", Family::Sentiment, Part::Detail),
    Function::new("crm_sentiment_at", Family::SentimentAt, Part::Label),
    Function::new("crm_sentiment_score_at", Family::SentimentAt, Part::Score),
    Function::new("crm_sentiment_level_at", Family::SentimentAt, Part::Level),
    Function::new("crm_classify", Family::Classify, Part::Class),
    Function::new("crm_classify_at", Family::ClassifyAt, Part::Class),
    Function::new("crm_embed", Family::Embed, Part::Vector),
    Function::new("crm_embed_at", Family::EmbedAt, Part::Vector),
    Function::new("crm_predict", Family::Predict, Part::Prediction),
];

/// A function's result.
pub enum Value {
    /// A label or a class.
    Text(String),
    /// A score.
    Real(f32),
    /// A level.
    Small(i16),
    /// A sentence vector.
    Vector(Vec<f32>),
    /// A record's label and probabilities.
    Json(serde_json::Value),
    /// All that is known of a text's sentiment, and the version that judged.
    Detail(Rc<Version>, Sentiment),
}

thread_local! {
    /// Batchable function of each OID; emptied when `pg_proc` changes.
    static KNOWN: RefCell<HashMap<Oid, Option<&'static Function>>> = RefCell::default();
}

/// The batchable function of that identity.
pub fn batchable(function: Oid) -> Option<&'static Function> {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&function).copied()) {
        return known;
    }
    let found = catalog::own_function(function).and_then(|own| {
        FUNCTIONS.iter().find(|function| {
            own.symbol.strip_suffix("_wrapper") == Some(function.name)
                && own.arguments == function.arguments()
        })
    });
    KNOWN.with_borrow_mut(|known| known.insert(function, found));
    found
}

/// Forgets what [`batchable`] has found, as functions have changed.
pub fn forget() {
    KNOWN.with(|known| {
        // Held by nobody while the catalogue is read, which is when it may change.
        if let Ok(mut known) = known.try_borrow_mut() {
            known.clear();
        }
    });
}

impl Function {
    const fn new(name: &'static str, family: Family, part: Part) -> Self {
        Self { name, family, part }
    }

    fn arguments(&self) -> usize {
        match self.family {
            Family::Sentiment => 1,
            _ => 2,
        }
    }

    /// True if the argument at that position is a record, in `jsonb`; the others are texts.
    pub fn takes_record(&self, position: usize) -> bool {
        self.family == Family::Predict && position == 1
    }

    /// The question of a call with these arguments, none of them NULL.
    pub fn question<'a>(&self, arguments: &[&'a str]) -> Result<Question<'a>> {
        let (model, text) = match (self.family, arguments) {
            (Family::Sentiment, [note]) => (None, note),
            (Family::Embed, [body, model]) => (Some(model), body),
            (_, [model, text]) => (Some(model), text),
            _ => return Err(Error::internal("a batched call has other arguments than it should")),
        };
        let (task, blank_is_silent, is_exact) = match self.family {
            Family::Sentiment => (Task::Classify, true, false),
            Family::SentimentAt => (Task::Classify, true, true),
            Family::Classify => (Task::Classify, false, false),
            Family::ClassifyAt => (Task::Classify, false, true),
            Family::Embed => (Task::Embed, false, false),
            Family::EmbedAt => (Task::Embed, false, true),
            Family::Predict => (Task::Predict, false, false),
        };
        if let Some(version) = model.filter(|_| is_exact) {
            versions::check_exact(version)?;
        }
        let reference = match model {
            Some(model) => Cow::Borrowed(*model),
            None => settings::sentiment_model().into(),
        };
        Ok(Question { reference, task, text, blank_is_silent })
    }

    /// The value of the call, once the answers are there.
    pub fn value(&self, answers: &Answers, place: AnswerPlace) -> Result<Value> {
        Ok(match self.part {
            Part::Label => Value::Text(answers.sentiment(place)?.label().to_owned()),
            Part::Score => Value::Real(answers.sentiment(place)?.score()),
            Part::Level => Value::Small(answers.sentiment(place)?.level()),
            Part::Detail => {
                Value::Detail(Rc::clone(answers.version(place)?), answers.sentiment(place)?)
            }
            Part::Class => Value::Text(answers.class(place)?),
            Part::Vector => Value::Vector(answers.vector(place)?),
            Part::Prediction => Value::Json(answers.prediction(place)?),
        })
    }
}
