//! Makes the front end when it is not there, so that a plain `cargo build` gives a working binary:
//! `src/web/assets.rs` embeds `ui/dist`.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

fn main() -> ExitCode {
    for path in [
        "ui/src",
        "ui/icons",
        "ui/build.mjs",
        "ui/options.mjs",
        "ui/package-lock.json",
        "ui/dist",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    if is_current(&ui) {
        return ExitCode::SUCCESS;
    }
    let is_installed = ui.join("node_modules/esbuild").exists();
    let steps: &[&[&str]] = if is_installed {
        &[&["run", "build"]]
    } else {
        &[&["ci", "--no-audit", "--no-fund"], &["run", "build"]]
    };
    for step in steps {
        let ran = Command::new("npm").args(*step).current_dir(&ui).output();
        let why = match ran {
            Ok(done) if done.status.success() => continue,
            Ok(done) => String::from_utf8_lossy(&done.stderr).into_owned(),
            Err(why) => why.to_string(),
        };
        println!(
            "cargo::error=the pages' scripts and styles cannot be built: `npm {}` in {} failed. \
             Install Node.js 20 or newer, or put a finished ui/dist there.",
            step.join(" "),
            ui.display()
        );
        for line in why.lines().take(20) {
            println!("cargo::warning={line}");
        }
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Whether what was built is newer than everything it was built from.
fn is_current(ui: &Path) -> bool {
    let Some(built) = changed(&ui.join("dist/page.js")) else {
        return false;
    };
    let sources = std::fs::read_dir(ui.join("src")).into_iter().flatten();
    let sources = sources.flatten().map(|entry| entry.path());
    sources
        .chain([
            ui.join("build.mjs"),
            ui.join("options.mjs"),
            ui.join("package-lock.json"),
        ])
        .filter_map(|path| changed(&path))
        .all(|source| source <= built)
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}
