//! The order of texts, batches' bounds, and what is refused; with made-up clocks.

use super::*;
use crate::job::Caller;
use crate::reply_sink::ReplySink;
use crm_ai_infer::Tokens;
use crm_ai_wire::{Digest, Frame, FrameReader, Precision, Reply, Request, Task};

struct Nowhere;

impl ReplySink for Nowhere {
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

/// A request of one text for a model, from nobody.
fn bare(model: u8) -> Job {
    Arc::into_inner(job(0, &["c"], model, Instant::now())).unwrap()
}

/// The same as that connection's request of that id.
fn again(connection: u64, request_id: u64, mut job: Job) -> Arc<Job> {
    job.caller = Caller { connection, request_id };
    Arc::new(job)
}

/// Tokenises all that waits; a text's length is its number of tokens.
fn tokenise_all(queue: &mut Queue, target: &Target) {
    let texts = queue.take_texts(target, usize::MAX, usize::MAX);
    put(queue, target, texts);
}

fn put(queue: &mut Queue, target: &Target, texts: Vec<TextRef>) {
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

/// Has the next text judged; its connection, row and length.
fn judge_next(queue: &mut Queue, target: &Target) -> (u64, u32, usize) {
    let text = queue.take_texts(target, 1, usize::MAX).remove(0);
    let judged = (text.job.caller.connection, text.row, text.job.text(text.row).len());
    queue.complete(text.id, 1);
    judged
}

#[test]
fn a_later_small_request_overtakes_the_tail_of_a_large_one_but_not_its_head() {
    let start = Instant::now();
    let mut queue = Queue::new(1000);
    let large = job(1, &["long text"; 100], 0, start);
    let target = large.target;
    queue.admit(large).unwrap();
    let mut order: Vec<(u64, u32, usize)> =
        (0..10).map(|_| judge_next(&mut queue, &target)).collect();
    queue.admit(job(2, &["new"], 0, start)).unwrap();
    order.extend((0..91).map(|_| judge_next(&mut queue, &target)));
    let place = order.iter().position(|(connection, ..)| *connection == 2);
    // It came when the tenth text was done, and ranks with the eleventh.
    assert_eq!(place, Some(11));
    let of_large = order.iter().filter(|(connection, ..)| *connection == 1);
    assert!(of_large.map(|(_, row, _)| *row).eq(0..100));
}

/// Six sessions with many long texts each, and one that asks for a short one from time to time. As
/// many texts as the pool holds were tokenised beforehand.
#[test]
fn a_short_text_waits_for_one_text_of_each_other_connection_at_most() {
    let start = Instant::now();
    let mut queue = Queue::new(1000);
    let long = "long text ".repeat(30);
    let target = job(1, &["x"], 0, start).target;
    let limits = BatchLimits { padded_tokens: 300, pool_tokens: 6000 };
    let judge = |queue: &mut Queue| {
        while queue.next_step(&target, &limits) == Some(Step::Tokenise) {
            let texts = queue.take_texts(&target, 1, usize::MAX);
            put(queue, &target, texts);
        }
        let batch = queue.take_batch(&target, &limits);
        for item in &batch {
            queue.complete(item.text.id, 1);
        }
        batch[0].text.job.caller.connection
    };
    for connection in 0..6 {
        // They did not come together.
        (0..connection).for_each(|_| {
            judge(&mut queue);
        });
        queue.admit(job(connection, &[&*long; 100], 0, start)).unwrap();
    }
    for round in 0..50 {
        (0..7).for_each(|_| {
            judge(&mut queue);
        });
        queue.admit(job(100 + round, &["short"], 0, start)).unwrap();
        let before = (0..).take_while(|_| judge(&mut queue) < 100).count();
        assert!(before <= 6, "{before} in round {round}");
    }
}

/// A connection's turn costs what its texts are long, not how many they are.
#[test]
fn connections_share_by_length() {
    let start = Instant::now();
    let mut queue = Queue::new(10_000);
    let long = "l".repeat(2000);
    let one = job(1, &[&*long; 50], 0, start);
    let target = one.target;
    queue.admit(one).unwrap();
    queue.admit(job(2, &["s".repeat(200).as_str(); 500], 0, start)).unwrap();
    let judged: Vec<_> = (0..220).map(|_| judge_next(&mut queue, &target)).collect();
    let of = |connection| {
        let own = judged.iter().filter(|(of, ..)| *of == connection);
        own.map(|(_, _, length)| length).sum::<usize>()
    };
    let (long, short) = (of(1), of(2));
    // A short text counts some more than its length.
    assert!(short <= long && 3 * short >= 2 * long, "{long} and {short}");
}

/// One connection's stream of small requests takes half; one of ever new connections, all of which
/// have their share, takes more, and yet never all.
#[test]
fn a_stream_of_small_requests_never_starves_a_large_one() {
    let start = Instant::now();
    for (are_new, rounds) in [(false, 200), (true, 1500)] {
        let mut queue = Queue::new(10_000);
        let large = job(0, &["x"; 50], 0, start);
        let target = large.target;
        queue.admit(large).unwrap();
        let mut left = 50;
        for round in 1..=rounds {
            // One request arrives for each text that is taken: the queue never drains.
            let small = Arc::into_inner(job(1, &["y"], 0, start)).unwrap();
            let connection = if are_new { round } else { 1 };
            queue.admit(again(connection, round, small)).unwrap();
            left -= usize::from(judge_next(&mut queue, &target).0 == 0);
        }
        assert_eq!(left, 0, "{rounds}");
    }
}

#[test]
fn a_batch_is_anchored_on_the_oldest_text_and_holds_its_likes_within_the_budget() {
    let start = Instant::now();
    let mut queue = Queue::new(1000);
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
fn the_lowest_target_goes_first_and_urgent_texts_are_tokenised_before_the_pool_is_drawn() {
    let start = Instant::now();
    let mut queue = Queue::new(1000);
    let old = job(1, &["a", "b"], 7, start);
    let old_target = old.target;
    queue.admit(old).unwrap();
    assert_eq!(queue.next_step(&old_target, &LIMITS), Some(Step::Tokenise));
    // The same connection goes on behind what it has.
    let behind = again(1, 2, bare(8));
    let new_target = behind.target;
    queue.admit(behind).unwrap();
    assert_eq!(queue.next_targets(), [old_target, new_target]);
    tokenise_all(&mut queue, &old_target);
    assert_eq!(queue.next_step(&old_target, &LIMITS), Some(Step::Run));
    let full = BatchLimits { pool_tokens: 1, ..LIMITS };
    // The pool holds enough; what ranks behind it waits, what ranks before it does not.
    queue.admit(again(1, 3, bare(7))).unwrap();
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
    let mut queue = Queue::new(1000);
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
    assert_eq!((queue.rows(), queue.bytes), (0, [0; 2]));
    assert!(queue.shares.is_empty());
}

#[test]
fn what_does_not_fit_is_refused_save_a_request_that_comes_to_an_empty_queue() {
    let start = Instant::now();
    let mut queue = Queue::new(50);
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
fn one_connection_cannot_fill_the_queue_for_others() {
    let start = Instant::now();
    let mut queue = Queue::new(100_000);
    let request = |connection, request_id, rows: usize, text: &str| {
        let texts = vec![text; rows];
        again(connection, request_id, Arc::into_inner(job(connection, &texts, 0, start)).unwrap())
    };
    for id in 0..3 {
        queue.admit(request(1, id, 8000, "x")).unwrap();
    }
    assert!(queue.admit(request(1, 3, 8000, "x")).is_err());
    queue.admit(request(2, 0, 8000, "x")).unwrap();
    // By length, too.
    let megabyte = "m".repeat(1 << 20);
    queue.admit(request(3, 0, 30, &megabyte)).unwrap();
    queue.admit(request(3, 1, 30, &megabyte)).unwrap();
    assert!(queue.admit(request(3, 2, 30, &megabyte)).is_err());
    for connection in 4..7 {
        queue.admit(request(connection, 0, 60, &megabyte)).unwrap();
    }
    assert!(queue.admit(request(7, 0, 60, &megabyte)).is_err());
    // Short requests have room of their own.
    queue.admit(request(7, 1, 1, "short")).unwrap();
}

#[test]
fn progress_is_due_after_each_interval_and_names_what_is_done() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let mut queue = Queue::new(50);
    let id = queue.admit(job(1, &["p"; 5], 0, start)).unwrap();
    queue.complete(id, 2);
    assert!(queue.due_progress(start + second / 2, second).is_empty());
    let due = queue.due_progress(start + second, second);
    assert_eq!(due.iter().map(|(_, done)| *done).collect::<Vec<_>>(), [2]);
    assert!(queue.due_progress(start + second * 3 / 2, second).is_empty());
    assert_eq!(queue.due_progress(start + second * 2, second).len(), 1);
}
