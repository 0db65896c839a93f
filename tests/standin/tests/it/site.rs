//! The stand-in as an app and a person see it: installing, tokens, webhooks, refusals, limits.

use crate::app::{KEY, installed};
use jira_standin::{FailNext, Faults, Outcome, Seed, Standin, accounts};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn open(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Value {
    let mut validation = Validation::new(algorithm);
    validation.validate_aud = false;
    jsonwebtoken::decode::<Value>(token, key, &validation)
        .expect("a valid token")
        .claims
}

fn now() -> i64 {
    i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap()
}

fn sign(secret: &str, algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

/// SHA-256 of `METHOD&path&query`, for paths and queries that need no encoding.
fn simple_qsh(method: &str, path: &str, query: &str) -> String {
    let canonical = format!("{method}&{path}&{query}");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    let digits: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    digits.concat()
}

async fn call(
    site: &Standin,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let (path_only, query) = path.split_once('?').unwrap_or((path, ""));
    let claims = json!({
        "iss": KEY, "iat": now(), "exp": now() + 180,
        "qsh": simple_qsh(method.as_str(), path_only, query),
    });
    let token = sign(&site.shared_secret(), Algorithm::HS256, &claims);
    let mut request = client()
        .request(method, format!("{}{path}", site.base_url()))
        .header("Authorization", format!("JWT {token}"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn installing_signs_with_the_published_key_and_the_secret_changes_each_time() {
    let (site, app) = installed(Seed::Empty).await;
    let first_secret = site.shared_secret();
    let got = &app.got("/installed")[0];
    assert_eq!(got.body["sharedSecret"], json!(first_secret));
    assert_eq!(got.body["clientKey"], json!(site.client_key()));
    let kid = jsonwebtoken::decode_header(got.token())
        .unwrap()
        .kid
        .unwrap();
    let pem = client()
        .get(format!("{}/{kid}", site.key_host()))
        .send()
        .await
        .unwrap();
    let pem = pem.text().await.unwrap();
    let claims = open(
        &got.token(),
        &DecodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        Algorithm::RS256,
    );
    assert_eq!(claims["iss"], json!(site.client_key()));
    assert_eq!(claims["aud"], json!([app.base()]));
    assert_eq!(claims["qsh"], json!(simple_qsh("POST", "/installed", "")));
    let enabled = app.got("/enabled")[0].token();
    open(
        &enabled,
        &DecodingKey::from_secret(first_secret.as_bytes()),
        Algorithm::HS256,
    );

    site.rotate_secret().await.unwrap();
    assert_ne!(site.shared_secret(), first_secret);

    let kept = site.shared_secret();
    app.answer_lifecycle(500);
    assert!(site.rotate_secret().await.is_err());
    assert_eq!(
        site.shared_secret(),
        kept,
        "a refused secret is not in force"
    );

    let made_up = client()
        .get(format!("{}/fake-kid", site.key_host()))
        .send()
        .await
        .unwrap();
    assert_eq!(made_up.status(), 403);
}

#[tokio::test]
async fn a_token_that_jira_would_refuse_is_refused() {
    let (site, _app) = installed(Seed::Sample).await;
    let secret = site.shared_secret();
    let path = "/rest/api/3/myself";
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = json!({
            "iss": KEY, "iat": now(), "exp": now() + 180, "qsh": simple_qsh("GET", path, ""),
        });
        change(&mut claims);
        claims
    };
    let good = sign(&secret, Algorithm::HS256, &claims(&|_| ()));
    let cases = [
        ("right", format!("JWT {good}"), 200),
        ("scheme in lower case", format!("jwt {good}"), 200),
        ("as Bearer", format!("Bearer {good}"), 401),
        (
            "other secret",
            format!("JWT {}", sign("other", Algorithm::HS256, &claims(&|_| ()))),
            401,
        ),
        (
            "HS512",
            format!("JWT {}", sign(&secret, Algorithm::HS512, &claims(&|_| ()))),
            401,
        ),
        (
            "expired",
            signed(&secret, &claims(&|it| it["exp"] = json!(now() - 60))),
            401,
        ),
        (
            "no exp",
            signed(&secret, &claims(&|it| it["exp"] = Value::Null)),
            401,
        ),
        (
            "issued tomorrow",
            signed(&secret, &claims(&|it| it["iat"] = json!(now() + 86_400))),
            401,
        ),
        (
            "other app",
            signed(&secret, &claims(&|it| it["iss"] = json!("org.other"))),
            401,
        ),
        (
            "no qsh",
            signed(&secret, &claims(&|it| it["qsh"] = Value::Null)),
            401,
        ),
        (
            "context-qsh",
            signed(&secret, &claims(&|it| it["qsh"] = json!("context-qsh"))),
            401,
        ),
        (
            "qsh of another method",
            signed(
                &secret,
                &claims(&|it| it["qsh"] = json!(simple_qsh("POST", path, ""))),
            ),
            401,
        ),
        (
            "qsh of another query",
            signed(
                &secret,
                &claims(&|it| it["qsh"] = json!(simple_qsh("GET", path, "a=1"))),
            ),
            401,
        ),
        ("no token", String::new(), 401),
        (
            "wrong password",
            "Basic YWRhQGV4YW1wbGUuY29tOndyb25n".to_owned(),
            401,
        ),
    ];
    for (name, header, expected) in cases {
        let mut request = client().get(format!("{}{path}", site.base_url()));
        if !header.is_empty() {
            request = request.header("Authorization", header);
        }
        assert_eq!(
            request.send().await.unwrap().status().as_u16(),
            expected,
            "{name}"
        );
    }
    site.uninstall().await.unwrap();
    let request = client().get(format!("{}{path}", site.base_url()));
    let answer = request
        .header("Authorization", format!("JWT {good}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401, "after the uninstall");
}

fn signed(secret: &str, claims: &Value) -> String {
    format!("JWT {}", sign(secret, Algorithm::HS256, claims))
}

#[tokio::test]
async fn a_webhook_is_signed_carries_the_change_and_is_repeated_under_one_identifier() {
    let (site, app) = installed(Seed::Sample).await;
    app.answer_next(&[503, 429]);
    site.transition("SHOP-12", "In Progress", "mina").unwrap();
    site.settle().await.unwrap();
    let got = app.got("/hook");
    assert_eq!(got.len(), 3);
    assert!(got.iter().all(|it| it.method == "POST"));
    let identifiers: Vec<_> = got
        .iter()
        .map(|it| it.header("x-atlassian-webhook-identifier"))
        .collect();
    assert!(identifiers[0].is_some() && identifiers.iter().all(|it| *it == identifiers[0]));
    let retries: Vec<_> = got
        .iter()
        .map(|it| it.header("x-atlassian-webhook-retry"))
        .collect();
    assert_eq!(retries, [None, Some("1"), Some("2")]);
    assert_eq!(got[0].header("x-atlassian-webhook-flow"), Some("Primary"));
    let secret = site.shared_secret();
    let claims = open(
        &got[2].token(),
        &DecodingKey::from_secret(secret.as_bytes()),
        Algorithm::HS256,
    );
    assert_eq!(claims["qsh"], json!(simple_qsh("POST", "/hook", "")));
    assert_eq!(claims["sub"], json!(accounts::TESTER));
    let body = &got[0].body;
    assert_eq!(body["webhookEvent"], "jira:issue_updated");
    assert_eq!(body["issue_event_type_name"], "issue_generic");
    assert_eq!(body["user"]["accountId"], json!(accounts::TESTER));
    assert_eq!(body["issue"]["key"], "SHOP-12");
    assert_eq!(
        body["issue"]["fields"]["status"]["statusCategory"]["key"],
        "indeterminate"
    );
    assert!(
        body["issue"]["fields"]["description"].is_string(),
        "wiki markup, not ADF"
    );
    assert!(body["issue"]["fields"].get("comment").is_none());
    let item = &body["changelog"]["items"][0];
    assert_eq!(
        (&item["fieldId"], &item["toString"]),
        (&json!("status"), &json!("In Progress"))
    );
}

#[tokio::test]
async fn an_answer_outside_the_retry_list_is_final_and_five_retries_are_the_most() {
    let (site, app) = installed(Seed::Sample).await;
    app.answer_next(&[401]);
    site.comment("SHOP-7", "Refused once.", "mina").unwrap();
    site.settle().await.unwrap();
    assert_eq!(app.got("/hook").len(), 1);
    assert_eq!(site.deliveries()[0].outcome, Outcome::Refused);

    app.answer_next(&[500; 6]);
    site.comment("SHOP-7", "Never taken.", "mina").unwrap();
    site.settle().await.unwrap();
    assert_eq!(app.got("/hook").len(), 7);
    assert_eq!(site.deliveries().last().unwrap().outcome, Outcome::Lost);
    let (status, failed) = call(&site, Method::GET, "/rest/api/3/webhook/failed", None).await;
    assert_eq!(status, 200);
    assert!(
        failed["values"][0]["body"]
            .as_str()
            .unwrap()
            .contains("Never taken.")
    );
}

#[tokio::test]
async fn faults_double_hold_and_lose_deliveries_on_command() {
    let (site, app) = installed(Seed::Sample).await;
    site.set_faults(Faults {
        duplicate_percent: 100,
        hold: true,
        ..Faults::default()
    });
    site.comment("SHOP-7", "Twice.", "mina").unwrap();
    site.wait_for("both are held", |state| state.open_deliveries() == 2)
        .await
        .unwrap();
    assert!(app.got("/hook").is_empty());
    site.set_faults(Faults::default());
    site.settle().await.unwrap();
    let got = app.got("/hook");
    let identifier = |index: usize| {
        got[index]
            .header("x-atlassian-webhook-identifier")
            .map(str::to_owned)
    };
    assert_eq!((got.len(), identifier(0)), (2, identifier(1)));

    site.set_faults(Faults {
        twin_percent: 100,
        ..Faults::default()
    });
    site.comment("SHOP-7", "Through two registrations.", "mina")
        .unwrap();
    site.settle().await.unwrap();
    let got = app.got("/hook");
    assert_eq!(got.len(), 4);
    assert_ne!(
        got[2].header("x-atlassian-webhook-identifier"),
        got[3].header("x-atlassian-webhook-identifier")
    );

    site.set_faults(Faults {
        drop_percent: 100,
        ..Faults::default()
    });
    site.comment("SHOP-7", "Lost.", "mina").unwrap();
    site.settle().await.unwrap();
    assert_eq!(app.got("/hook").len(), 4);
}

#[tokio::test]
async fn what_the_app_writes_comes_back_with_its_account_and_trace() {
    let (site, app) = installed(Seed::Sample).await;
    let path = "/rest/api/3/issue/SHOP-7/comment";
    let document = json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "From the app" }] },
    ]});
    let claims = json!({
        "iss": KEY, "iat": now(), "exp": now() + 180, "qsh": simple_qsh("POST", path, ""),
    });
    let answer = client()
        .post(format!("{}{path}", site.base_url()))
        .header("Authorization", signed(&site.shared_secret(), &claims))
        .header("X-Atlassian-Webhook-Trace", "outbox-17")
        .json(&json!({ "body": document }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    site.settle().await.unwrap();
    let got = &app.got("/hook")[0];
    assert_eq!(got.header("x-atlassian-webhook-trace"), Some("outbox-17"));
    let author = got.body["comment"]["updateAuthor"]["accountId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        Some(author),
        site.read(|state| state.app_account().map(str::to_owned))
    );
    assert_eq!(got.body["comment"]["body"], "From the app");
    let request = site.requests().pop().unwrap();
    assert!(request.by_app && request.status == 201);
}

async fn judge(site: &Standin, cases: &[(Method, &str, Value, u16)]) {
    for (method, path, body, expected) in cases {
        let sent = (!body.is_null()).then(|| body.clone());
        let (status, answer) =
            call(site, method.clone(), &format!("/rest/api/3{path}"), sent).await;
        assert_eq!(
            status.as_u16(),
            *expected,
            "{method} {path} {body} {answer}"
        );
    }
}

#[tokio::test]
async fn fields_are_refused_as_jira_refuses_them() {
    let (site, _app) = installed(Seed::Sample).await;
    let bug = json!({ "project": { "key": "SHOP" }, "issuetype": { "name": "Bug" } });
    let with = |name: &str, value: Value| {
        let mut fields = bug.clone();
        fields["summary"] = json!("A fault");
        fields[name] = value;
        json!({ "fields": fields })
    };
    let post = |body: Value, status: u16| (Method::POST, "/issue", body, status);
    let put = |body: Value| (Method::PUT, "/issue/SHOP-7", body, 400);
    let both = json!({
        "fields": { "labels": ["a"] }, "update": { "labels": [{ "add": "b" }] },
    });
    let cases = [
        post(json!({ "fields": bug }), 400),
        post(with("labels", json!(["two words"])), 400),
        post(with("fixVersions", json!([{ "name": "9.9" }])), 400),
        post(with("nonsense", json!(1)), 400),
        post(with("description", json!("plain")), 400),
        post(with("priority", json!({ "name": "High" })), 201),
        put(both),
        put(json!({ "fields": { "resolution": { "name": "Done" } } })),
        put(json!({ "transition": { "id": "31" } })),
    ];
    judge(&site, &cases).await;
}

#[tokio::test]
async fn a_transition_needs_the_right_status_the_screens_field_and_an_issue() {
    let (site, _app) = installed(Seed::Sample).await;
    let path = "/issue/SHOP-12/transitions";
    let step = |id: Value| json!({ "transition": { "id": id } });
    let mut resolved = step(json!("31"));
    resolved["fields"] = json!({ "resolution": { "name": "Duplicate" } });
    let mut off_screen = step(json!("11"));
    off_screen["fields"] = json!({ "summary": "Other" });
    let cases = [
        (Method::POST, path, json!({}), 400),
        (Method::POST, path, step(json!("41")), 400),
        (Method::POST, path, step(json!("start")), 400),
        (Method::POST, path, step(json!("31")), 400),
        (Method::POST, path, off_screen, 400),
        (Method::POST, path, step(json!(11)), 204),
        (Method::POST, path, resolved, 204),
        (
            Method::POST,
            "/issue/NONE-1/transitions",
            step(json!("11")),
            404,
        ),
    ];
    judge(&site, &cases).await;
    let done = site.issue("SHOP-12").unwrap();
    assert_eq!(
        (done.status.as_str(), done.resolution.as_deref()),
        ("Done", Some("Duplicate"))
    );
    site.transition("SHOP-12", "To Do", "mina").unwrap();
    assert_eq!(
        site.issue("SHOP-12").unwrap().resolution,
        None,
        "reopening clears it"
    );
    assert!(site.transition("SHOP-12", "In Progress", "vera").is_err());
}

#[tokio::test]
async fn other_calls_are_refused_as_jira_refuses_them() {
    let (site, _app) = installed(Seed::Sample).await;
    let half = json!({ "type": { "name": "Blocks" }, "inwardIssue": { "key": "SHOP-7" } });
    let untitled = json!({ "object": { "url": "https://example.com" } });
    let search = "/search/jql";
    let cases = [
        (
            Method::POST,
            "/issue/SHOP-7/comment",
            json!({ "body": "plain" }),
            400,
        ),
        (Method::POST, "/issueLink", half, 400),
        (Method::POST, "/issue/SHOP-7/remotelink", untitled, 400),
        (
            Method::POST,
            search,
            json!({ "jql": "project = SHOP", "startAt": 0 }),
            400,
        ),
        (Method::POST, search, json!({ "jql": "order by key" }), 400),
        (
            Method::POST,
            search,
            json!({ "jql": "project = NOPE" }),
            400,
        ),
        (
            Method::POST,
            "/search",
            json!({ "jql": "project = SHOP" }),
            410,
        ),
        (
            Method::POST,
            "/permissions/check",
            json!({ "globalPermissions": ["NONE"] }),
            400,
        ),
        (
            Method::POST,
            "/changelog/bulkfetch",
            json!({ "issueIdsOrKeys": ["SHOP-7"] }),
            403,
        ),
        // The app has neither DELETE nor the site's administration among its scopes.
        (Method::DELETE, "/issue/SHOP-7", Value::Null, 403),
        (Method::GET, "/statuses/search", Value::Null, 403),
    ];
    judge(&site, &cases).await;
}

#[tokio::test]
async fn search_pages_by_token_and_sees_only_what_the_query_asks() {
    let (site, _app) = installed(Seed::Sample).await;
    let path = "/rest/api/3/search/jql";
    let body = json!({ "jql": "project = SHOP ORDER BY key ASC", "fields": ["summary"], "maxResults": 10 });
    let (_, first) = call(&site, Method::POST, path, Some(body.clone())).await;
    assert_eq!(
        (first["issues"].as_array().unwrap().len(), &first["isLast"]),
        (10, &json!(false))
    );
    assert!(first.get("total").is_none());
    let mut next = body;
    next["nextPageToken"] = first["nextPageToken"].clone();
    let (_, second) = call(&site, Method::POST, path, Some(next.clone())).await;
    assert_eq!(
        (
            second["issues"].as_array().unwrap().len(),
            &second["isLast"]
        ),
        (7, &json!(true))
    );
    next["jql"] = json!("project = OPS");
    assert_eq!(
        call(&site, Method::POST, path, Some(next)).await.0,
        400,
        "a token of another query"
    );

    let keys = |answer: &Value| -> Vec<String> {
        let issues = answer["issues"].as_array().unwrap().iter();
        issues
            .map(|it| it["key"].as_str().unwrap().to_owned())
            .collect()
    };
    let queries = [
        (
            "issuetype = Bug AND statusCategory = Done ORDER BY key",
            vec!["SHOP-13", "SHOP-14"],
        ),
        (
            "fixVersion = 1.3 AND sprint in closedSprints() AND type = Task",
            vec!["SHOP-4"],
        ),
        ("parent = SHOP-7", vec!["SHOP-17"]),
        (
            "key in (SHOP-3, SHOP-2) AND NOT key = SHOP-2",
            vec!["SHOP-3"],
        ),
        (
            "project = SHOP AND assignee is EMPTY AND fixVersion is EMPTY",
            vec!["SHOP-15"],
        ),
        ("project = SHOP AND updated >= -1m", vec![]),
        (r#"summary ~ "saved card" AND type = Story"#, vec!["SHOP-7"]),
    ];
    for (query, expected) in queries {
        let body = json!({ "jql": query, "fields": ["key"] });
        let (status, answer) = call(&site, Method::POST, path, Some(body)).await;
        assert_eq!(
            (status.as_u16(), keys(&answer)),
            (200, expected.iter().map(|it| (*it).to_owned()).collect()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn creating_takes_a_property_with_it_and_search_finds_it_after_the_index_lag() {
    let (site, _app) = installed(Seed::Empty).await;
    site.set_faults(Faults {
        index_lag_ms: 60_000,
        ..Faults::default()
    });
    let body = json!({
        "fields": {
            "project": { "key": "SHOP" }, "issuetype": { "name": "Bug" }, "summary": "A fault",
        },
        "properties": [{ "key": "tiny.defect", "value": { "marker": "a1" } }],
    });
    let (status, made) = call(&site, Method::POST, "/rest/api/3/issue", Some(body)).await;
    assert_eq!(status, 201);
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        site.issue(key).unwrap().properties["tiny.defect"],
        json!({ "marker": "a1" })
    );
    let query = json!({ "jql": r#"issue.property[tiny.defect].marker = "a1""#, "fields": ["key"] });
    let search = || {
        call(
            &site,
            Method::POST,
            "/rest/api/3/search/jql",
            Some(query.clone()),
        )
    };
    assert_eq!(search().await.1["issues"].as_array().unwrap().len(), 0);
    site.set_faults(Faults::default());
    assert_eq!(search().await.1["issues"][0]["key"], json!(key));
}

#[tokio::test]
async fn failures_on_command_carry_jiras_headers_and_may_have_done_the_work() {
    let (site, _app) = installed(Seed::Sample).await;
    let due = FailNext {
        path: Some("/comment".to_owned()),
        status: 429,
        retry_after: Some(3),
        reason: Some("jira-quota-tenant-based".to_owned()),
        ..FailNext::default()
    };
    let done = FailNext {
        status: 500,
        carried_out: true,
        ..due.clone()
    };
    site.set_faults(Faults {
        fail_next: vec![due, done],
        ..Faults::default()
    });
    let path = "/rest/api/2/issue/SHOP-7/comment";
    let mut request = client().get(format!("{}{path}", site.base_url()));
    request = request.basic_auth("daniel@example.com", Some("token-of-daniel"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(
        answer.headers()["ratelimit-reason"],
        "jira-quota-tenant-based"
    );
    let before = site.issue("SHOP-7").unwrap().comments.len();
    let (status, _) = call(
        &site,
        Method::POST,
        path,
        Some(json!({ "body": "Written all the same." })),
    )
    .await;
    assert_eq!(status, 500);
    assert_eq!(site.issue("SHOP-7").unwrap().comments.len(), before + 1);
}

#[tokio::test]
async fn writing_too_fast_to_one_issue_is_refused_and_counted() {
    let (site, _app) = installed(Seed::Sample).await;
    site.stop_clock();
    let path = "/rest/api/3/issue/SHOP-7/properties/tiny";
    let mut refused = 0;
    for round in 0..25 {
        let (status, _) = call(&site, Method::PUT, path, Some(json!(round))).await;
        refused += u64::from(status == 429);
    }
    assert_eq!(
        (refused, site.read(jira_standin::State::limit_violations)),
        (5, 5)
    );
    site.advance_ms(2_001);
    assert_eq!(
        call(&site, Method::PUT, path, Some(json!("later"))).await.0,
        200
    );
}

#[tokio::test]
async fn permissions_are_answered_for_anyone_and_only_the_granted_ones() {
    let (site, _app) = installed(Seed::Sample).await;
    let issue = site.issue("SHOP-7").unwrap().id;
    let ask = |account: &str| {
        let body = json!({
            "accountId": account,
            "globalPermissions": ["ADMINISTER"],
            "projectPermissions": [
                { "permissions": ["BROWSE_PROJECTS", "CREATE_ISSUES"], "projects": [10_000], "issues": [issue, 1] },
            ],
        });
        call(
            &site,
            Method::POST,
            "/rest/api/3/permissions/check",
            Some(body),
        )
    };
    let (_, admin) = ask(accounts::ADMIN).await;
    assert_eq!(admin["globalPermissions"], json!(["ADMINISTER"]));
    let (_, onlooker) = ask(accounts::ONLOOKER).await;
    assert_eq!(
        onlooker,
        json!({ "globalPermissions": [], "projectPermissions": [
            { "permission": "BROWSE_PROJECTS", "projects": [10_000], "issues": [issue] },
        ]})
    );
    let (_, outsider) = ask(accounts::OUTSIDER).await;
    assert_eq!(
        outsider,
        json!({ "globalPermissions": [], "projectPermissions": [] })
    );
}

#[tokio::test]
async fn a_moved_issue_keeps_its_id_and_answers_to_its_old_key() {
    let (site, app) = installed(Seed::Sample).await;
    let before = site.issue("SHOP-16").unwrap();
    let key = site.move_issue("SHOP-16", "OPS", "ada").unwrap();
    site.settle().await.unwrap();
    let after = site.issue("SHOP-16").unwrap();
    assert_eq!((after.id, after.key.as_str()), (before.id, key.as_str()));
    let body = &app.got("/hook")[0].body;
    assert_eq!(body["issue_event_type_name"], "issue_moved");
    let items = body["changelog"]["items"].as_array().unwrap();
    let moved = items.iter().find(|it| it["field"] == "Key").unwrap();
    assert_eq!(
        (&moved["fromString"], &moved["toString"]),
        (&json!("SHOP-16"), &json!(key))
    );
    let (_, read) = call(
        &site,
        Method::GET,
        "/rest/api/3/issue/SHOP-16?fields=summary",
        None,
    )
    .await;
    assert_eq!(read["key"], json!(key));
}

#[tokio::test]
async fn deleting_tells_of_the_issue_first_and_of_its_children_aside() {
    let (site, app) = installed(Seed::Sample).await;
    site.delete("SHOP-11", "ada").unwrap();
    site.settle().await.unwrap();
    let got = app.got("/hook");
    let flow = |event: &str| {
        let found = got
            .iter()
            .find(|it| it.body["webhookEvent"] == event)
            .unwrap();
        found.header("x-atlassian-webhook-flow").unwrap().to_owned()
    };
    assert_eq!(flow("jira:issue_deleted"), "Primary");
    assert_eq!(flow("comment_deleted"), "Secondary");
    assert!(site.issue("SHOP-11").is_none());
    assert!(
        site.issue("SHOP-7")
            .unwrap()
            .links
            .iter()
            .all(|it| it.key != "SHOP-11")
    );
}

#[tokio::test]
async fn the_frame_address_is_filled_signed_and_only_for_who_may_see_the_issue() {
    let (site, app) = installed(Seed::Sample).await;
    let url = site.frame_url("SHOP-7", "vera").unwrap();
    assert!(
        url.starts_with(&format!("{}/panel?issueKey=SHOP-7&xdm_e=", app.base())),
        "{url}"
    );
    let token = url.rsplit_once("&jwt=").unwrap().1;
    let key = DecodingKey::from_secret(site.shared_secret().as_bytes());
    assert_eq!(
        open(token, &key, Algorithm::HS256)["sub"],
        json!(accounts::ONLOOKER)
    );
    assert!(site.frame_url("SHOP-7", "otto").is_err());
    let context = site.context_jwt(Some("SHOP-7"), "vera").unwrap();
    let claims = open(&context, &key, Algorithm::HS256);
    assert_eq!(claims["qsh"], "context-qsh");
    assert_eq!(claims["context"]["jira"]["issue"]["key"], "SHOP-7");
}
