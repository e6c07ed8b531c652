//! Questions of the calls of one batch of rows: each text once for each version and task, whatever
//! the number of calls and rows that need the answer.

use super::answers::Answer;
use super::sentiment::Sentiment;
use super::texts::{check_length, target_of};
use crate::client::{Deadline, Inference, InferenceTarget};
use crate::error::{Error, Result};
use crate::pg::memory;
use crate::store::versions::{self, Version};
use crm_ai_wire::Task;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// One text and what is asked of it.
pub struct Question<'a> {
    /// The model, or the version, that is to answer.
    pub reference: Cow<'a, str>,
    /// Kind of computation.
    pub task: Task,
    /// Text to judge.
    pub text: &'a str,
    /// True if a blank text is answered without asking.
    pub blank_is_silent: bool,
}

/// Place of the answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerPlace {
    group: usize,
    /// `None` for a blank text, which is not asked about.
    row: Option<usize>,
}

/// Questions that are being gathered.
#[derive(Default)]
pub struct Questions {
    groups: Vec<Group>,
    /// Group of each reference and task, so that each is looked up once.
    references: Vec<(String, Task, usize)>,
    bytes: usize,
}

/// The texts for one version and task.
struct Group {
    version: Rc<Version>,
    target: InferenceTarget,
    texts: Vec<Rc<str>>,
    rows: HashMap<Rc<str>, usize>,
}

impl Questions {
    /// Adds a question. What is wrong with it alone is told at once, and nothing is added.
    pub fn add(&mut self, question: &Question<'_>) -> Result<AnswerPlace> {
        check_length(question.text)?;
        memory::check_room(question.text.len() * 2, "a text")?;
        let group = self.group(&question.reference, question.task)?;
        if question.blank_is_silent && question.text.trim().is_empty() {
            return Ok(AnswerPlace { group, row: None });
        }
        let Group { texts, rows, .. } = &mut self.groups[group];
        let row = match rows.get(question.text) {
            Some(row) => *row,
            None => {
                let text: Rc<str> = question.text.into();
                self.bytes += text.len();
                texts.push(Rc::clone(&text));
                rows.insert(text, texts.len() - 1);
                texts.len() - 1
            }
        };
        Ok(AnswerPlace { group, row: Some(row) })
    }

    /// Length of the different texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends everything off. What fails is told with the answers.
    pub fn send(self) -> Asked {
        let send = |group: Group| {
            let (task, texts) = (group.target.task, group.texts.len());
            let inference = Inference::begin(group.target, group.texts, Deadline::Dropped);
            AskedGroup { version: group.version, task, texts, inference }
        };
        Asked { groups: self.groups.into_iter().map(send).collect() }
    }

    fn group(&mut self, reference: &str, task: Task) -> Result<usize> {
        let known = self
            .references
            .iter()
            .find(|(known, known_task, _)| known == reference && *known_task == task);
        if let Some((_, _, group)) = known {
            return Ok(*group);
        }
        let version = versions::resolve(reference)?;
        let target = target_of(&version, task);
        let same = |group: &Group| group.target == target && *group.version == *version;
        let group = match self.groups.iter().position(same) {
            Some(group) => group,
            None => {
                let (texts, rows) = (Vec::new(), HashMap::new());
                self.groups.push(Group { version, target, texts, rows });
                self.groups.len() - 1
            }
        };
        self.references.push((reference.to_owned(), task, group));
        Ok(group)
    }
}

/// Questions that the engine has. Dropped, they are cancelled.
#[derive(Default)]
pub struct Asked {
    groups: Vec<AskedGroup>,
}

struct AskedGroup {
    version: Rc<Version>,
    task: Task,
    texts: usize,
    inference: Inference<Rc<str>>,
}

impl Asked {
    /// Texts that were sent.
    pub fn texts(&self) -> usize {
        self.groups.iter().map(|group| group.texts).sum()
    }

    /// Waits for the answers.
    pub fn answers(self) -> Result<Answers> {
        let answers = self.groups.into_iter().map(|group| {
            let mut parts = Vec::new();
            for reply in group.inference.finish()? {
                parts.push(Answer::of(reply, group.task)?);
            }
            Ok(Answered { version: group.version, parts })
        });
        Ok(Answers { groups: answers.collect::<Result<_>>()? })
    }
}

/// The answers to a batch's questions.
#[derive(Default)]
pub struct Answers {
    groups: Vec<Answered>,
}

struct Answered {
    version: Rc<Version>,
    /// One for each request, in the order of the texts.
    parts: Vec<Answer>,
}

impl Answers {
    /// Texts whose answers the engine knew already.
    pub fn cached(&self) -> u64 {
        let parts = self.groups.iter().flat_map(|group| &group.parts);
        parts.map(|part| u64::from(part.cached())).sum()
    }

    /// The version that a place's question was put to.
    pub fn version(&self, place: AnswerPlace) -> Result<&Rc<Version>> {
        self.groups.get(place.group).map(|group| &group.version).ok_or_else(missing)
    }

    /// The sentiment of a place's text.
    pub fn sentiment(&self, place: AnswerPlace) -> Result<Sentiment> {
        if place.row.is_none() {
            return Ok(Sentiment::SILENT);
        }
        let (part, row) = self.find(place)?;
        part.sentiment(row)
    }

    /// The most probable class of a place's text.
    pub fn class(&self, place: AnswerPlace) -> Result<String> {
        let (part, row) = self.find(place)?;
        Ok(part.class(row))
    }

    /// The model's answer for a place's record.
    pub fn prediction(&self, place: AnswerPlace) -> Result<serde_json::Value> {
        let (part, row) = self.find(place)?;
        Ok(part.prediction(row))
    }

    /// The vector of a place's text.
    pub fn vector(&self, place: AnswerPlace) -> Result<Vec<f32>> {
        let (part, row) = self.find(place)?;
        Ok(part.row(row).to_vec())
    }

    fn find(&self, place: AnswerPlace) -> Result<(&Answer, usize)> {
        let group = self.groups.get(place.group).ok_or_else(missing)?;
        let mut row = place.row.ok_or_else(missing)?;
        for part in &group.parts {
            if row < part.len() {
                return Ok((part, row));
            }
            row -= part.len();
        }
        Err(missing())
    }
}

fn missing() -> Error {
    Error::internal("the model engine sent too few answers")
}
