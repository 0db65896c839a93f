//! The process's environment: which variables are ours, and that none is misspelt.

use clap::CommandFactory;

/// Names of the `TOUCHSTONE_*` variables that are set and mean nothing to `C` or its subcommands,
/// sorted.
#[must_use]
pub fn unknown<C: CommandFactory>() -> Vec<String> {
    let mut known = Vec::new();
    collect(&C::command(), &mut known);
    let mut unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("TOUCHSTONE_") && !known.contains(name))
        .collect();
    unknown.sort();
    unknown
}

fn collect(command: &clap::Command, known: &mut Vec<String>) {
    known.extend(
        command
            .get_arguments()
            .filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)),
    );
    for inner in command.get_subcommands() {
        collect(inner, known);
    }
}
