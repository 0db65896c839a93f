//! Key hosts that answer well, badly and not at all.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{Data, Path};
use actix_web::{App, HttpResponse, HttpServer, web};

use super::*;

const PEM: &str = include_str!("../../tests/data/keys/install-test.pub.pem");

async fn key(name: Path<String>, asked: Data<AtomicUsize>) -> HttpResponse {
    asked.fetch_add(1, Ordering::SeqCst);
    match name.as_str() {
        "good" => HttpResponse::Ok().body(format!("\n{PEM}\n")),
        "html" => HttpResponse::Ok().body("<html>no</html>"),
        "bad-pem" => HttpResponse::Ok().body("-----BEGIN PUBLIC KEY-----\nAAAA\n"),
        "large" => HttpResponse::Ok().body(format!("{PEM}{}", " ".repeat(LARGEST))),
        "moved" => HttpResponse::Found()
            .insert_header(("Location", "/good"))
            .finish(),
        "forbidden" => HttpResponse::Forbidden().body("<html>403</html>"),
        "broken" => HttpResponse::InternalServerError().finish(),
        "busy" => HttpResponse::TooManyRequests().finish(),
        _ => HttpResponse::NotFound().finish(),
    }
}

/// A key host, and how often it was asked.
fn host() -> (InstallKeys, Data<AtomicUsize>) {
    let asked = Data::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let counter = asked.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(counter.clone())
            .route("/{name}", web::get().to(key))
    });
    tokio::spawn(
        server
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run(),
    );
    (InstallKeys::new(&address).unwrap(), asked)
}

#[tokio::test]
async fn a_key_is_fetched_once_however_many_ask() {
    let (keys, asked) = host();
    let all = futures_util::future::join_all((0..20).map(|_| keys.get("good"))).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(keys.get("good").await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_no_is_believed_for_a_while() {
    let (keys, asked) = host();
    for name in ["made-up", "forbidden", "html", "bad-pem", "large", "moved"] {
        let before = asked.load(Ordering::SeqCst);
        for _ in 0..3 {
            let found = keys.get(name).await;
            assert!(
                matches!(found, Err(KeyError::Unknown(_))),
                "{name}: {found:?}"
            );
        }
        assert_eq!(asked.load(Ordering::SeqCst), before + 1, "{name}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_answer_is_asked_again() {
    let (keys, asked) = host();
    for name in ["broken", "busy"] {
        for _ in 0..2 {
            assert!(
                matches!(keys.get(name).await, Err(KeyError::Unavailable(_))),
                "{name}"
            );
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let keys = InstallKeys::new(&format!("http://{nobody}")).unwrap();
    assert!(matches!(
        keys.get("good").await,
        Err(KeyError::Unavailable(_))
    ));
}

#[tokio::test]
async fn made_up_names_do_not_become_a_flood() {
    let (keys, asked) = host();
    let mut is_capped = false;
    for n in 0..500 {
        is_capped |= matches!(
            keys.get(&format!("n{n}")).await,
            Err(KeyError::Unavailable(_))
        );
    }
    assert!(is_capped);
    assert!(asked.load(Ordering::SeqCst) < 450);
}
