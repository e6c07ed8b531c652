//! Searches for duplicates: rows to a child process, its results into tables.

mod child;
mod find;
mod folder;
mod survivors;

pub use find::{Explained, Hit, explain, find};
pub use survivors::golden;

use crate::error::{Error, Result};
use crate::pg::activity;
use crate::settings;
use crate::store;
use crate::store::linkage::{self, LinkSource, LinkTarget, Results};
use crm_ai_linkage::kind::Kind;
use crm_ai_wire::linkage::{CLUSTERS, LinkJob, LinkOutcome, PAIRS};
use folder::LinkFolder;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// The arguments of a search, whose names they have.
#[derive(Debug)]
pub struct Request {
    /// The table, or the left one.
    pub source: pg_sys::Oid,
    /// The right table, where two are linked.
    pub right_source: Option<pg_sys::Oid>,
    /// The column that holds keys, in both.
    pub key: String,
    /// Kinds by column, `auto` for one that is guessed; all columns where `None`.
    pub columns: Option<BTreeMap<String, String>>,
    /// Prefix of the tables' names.
    pub target: Option<String>,
    /// Least probability of a pair.
    pub threshold: f64,
    /// True if a row is linked with one row alone.
    pub one_to_one: bool,
}

/// Result of a search.
#[derive(Debug)]
pub struct Report {
    /// The name of the search, which its tables' names begin with.
    pub target: String,
    /// Findings.
    pub outcome: LinkOutcome,
}

/// Searches; everything in one transaction.
pub fn link(request: &Request) -> Result<Report> {
    let act = if request.right_source.is_some() { "crm_ai.link()" } else { "crm_ai.dedupe()" };
    store::begin_act(act)?;
    if !(request.threshold > 0.0 && request.threshold < 1.0) {
        return Err(Error::invalid_argument(format!(
            "threshold {} is not a probability above 0 and below 1",
            request.threshold
        ))
        .hint("0.95 is the default"));
    }
    let kinds = request.columns.as_ref().map(kinds).transpose()?;
    let mut left = LinkSource::new(request.source, &request.key, kinds.as_ref())?;
    let mut right = None;
    if let Some(source) = request.right_source {
        // Both by the same map, so that their columns come in one order.
        let same = left.columns.iter().map(|column| (column.name.clone(), column.kind.clone()));
        let same: BTreeMap<_, _> = same.collect();
        left = LinkSource::new(request.source, &request.key, Some(&same))?;
        right = Some(LinkSource::new(source, &request.key, Some(&same))?);
    }
    let target = LinkTarget::parse(request.target.as_deref(), &left.table)?;
    target.make_room()?;
    let command = if right.is_some() { "link" } else { "dedupe" };
    let _report = activity::begin(command, "rows", Some(left.table.oid));
    let folder = LinkFolder::make()?;
    let job = spill(request, &folder, &left, right.as_ref())?;
    let outcome = child::search(&job, &folder)?;
    write(&target, &left, right.as_ref(), &folder)?;
    let model = outcome.model.as_deref();
    let right_table = right.as_ref().map(|right| &right.table);
    linkage::register(&target.name, &left.table, right_table, &request.key, model)?;
    Ok(Report { target: target.name.shown(), outcome })
}

/// Kinds as they are given, each checked.
fn kinds(columns: &BTreeMap<String, String>) -> Result<BTreeMap<String, Option<String>>> {
    let kind = |(column, kind): (&String, &String)| {
        if kind == "auto" {
            return Ok((column.clone(), None));
        }
        kind.parse::<Kind>().map_err(|_| {
            Error::invalid_argument(format!("the kind of column \"{column}\" is not known"))
                .hint(format!("kinds are auto, organisation, {}", Kind::names()))
        })?;
        Ok((column.clone(), Some(kind.clone())))
    };
    columns.iter().map(kind).collect()
}

fn spill(
    request: &Request,
    folder: &LinkFolder,
    left: &LinkSource,
    right: Option<&LinkSource>,
) -> Result<LinkJob> {
    let read = linkage::spill(left, &folder.rows())?;
    let right_rows = right
        .map(|right| linkage::spill(right, &folder.right_rows()).map(|_| folder.right_rows()))
        .transpose()?;
    notice!("comparing {read} rows of {}.{}", left.table.schema, left.table.name);
    Ok(LinkJob {
        columns: left.columns.clone(),
        rows: folder.rows(),
        right_rows,
        output: folder.output(),
        threshold: request.threshold,
        one_to_one: request.one_to_one,
        threads: settings::link_threads(),
    })
}

fn write(
    target: &LinkTarget,
    left: &LinkSource,
    right: Option<&LinkSource>,
    folder: &LinkFolder,
) -> Result<()> {
    let results = Results::make(target, left, right)?;
    results.write_pairs(&folder.output().join(PAIRS))?;
    results.write_clusters(&folder.output().join(CLUSTERS))?;
    results.finish()
}
