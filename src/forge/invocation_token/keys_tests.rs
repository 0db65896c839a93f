//! Key sets that rotate, fail, and are asked for by people who make names up.

use std::net::TcpListener;

use actix_web::http::StatusCode;
use futures_util::future::join_all;
use futures_util::poll;
use serde_json::json;

use super::issuer::{Host, NOW_S, Signer, claims, settings};
use super::{Reason, Refused, Verifier, jwks};

/// Claims that are valid at any time a test comes to.
fn lasting() -> serde_json::Value {
    let mut claims = claims();
    claims["exp"] = json!(NOW_S + 1_000_000);
    claims
}

fn is_unknown(judged: &Result<super::Invocation, Refused>) -> bool {
    matches!(judged, Err(Refused::Token(Reason::UnknownKey)))
}

fn is_unavailable(judged: &Result<super::Invocation, Refused>) -> bool {
    matches!(judged, Err(Refused::KeysUnavailable(_)))
}

#[tokio::test]
async fn kept_keys_verify_without_a_fetch() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    verifier.load_keys(NOW_S).await;
    verifier.load_keys(NOW_S).await;
    let token = signer.sign(&claims());
    for _ in 0..10_000 {
        verifier.verify(&token, NOW_S).await.unwrap();
    }
    assert_eq!(host.fetches(), 1);
}

#[tokio::test]
async fn a_rotation_is_followed_and_a_withdrawn_key_stops_working() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let host = Host::serving(&[old.jwk()]);
    let verifier = host.verifier();
    verifier.load_keys(NOW_S).await;
    host.serve(&[new.jwk()]);
    assert!(
        verifier.verify(&old.sign(&claims()), NOW_S).await.is_ok(),
        "not asked yet"
    );
    assert!(verifier.verify(&new.sign(&claims()), NOW_S).await.is_ok());
    assert_eq!(host.fetches(), 2);
    assert!(is_unknown(
        &verifier.verify(&old.sign(&claims()), NOW_S).await
    ));
    assert_eq!(host.fetches(), 2);
}

#[tokio::test]
async fn a_thousand_made_up_names_cause_one_fetch() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    verifier.load_keys(NOW_S).await;
    let made_up = signer.sign_as(
        jsonwebtoken::Algorithm::RS256,
        Some("made-up-0"),
        &lasting(),
    );
    let (_, rest) = made_up.split_once('.').unwrap();
    let tokens: Vec<_> = (0..1000)
        .map(|n| {
            let header = json!({ "alg": "RS256", "kid": format!("made-up-{n}") }).to_string();
            let header =
                base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
            format!("{header}.{rest}")
        })
        .collect();
    let all = join_all(tokens.iter().map(|token| verifier.verify(token, NOW_S))).await;
    assert!(all.iter().all(is_unknown));
    assert_eq!(host.fetches(), 2, "one to load, one for all of them");
    assert!(is_unknown(&verifier.verify(&tokens[0], NOW_S + 59).await));
    assert_eq!(host.fetches(), 2);
    assert!(
        verifier
            .verify(&signer.sign(&lasting()), NOW_S + 59)
            .await
            .is_ok()
    );
    assert!(is_unknown(&verifier.verify(&tokens[0], NOW_S + 60).await));
    assert_eq!(host.fetches(), 3);
}

#[tokio::test]
async fn without_a_set_made_up_names_cause_one_fetch_too() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    for name in ["a", "b", "c"] {
        let token = signer.sign_as(jsonwebtoken::Algorithm::RS256, Some(name), &claims());
        assert!(is_unknown(&verifier.verify(&token, NOW_S).await));
    }
    assert_eq!(host.fetches(), 1);
    assert!(
        verifier
            .verify(&signer.sign(&claims()), NOW_S)
            .await
            .is_ok()
    );
    assert_eq!(host.fetches(), 1);
}

#[tokio::test]
async fn a_set_that_cannot_be_had_leaves_the_one_before() {
    let (signer, other) = (Signer::new("one"), Signer::new("other"));
    let host = Host::serving(&[signer.jwk()]);
    let too_large = format!(
        "{}{}",
        json!({ "keys": [other.jwk()] }),
        " ".repeat(300_000)
    );
    let no_rsa = json!({ "keys": [{ "kty": "EC", "kid": "other", "crv": "P-256" }] }).to_string();
    let whole = json!({ "keys": [other.jwk()] }).to_string();
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, whole.as_str()),
        (StatusCode::NOT_FOUND, whole.as_str()),
        (StatusCode::FOUND, whole.as_str()),
        (StatusCode::OK, r#"{"keys":[]}"#),
        (StatusCode::OK, no_rsa.as_str()),
        (StatusCode::OK, "<html>maintenance</html>"),
        (StatusCode::OK, ""),
        (StatusCode::OK, "[]"),
        (StatusCode::OK, too_large.as_str()),
    ] {
        host.serve(&[signer.jwk()]);
        let verifier = host.verifier();
        verifier.load_keys(NOW_S).await;
        host.answer(status, body);
        let before = host.fetches();
        // A name that is not known: nobody can say whether its token is good.
        assert!(
            is_unavailable(&verifier.verify(&other.sign(&lasting()), NOW_S).await),
            "{body:.20}"
        );
        assert!(
            is_unavailable(&verifier.verify(&other.sign(&lasting()), NOW_S).await),
            "{body:.20}"
        );
        assert_eq!(host.fetches(), before + 1, "{body:.20}");
        // Long after the set has aged, the known key still verifies, and the host is asked again.
        for (later, fetches) in [(10_000, 2), (10_001, 2), (10_060, 3)] {
            let token = signer.sign(&lasting());
            assert!(
                verifier.verify(&token, NOW_S + later).await.is_ok(),
                "{body:.20}"
            );
            assert_eq!(host.fetches(), before + fetches, "{body:.20}");
        }
        host.serve(&[other.jwk()]);
        assert!(
            verifier
                .verify(&other.sign(&lasting()), NOW_S + 20_000)
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn a_host_that_is_down_at_the_start_is_asked_again_soon() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    host.answer(StatusCode::BAD_GATEWAY, "<html>502</html>");
    let verifier = host.verifier();
    verifier.load_keys(NOW_S).await;
    let token = signer.sign(&lasting());
    assert!(is_unavailable(&verifier.verify(&token, NOW_S).await));
    assert_eq!(host.fetches(), 1);
    host.serve(&[signer.jwk()]);
    assert!(is_unavailable(&verifier.verify(&token, NOW_S).await));
    assert!(verifier.verify(&token, NOW_S + 1).await.is_ok());
    assert_eq!(host.fetches(), 2);
}

#[tokio::test]
async fn a_host_that_is_not_there_or_never_answers_is_given_up() {
    let signer = Signer::new("one");
    // A listener nobody accepts from: connections are made, answers never come.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for address in [silent.local_addr().unwrap(), nobody] {
        let url = format!("http://{address}/jwks.json");
        let verifier = Verifier::new(settings(&url)).unwrap();
        assert!(is_unavailable(
            &verifier.verify(&signer.sign(&claims()), NOW_S).await
        ));
    }
}

#[tokio::test]
async fn a_set_is_renewed_when_its_time_is_over() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let host = Host::serving(&[old.jwk()]);
    let verifier = host.verifier();
    verifier.load_keys(NOW_S).await;
    host.serve(&[new.jwk()]);
    // The host says ten minutes.
    assert!(
        verifier
            .verify(&old.sign(&lasting()), NOW_S + 599)
            .await
            .is_ok()
    );
    assert!(is_unknown(
        &verifier.verify(&old.sign(&lasting()), NOW_S + 600).await
    ));
    assert!(
        verifier
            .verify(&new.sign(&lasting()), NOW_S + 600)
            .await
            .is_ok()
    );
    assert_eq!(host.fetches(), 2);
}

#[tokio::test]
async fn a_fetch_goes_on_when_whoever_wanted_it_has_gone() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    let token = signer.sign(&claims());
    {
        let leaving = std::pin::pin!(verifier.verify(&token, NOW_S));
        assert!(poll!(leaving).is_pending());
    }
    assert!(verifier.verify(&token, NOW_S).await.is_ok());
    assert_eq!(host.fetches(), 1);
}

#[tokio::test]
async fn a_set_serves_others_while_somebody_renews_it() {
    let signer = Signer::new("one");
    let host = Host::serving(&[signer.jwk()]);
    let verifier = host.verifier();
    verifier.load_keys(NOW_S).await;
    host.fall_silent();
    let (token, later) = (signer.sign(&lasting()), NOW_S + 600);
    let mut renewing = std::pin::pin!(verifier.verify(&token, later));
    while host.fetches() < 2 {
        assert!(poll!(&mut renewing).is_pending());
        tokio::task::yield_now().await;
    }
    let other = std::pin::pin!(verifier.verify(&token, later));
    assert!(matches!(poll!(other), std::task::Poll::Ready(Ok(_))));
    assert!(
        renewing.await.is_ok(),
        "the set outlives a host that does not answer"
    );
}

#[tokio::test]
async fn padded_numbers_are_read_and_foreign_keys_are_skipped() {
    let signer = Signer::new("one");
    let mut padded = signer.jwk();
    for number in ["n", "e"] {
        let text = padded[number].as_str().unwrap();
        let padding = "=".repeat((4 - text.len() % 4) % 4);
        padded[number] = json!(format!("{text}{padding}"));
    }
    let named = |kid: &str, member: &str, value: serde_json::Value| {
        let mut key = signer.jwk();
        key["kid"] = json!(kid);
        key[member] = value;
        key
    };
    let host = Host::serving(&[
        json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": "AA", "y": "AA" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "new-kind", "pub": "AA" }),
        json!("not a key"),
        named("for-encryption", "use", json!("enc")),
        named("other-algorithm", "alg", json!("PS256")),
        named("not-base64", "n", json!("§§§")),
        padded,
    ]);
    let verifier = host.verifier();
    assert!(
        verifier
            .verify(&signer.sign(&claims()), NOW_S)
            .await
            .is_ok()
    );
    for kid in ["ec", "for-encryption", "other-algorithm", "not-base64"] {
        let token = signer.sign_as(jsonwebtoken::Algorithm::RS256, Some(kid), &claims());
        assert!(is_unknown(&verifier.verify(&token, NOW_S).await), "{kid}");
    }
}

#[test]
fn a_set_lasts_as_long_as_its_host_says_within_bounds() {
    for (said, lifetime_s) in [
        (None, 3600),
        (Some("public"), 3600),
        (Some("public, max-age=900"), 900),
        (Some("Max-Age=900, public"), 900),
        (Some("max-age=1"), 300),
        (Some("max-age=31536000"), 86_400),
        (Some("max-age=-1"), 300),
        (Some("max-age=soon"), 3600),
        (Some("no-store, max-age=900"), 300),
        (Some("no-cache"), 300),
    ] {
        assert_eq!(jwks::lifetime_s(said), lifetime_s, "{said:?}");
    }
}
