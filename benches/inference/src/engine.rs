//! The contender that asks the engine itself, past PostgreSQL: what a call costs beside the answer
//! is the difference to this.

use crate::contender::{self, named};
use crate::{Failure, Options};
use crm_ai_wire::client::Client;
use crm_ai_wire::{Reply, Task};
use serde_json::json;
use std::time::Instant;

/// The engine's socket in a data directory.
const SOCKET: &str = "pg_stat_tmp/crm_ai.sock";

/// Answers commands. Runs as the cluster's user: the engine listens to no other.
pub fn serve(options: &Options) -> Result<(), Failure> {
    let texts = options.read_texts()?;
    let model = options.sha256.ok_or("--sha256 is missing")?;
    let mut client = Client::connect(&options.server().join("data").join(SOCKET))?;
    contender::serve(&json!({}), |command| {
        let mut microseconds = Vec::new();
        for text in named(command, &texts) {
            let start = Instant::now();
            let reply = client.infer(model, options.precision, Task::Classify, &[text])?;
            microseconds.push(start.elapsed().as_secs_f64() * 1e6);
            let Reply::Scores(_) = reply else {
                return Err("the engine answered with something else than scores".into());
            };
        }
        Ok(json!({ "us": microseconds }))
    })
}
