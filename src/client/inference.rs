//! Texts on their way through the engine.

use super::sent::Sent;
use super::{Deaths, InferenceTarget, RequestFailure, into_result, take_id, upload};
use crate::error::{Error, Result};
use crate::pg::{memory, session};
use crm_ai_wire::{ErrorCode, Reply, Request};
use std::collections::VecDeque;
use std::ops::Range;

/// Texts of one request, at most, so that an answer of 2,000 numbers each fits a frame; the next
/// request is under way while this one is worked on.
const REQUEST_ROWS_MAX: usize = 8192;
/// Bytes of one request, at most.
const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Requests of one inference that are outstanding at a time.
const OUTSTANDING_MAX: usize = 2;

/// Most uploads of an artifact for one inference: it may be swept, or damaged, right after it came.
const UPLOADS_MAX: u32 = 3;

/// Time after which nobody waits for the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The end of the present statement.
    Statement,
    /// The time when the inference is dropped: it may outlast the statement, as in a cursor.
    Dropped,
}

/// Texts that were sent, and their answers as they come. Texts go in as few requests as the limits
/// allow, and each request again, once, when the engine dies under it. Dropped before its end, it
/// is cancelled.
pub struct Inference<T> {
    target: InferenceTarget,
    texts: Vec<T>,
    deadline: Deadline,
    /// Texts of each request.
    parts: Vec<Range<usize>>,
    replies: Vec<Option<Reply>>,
    under_way: VecDeque<(usize, Sent)>,
    /// The first part that was not sent since the last failure.
    next: usize,
    /// Failure of the first attempt to send.
    trouble: Option<RequestFailure>,
}

impl<T: AsRef<str>> Inference<T> {
    /// Sends texts, as far as they may be outstanding, without waiting for answers. Whatever fails
    /// is told at the end.
    pub fn begin(target: InferenceTarget, texts: Vec<T>, deadline: Deadline) -> Self {
        let parts = split(&texts);
        let replies = vec![None; parts.len()];
        let under_way = VecDeque::new();
        let mut inference =
            Self { target, texts, deadline, parts, replies, under_way, next: 0, trouble: None };
        inference.trouble = inference.send_some().err();
        inference
    }

    /// Waits for the replies: one for each request, in order.
    pub fn finish(mut self) -> Result<Vec<Reply>> {
        let mut deaths = Deaths::default();
        let mut uploads = 0;
        while let Some(first) = self.replies.iter().position(Option::is_none) {
            match self.collect() {
                Ok(()) => {}
                Err(RequestFailure::Gone(gone)) => {
                    self.under_way.clear();
                    self.next = 0;
                    // A reply since the last death shows that this one is not the same request's.
                    if self.replies.get(first).is_some_and(Option::is_some) {
                        deaths = Deaths::default();
                    }
                    deaths.another(&gone)?;
                }
                Err(RequestFailure::Error(error)) => return Err(error),
            }
            if let Some(position) = self.replies.iter().position(is_unknown_model) {
                if uploads == UPLOADS_MAX {
                    return Err(Error::internal("the model engine does not keep the artifact"));
                }
                upload(self.target.model)?;
                uploads += 1;
                self.replies[position..].iter_mut().for_each(|reply| *reply = None);
                self.next = position;
            }
        }
        self.replies.into_iter().flatten().map(into_result).collect()
    }

    /// Sends the parts that have no reply yet, a few at a time, and collects their replies.
    fn collect(&mut self) -> std::result::Result<(), RequestFailure> {
        if let Some(failure) = self.trouble.take() {
            return Err(failure);
        }
        loop {
            self.send_some()?;
            let Some((position, sent)) = self.under_way.pop_front() else { return Ok(()) };
            self.replies[position] = Some(sent.wait()?);
        }
    }

    fn send_some(&mut self) -> std::result::Result<(), RequestFailure> {
        while self.next < self.parts.len() && self.under_way.len() < OUTSTANDING_MAX {
            if self.replies[self.next].is_none() {
                let part = self.parts[self.next].clone();
                let texts: Vec<&str> = self.texts[part].iter().map(AsRef::as_ref).collect();
                check_room_for_request(&texts).map_err(RequestFailure::Error)?;
                let target = (self.target.model, self.target.precision, self.target.task);
                let reference = self.target.reference.as_str();
                let deadline = self.deadline_ms();
                let frame =
                    Request::encode_infer_named(take_id(), target, reference, deadline, &texts);
                self.under_way.push_back((self.next, Sent::new(frame)?));
            }
            self.next += 1;
        }
        Ok(())
    }

    fn deadline_ms(&self) -> u32 {
        let left = match self.deadline {
            Deadline::Statement => session::statement_ms_left(),
            Deadline::Dropped => None,
        };
        left.map_or(0, |left| u32::try_from(left.max(1)).unwrap_or(u32::MAX))
    }
}

/// Fails unless there is room for a request: its message and the frame around it.
fn check_room_for_request(texts: &[&str]) -> Result<()> {
    let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
    let bytes = text_bytes + texts.len() * Request::TEXT_OVERHEAD_BYTES;
    memory::check_room(3 * bytes, "the texts")
}

/// Cuts texts into requests.
fn split<T: AsRef<str>>(texts: &[T]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut bytes = Request::INFER_OVERHEAD_BYTES;
    for (position, text) in texts.iter().enumerate() {
        let size = text.as_ref().len() + Request::TEXT_OVERHEAD_BYTES;
        let full = bytes + size > REQUEST_BYTES_MAX || position - start == REQUEST_ROWS_MAX;
        if full && position > start {
            parts.push(start..position);
            (start, bytes) = (position, Request::INFER_OVERHEAD_BYTES);
        }
        bytes += size;
    }
    if start < texts.len() {
        parts.push(start..texts.len());
    }
    parts
}

fn is_unknown_model(reply: &Option<Reply>) -> bool {
    matches!(reply, Some(Reply::Error(ErrorCode::UnknownModel, _)))
}
