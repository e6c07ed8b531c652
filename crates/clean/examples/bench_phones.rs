//! Phones per second of processor time on one thread: `bench_phones FILE SECONDS`, the file holding
//! lines `REGION<tab>number`. `benches/phone/run.sh` runs it beside C++ libphonenumber.

use std::error::Error;

use crm_ai_clean::phone::{Region, describe, digits, normalise};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("a file is wanted")?;
    let seconds_min: f64 = arguments.next().ok_or("seconds are wanted")?.parse()?;
    let text = std::fs::read_to_string(path)?;
    let mut rows: Vec<(Region, &str)> = Vec::new();
    for line in text.lines() {
        let (region, raw) = line.split_once('\t').ok_or("a line has no tab")?;
        rows.push((region.parse()?, raw));
    }

    let mut answers = (0_u64, 0_u64);
    let per_second = measure(rows.len(), seconds_min, || {
        answers = (0, 0xcbf2_9ce4_8422_2325);
        for (region, raw) in &rows {
            if let Some(e164) = normalise(raw, *region) {
                answers.0 += 1;
                answers.1 = e164.bytes().fold(answers.1, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
                });
            }
        }
    })?;
    let (valid, hash) = answers;
    println!(
        "crm_ai_clean normalise: {per_second:.0} numbers/s, {} rows, {valid} valid, \
         answers {hash:016x}",
        rows.len()
    );

    let mut possible = 0;
    let per_second = measure(rows.len(), seconds_min / 2.0, || {
        possible = rows.iter().filter(|(region, raw)| describe(raw, *region).is_possible).count();
    })?;
    println!("crm_ai_clean describe: {per_second:.0} numbers/s, {possible} possible");

    let mut length = 0;
    let per_second = measure(rows.len(), seconds_min / 2.0, || {
        length = rows.iter().map(|(_, raw)| digits(raw, 11).len()).sum::<usize>();
    })?;
    println!("crm_ai_clean digits: {per_second:.0} numbers/s, {length} bytes");
    Ok(())
}

/// Rows per second of processor time over rounds of `work`, the first of which warms up and is not
/// counted.
fn measure(rows: usize, seconds_min: f64, mut work: impl FnMut()) -> Result<f64, Box<dyn Error>> {
    work();
    let start = processor_seconds()?;
    let mut rounds = 0_u32;
    loop {
        work();
        rounds += 1;
        let seconds = processor_seconds()? - start;
        if seconds >= seconds_min {
            return Ok(f64::from(rounds) * rows as f64 / seconds);
        }
    }
}

/// Time that this thread has had a processor: other programs on the machine do not count.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = schedule.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}
