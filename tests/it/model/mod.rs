//! The whole of the traceability store against a plain model of its rules: thousands of operations of
//! several clients at once, against two replicas, and then every status in every scope.
//!
//! `rules` is the model; it shares no code with the product. `client` is what the clients do, `change`
//! what the model makes of their answers. The seed is printed and can be given (`MODEL_SEED`), the
//! number of operations as well (`MODEL_OPERATIONS`).

mod api;
mod change;
mod choices;
mod client;
mod contested;
mod dice;
mod edits;
mod jira;
mod report;
mod rules;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use touchstone::app::check_projections::{Checked, check_projections};
use touchstone::store::sites;

use api::Api;
use client::{CLIENTS, Client, ENVIRONMENTS, SPRINTS, VERSIONS};
use contested::Contest;
pub use dice::Dice;
use rules::{Scope, World};

use crate::both_databases;
use crate::support::site::{Site, now_s};
use crate::support::{TestApp, eventually};

const OPERATIONS: usize = 10_000;

fn given(name: &str, otherwise: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |text| text.parse().unwrap())
}

both_databases! {
    async fn ten_thousand_operations_come_to_what_the_rules_say(database: Database) {
        let is_sqlite = database.is_sqlite();
        let app = TestApp::spawn_with(database, &["--api-requests-per-minute", "0"]).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let mut replicas = vec![app.base.clone()];
        // SQLite is one process with its file.
        let other = if is_sqlite { None } else { Some(app.replica().await) };
        replicas.extend(other.iter().map(|(base, _)| base.clone()));
        let api = Api {
            replicas,
            token: app.api_token(&site).await,
            site: site.clone(),
            http: app.http.clone(),
            turn: std::sync::Arc::default(),
        };
        let seed = u64::try_from(given("MODEL_SEED", 1)).unwrap();
        let operations = given("MODEL_OPERATIONS", OPERATIONS);
        println!("seed {seed}, {operations} operations");
        let since = std::time::Instant::now();

        let (known, base, issues) = world::begin(&app, &api, &mut Dice::new(seed)).await;
        let mut work = tokio::task::JoinSet::new();
        for number in 0..CLIENTS {
            let own = issues.iter().skip(number).step_by(CLIENTS).cloned().collect();
            let mut client = Client::new(number, seed, api.clone(), known.clone(), base.clone(), own);
            work.spawn(async move {
                client.work(operations / CLIENTS).await;
                (client.log, client.contest)
            });
        }
        let (mut model, mut contests) = (base, vec![]);
        while let Some(done) = work.join_next().await {
            let (log, contest) = done.unwrap();
            for change in log {
                model.apply(change);
            }
            contests.push(contest);
        }
        settle_contests(&api, &known.contested, &contests, &mut model).await;
        app.applied().await;
        let over_ms = model.rules().all_short_ends_ms(now_s() * 1_000);
        eventually("what was to end soon has ended", async || (now_s() * 1_000 > over_ms).then_some(())).await;

        println!("all is done after {:.0?}", since.elapsed());
        let mut dice = Dice::new(seed);
        let compared = compare_all(&api, &model, &mut dice, 100).await;
        println!("{compared} statuses compared, {}", tally(&model));
        // The same facts under other settings; nothing was kept of the old ones.
        for (choices, settings) in choices::all() {
            choose(&api, &choices).await;
            model.settings = settings;
            let compared = compare_all(&api, &model, &mut dice, 30).await;
            println!("{compared} statuses compared under {choices}, {}", tally(&model));
        }
        let id = sites::find(app.app().store.read(), &site.client_key).await.unwrap().unwrap().site.id;
        let checked = check_projections(&app.app().store, id).await.unwrap();
        assert_eq!(checked, Checked { tests: model.tests.len(), ..Checked::default() });
        if let Some((_, running)) = other {
            running.stop().await.unwrap();
        }
        app.stop().await;
    }
}

async fn choose(api: &Api, choices: &Value) {
    let path = "projects/SHOP/settings";
    api.edit(path, choices).await.expect(200, path);
}

async fn settle_contests(api: &Api, contested: &[String], contests: &[Contest], model: &mut World) {
    let mut names = BTreeMap::new();
    for key in contested {
        let held = api.get(&format!("executions/{key}")).await.expect(200, key);
        names.insert(key.clone(), held["name"].as_str().unwrap().to_owned());
    }
    for (key, execution) in Contest::outcome(contests, &names) {
        model.apply(change::Change::Execution(key, execution));
    }
    let lost: usize = contests.iter().map(|contest| contest.lost).sum();
    println!("{lost} edits of contested executions came second");
}

fn scopes(model: &World) -> Vec<Scope> {
    let mut scopes = vec![Scope::default()];
    let named = |name: &str| Some(name.to_owned());
    for name in VERSIONS {
        scopes.push(Scope {
            version: named(name),
            ..Scope::default()
        });
    }
    for name in SPRINTS {
        scopes.push(Scope {
            sprint: named(name),
            ..Scope::default()
        });
    }
    let mut plans: Vec<&String> = model.plans.keys().collect();
    plans.truncate(4);
    for name in plans {
        scopes.push(Scope {
            plan: named(name),
            ..Scope::default()
        });
    }
    let everywhere = scopes.clone();
    for (n, environment) in ENVIRONMENTS.into_iter().enumerate() {
        let every_third = everywhere.iter().skip(n).step_by(3);
        scopes.extend(every_third.map(|scope| Scope {
            environment: named(environment),
            ..scope.clone()
        }));
    }
    scopes
}

fn path_of(issue: &str, scope: &Scope) -> String {
    let scopes = [
        ("version", &scope.version),
        ("plan", &scope.plan),
        ("sprint", &scope.sprint),
    ];
    let named = scopes
        .into_iter()
        .find_map(|(kind, name)| Some(format!("{kind}:{}", name.as_ref()?)));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("scope", named.as_deref().unwrap_or("latest"));
    if let Some(environment) = &scope.environment {
        query.append_pair("environment", environment);
    }
    format!("issues/{issue}/coverage?{}", query.finish())
}

/// Compares every issue, in this share of the scopes; returns how many statuses that were.
async fn compare_all(api: &Api, model: &World, dice: &mut Dice, percent: usize) -> usize {
    let (rules, mut compared, mut wrong) = (model.rules(), 0, vec![]);
    for scope in scopes(model) {
        for issue in model.issues.keys() {
            if !dice.happens(percent) {
                continue;
            }
            let path = path_of(issue, &scope);
            let seen = api.get(&path).await.expect(200, &path);
            // What holds for a while ends while nobody looks, in the service and here alike.
            let wanted = rules.verdict(issue, &scope, now_s() * 1_000);
            let statuses: BTreeMap<String, (String, bool)> = seen["tests"]
                .as_array()
                .unwrap()
                .iter()
                .map(|test| {
                    let text = |name: &str| test[name].as_str().unwrap().to_owned();
                    (
                        text("key"),
                        (text("status"), test["counted"].as_bool().unwrap()),
                    )
                })
                .collect();
            compared += 1;
            if seen["status"] != wanted.status || statuses != wanted.tests {
                wrong.push(format!("{path}: {}", difference(&seen, &statuses, &wanted)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ from the rules:\n{}",
        wrong.len(),
        wrong
            .iter()
            .take(12)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    compared
}

fn difference(
    seen: &Value,
    statuses: &BTreeMap<String, (String, bool)>,
    wanted: &rules::Verdict,
) -> String {
    let mut said = format!("{} is {}", seen["status"], wanted.status);
    for (key, held) in statuses {
        if wanted.tests.get(key) != Some(held) {
            let wanted = wanted.tests.get(key);
            write!(said, "; {key} {held:?} is {wanted:?}").unwrap();
        }
    }
    for (key, wanted) in wanted
        .tests
        .iter()
        .filter(|(key, _)| !statuses.contains_key(*key))
    {
        write!(said, "; {key} {wanted:?} is missing").unwrap();
    }
    format!("{said} ({})", seen["reason"]["sentence"])
}

/// How the statuses are spread, so that a world in which everything failed is noticed.
fn tally(model: &World) -> String {
    let (rules, mut counts) = (model.rules(), BTreeMap::<&str, usize>::new());
    for issue in model.issues.keys() {
        *counts
            .entry(
                rules
                    .verdict(issue, &Scope::default(), now_s() * 1_000)
                    .status,
            )
            .or_default() += 1;
    }
    let runs: usize = model
        .executions
        .values()
        .map(|execution| execution.runs.len())
        .sum();
    format!(
        "{} executions, {runs} runs, {} links, latest: {counts:?}",
        model.executions.len(),
        model.links.len()
    )
}
