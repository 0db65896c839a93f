//! Settings to look at the same facts under, as the interface writes them and as the model has them.

use serde_json::{Value, json};

use super::rules::{FlakyEffect, Settings, Treatment};

fn names<const N: usize>(names: [&str; N]) -> std::collections::BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Each of them says everything that another one says otherwise.
pub fn all() -> Vec<(Value, Settings)> {
    let plain = json!({
        "finalPrecedence": true, "skipped": "notrun", "blocked": "notrun", "freshnessDays": 0,
        "strictOutdated": false, "excludedLabels": [], "excludedTestStatuses": [],
        "flakyEffect": "count", "uncoveredChildrenBlock": true, "childrenByParent": true,
        "exemptChildStatuses": [], "exemptChildResolutions": ["Won't Do", "Won't Fix"],
    });
    let with = |over: Value| {
        let mut all = plain.clone();
        for (name, value) in over.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    vec![
        (
            with(json!({ "finalPrecedence": false, "skipped": "nok", "blocked": "ignore" })),
            Settings {
                final_precedence: false,
                skipped: Treatment::Nok,
                blocked: Treatment::Ignore,
                ..Settings::default()
            },
        ),
        (
            with(json!({
                "strictOutdated": true, "excludedLabels": ["WIP"], "excludedTestStatuses": ["Obsolete"],
            })),
            Settings {
                strict_outdated: true,
                excluded_labels: names(["wip"]),
                excluded_statuses: names(["Obsolete"]),
                ..Settings::default()
            },
        ),
        (
            with(json!({
                "freshnessDays": 40, "flakyEffect": "unknown", "uncoveredChildrenBlock": false,
                "exemptChildStatuses": ["In Progress"], "exemptChildResolutions": [],
            })),
            Settings {
                freshness_days: Some(40),
                flaky_effect: FlakyEffect::Unknown,
                uncovered_children_block: false,
                exempt_child_statuses: names(["In Progress"]),
                exempt_child_resolutions: names([]),
                ..Settings::default()
            },
        ),
        (
            with(json!({ "flakyEffect": "nok", "childrenByParent": false, "skipped": "ignore" })),
            Settings {
                flaky_effect: FlakyEffect::Nok,
                children_by_parent: false,
                skipped: Treatment::Ignore,
                ..Settings::default()
            },
        ),
        (plain, Settings::default()),
    ]
}
