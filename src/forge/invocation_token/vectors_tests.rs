//! Tokens that are accepted and tokens that are refused, with the reason: vectors of our own, and
//! those of the reference.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::issuer::{APP, BEGIN_S, CLOUD, Host, NOW_S, Signer, claims, page_claims, settings};
use super::{Invocation, Reason, Refused, Settings, Verifier};

/// Claims with one of them changed; `path` is a JSON pointer, `null` takes a claim away.
fn with(mut claims: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = claims.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    claims
}

async fn judge(token: &str) -> Result<Invocation, Refused> {
    let host = Host::serving(&[]);
    host.verifier().verify(token, NOW_S).await
}

#[tokio::test]
async fn a_token_says_who_invoked_us_and_from_where() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let event = verifier
        .verify(&signer.sign(&claims()), NOW_S)
        .await
        .unwrap();
    assert_eq!(event.cloud_id, CLOUD);
    assert_eq!(
        event.api_base_url,
        format!("https://api.atlassian.com/ex/jira/{CLOUD}")
    );
    assert_eq!(event.app_version, "3.2.1");
    assert_eq!(event.environment_type, "PRODUCTION");
    assert_eq!(
        (event.principal.as_deref(), event.context.as_ref()),
        (None, None)
    );
    assert!(event.is_of_endpoint() && !event.is_of_page());

    let mut told = page_claims();
    told["app"]["license"] = json!({ "active": true, "isEvaluation": false, "type": 7 });
    let page = verifier.verify(&signer.sign(&told), NOW_S).await.unwrap();
    assert_eq!(page.principal.as_deref(), Some("712020:5d3f"));
    let context = page.context.as_ref().unwrap();
    assert_eq!(
        context.site_url.as_deref(),
        Some("https://acme.atlassian.net")
    );
    assert_eq!(context.extension["issue"]["id"], "10042");
    assert_eq!(page.license.as_ref().unwrap().is_active, Some(true));
    assert!(page.is_of_page() && !page.is_of_endpoint());
}

#[tokio::test]
async fn what_is_neither_an_event_nor_a_page_is_nothing() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let endpoint = json!({ "type": "core:endpoint", "key": "events" });
    for claims in [
        with(page_claims(), "/app/module", endpoint),
        with(claims(), "/principal", json!("712020:5d3f")),
        with(claims(), "/app/module/type", json!("jira:issuePanel")),
    ] {
        let judged = verifier.verify(&signer.sign(&claims), NOW_S).await.unwrap();
        assert!(
            !judged.is_of_endpoint() && !judged.is_of_page(),
            "{judged:?}"
        );
    }
}

#[tokio::test]
async fn genuine_tokens_of_other_shapes_are_accepted() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let large = json!({ "settings": "x".repeat(20_000) });
    for (name, claims) in [
        (
            "aud is a list",
            with(claims(), "/aud", json!(["other", APP])),
        ),
        (
            "no places",
            with(claims(), "/app/installation", Value::Null),
        ),
        (
            "no cloud id",
            with(
                claims(),
                "/app/installation/contexts",
                json!([{ "name": "jira" }]),
            ),
        ),
        ("no version", with(claims(), "/app/appVersion", Value::Null)),
        ("no jti", with(claims(), "/jti", Value::Null)),
        (
            "unknown claims",
            with(claims(), "/app/newMember", json!({ "a": [1] })),
        ),
        ("odd licence", with(claims(), "/app/license", json!("yes"))),
        (
            "development",
            with(claims(), "/app/environment/type", json!("DEVELOPMENT")),
        ),
        ("anonymous", with(page_claims(), "/principal", Value::Null)),
        ("20 KB", with(page_claims(), "/context/extension", large)),
        ("ends 10 s ago", with(claims(), "/exp", json!(NOW_S - 10))),
        ("begins in 10 s", with(claims(), "/nbf", json!(NOW_S + 10))),
        (
            "slash",
            with(
                claims(),
                "/app/apiBaseUrl",
                json!(format!("https://api.atlassian.com/ex/jira/{CLOUD}/")),
            ),
        ),
    ] {
        let judged = verifier.verify(&signer.sign(&claims), NOW_S).await;
        assert!(
            judged.is_ok_and(|it| !it.api_base_url.ends_with('/')),
            "{name}"
        );
    }
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let other = "ari:cloud:ecosystem::app/00000000-0c0e-4b53-9d0b-2f4f4c3c1a10";
    let table = [
        ("/iss", json!("forge/context-token"), Reason::Issuer),
        ("/iss", Value::Null, Reason::Missing("iss")),
        ("/aud", json!(other), Reason::Audience),
        ("/aud", json!([]), Reason::Audience),
        ("/aud", json!(APP.rsplit('/').next()), Reason::Audience),
        ("/aud", Value::Null, Reason::Missing("aud")),
        ("/exp", json!(NOW_S - 11), Reason::Expired(NOW_S - 11)),
        ("/exp", Value::Null, Reason::Missing("exp")),
        ("/nbf", json!(NOW_S + 11), Reason::NotYet(NOW_S + 11)),
        ("/nbf", Value::Null, Reason::Missing("nbf")),
        ("/app", Value::Null, Reason::Missing("app")),
        ("/app/id", json!(other), Reason::App),
        ("/app/id", Value::Null, Reason::App),
        (
            "/app/installationId",
            Value::Null,
            Reason::Missing("app.installationId"),
        ),
        (
            "/app/installationId",
            json!("b1f9a9f0"),
            Reason::Installation,
        ),
        (
            "/app/installationId",
            json!("ari:cloud:ecosystem::installation/"),
            Reason::Installation,
        ),
        (
            "/app/installationId",
            json!("ari:cloud:ecosystem::installation/a b"),
            Reason::Installation,
        ),
        (
            "/app/installation/id",
            json!("ari:cloud:ecosystem::installation/x"),
            Reason::Installation,
        ),
        (
            "/app/installation/contexts",
            json!([{ "name": "confluence" }]),
            Reason::Product,
        ),
        ("/app/installation/contexts", json!([]), Reason::Product),
        (
            "/app/installation/contexts/0/cloudId",
            json!("another"),
            Reason::CloudId,
        ),
        (
            "/app/environment",
            Value::Null,
            Reason::Missing("app.environment"),
        ),
        ("/app/module", Value::Null, Reason::Missing("app.module")),
        (
            "/app/apiBaseUrl",
            Value::Null,
            Reason::Missing("app.apiBaseUrl"),
        ),
        ("/icLabel", json!("gov-1"), Reason::IsolatedCloud),
        ("/icLabel", json!("evil.example/#"), Reason::IsolatedCloud),
        ("/icLabel", json!(7), Reason::IsolatedCloud),
    ];
    for (path, value, reason) in table {
        let token = signer.sign(&with(claims(), path, value.clone()));
        let judged = verifier.verify(&token, NOW_S).await;
        assert_eq!(refusal(judged), reason, "{path} {value}");
    }
    let elsewhere = with(page_claims(), "/context/cloudId", json!("another"));
    let judged = verifier.verify(&signer.sign(&elsewhere), NOW_S).await;
    assert_eq!(refusal(judged), Reason::CloudId);
    assert_eq!(host.fetches(), 1);
}

#[tokio::test]
async fn a_bearer_token_is_never_sent_to_a_foreign_address() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let local = Settings {
        api_hosts: vec!["127.0.0.1".into(), "jira.example:8443".into()],
        allows_http: true,
        ..settings(&host.url)
    };
    let local = Verifier::new(local).unwrap();
    for (address, reason) in [
        ("https://evil.example/ex/jira/C", Reason::ApiBaseUrl),
        (
            "https://api.atlassian.com.evil.example/ex/jira/C",
            Reason::ApiBaseUrl,
        ),
        (
            "https://api.atlassian.com@evil.example/ex/jira/C",
            Reason::ApiBaseUrl,
        ),
        (
            "https://user:word@api.atlassian.com/ex/jira/C",
            Reason::ApiBaseUrl,
        ),
        (
            "https://api.atlassian.com:8443/ex/jira/C",
            Reason::ApiBaseUrl,
        ),
        ("http://api.atlassian.com/ex/jira/C", Reason::ApiBaseUrl),
        ("https://api.atlassian.com./ex/jira/C", Reason::ApiBaseUrl),
        (
            "https://api.atlassian.com/ex/jira/C?to=evil.example",
            Reason::ApiBaseUrl,
        ),
        ("https://api.atlassian.com/ex/jira/C#x", Reason::ApiBaseUrl),
        (
            "https://api.atlassian.com/ex/jira/C/rest",
            Reason::ApiBaseUrl,
        ),
        ("https://api.atlassian.com/ex/jira/", Reason::ApiBaseUrl),
        (
            "https://api.atlassian.com/ex/jira/C%2F..",
            Reason::ApiBaseUrl,
        ),
        ("https://api.atlassian.com/other/jira/C", Reason::ApiBaseUrl),
        ("https://api.atlassian.com/ex/confluence/C", Reason::Product),
        ("https://api.atlassian.com/ex/jira/other", Reason::CloudId),
        ("api.atlassian.com/ex/jira/C", Reason::ApiBaseUrl),
        ("http://127.0.0.1:8090/ex/jira/C", Reason::ApiBaseUrl),
        ("", Reason::ApiBaseUrl),
    ] {
        let address = address.replace('C', CLOUD);
        let token = signer.sign(&with(claims(), "/app/apiBaseUrl", json!(address)));
        assert_eq!(
            refusal(verifier.verify(&token, NOW_S).await),
            reason,
            "{address}"
        );
        let is_local = address.starts_with("http://127.0.0.1");
        assert_eq!(
            local.verify(&token, NOW_S).await.is_ok(),
            is_local,
            "{address}"
        );
    }
}

#[tokio::test]
async fn headers_that_forge_does_not_write_are_refused_before_any_fetch() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let public = signer.jwk()["n"].as_str().unwrap().to_owned();
    let hs256 = {
        let header = Header {
            kid: Some("one".into()),
            ..Header::new(Algorithm::HS256)
        };
        let key = EncodingKey::from_secret(public.as_bytes());
        jsonwebtoken::encode(&header, &claims(), &key).unwrap()
    };
    let under = |header: Value| signer.sign_under(&header, &claims());
    let long = "k".repeat(300);
    for (name, token, reason) in [
        (
            "none",
            under(json!({ "alg": "none", "kid": "one" })),
            Reason::Header,
        ),
        (
            "None",
            under(json!({ "alg": "None", "kid": "one" })),
            Reason::Header,
        ),
        (
            "rs256",
            under(json!({ "alg": "rs256", "kid": "one" })),
            Reason::Header,
        ),
        ("HS256", hs256, Reason::Header),
        (
            "RS512",
            signer.sign_as(Algorithm::RS512, Some("one"), &claims()),
            Reason::Header,
        ),
        (
            "PS256",
            signer.sign_as(Algorithm::PS256, Some("one"), &claims()),
            Reason::Header,
        ),
        (
            "crit",
            under(json!({ "alg": "RS256", "kid": "one", "crit": ["b64"] })),
            Reason::Header,
        ),
        ("no kid", under(json!({ "alg": "RS256" })), Reason::KeyName),
        (
            "empty kid",
            under(json!({ "alg": "RS256", "kid": "" })),
            Reason::KeyName,
        ),
        (
            "long kid",
            under(json!({ "alg": "RS256", "kid": long })),
            Reason::KeyName,
        ),
        (
            "odd kid",
            under(json!({ "alg": "RS256", "kid": "a\nb" })),
            Reason::KeyName,
        ),
    ] {
        assert_eq!(
            refusal(verifier.verify(&token, NOW_S).await),
            reason,
            "{name}"
        );
    }
    assert_eq!(host.fetches(), 0);
}

#[tokio::test]
async fn what_is_not_a_token_is_refused_before_any_fetch() {
    let signer = Signer::new("one");
    let good = signer.sign(&claims());
    let parts: Vec<_> = good.split('.').collect();
    for text in [
        String::new(),
        "abc.def".into(),
        "..".into(),
        format!("{good}.{}", parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!("{}.e30.{}", parts[1], parts[2]),
        format!("{}.!.{}", parts[0], parts[2]),
        format!(" {good}"),
    ] {
        let judged = judge(&text).await;
        assert!(
            matches!(refusal(judged), Reason::Malformed(_)),
            "{text:.40}"
        );
    }
    let endless = format!("{}.{}.{}", parts[0], "A".repeat(70_000), parts[2]);
    assert!(matches!(refusal(judge(&endless).await), Reason::TooLong(_)));
}

#[tokio::test]
async fn a_signature_must_be_of_the_key_it_names_and_of_these_claims() {
    let (signer, other) = (Signer::new("one"), Signer::new("one"));
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let good = signer.sign(&claims());
    let parts: Vec<_> = good.split('.').collect();
    let changed = signer.sign(&page_claims());
    let changed: Vec<_> = changed.split('.').collect();
    for (name, token) in [
        ("of another key", other.sign(&claims())),
        (
            "of other claims",
            format!("{}.{}.{}", parts[0], changed[1], parts[2]),
        ),
        ("absent", format!("{}.{}.", parts[0], parts[1])),
        (
            "cut",
            format!("{}.{}.{}", parts[0], parts[1], &parts[2][..100]),
        ),
        ("padded", format!("{good}==")),
        ("followed by a space", format!("{good} ")),
    ] {
        assert_eq!(
            refusal(verifier.verify(&token, NOW_S).await),
            Reason::Signature,
            "{name}"
        );
    }
    assert!(verifier.verify(&good, BEGIN_S).await.is_ok());
}

fn refusal(judged: Result<Invocation, Refused>) -> Reason {
    match judged {
        Err(Refused::Token(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// Whether a refusal is of the class the reference gives.
fn is_of_class(reason: &Reason, class: &str) -> bool {
    match reason {
        Reason::Malformed(_) | Reason::TooLong(_) => class == "malformed",
        Reason::Header => class == "algorithm",
        Reason::KeyName | Reason::UnknownKey => class == "kid",
        Reason::IsolatedCloud => class == "ic_label",
        Reason::Signature => class == "signature",
        Reason::Issuer | Reason::Missing("iss") => class == "issuer",
        Reason::Audience | Reason::Missing("aud") => class == "audience",
        Reason::Expired(_) | Reason::Missing("exp") => class == "exp",
        Reason::NotYet(_) | Reason::Missing("nbf") => class == "nbf",
        Reason::App => class == "app_id",
        Reason::Product => class == "product",
        Reason::ApiBaseUrl => class == "api_base_url",
        Reason::Installation | Reason::CloudId | Reason::Missing(_) => class == "claims",
    }
}

#[tokio::test]
async fn every_vector_of_the_reference_is_judged_as_it_says() {
    let Some(text) = crate::testing::reference("forge/fit/vectors.json") else {
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let now_s = file["evaluate_at"].as_i64().unwrap();
    let keys = |name: &Value| -> Vec<Value> {
        let name = format!("forge/fit/{}", name.as_str().unwrap());
        let set: Value = serde_json::from_str(&crate::testing::reference(&name).unwrap()).unwrap();
        set["keys"].as_array().unwrap().clone()
    };
    let host = Host::serving(&[]);
    let settings = Settings {
        app_id: file["expected_app_id"].as_str().unwrap().to_owned(),
        leeway_s: file["leeway_seconds"].as_i64().unwrap(),
        ..settings(&host.url)
    };
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 34);
    for set in ["jwks", "jwks_padded"] {
        let current = keys(&file[set]);
        for vector in vectors {
            let name = &vector["name"];
            let before = vector.get("needs_refetch_from").map(keys);
            host.serve(before.as_ref().unwrap_or(&current));
            let verifier = Verifier::new(settings.clone()).unwrap();
            verifier.load_keys(now_s).await;
            host.serve(&current);
            let loaded = host.fetches();
            let judged = verifier
                .verify(vector["token"].as_str().unwrap(), now_s)
                .await;
            let expected = vector["jwks_fetches"].as_u64();
            let expected = expected.unwrap_or_else(|| before.is_some().into());
            assert_eq!(
                host.fetches() - loaded,
                usize::try_from(expected).unwrap(),
                "{name}"
            );
            if vector["expect"] == "accept" {
                check_policy(name.as_str().unwrap(), &judged.unwrap());
                continue;
            }
            let (reason, class) = (refusal(judged), vector["reason"].as_str().unwrap());
            assert!(
                is_of_class(&reason, class),
                "{name}: {reason} is not {class}"
            );
        }
    }
}

/// What the route decides by, where the verifier accepts.
fn check_policy(name: &str, invocation: &Invocation) {
    let is_event = name == "valid-event";
    assert_eq!(
        invocation.is_of_endpoint(),
        is_event || invocation.context.is_none(),
        "{name}"
    );
    assert_eq!(
        invocation.is_of_page(),
        invocation.context.is_some(),
        "{name}"
    );
    match name {
        "valid-event" => assert!(invocation.is_of_endpoint()),
        "valid-frontend" => assert!(invocation.is_of_page() && invocation.principal.is_some()),
        "valid-anonymous" => assert_eq!(invocation.principal, None),
        "environment-development" => assert_eq!(invocation.environment_type, "DEVELOPMENT"),
        _ => assert!(!invocation.cloud_id.is_empty(), "{name}"),
    }
}
