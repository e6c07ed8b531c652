//! The order of texts, batches' bounds, and what is refused; with made-up clocks.

use super::*;
use crate::job::Caller;
use crate::outlet::Outlet;
use crm_ai_infer::Tokens;
use crm_ai_wire::{Digest, Frame, FrameReader, Precision, Reply, Request, Task};

struct Nowhere;

impl Outlet for Nowhere {
    fn send(&self, _request_id: u64, _reply: &Reply) {}
}

const LIMITS: BatchLimits = BatchLimits { padded_tokens: 100, pool_tokens: 1000 };

fn job(connection: u64, texts: &[&str], model: u8, arrival: Instant) -> Arc<Job> {
    let target = (Digest([model; 32]), Precision::Fp32, Task::Classify);
    let mut reader = FrameReader::default();
    reader.push(&Request::encode_infer(1, target, 0, texts).unwrap());
    let frame: Frame = reader.next_frame().unwrap().unwrap();
    let Request::Infer(infer) = Request::decode(&frame).unwrap() else { panic!("{frame:?}") };
    let caller = Caller { connection, request_id: 1 };
    Arc::new(Job::new(caller, Arc::new(Nowhere), &infer, arrival))
}

/// Tokenises all that waits; a text's length is its number of tokens.
fn tokenise_all(queue: &mut Queue, target: &Target) {
    let texts = queue.take_texts(target, usize::MAX, usize::MAX);
    let items = texts.into_iter().map(|text| {
        let ids = text.job.text(text.row).bytes().map(u32::from).collect();
        Item { input: Input::Text(Tokens { ids, truncated: false }), text, hash: None }
    });
    queue.put_items(target, items.collect::<Vec<_>>());
}

/// Connection and row of each text of a batch.
fn take(queue: &mut Queue, target: &Target) -> Vec<(u64, u32)> {
    let batch = queue.take_batch(target, &LIMITS);
    batch.iter().map(|item| (item.text.job.caller.connection, item.text.row)).collect()
}

#[test]
fn a_later_small_request_overtakes_the_tail_of_a_large_one_but_not_its_head() {
    let start = Instant::now();
    let mut queue = Queue::new(1000, start);
    let large = job(1, &["long text"; 100], 0, start);
    let target = large.target;
    queue.admit(large).unwrap();
    queue.admit(job(2, &["new"], 0, start + ROW_RANK * 10 + ROW_RANK / 2)).unwrap();
    let order = queue.take_texts(&target, usize::MAX, usize::MAX);
    let place = order.iter().position(|text| text.job.caller.connection == 2);
    assert_eq!(place, Some(11));
    assert!(order.iter().filter(|t| t.job.caller.connection == 1).map(|t| t.row).eq(0..100));
}

#[test]
fn a_stream_of_small_requests_never_starves_a_large_one() {
    let start = Instant::now();
    let mut queue = Queue::new(1000, start);
    let large = job(0, &["x"; 50], 0, start);
    let target = large.target;
    queue.admit(large).unwrap();
    let mut left = 50;
    for round in 1..=200 {
        // One request arrives for each text that is taken: the queue never drains.
        queue.admit(job(round, &["y"], 0, start + ROW_RANK * round as u32)).unwrap();
        for text in queue.take_texts(&target, 1, usize::MAX) {
            left -= usize::from(text.job.caller.connection == 0);
        }
    }
    assert_eq!(left, 0);
}

#[test]
fn a_batch_is_anchored_on_the_oldest_text_and_holds_its_likes_within_the_budget() {
    let start = Instant::now();
    let mut queue = Queue::new(1000, start);
    let lengths = [40, 10, 11, 39, 12, 10, 10, 10, 10, 10, 10, 41, 10, 300];
    let texts: Vec<String> = lengths.iter().map(|length| "t".repeat(*length)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let job = job(1, &texts, 0, start);
    let target = job.target;
    queue.admit(job).unwrap();
    tokenise_all(&mut queue, &target);
    let mut batches = Vec::new();
    loop {
        let rows: Vec<u32> = take(&mut queue, &target).into_iter().map(|(_, row)| row).collect();
        if rows.is_empty() {
            break;
        }
        batches.push(rows);
    }
    // Shortest first within a batch; 100 tokens hold two of about 40 or ten of 10; over-long alone.
    assert_eq!(
        batches,
        [vec![3, 0], vec![1, 5, 6, 7, 8, 9, 10, 12, 2], vec![4], vec![11], vec![13]]
    );
}

#[test]
fn the_oldest_target_goes_first_and_urgent_texts_are_tokenised_before_the_pool_is_drawn() {
    let start = Instant::now();
    let mut queue = Queue::new(1000, start);
    let old = job(1, &["a", "b"], 7, start);
    let new = job(2, &["c"], 8, start + ROW_RANK);
    let (old_target, new_target) = (old.target, new.target);
    queue.admit(new).unwrap();
    queue.admit(old).unwrap();
    assert_eq!(queue.next_targets(), [old_target, new_target]);
    assert_eq!(queue.next_step(&old_target, &LIMITS), Some(Step::Tokenise));
    tokenise_all(&mut queue, &old_target);
    assert_eq!(queue.next_step(&old_target, &LIMITS), Some(Step::Run));
    let full = BatchLimits { pool_tokens: 1, ..LIMITS };
    // The pool holds enough; what came later waits, what ranks before it does not.
    queue.admit(job(3, &["later"], 7, start + ROW_RANK * 9)).unwrap();
    assert_eq!(queue.next_step(&old_target, &full), Some(Step::Run));
    assert_eq!(queue.next_step(&old_target, &LIMITS), Some(Step::Tokenise));
    take(&mut queue, &old_target);
    tokenise_all(&mut queue, &old_target);
    queue.admit(job(4, &["urgent"], 7, start)).unwrap();
    assert_eq!(queue.next_step(&old_target, &full), Some(Step::Tokenise));
}

#[test]
fn a_removed_request_leaves_nothing_and_is_handed_out_once() {
    let start = Instant::now();
    let mut queue = Queue::new(1000, start);
    let (first, second) = (job(1, &["a"; 40], 0, start), job(2, &["b"; 2], 0, start));
    let target = first.target;
    let id = queue.admit(first).unwrap();
    queue.admit(second).unwrap();
    let taken = queue.take_texts(&target, 3, usize::MAX);
    tokenise_all(&mut queue, &target);
    assert!(queue.remove(id).is_some());
    assert!(queue.remove(id).is_none() && queue.complete(id, 1).is_none());
    // Texts that a worker had in hand do not come back.
    let items = taken.into_iter().map(|text| {
        let input = Input::Text(Tokens { ids: Box::new([1]), truncated: false });
        Item { input, text, hash: None }
    });
    queue.put_items(&target, items.collect::<Vec<_>>());
    assert_eq!(queue.rows(), 2);
    let mut left = take(&mut queue, &target);
    left.sort_unstable();
    assert_eq!(left, [(2, 0), (2, 1)]);
    assert!(queue.remove_request(2, 1).is_some());
    assert!(queue.is_empty() && queue.groups.is_empty() && queue.by_caller.is_empty());
    assert_eq!((queue.rows(), queue.bytes), (0, 0));
}

#[test]
fn what_does_not_fit_is_refused_save_a_request_that_comes_to_an_empty_queue() {
    let start = Instant::now();
    let mut queue = Queue::new(50, start);
    let giant = queue.admit(job(1, &["g"; 200], 0, start)).unwrap();
    let refused = queue.admit(job(2, &["h"; 40], 0, start)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::QueueFull);
    // Small requests have a bound of their own.
    let ids: Vec<JobId> = (3..53).map(|n| queue.admit(job(n, &["s"], 0, start)).unwrap()).collect();
    assert!(queue.admit(job(60, &["s"], 0, start)).is_err());
    assert!(queue.complete(ids[0], 1).is_some());
    queue.admit(job(60, &["s"], 0, start)).unwrap();
    queue.complete(giant, 160);
    assert!(queue.admit(job(2, &["h"; 40], 0, start)).is_err());
    assert!(queue.complete(giant, 40).is_some());
    queue.admit(job(2, &["h"; 40], 0, start)).unwrap();
}

#[test]
fn progress_is_due_after_each_interval_and_names_what_is_done() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let mut queue = Queue::new(50, start);
    let id = queue.admit(job(1, &["p"; 5], 0, start)).unwrap();
    queue.complete(id, 2);
    assert!(queue.due_progress(start + second / 2, second).is_empty());
    let due = queue.due_progress(start + second, second);
    assert_eq!(due.iter().map(|(_, done)| *done).collect::<Vec<_>>(), [2]);
    assert!(queue.due_progress(start + second * 3 / 2, second).is_empty());
    assert_eq!(queue.due_progress(start + second * 2, second).len(), 1);
}
