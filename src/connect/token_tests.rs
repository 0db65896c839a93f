//! Our own vectors: each kind of token once as Jira writes it, and once for every way to bend it.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

const NOW_S: i64 = 1_800_000_000;
const BASE: &str = "https://app.example.com/tests";
const QSH: &str = "0f1e2d3c";
const SECRET: &[u8] = b"ATCO-one";
const PRIVATE_PEM: &[u8] = include_bytes!("../../tests/data/keys/install-test.pem");
const PUBLIC_PEM: &[u8] = include_bytes!("../../tests/data/keys/install-test.pub.pem");

/// Claims with some changed; `null` takes one out.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "site-one", "sub": "5b10a", "aud": BASE, "iat": NOW_S, "exp": NOW_S + 180,
        "qsh": QSH, "context": {},
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn hs256(changes: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET);
    encode(&Header::new(Algorithm::HS256), &claims(changes), &key).unwrap()
}

fn rs256(changes: &Value) -> String {
    signed(Algorithm::RS256, Some("a-key"), changes)
}

fn signed(algorithm: Algorithm, kid: Option<&str>, changes: &Value) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
    let key = EncodingKey::from_rsa_pem(PRIVATE_PEM).unwrap();
    encode(&header, &claims(changes), &key).unwrap()
}

fn as_install(token: &str) -> Result<String, Refused> {
    install_key_name(token)?;
    let key = DecodingKey::from_rsa_pem(PUBLIC_PEM).unwrap();
    signed_install(token, &key, BASE, QSH, NOW_S)
}

fn as_url_bound(token: &str) -> Result<Viewer, Refused> {
    url_bound(
        token,
        &DecodingKey::from_secret(SECRET),
        "site-one",
        QSH,
        NOW_S,
    )
}

fn as_context(token: &str) -> Result<PageContext, Refused> {
    context(token, &DecodingKey::from_secret(SECRET), "site-one", NOW_S)
}

#[test]
fn each_kind_is_accepted_as_jira_writes_it() {
    for aud in [json!(BASE), json!(format!("{BASE}/")), json!(["x", BASE])] {
        assert_eq!(
            as_install(&rs256(&json!({ "aud": aud }))).unwrap(),
            "site-one"
        );
    }
    let viewer = as_url_bound(&hs256(&json!({}))).unwrap();
    assert_eq!(viewer.account_id.as_deref(), Some("5b10a"));
    let nobody = as_url_bound(&hs256(
        &json!({ "sub": null, "aud": null, "context": null }),
    ));
    assert_eq!(nobody.unwrap().account_id, None);
    let page = as_context(&hs256(&json!({
        "qsh": "context-qsh", "exp": NOW_S + 900,
        "context": { "jira": {
            "issue": { "id": "10042", "key": "SHOP-7", "issuetype": { "id": "1" } },
            "project": { "id": "10000", "key": "SHOP" },
        } },
    })));
    let page = page.unwrap();
    assert_eq!(
        (page.account_id.as_deref(), page.issue_jira_id()),
        (Some("5b10a"), Some(10_042))
    );
    assert_eq!(page.project.unwrap().key, "SHOP");
    let admin = as_context(&hs256(&json!({ "qsh": "context-qsh" }))).unwrap();
    assert_eq!((admin.issue_jira_id(), admin.project), (None, None));
}

#[test]
fn half_a_minute_of_difference_between_the_clocks_is_forgiven_and_no_more() {
    for (iat, exp, is_good) in [
        (NOW_S - 210, NOW_S - 30, true),
        (NOW_S - 211, NOW_S - 31, false),
        (NOW_S + 30, NOW_S + 210, true),
        (NOW_S + 31, NOW_S + 211, false),
        (i64::MAX, i64::MAX, false),
        (NOW_S, i64::MAX, true),
        (NOW_S, i64::MIN, false),
    ] {
        let times = json!({ "iat": iat, "exp": exp });
        assert_eq!(as_install(&rs256(&times)).is_ok(), is_good, "{iat} {exp}");
        assert_eq!(as_url_bound(&hs256(&times)).is_ok(), is_good, "{iat} {exp}");
        let times = json!({ "iat": iat, "exp": exp, "qsh": "context-qsh" });
        assert_eq!(as_context(&hs256(&times)).is_ok(), is_good, "{iat} {exp}");
    }
}

#[test]
fn a_claim_that_is_missing_or_bent_is_refused() {
    for change in [
        json!({ "iss": null }),
        json!({ "iss": ["site-one"] }),
        json!({ "iat": null }),
        json!({ "exp": null }),
        json!({ "exp": "1800000180" }),
        json!({ "exp": 1_800_000_180.5 }),
        json!({ "qsh": null }),
        json!({ "qsh": "" }),
        json!({ "qsh": QSH.to_uppercase() }),
        json!({ "qsh": "context-qsh" }),
    ] {
        assert!(as_install(&rs256(&change)).is_err(), "{change}");
        assert!(as_url_bound(&hs256(&change)).is_err(), "{change}");
    }
    assert!(as_url_bound(&hs256(&json!({ "iss": "site-two" }))).is_err());
    for aud in [
        json!(null),
        json!([]),
        json!("https://app.example.com"),
        json!(format!("{BASE}//")),
        json!(format!("{BASE}.evil.example")),
        json!(format!("https://evil.example/?{BASE}")),
        json!(BASE.to_uppercase()),
        json!([["nested", BASE]]),
    ] {
        assert!(as_install(&rs256(&json!({ "aud": aud }))).is_err(), "{aud}");
    }
    for qsh in ["xcontext-qsh", "context-qsh ", "CONTEXT-QSH", QSH, ""] {
        assert!(as_context(&hs256(&json!({ "qsh": qsh }))).is_err(), "{qsh}");
    }
}

#[test]
fn no_kind_passes_for_another() {
    let install = rs256(&json!({}));
    let bound = hs256(&json!({}));
    let page = hs256(&json!({ "qsh": "context-qsh" }));
    assert!(as_install(&bound).is_err() && as_install(&page).is_err());
    assert!(as_url_bound(&install).is_err() && as_url_bound(&page).is_err());
    assert!(as_context(&install).is_err() && as_context(&bound).is_err());
}

#[test]
fn the_algorithm_is_the_verifiers_and_never_the_tokens() {
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = signed(algorithm, Some("a-key"), &json!({}));
        assert!(as_install(&token).is_err(), "{algorithm:?}");
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let key = EncodingKey::from_secret(SECRET);
        let token = encode(&Header::new(algorithm), &claims(&json!({})), &key).unwrap();
        assert!(as_url_bound(&token).is_err(), "{algorithm:?}");
    }
    // The public key is public: as the key of an HMAC it would let anybody sign.
    let header = Header {
        kid: Some("a-key".into()),
        ..Header::new(Algorithm::HS256)
    };
    let confused = encode(
        &header,
        &claims(&json!({})),
        &EncodingKey::from_secret(PUBLIC_PEM),
    );
    assert!(as_install(&confused.unwrap()).is_err());
}

#[test]
fn a_header_that_jira_would_not_write_is_refused() {
    let key = EncodingKey::from_secret(SECRET);
    let with = |header: &Header| encode(header, &claims(&json!({})), &key).unwrap();
    let plain = Header::new(Algorithm::HS256);
    assert!(
        as_url_bound(&with(&Header {
            typ: None,
            ..plain.clone()
        }))
        .is_ok()
    );
    assert!(
        as_url_bound(&with(&Header {
            typ: Some("at+jwt".into()),
            ..plain.clone()
        }))
        .is_err()
    );
    assert!(
        as_url_bound(&with(&Header {
            crit: Some(vec!["x".into()]),
            ..plain
        }))
        .is_err()
    );
}

#[test]
fn a_key_is_named_by_letters_digits_and_two_signs() {
    let long = "k".repeat(129);
    for (kid, is_name) in [
        (Some("9f5cf0a2-3d2b_Z"), true),
        (None, false),
        (Some(""), false),
        (Some("../../evil"), false),
        (Some("https://evil.example/key"), false),
        (Some("a%2Fb"), false),
        (Some("a b"), false),
        (Some("schlüssel"), false),
        (Some(long.as_str()), false),
    ] {
        let token = signed(Algorithm::RS256, kid, &json!({}));
        assert_eq!(install_key_name(&token).is_ok(), is_name, "{kid:?}");
    }
}

#[test]
fn what_is_no_token_is_refused_by_all() {
    let good = hs256(&json!({}));
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    for token in [
        String::new(),
        "..".into(),
        "a.b.c".into(),
        unsigned.into(),
        format!("{unsigned}."),
        format!("{unsigned}.{other}{}", &signature[1..]),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good} "),
    ] {
        assert!(as_install(&token).is_err(), "{token}");
        assert!(as_url_bound(&token).is_err(), "{token}");
        assert!(as_context(&token).is_err(), "{token}");
    }
    // A claim given twice: which one counts would be the parser's secret.
    let twice = r#"{"iss":"site-one","iss":"site-two"}"#;
    assert!(unverified_issuer(&format!("e30.{}.x", base64url(twice))).is_err());
}

fn base64url(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}
