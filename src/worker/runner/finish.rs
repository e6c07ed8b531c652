//! The new version into the registry, and the gate's decision.

use super::Limit;
use super::read::{Prepared, check_role};
use super::run_files::RunFiles;
use crate::client;
use crate::error::Result;
use crate::files;
use crate::folder::Folder;
use crate::pg::watchdog::watched;
use crate::pg::{activity, roles, session};
use crate::store;
use crate::store::models::{self, Decision, Origin};
use crate::store::runs::{self, Run};
use crate::store::{artifacts, progress};
use crm_ai_metrics::Promote;
use crm_ai_wire::training::Outcome;
use serde_json::{Value, json};

/// Stores the new version, decides, and ends the run, in one transaction. Nobody's code runs in it,
/// but locks of others are waited for: no longer than the run may take.
pub fn finish(
    run: &Run,
    place: &RunFiles,
    limit: Limit,
    prepared: &Prepared,
    outcome: &Outcome,
) -> Result<()> {
    let folder = Folder::own(&place.output())?;
    activity::phase("storing the version", "bytes", None, 0);
    store::in_transaction(|| {
        check_role(run)?;
        watched(limit.left(), || {
            roles::acting_as(run.role, || {
                let version = add_version(run, &folder, prepared, outcome)?;
                let (promoted, reason) = decide(run, prepared, outcome, version)?;
                progress::keep_seen(&run.model, run.id, &prepared.hashes)?;
                if let Some(terms) = run.schedule {
                    drop_surplus(run, terms)?;
                }
                runs::succeed(run.id, prepared.champion, version, promoted, &reason, outcome)
            })
        })
    })
}

fn add_version(run: &Run, folder: &Folder, prepared: &Prepared, outcome: &Outcome) -> Result<i32> {
    // Before the bytes, so that a model that was dropped meanwhile, or is another's by now, costs
    // nothing.
    models::lock_owned(&run.model)?;
    let manifest = folder.manifest()?;
    if artifacts::insert(&manifest)? {
        files::store(folder, &manifest)?;
    }
    let digest = manifest.digest();
    let info = session::seeing_own_writes(|| client::describe(digest))?;
    let origin =
        Origin { source: "train", run: Some(run.id), figures: Some(figures(prepared, outcome)) };
    models::add_version(&run.model, &digest, &info, origin)
}

/// All figures of a run, as `crm_ai.versions` and `crm_ai.deployments` show them.
fn figures(prepared: &Prepared, outcome: &Outcome) -> Value {
    json!({
        "evaluation": outcome.evaluation,
        "champion": prepared.champion,
        "champion_evaluation": outcome.champion,
        "comparison": outcome.comparison,
        "importances": outcome.importances,
    })
}

/// Applies the gate's decision, unless it was made against a champion that is none any more.
fn decide(
    run: &Run,
    prepared: &Prepared,
    outcome: &Outcome,
    version: i32,
) -> Result<(bool, String)> {
    let champion = models::champion(&run.model)?;
    let gate = &outcome.decision;
    let is_stale = champion != prepared.champion && prepared.job.promote != Promote::Always;
    let (promoted, reason) = if gate.promote && is_stale {
        let name = |number: Option<i32>| number.map_or("none".to_owned(), |n| n.to_string());
        let reason = format!(
            "the champion changed from {} to {} during the run, so the comparison does not hold",
            name(prepared.champion),
            name(champion)
        );
        (false, reason)
    } else {
        (gate.promote, gate.reason.clone())
    };
    let decision = Decision {
        action: "train",
        promoted,
        reason: Some(&reason),
        run: Some(run.id),
        figures: Some(figures(prepared, outcome)),
    };
    models::record_decision(&run.model, version, &decision)?;
    Ok((promoted, reason))
}

/// Removes what a schedule's earlier runs left beyond the versions that are kept.
fn drop_surplus(run: &Run, terms: runs::Terms) -> Result<()> {
    for old in models::surplus_versions(&run.model, terms.id, terms.keep_versions)? {
        let digest = models::artifact_of(&run.model, old)?;
        models::delete_version(&run.model, old)?;
        files::forget(&digest)?;
    }
    Ok(())
}
