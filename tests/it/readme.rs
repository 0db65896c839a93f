//! README's table of settings is made from the options themselves; this holds it to them, and makes
//! it anew when `UPDATE_README` is set.

use std::collections::BTreeSet;

use clap::{Args, Command};
use touchstone::config::{Config, Telemetry};

const BEGIN: &str =
    "<!-- configuration: made by tests/it/readme.rs from the options themselves -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_table_of_settings_says_what_the_options_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (held, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        held, table,
        "run this test with UPDATE_README=1 to make the table anew"
    );
}

fn table() -> String {
    let command = Telemetry::augment_args(Config::augment_args(Command::new("serve")));
    let rows = command.get_arguments().filter_map(|option| {
        let variable = option.get_env()?.to_str()?;
        let default: Vec<_> = option
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        let default = if default.is_empty() {
            String::new()
        } else {
            format!("`{}`", default.join(","))
        };
        let help = option
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        Some(format!(
            "| `{variable}` | {default} | {} |\n",
            help.replace('\n', " ").replace('|', "\\|")
        ))
    });
    format!(
        "| variable | default | what it does |\n|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

#[test]
fn deployments_name_settings_that_exist_and_compose_hands_on_what_the_example_has() {
    let read = |name| {
        let path = format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let files = ["env.example", "compose.yaml", "systemd/touchstone.service"].map(read);
    let [example, compose, unit] = [named(&files[0]), named(&files[1]), named(&files[2])];
    let table = table();
    let known = named(&table);
    for name in example.iter().chain(&compose).chain(&unit) {
        assert!(known.contains(name), "no setting is called {name}");
    }
    for name in &example {
        assert!(compose.contains(name), "compose keeps {name} to itself");
    }
    assert!(example.contains("TOUCHSTONE_FORGE_APP_ID"));
}

/// Every `TOUCHSTONE_…` in a text.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("TOUCHSTONE_"))
        .collect()
}
