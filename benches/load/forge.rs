//! Events through Forge beside the same events through Connect, round about: one process, one
//! database, a site of each host.
//!
//! What differs is the token (RS256 against HS256) and, in the second of the two Forge rounds, the
//! size of the body: Forge shows a handful of an issue's fields. Jira is never asked: no token for it
//! is ever delivered.

use std::time::Duration;

use super::client;
use super::database::Kind;
use super::events::{Events, Shown};
use super::ingest::{CONNECTIONS, Installed, Rounds, measured};
use super::issuer::Issuer;
use super::report::{Goal, judge, median, say};

/// Requests of one round, rounds of each kind.
const REQUESTS: u64 = 12_000;
const ROUNDS: u64 = 5;

/// Compares the routes.
pub async fn ingest(kind: Kind) {
    let issuer = Issuer::start();
    let Some(product) = Installed::with(kind, &issuer.options()).await else {
        return;
    };
    let counted = product.database.counted(product.program.pid());
    let port = product.program.port;
    let through_connect = || Events::signed(&product.site);
    let through_forge = |shown| Events::of_forge(&issuer.sign(&issuer.event()), shown);
    for (what, events) in [
        ("bytes of a webhook", through_connect()),
        ("of the same issue through Forge", through_forge(Shown::All)),
        (
            "of what Forge shows of it",
            through_forge(Shown::AsForgeDoes),
        ),
    ] {
        say(what, events.body_length());
    }

    let mut kinds = [Rounds::default(), Rounds::default(), Rounds::default()];
    // The first round warms up and lets the mirror know all issues whole; it is not counted.
    for round in 0..=ROUNDS {
        for (n, rounds) in (0_u64..).zip(&mut kinds) {
            // A token lives for 25 seconds, and a round is over well before.
            let events = match n {
                0 => through_connect(),
                1 => through_forge(Shown::All),
                _ => through_forge(Shown::AsForgeDoes),
            };
            let first = (3 * round + n) * REQUESTS;
            let mut backlog = Duration::ZERO;
            let (run, cpu) = measured(&counted, async || {
                let numbers = first..first + REQUESTS;
                let run = client::closed(port, CONNECTIONS, numbers, &events).await;
                backlog = product.program.applied().await;
                run
            })
            .await;
            assert!(backlog < Duration::from_secs(20), "{backlog:?}");
            if round > 0 {
                rounds.note(&run, cpu, 204);
            }
        }
    }
    let [connect, same, small] = kinds;
    connect.print("Connect");
    same.print("Forge, the same body");
    small.print("Forge, its own body");
    let share = |of: &Rounds| 100.0 * median(&of.rates) / median(&connect.rates);
    say(
        "its own body, of the Connect route's rate",
        format!("{:.0} %", share(&small)),
    );
    let more = median(&same.cpu) - median(&connect.cpu);
    say(
        "processor time the token costs more",
        format!("{more:.1} µs an event"),
    );
    judge(
        "forge",
        &format!("ingest of the Connect route's rate, {kind}"),
        share(&same),
        "%",
        Goal::AtLeast(80.0),
    );
    product.end().await;
}
