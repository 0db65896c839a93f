//! Imports point inwards: edges → app → store | jira | results → domain, and each outside library is
//! named in its own layer (docs/architecture.md).

use std::fs;
use std::path::{Path, PathBuf};

/// A folder or file under `src`, and what of the crate it may name besides itself and the free
/// modules.
const LAYERS: [(&str, &[&str]); 17] = [
    ("domain", &[]),
    ("crypto", &[]),
    ("config", &[]),
    ("results", &["domain"]),
    ("store", &["domain"]),
    ("jira", &["domain", "store", "config", "crypto"]),
    (
        "app",
        &["domain", "store", "jira", "results", "config", "crypto"],
    ),
    (
        "connect",
        &[
            "domain", "store", "jira", "app", "config", "crypto", "web", "problem",
        ],
    ),
    (
        "forge",
        &[
            "domain", "store", "jira", "app", "config", "crypto", "web", "problem",
        ],
    ),
    ("inbox", &["domain", "store", "app"]),
    ("outbox", &["domain", "store", "jira", "app"]),
    (
        "web",
        &[
            "domain", "store", "jira", "results", "app", "connect", "forge", "config", "crypto",
            "problem", "startup",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "store",
            "jira",
            "results",
            "app",
            "config",
            "crypto",
            "startup",
            "telemetry",
            "web",
        ],
    ),
    (
        "startup",
        &[
            "app", "config", "connect", "crypto", "forge", "inbox", "jira", "outbox", "store",
            "web",
        ],
    ),
    ("problem", &["store", "jira", "app"]),
    ("telemetry", &["config"]),
    ("main", &["cli"]),
];

/// Modules anybody may use: no job of their own in the layering.
const FREE: [&str; 4] = ["clock", "ids", "metrics", "testing"];

/// Outside libraries and the layers that may name them.
const LIBRARIES: [(&str, &[&str]); 5] = [
    (
        "actix_web",
        &["connect", "forge", "web", "problem", "startup"],
    ),
    ("sea_orm", &["store"]),
    ("prometheus_client", &["metrics"]),
    ("reqwest", &["jira", "connect", "forge", "cli"]),
    (
        "tokio",
        &[
            "store", "jira", "app", "connect", "forge", "inbox", "outbox", "web", "cli", "startup",
        ],
    ),
];

#[test]
fn imports_point_inwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let place = file
            .strip_prefix(&src)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let layer = place
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        if layer == "lib" || FREE.contains(&layer.as_str()) {
            continue;
        }
        let allowed = LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("{place} belongs to no layer; give it one in LAYERS"))
            .1;
        let text = fs::read_to_string(&file).unwrap();
        // What tests of a module use is their own affair.
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for used in crate_modules(line) {
                let fine = used == layer
                    || FREE.contains(&used.as_str())
                    || allowed.contains(&used.as_str());
                if !fine {
                    wrong.push(format!(
                        "{place}: {layer} may not use {used}: {}",
                        line.trim()
                    ));
                }
            }
            for (library, layers) in LIBRARIES {
                if line.contains(&format!("{library}::")) && !layers.contains(&layer.as_str()) {
                    wrong.push(format!(
                        "{place}: {layer} may not name {library}: {}",
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_verifier_of_invocation_tokens_knows_nothing_of_the_rest() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/forge/invocation_token");
    let files = rust_files(&folder);
    let is_test = |file: &Path| file.to_string_lossy().ends_with("_tests.rs");
    let code = files.iter().filter(|file| !is_test(file));
    let mut read = 0;
    for file in code {
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains("crate::"), "{}", file.display());
        read += 1;
    }
    assert!(read >= 5, "the folder has moved");
}

/// The first-level modules a line names: `crate::store::…`, `use crate::{inbox, jira}`.
fn crate_modules(line: &str) -> Vec<String> {
    line.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list
                .split('}')
                .next()
                .unwrap()
                .split(',')
                .map(first_word)
                .collect(),
            None => vec![first_word(rest)],
        })
        .filter(|word| !word.is_empty() && word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

fn first_word(text: &str) -> String {
    text.trim()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}
