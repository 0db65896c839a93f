//! The stand-in's Forge side as an app sees it: tokens, events and their redelivery, schedules,
//! the API's own address, calls of pages, and the move from Connect.

use crate::app::{KEY, TinyApp, installed, installed_by_forge};
use jira_standin::{Envelope, Outcome, Seed, Settings, Spreading, Standin};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const EVENTS: &str = "/forge/events/jira";

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// The claims of an invocation token, if a key of the set of this moment signed it.
async fn opened(site: &Standin, token: &str) -> Option<Value> {
    let set: Value = client()
        .get(site.jwks_url())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let all = set.get("keys").and_then(Value::as_array).unwrap();
    let key = all.iter().find(|it| it.get("kid") == Some(&json!(kid)))?;
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap();
    let key = DecodingKey::from_rsa_components(text("n"), text("e")).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[site.forge_app_id()]);
    validation.set_issuer(&["forge/invocation-token"]);
    let token = jsonwebtoken::decode::<Value>(token, &key, &validation);
    Some(token.unwrap().claims)
}

async fn ask(token: &str, address: &str) -> (StatusCode, Value) {
    let answer = client().get(address).bearer_auth(token).send();
    let answer = answer.await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

fn events(app: &TinyApp) -> Vec<Value> {
    app.got(EVENTS).into_iter().map(|it| it.body).collect()
}

fn named(events: &[Value], name: &str) -> Value {
    let found = events.iter().find(|it| it["eventType"] == json!(name));
    found
        .unwrap_or_else(|| panic!("{name} is not in {events:#?}"))
        .clone()
}

#[tokio::test]
async fn an_installation_is_told_with_a_token_of_the_site_and_one_for_the_api() {
    let (site, app) = installed_by_forge(None).await;
    let got = &app.got("/forge/events/lifecycle")[0];
    let claims = opened(&site, &got.fit()).await.unwrap();
    let installation = site.installation_id().unwrap();
    assert_eq!(claims["app"]["installationId"], json!(installation));
    assert_eq!(claims["app"]["installation"]["id"], json!(installation));
    assert_eq!(claims["app"]["apiBaseUrl"], json!(site.api_base_url()));
    assert_eq!(claims["app"]["module"]["type"], json!("core:endpoint"));
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        25
    );
    assert!(claims.get("context").is_none() && claims.get("principal").is_none());
    assert_eq!(installation.rsplit('/').next(), got.body["id"].as_str());
    assert!(got.body.get("eventType").is_none());
    let system = got.header("x-forge-oauth-system").unwrap();
    assert_eq!(system, site.system_token().unwrap(), "the same token again");
    let (status, me) = ask(
        system,
        &format!("{}/rest/api/3/myself", site.api_base_url()),
    )
    .await;
    assert_eq!(
        (status, &me["accountType"]),
        (StatusCode::OK, &json!("app"))
    );
    assert!(app.got("/installed").is_empty());
}

#[tokio::test]
async fn a_change_is_told_small_and_with_account_ids_alone() {
    let (site, app) = installed_by_forge(None).await;
    site.transition("SHOP-12", "In Progress", "mina").unwrap();
    site.edit(
        "SHOP-12",
        &json!({ "assignee": { "accountId": jira_standin::accounts::DEVELOPER } }),
        "daniel",
    )
    .unwrap();
    site.comment("SHOP-12", "well", "mina").unwrap();
    site.link("Blocks", "SHOP-12", "SHOP-7", "mina").unwrap();
    site.settle().await.unwrap();
    let all = events(&app);
    let moved = named(&all, "avi:jira:updated:issue");
    let fields = moved["issue"]["fields"].as_object().unwrap();
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    let small = [
        "assignee",
        "created",
        "creator",
        "issuetype",
        "project",
        "reporter",
        "status",
        "summary",
        "updated",
    ];
    assert_eq!(names, small);
    assert_eq!(fields["reporter"].as_object().unwrap().len(), 1);
    assert!(moved["timestamp"].as_str().unwrap().parse::<i64>().is_ok());
    assert_eq!(moved["selfGenerated"], json!(false));
    assert_eq!(moved["atlassianId"], json!(jira_standin::accounts::TESTER));
    assert_eq!(moved["changelog"]["items"][0]["fieldId"], json!("status"));
    assert_eq!(moved["associatedStatuses"].as_array().unwrap().len(), 2);
    let twin = named(&all, "avi:jira:assigned:issue");
    assert_eq!(twin["changelog"]["items"][0]["fieldId"], json!("assignee"));
    let of_twin = |it: &&Value| it["jiraEventTypeName"] == json!("issue_assigned");
    assert_eq!(all.iter().filter(of_twin).count(), 1);
    let comment = named(&all, "avi:jira:commented:issue");
    assert_eq!(comment["comment"]["body"]["type"], json!("doc"));
    let link = named(&all, "avi:jira:created:issuelink");
    assert!(link["sourceIssueId"].is_string() && link.get("issue").is_none());

    let before = all.len();
    site.delete("SHOP-12", "ada").unwrap();
    site.settle().await.unwrap();
    let after = events(&app);
    assert_eq!(after.len(), before + 1, "nothing of its comments and links");
    assert_eq!(after[before]["eventType"], json!("avi:jira:deleted:issue"));
}

#[tokio::test]
async fn changes_of_the_app_are_left_out_as_the_manifest_says() {
    let (site, app) = installed_by_forge(None).await;
    let token = site.system_token().unwrap();
    let change = async |text: &str| {
        let url = format!("{}/rest/api/3/issue/SHOP-12/comment", site.api_base_url());
        let body = json!({ "body": {
            "type": "doc", "version": 1,
            "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": text }] }],
        } });
        let answer = client()
            .post(url)
            .bearer_auth(&token)
            .header("X-Atlassian-Webhook-Trace", "ours")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        site.settle().await.unwrap();
    };
    change("one").await;
    assert!(events(&app).is_empty());
    site.set_forge(Settings {
        ignore_self: Some(false),
        envelope: Envelope::Payload,
        ..Settings::default()
    });
    change("two").await;
    let told = &events(&app)[0]["payload"];
    assert_eq!(told["selfGenerated"], json!(true));
    assert_eq!(told["webhookTraceValue"], json!("ours"));
}

#[tokio::test]
async fn what_is_not_taken_is_delivered_again_a_minute_later_and_four_times_at_most() {
    let (site, app) = installed_by_forge(None).await;
    site.stop_clock();
    app.answer_next(&[500, 401]);
    site.transition("SHOP-12", "In Progress", "mina").unwrap();
    site.wait_for_retry().await.unwrap();
    assert_eq!(app.got(EVENTS).len(), 1);
    site.advance_ms(60_000);
    let twice = |state: &jira_standin::State| {
        state
            .deliveries()
            .iter()
            .filter(|it| it.attempt == 1)
            .count()
            == 1
    };
    site.wait_for("the second attempt", twice).await.unwrap();
    site.redeliver_now();
    site.settle().await.unwrap();
    let got = events(&app);
    assert!(got[0].get("retryContext").is_none());
    let reason = |at: usize| {
        got[at]["retryContext"]["retryReason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(reason(1), "INVALID_REMOTE_INVOCATION_ERROR");
    assert_eq!(reason(2), "INVALID_FORGE_INVOCATION_TOKEN");
    assert_eq!(got[2]["retryContext"]["retryCount"], json!(2));
    assert_eq!(got[0]["timestamp"], got[2]["timestamp"]);
    let tokens: Vec<String> = app.got(EVENTS).iter().map(crate::app::Got::fit).collect();
    assert_ne!(tokens[0], tokens[1], "a new token each time");

    app.answer_next(&[400; 9]);
    site.comment("SHOP-12", "well", "mina").unwrap();
    for attempt in 0..5 {
        let tried = move |state: &jira_standin::State| {
            let last = state.deliveries().last();
            last.is_some_and(|it| it.attempt == attempt && it.event.contains("commented"))
        };
        site.wait_for("the next attempt", tried).await.unwrap();
        site.redeliver_now();
    }
    site.settle().await.unwrap();
    assert_eq!(site.deliveries().last().unwrap().outcome, Outcome::Lost);
    assert_eq!(app.got(EVENTS).len(), 3 + 5);
}

#[tokio::test]
async fn an_app_that_says_nothing_is_told_that_it_was_too_slow() {
    let (site, app) = installed_by_forge(None).await;
    app.fall_silent(true);
    site.comment("SHOP-12", "well", "mina").unwrap();
    site.wait_for_retry().await.unwrap();
    app.fall_silent(false);
    site.redeliver_now();
    site.settle().await.unwrap();
    let got = events(&app);
    let again = &got[1]["retryContext"];
    let expected = json!({ "retryCount": 1, "retryReason": "TIMEOUT_ERROR", "retryData": null });
    assert_eq!(again, &expected);
    assert_eq!(got[0]["comment"], got[1]["comment"]);
}

#[tokio::test]
async fn the_hour_brings_a_call_and_the_end_is_announced() {
    let (site, app) = installed_by_forge(None).await;
    site.stop_clock();
    site.call_hourly().unwrap();
    site.settle().await.unwrap();
    let hourly = app.got("/forge/scheduled/hourly");
    assert_eq!(hourly[0].body["context"]["cloudId"], json!(site.cloud_id()));
    assert_eq!(hourly[0].body["context"]["moduleKey"], json!("hourly"));
    assert!(hourly[0].header("x-forge-oauth-system").is_some());
    site.advance_ms(5 * 60_000);
    let calls = |count: usize| {
        move |state: &jira_standin::State| {
            state
                .deliveries()
                .iter()
                .filter(|it| it.event == "hourly")
                .count()
                == count
        }
    };
    site.wait_for("the first of the schedule", calls(2))
        .await
        .unwrap();
    site.advance_ms(3_600_000);
    site.wait_for("the second", calls(3)).await.unwrap();

    let token = site.system_token().unwrap();
    site.uninstall_forge(false).await.unwrap();
    assert_eq!(app.got("/forge/events/pre-uninstall").len(), 1);
    let address = format!("{}/rest/api/3/myself", site.api_base_url());
    assert_eq!(ask(&token, &address).await.0, StatusCode::UNAUTHORIZED);
    let before = events(&app).len();
    site.comment("SHOP-12", "well", "mina").unwrap();
    site.settle().await.unwrap();
    assert_eq!(events(&app).len(), before);
}

#[tokio::test]
async fn tokens_are_good_at_the_api_address_for_their_holder_and_their_time() {
    let (site, _app) = installed_by_forge(None).await;
    let issue = format!(
        "{}/rest/api/3/issue/SHOP-7?fields=summary",
        site.api_base_url()
    );
    let mina = site.user_token("mina").unwrap();
    let otto = site.user_token("otto").unwrap();
    assert_eq!(ask(&mina, &issue).await.0, StatusCode::OK);
    assert_eq!(ask(&otto, &issue).await.0, StatusCode::NOT_FOUND);
    let site_rest = format!("{}/rest/api/3/myself", site.base_url());
    assert_eq!(ask(&mina, &site_rest).await.0, StatusCode::UNAUTHORIZED);
    let elsewhere = issue.replace(&site.cloud_id(), "another-cloud");
    assert_eq!(ask(&mina, &elsewhere).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask("made up", &issue).await.0, StatusCode::UNAUTHORIZED);
    let link_type = client()
        .post(format!("{}/rest/api/3/issueLinkType", site.api_base_url()))
        .bearer_auth(&mina)
        .json(&json!({ "name": "x" }))
        .send();
    assert_eq!(
        link_type.await.unwrap().status(),
        StatusCode::FORBIDDEN,
        "not in the scopes"
    );

    site.stop_clock();
    site.advance_ms(3 * 3_600_000);
    let next = site.user_token("mina").unwrap();
    assert_ne!(next, mina, "less than half of its life was left");
    site.advance_ms(3_600_000);
    assert_eq!(ask(&mina, &issue).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&next, &issue).await.0, StatusCode::OK);

    let old = site.installation_id();
    let spreading = Spreading {
        status: 403,
        requests: 2,
    };
    site.set_forge(Settings {
        spreading: Some(spreading),
        ..Settings::default()
    });
    site.reinstall_forge().await.unwrap();
    assert_ne!(site.installation_id(), old);
    assert_eq!(
        ask(&next, &issue).await.0,
        StatusCode::UNAUTHORIZED,
        "of another installation"
    );
    let system = site.system_token().unwrap();
    for status in [StatusCode::FORBIDDEN, StatusCode::FORBIDDEN, StatusCode::OK] {
        assert_eq!(ask(&system, &issue).await.0, status);
    }
    let last = site.requests().last().unwrap().clone();
    assert!(last.by_forge && last.by_app && last.target.starts_with("/rest/api/3/issue"));
}

#[tokio::test]
async fn another_environment_lives_beside_and_versions_are_told_by_their_first_number() {
    let (site, app) = installed_by_forge(None).await;
    site.upgrade_forge("1.4.0").unwrap();
    site.upgrade_forge("2.0.0").unwrap();
    site.settle().await.unwrap();
    let told = app.got("/forge/events/lifecycle");
    assert_eq!(told.len(), 2);
    assert!(
        told[1].body["permissions"]["scopes"]
            .as_array()
            .unwrap()
            .len()
            > 2
    );
    let claims = site.event_claims("jira-events").unwrap();
    assert_eq!(claims["app"]["appVersion"], json!("2.0.0"));
    let development = site
        .install_forge_in(&app.base(), "DEVELOPMENT")
        .await
        .unwrap();
    site.comment("SHOP-12", "well", "mina").unwrap();
    site.settle().await.unwrap();
    let mut seen = Vec::new();
    for got in app.got(EVENTS) {
        let claims = opened(&site, &got.fit()).await.unwrap();
        seen.push(
            claims["app"]["environment"]["type"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    seen.sort();
    assert_eq!(seen, ["DEVELOPMENT", "PRODUCTION"]);
    assert_eq!(site.installation_id(), Some(development));
}

#[tokio::test]
async fn a_page_call_reaches_the_app_as_a_person_and_only_json_comes_back() {
    let (site, app) = installed_by_forge(None).await;
    let call = |path: &str, method: &str| {
        json!({
            "as": "mina", "module": "panel", "issue": "SHOP-7",
            "call": { "path": path, "method": method, "headers": { "x-own": "1", "authorization": "mine" } },
        })
    };
    app.answer_page(200, "application/json", r#"{"tests":3}"#);
    let outcome = site
        .invoke_remote(&call("/ui/issue/1?a=b", "GET"))
        .await
        .unwrap();
    assert_eq!(outcome["resolved"]["success"], json!(true));
    assert_eq!(
        outcome["resolved"]["payload"]["body"],
        json!({ "tests": 3 })
    );
    let kind = &outcome["resolved"]["payload"]["headers"]["content-type"];
    assert_eq!(kind, &json!(["application/json"]));
    let got = &app.got("/ui/")[0];
    assert_eq!(
        (got.target.as_str(), got.header("x-own")),
        ("/ui/issue/1?a=b", Some("1"))
    );
    let claims = opened(&site, &got.fit()).await.unwrap();
    assert_eq!(claims["principal"], json!(jira_standin::accounts::TESTER));
    assert_eq!(
        claims["app"]["module"],
        json!({ "type": "jira:issuePanel", "key": "panel" })
    );
    let extension = &claims["context"]["extension"];
    assert_eq!(extension["issue"]["key"], json!("SHOP-7"));
    assert_eq!(claims["context"]["siteUrl"], json!(site.base_url()));
    let user = got.header("x-forge-oauth-user").unwrap();
    assert_eq!(user, site.user_token("mina").unwrap());

    let answers = [
        (409, "application/json", "{}", true),
        (409, "application/problem+json", "{}", false),
        (409, "application/json", "", false),
        (401, "application/json", "{}", false),
        (200, "text/html", "<p>", false),
        (204, "application/json", "", true),
        (502, "text/html", "<h1>", false),
        (302, "application/json", "", false),
    ];
    for (status, kind, body, resolves) in answers {
        app.answer_page(status, kind, body);
        let outcome = site.invoke_remote(&call("/ui/x", "PUT")).await.unwrap();
        assert_eq!(
            outcome.get("resolved").is_some(),
            resolves,
            "{status} {kind} {outcome}"
        );
    }
    let mut list = call("/ui/x", "POST");
    list["call"]["body"] = json!([1]);
    assert!(
        site.invoke_remote(&list)
            .await
            .unwrap()
            .get("rejected")
            .is_some()
    );
    let unseen =
        json!({ "as": "otto", "module": "panel", "issue": "SHOP-7", "call": { "path": "/ui/x" } });
    assert_eq!(site.invoke_remote(&unseen).await.unwrap_err().status, 404);
}

#[tokio::test]
async fn keys_rotate_fail_and_look_strange_on_command() {
    let (site, _app) = installed_by_forge(None).await;
    let claims = site.event_claims("jira-events").unwrap();
    let old = site.sign_fit(&claims);
    let before = site.key_fetches();
    assert!(opened(&site, &old).await.is_some());
    assert_eq!(site.key_fetches(), before + 1);
    site.rotate_keys(true).unwrap();
    site.set_key_shape(false, true);
    assert!(opened(&site, &old).await.is_some());
    assert!(opened(&site, &site.sign_fit(&claims)).await.is_some());
    assert!(
        opened(&site, &site.sign_fit_as_stranger(&claims).unwrap())
            .await
            .is_none()
    );
    site.rotate_keys(false).unwrap();
    assert!(opened(&site, &old).await.is_none());
    site.set_key_outage(Some(503));
    let answer = client().get(site.jwks_url()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    // Over HTTP a test changes claims by a patch.
    let patch = json!({ "endpoint": "jira-events", "claims": { "nbf": null, "app": { "installationId": "x" } } });
    let made: Value = client()
        .post(format!("{}/_standin/forge/fit", site.base_url()))
        .json(&patch)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(made["claims"].get("nbf").is_none() && made["token"].is_string());
    assert_eq!(made["claims"]["app"]["installationId"], json!("x"));
}

#[tokio::test]
async fn a_connect_app_that_moves_to_forge_is_found_by_its_client_key() {
    let (site, app) = installed_by_forge(Some("taken-over.yml")).await;
    let key = "connect_client_key_019cdff3-8bfb-71fe-9628-875b700aebb8";
    let address = format!(
        "{}/rest/atlassian-connect/1/addons/{KEY}/properties/{key}",
        site.api_base_url()
    );
    let system = site.system_token().unwrap();
    assert_eq!(
        ask(&system, &address).await.0,
        StatusCode::NOT_FOUND,
        "never had Connect"
    );
    site.install(&app.base()).await.unwrap();
    let told = &app.got("/installed")[0];
    assert_eq!(
        told.body["installationId"],
        json!(site.installation_id().unwrap())
    );
    assert!(app.got("/enabled").is_empty());
    let (status, found) = ask(&system, &address).await;
    assert_eq!(
        (status, &found["value"]),
        (StatusCode::OK, &json!(site.client_key()))
    );
    let person = site.user_token("ada").unwrap();
    assert_ne!(ask(&person, &address).await.0, StatusCode::OK);
    site.transition("SHOP-12", "In Progress", "mina").unwrap();
    site.settle().await.unwrap();
    assert!(app.got("/hook").is_empty(), "one channel for each event");
    assert_eq!(events(&app).len(), 1);
}

#[tokio::test]
async fn an_app_of_its_own_on_both_sides_hears_everything_twice() {
    let (site, app) = installed(Seed::Sample).await;
    site.install_forge(&app.base()).await.unwrap();
    site.transition("SHOP-12", "In Progress", "mina").unwrap();
    site.settle().await.unwrap();
    assert_eq!(app.got("/hook").len(), 1);
    assert_eq!(events(&app).len(), 1);
    let target = "/rest/api/3/myself";
    let token = site.url_bound_jwt("GET", target, "ada").unwrap();
    let answer = client()
        .request(Method::GET, format!("{}{target}", site.api_base_url()))
        .header("Authorization", format!("JWT {token}"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_apps_pages_come_from_a_host_of_their_own_under_its_policy() {
    let (site, _app) = installed_by_forge(Some("taken-over.yml")).await;
    let page = client()
        .get(format!("{}/browse/SHOP-7?as=mina", site.base_url()))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let (_, rest) = page.split_once("data-src=\"").expect("a frame");
    let (address, _) = rest.split_once('"').unwrap();
    assert!(!address.starts_with(&site.base_url()));
    let answer = client().get(address).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("sandbox"));
    let text = answer.text().await.unwrap();
    assert!(text.contains("<head><script src=\"/global-bridge.js\"></script>"));
    let context: Value = client()
        .get(format!(
            "{}/_standin/forge-context?as=mina&module=panel&issue=SHOP-7&locale=de_DE",
            site.base_url()
        ))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(context["locale"], json!("de_DE"));
    assert_eq!(context["extension"]["issue"]["key"], json!("SHOP-7"));
}
