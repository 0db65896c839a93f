//! How fast Forge's invocation tokens are verified with the keys at hand, next to the bare check of
//! an RSA signature over the same bytes.
//!
//! The key and the key set's host are made here. The last lines compare in interleaved rounds of
//! this one run: medians in microseconds, and how often 10,000 verifications fetched the key set.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise"
)]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use touchstone::forge::invocation_token::{Settings, Verifier};

const APP_ID: &str = "ari:cloud:ecosystem::app/2f1f7b62-3f8b-4d53-8b6b-6f0d8a4d0001";
const CLOUD_ID: &str = "5b7c0d8a-1f1e-4c6e-8a55-77d1f0a7c001";
const NOW_S: i64 = 1_800_000_000;
const ROUNDS: usize = 200;
const A_ROUND: u32 = 50;

/// A verifier with its keys loaded, tokens it accepts, and the bare key.
struct World {
    runtime: Runtime,
    verifier: Verifier,
    fetches: Arc<AtomicUsize>,
    key: DecodingKey,
    tokens: [(&'static str, String); 3],
}

impl World {
    fn new() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let encoded = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let (n, e) = (encoded(&public.n), encoded(&public.e));
        let set = json!({ "keys": [
            { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench", "n": n, "e": e },
        ] });
        let (jwks_url, fetches) = serve(&set.to_string());
        let runtime = Runtime::new().unwrap();
        let verifier = Verifier::new(Settings {
            app_id: APP_ID.into(),
            jwks_url,
            api_hosts: vec!["api.atlassian.com".into()],
            allows_http: false,
            leeway_s: 10,
        });
        let verifier = verifier.unwrap();
        runtime.block_on(verifier.load_keys(NOW_S));
        let private = STANDARD.encode(private.as_ref());
        let private =
            format!("-----BEGIN PRIVATE KEY-----\n{private}\n-----END PRIVATE KEY-----\n");
        let private = EncodingKey::from_rsa_pem(private.as_bytes()).unwrap();
        let header = Header {
            kid: Some("bench".into()),
            ..Header::new(Algorithm::RS256)
        };
        let tokens = [
            ("event", event()),
            ("page", page(0)),
            ("page of 20 kB", page(14_000)),
        ];
        Self {
            runtime,
            verifier,
            fetches,
            key: DecodingKey::from_rsa_components(&n, &e).unwrap(),
            tokens: tokens.map(|(name, claims)| {
                let token = jsonwebtoken::encode(&header, &claims, &private).unwrap();
                (name, token)
            }),
        }
    }

    fn verify(&self, token: &str) {
        let judged = self.verifier.verify(black_box(token), NOW_S);
        black_box(self.runtime.block_on(judged).unwrap());
    }

    fn check_signature(&self, token: &str) {
        let (signed, signature) = black_box(token).rsplit_once('.').unwrap();
        let signed = signed.as_bytes();
        let is_good =
            jsonwebtoken::crypto::verify(signature, signed, &self.key, Algorithm::RS256).unwrap();
        assert!(is_good);
    }
}

/// Serves a key set and counts how often it is asked for.
fn serve(set: &str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let fetches = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&fetches);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{set}",
        set.len()
    );
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            assert!(connection.read(&mut request).unwrap() > 0);
            counter.fetch_add(1, Ordering::SeqCst);
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, fetches)
}

fn event() -> Value {
    let installation = "ari:cloud:ecosystem::installation/b1f9a9f0-54d0-4f3a-9c56-0d7f24c30001";
    let api = format!("https://api.atlassian.com/ex/jira/{CLOUD_ID}");
    json!({
        "iss": "forge/invocation-token", "aud": APP_ID, "iat": NOW_S, "nbf": NOW_S,
        "exp": NOW_S + 25, "jti": "9c1185a5c5e9fc54612808977ee8f548b2258d31",
        "app": {
            "id": APP_ID, "version": "16", "appVersion": "16.0.1",
            "installationId": installation, "apiBaseUrl": api,
            "installation": {
                "id": installation,
                "contexts": [{ "name": "jira", "apiBaseUrl": api, "cloudId": CLOUD_ID }],
            },
            "environment": { "type": "PRODUCTION", "id": "ari:cloud:ecosystem::environment/e1" },
            "module": { "type": "core:endpoint", "key": "jira-events" },
        },
    })
}

/// A call of the panel, whose page adds so many bytes of its own.
fn page(more: usize) -> Value {
    let mut claims = event();
    claims["app"]["module"] = json!({ "type": "jira:issuePanel", "key": "panel" });
    claims["principal"] = json!("712020:00000000-0000-4000-8000-000000000001");
    claims["context"] = json!({
        "cloudId": CLOUD_ID, "localId": "place", "moduleKey": "panel",
        "siteUrl": "https://acme.atlassian.net",
        "extension": {
            "type": "jira:issuePanel", "settings": "x".repeat(more),
            "issue": { "id": "10042", "key": "SHOP-7", "type": "Story", "typeId": "10001" },
            "project": { "id": "10000", "key": "SHOP", "type": "software" },
        },
    });
    claims
}

fn invocation_token(criterion: &mut Criterion) {
    let world = World::new();
    let mut group = criterion.benchmark_group("invocation_token");
    for (name, token) in &world.tokens {
        group.bench_function(format!("verify {name}"), |bencher| {
            bencher.iter(|| world.verify(token));
        });
    }
    let (name, token) = &world.tokens[0];
    group.bench_function(format!("bare signature of {name}"), |bencher| {
        bencher.iter(|| world.check_signature(token));
    });
    group.finish();
}

/// Microseconds one call takes, in one round.
fn timed(work: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..A_ROUND {
        work();
    }
    (start.elapsed() / A_ROUND).as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    *times.get(times.len() / 2).unwrap()
}

fn compare() {
    let world = World::new();
    for (name, token) in &world.tokens {
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(timed(|| world.check_signature(token)));
            whole.push(timed(|| world.verify(token)));
        }
        let (bare, whole) = (median(bare), median(whole));
        println!(
            "{name}, {} bytes: verified in {whole:.1} µs, of which the signature {bare:.1} µs",
            token.len()
        );
    }
    let before = world.fetches.load(Ordering::SeqCst);
    for _ in 0..10_000 {
        world.verify(&world.tokens[0].1);
    }
    let fetches = world.fetches.load(Ordering::SeqCst) - before;
    println!("10,000 verifications with the keys at hand: {fetches} fetches");
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = invocation_token
}

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    compare();
}
