//! The load scenario: the product as a process of its own under load, beside a bare server of its
//! own, in interleaved rounds. See `benches/README.md`.
//!
//! `cargo bench --bench load` runs everything, `cargo bench --bench load -- ingest-sqlite` one
//! scenario. All traffic stays on this machine and is bounded in number and time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench that cannot measure stops where it went wrong"
)]

mod bare;
mod client;
mod database;
mod events;
mod forge;
mod history;
mod idle;
mod import;
mod import_load;
mod ingest;
#[expect(dead_code, reason = "tests sign more kinds of token than load needs")]
#[path = "../../tests/it/support/issuer.rs"]
mod issuer;
mod kill;
mod machine;
mod panel;
mod process;
mod report;
mod seed;
#[expect(dead_code, reason = "tests sign more kinds of token than load needs")]
#[path = "../../tests/it/support/site.rs"]
mod site;

use database::Kind::{self, Postgres, Sqlite};

/// Every scenario, on either database; those of ten million runs only when they are asked for by name.
const SCENARIOS: [&str; 12] = [
    "idle",
    "ingest",
    "forge-ingest",
    "open",
    "import",
    "import-memory",
    "import-large",
    "import-sustained",
    "import-growth",
    "panel",
    "kill",
    "history",
];
const ON_DEMAND: [&str; 3] = ["import-growth-10m", "panel-10m", "history-10m"];

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    if let [command, server, port, url] = arguments.as_slice()
        && command == "bare"
    {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(bare::serve(server, port.parse().unwrap(), url));
        return;
    }
    let every = SCENARIOS.into_iter().chain(ON_DEMAND);
    let every = every.flat_map(|name| [(name, Sqlite), (name, Postgres)]);
    let every: Vec<_> = every
        .map(|(name, kind)| (full_name(name, kind), name, kind))
        .collect();
    let is_wanted = |full: &str, name: &str| match arguments.as_slice() {
        [] => !ON_DEMAND.contains(&name),
        named => named.iter().any(|one| one == full || one == name),
    };
    let wanted: Vec<_> = every
        .iter()
        .filter(|(full, name, _)| is_wanted(full, name))
        .collect();
    let names: Vec<_> = every.iter().map(|(full, ..)| full.as_str()).collect();
    assert!(
        !wanted.is_empty(),
        "no scenario is called {arguments:?}; there are {names:?}"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (full, name, kind) in wanted {
        println!("\n{full}: {}", machine::load());
        runtime.block_on(run(name, *kind));
        println!("{full} ends: {}", machine::load());
    }
}

fn full_name(name: &str, kind: Kind) -> String {
    format!(
        "{name}-{}",
        kind.to_string()
            .to_lowercase()
            .replace("postgresql", "postgres")
    )
}

async fn run(scenario: &str, kind: Kind) {
    match scenario {
        "idle" => idle::idle(kind).await,
        "ingest" => ingest::closed(kind).await,
        "forge-ingest" => forge::ingest(kind).await,
        "open" => ingest::open(kind).await,
        "import" => import::speed(kind).await,
        "import-memory" => import::memory(kind).await,
        "import-large" => import_load::large(kind).await,
        "import-sustained" => import_load::sustained(kind).await,
        "import-growth" => import_load::growth(kind, 1_000_000).await,
        "import-growth-10m" => import_load::growth(kind, 10_000_000).await,
        "panel" => panel::panel(kind, 1_000_000).await,
        "panel-10m" => panel::panel(kind, 10_000_000).await,
        "kill" => kill::kill(kind).await,
        "history" => history::history(kind, 1_000_000).await,
        "history-10m" => history::history(kind, 10_000_000).await,
        other => unreachable!("{other}"),
    }
}
