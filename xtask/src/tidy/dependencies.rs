//! Who may depend on whom, and that docs/dependencies.md explains each dependency.

use crate::repository::{Repository, TaskError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The document that names every dependency, under a heading for its package.
const DOCUMENT: &str = "docs/dependencies.md";

/// What a backend must never load.
const NEVER_IN_A_BACKEND: [&str; 4] = ["ort", "tokenizers", "tokio", "rayon"];

/// The packages of ours that a package may be built from. Only these exist.
const OURS: &[(&str, &[&str])] = &[
    (
        "crm_ai",
        &["crm_ai_clean", "crm_ai_findings", "crm_ai_linkage", "crm_ai_metrics", "crm_ai_wire"],
    ),
    ("crm_ai_clean", &[]),
    ("crm_ai_findings", &["crm_ai_clean"]),
    ("crm_ai_linkage", &[]),
    ("crm_ai_metrics", &[]),
    ("crm_ai_wire", &["crm_ai_metrics"]),
    ("crm_ai_onnx", &[]),
    ("crm_ai_model", &["crm_ai_onnx"]),
    ("crm_ai_tabular", &["crm_ai_metrics", "crm_ai_onnx", "crm_ai_wire"]),
    ("crm_ai_infer", &["crm_ai_model", "crm_ai_onnx", "crm_ai_tabular"]),
    (
        "crm_ai_train",
        &["crm_ai_infer", "crm_ai_metrics", "crm_ai_model", "crm_ai_tabular", "crm_ai_wire"],
    ),
    ("crm_ai_explain", &["crm_ai_infer", "crm_ai_model"]),
    ("crm_ai_report", &[]),
    (
        "crm_ai_engine",
        &[
            "crm_ai_explain",
            "crm_ai_infer",
            "crm_ai_linkage",
            "crm_ai_report",
            "crm_ai_train",
            "crm_ai_wire",
        ],
    ),
    ("crm_ai_bench", &["crm_ai_infer", "crm_ai_model", "crm_ai_wire"]),
    ("crm_ai_integration", &["crm_ai_wire"]),
    ("xtask", &["crm_ai_wire"]),
];

/// One package of the workspace.
#[derive(Debug)]
struct Package {
    name: String,
    /// Its folder in the repository; empty for the root package.
    folder: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    /// Whether only its tests need it.
    is_for_tests: bool,
    /// Whether it is another package of the workspace.
    is_ours: bool,
}

/// All problems of the workspace's dependencies.
pub fn check(repository: &Repository) -> Result<Vec<String>, TaskError> {
    let packages = packages(repository)?;
    let mut problems = directions(&packages);
    problems.extend(pgrx_users(&packages));
    problems.extend(in_backends(&repository.linked_with("crm_ai")?));
    problems.extend(explained(&packages, &repository.text(DOCUMENT)?.unwrap_or_default()));
    Ok(problems)
}

fn packages(repository: &Repository) -> Result<Vec<Package>, TaskError> {
    const UNEXPECTED: TaskError = TaskError::Output("cargo metadata");
    let metadata = repository.metadata()?;
    let root = repository.path("");
    let packages = metadata["packages"].as_array().ok_or(UNEXPECTED)?;
    packages
        .iter()
        .map(|package| {
            let manifest = package["manifest_path"].as_str().ok_or(UNEXPECTED)?;
            let folder = std::path::Path::new(manifest)
                .parent()
                .and_then(|folder| folder.strip_prefix(&root).ok())
                .ok_or(UNEXPECTED)?;
            let dependencies = package["dependencies"].as_array().ok_or(UNEXPECTED)?;
            Ok(Package {
                name: package["name"].as_str().ok_or(UNEXPECTED)?.to_owned(),
                folder: folder.to_string_lossy().into_owned(),
                dependencies: dependencies.iter().filter_map(dependency).collect(),
            })
        })
        .collect()
}

fn dependency(json: &Value) -> Option<Dependency> {
    Some(Dependency {
        name: json["name"].as_str()?.to_owned(),
        is_for_tests: json["kind"] == "dev",
        is_ours: json["source"].is_null(),
    })
}

/// Dependencies between our packages that the design does not have.
fn directions(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        let Some((_, allowed)) = OURS.iter().find(|(name, _)| *name == package.name) else {
            problems.push(format!("{} has no place in the design", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let is_wrong = dependency.is_ours
                && !dependency.is_for_tests
                && !allowed.contains(&dependency.name.as_str());
            if is_wrong {
                problems.push(format!("{} must not know {}", package.name, dependency.name));
            }
        }
    }
    problems
}

fn pgrx_users(packages: &[Package]) -> Vec<String> {
    let others = packages.iter().filter(|package| package.name != "crm_ai");
    others
        .filter(|package| package.dependencies.iter().any(|d| d.name.starts_with("pgrx")))
        .map(|package| format!("{} must not know pgrx", package.name))
        .collect()
}

fn in_backends(linked: &[String]) -> Vec<String> {
    let refused = NEVER_IN_A_BACKEND.iter().filter(|name| linked.iter().any(|l| l == *name));
    refused
        .map(|name| format!("the extension is linked with {name}: cargo tree tells how"))
        .collect()
}

/// Dependencies without a line in the document, and lines for what is no dependency any more.
fn explained(packages: &[Package], document: &str) -> Vec<String> {
    let sections = sections(document);
    let nothing = BTreeSet::new();
    let shared = sections.get("Shared").unwrap_or(&nothing);
    let mut problems = Vec::new();
    let mut used_somewhere = BTreeSet::new();
    for package in packages {
        let heading = heading(package);
        let section = sections.get(heading).unwrap_or(&nothing);
        let foreign = package.dependencies.iter().filter(|dependency| !dependency.is_ours);
        let used: BTreeSet<&str> = foreign.map(|dependency| dependency.name.as_str()).collect();
        for name in used.iter().filter(|name| !section.contains(*name) && !shared.contains(*name)) {
            problems.push(format!("{DOCUMENT} does not explain {name} under ## {heading}"));
        }
        for name in section.difference(&used) {
            problems.push(format!("{DOCUMENT}: {heading} does not use {name}"));
        }
        used_somewhere.extend(used);
    }
    for name in shared.difference(&used_somewhere) {
        problems.push(format!("{DOCUMENT}: nothing uses {name}"));
    }
    problems
}

fn heading(package: &Package) -> &str {
    if package.folder.is_empty() { "The extension" } else { &package.folder }
}

/// By heading, what its list explains: the name at the start of each item.
fn sections(document: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut sections: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut heading = "";
    for line in document.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            heading = name.trim();
        }
        let Some(item) = line.strip_prefix("- `") else { continue };
        if let Some((name, _)) = item.split_once('`') {
            sections.entry(heading).or_default().insert(name);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: &[(&str, bool, bool)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|&(name, is_ours, is_for_tests)| Dependency {
                name: name.to_owned(),
                is_for_tests,
                is_ours,
            })
            .collect();
        Package { name: name.to_owned(), folder: folder.to_owned(), dependencies }
    }

    #[test]
    fn dependencies_point_one_way() {
        let fine = package("crm_ai", "", &[("crm_ai_wire", true, false)]);
        let upwards = package("crm_ai_clean", "crates/clean", &[("crm_ai_wire", true, false)]);
        let in_tests = package("crm_ai_model", "crates/model", &[("crm_ai_wire", true, true)]);
        let unknown = package("crm_ai_tools", "crates/tools", &[]);
        assert_eq!(directions(&[fine, in_tests]), Vec::<String>::new());
        assert_eq!(directions(&[upwards]), ["crm_ai_clean must not know crm_ai_wire"]);
        assert_eq!(directions(&[unknown]), ["crm_ai_tools has no place in the design"]);
    }

    #[test]
    fn only_the_extension_knows_pgrx() {
        let extension = package("crm_ai", "", &[("pgrx", false, false)]);
        let other =
            package("crm_ai_wire", "crates/wire", &[("pgrx-sql-entity-graph", false, true)]);
        assert_eq!(pgrx_users(&[extension]), Vec::<String>::new());
        assert_eq!(pgrx_users(&[other]), ["crm_ai_wire must not know pgrx"]);
    }

    #[test]
    fn a_backend_loads_no_engine() {
        let linked = ["crm_ai", "serde", "sort"].map(str::to_owned);
        assert_eq!(in_backends(&linked), Vec::<String>::new());
        let linked = ["crm_ai", "tokenizers", "rayon"].map(str::to_owned);
        assert_eq!(in_backends(&linked).len(), 2);
    }

    #[test]
    fn every_dependency_is_explained_where_it_is_used() {
        let document =
            "# D\n## Shared\n- `serde` (MIT): JSON.\n## crates/wire\n- `sha2` (MIT): a.\n";
        let wire = |names: &[&str]| {
            let used: Vec<_> = names.iter().map(|name| (*name, false, false)).collect();
            [package("crm_ai_wire", "crates/wire", &used)]
        };
        assert_eq!(explained(&wire(&["serde", "sha2"]), document), Vec::<String>::new());
        let missing = explained(&wire(&["serde", "sha2", "half"]), document);
        assert_eq!(missing, ["docs/dependencies.md does not explain half under ## crates/wire"]);
        let stale = explained(&wire(&["serde"]), document);
        assert_eq!(stale, ["docs/dependencies.md: crates/wire does not use sha2"]);
        let unused = explained(&wire(&["sha2"]), document);
        assert_eq!(unused, ["docs/dependencies.md: nothing uses serde"]);
    }
}
