//! `touchstone import`, the command people and pipelines type.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

const FIRST: &str = r#"<testsuite><testcase classname="shop.Cart" name="pays"/>
  <testcase classname="shop.Cart" name="refunds"><failure message="no"/></testcase></testsuite>"#;
const SECOND: &str = r#"<testsuite><testcase classname="shop.Mail" name="sends"/></testsuite>"#;

struct World {
    app: TestApp,
    token: String,
    folder: tempfile::TempDir,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        Self {
            app,
            token,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, files: &[&Path], more: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        command
            .args(["import", "--url", &self.app.base, "--project", "SHOP"])
            .args(files)
            .args(more)
            .env("TOUCHSTONE_TOKEN", &self.token)
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        said(&output)
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

both_databases! {
    async fn several_files_become_one_execution(database: Database) {
        let world = World::new(database).await;
        let (first, second) = (world.file("a.xml", FIRST), world.file("b.xml", SECOND));

        let options = ["--environment", "chrome", "--fix-version", "1.4"];
        let (code, out, err) = world.import(&[&first, &second], &options).await;

        assert_eq!(code, 0, "{err}");
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].ends_with("a.xml: 2 tests: 1 passed, 1 failed"), "{out}");
        assert!(lines[1].ends_with("b.xml: 1 test: 1 passed"), "{out}");
        assert_eq!(lines[2], format!("SHOP-E1 {}/api/v1/executions/SHOP-E1", world.app.base));

        let (code, out, _) = world.import(&[&second], &["--execution", "SHOP-E1"]).await;
        assert_eq!((code, out.contains("SHOP-E1 ")), (0, true));
        world.app.stop().await;
    }

    async fn a_folder_is_packed_and_patterns_name_what_they_match(database: Database) {
        let world = World::new(database).await;
        std::fs::create_dir(world.folder.path().join("reports")).unwrap();
        world.file("reports/TEST-a.xml", FIRST);
        world.file("reports/TEST-b.xml", SECOND);
        world.file("reports/log.txt", "done");
        let folder = world.folder.path().join("reports");

        let (code, out, err) = world.import(&[&folder], &[]).await;
        assert_eq!(code, 0, "{err}");
        let first = out.lines().next().unwrap();
        assert!(first.ends_with("reports (2 files): 3 tests: 2 passed, 1 failed"), "{out}");
        assert!(!err.contains("passed over"), "only reports are packed: {err}");

        let (code, out, _) = world.import(&[&folder.join("**/TEST-*.xml")], &[]).await;
        assert_eq!((code, out.lines().count()), (0, 3), "{out}");
        assert!(out.contains("SHOP-E2 "), "one execution: {out}");
        let (code, _, err) = world.import(&[&folder.join("*.trx")], &[]).await;
        assert_eq!((code, err.contains("no file matches")), (1, true), "{err}");
        world.app.stop().await;
    }

    async fn what_was_refused_is_told_in_sentences_and_by_the_exit_code(database: Database) {
        let world = World::new(database).await;
        let (bad, good) = (world.file("bad.xml", "<testsuite>"), world.file("good.xml", SECOND));

        let (code, out, err) = world.import(&[&bad, &good], &[]).await;
        assert_eq!(code, 1);
        assert!(out.contains("good.xml: 1 test: 1 passed"), "{out}");
        assert!(err.contains("bad.xml: The result file cannot be read"), "{err}");
        assert!(err.contains("1 of 2 files were imported"), "{err}");

        let (code, _, err) = world.import(&[&good], &["--execution", "SHOP-E99"]).await;
        assert_eq!((code, err.contains("There is no execution SHOP-E99")), (1, true), "{err}");
        let missing = world.folder.path().join("missing.xml");
        assert_eq!(world.import(&[&missing], &[]).await.0, 1);
        assert_eq!(world.import(&[&good], &["--no-such-option"]).await.0, 2);
        assert_eq!(world.import(&[], &[]).await.0, 2);
        world.app.stop().await;
    }
}

/// A service that takes every file, and then says `verdict`.
fn service_with_a_gate(verdict: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        let answer = move |request: HttpRequest| {
            let is_gate = request.path().ends_with("/projects/SHOP/readiness/gate")
                && request.query_string() == "scope=version%3A1.4";
            std::future::ready(HttpResponse::Ok().json(if is_gate {
                serde_json::json!({ "verdict": verdict, "sentence": "So it is.", "rules": [] })
            } else {
                serde_json::json!({
                    "execution": { "key": "SHOP-E1", "url": "http://x/E1" },
                    "counts": { "tests": 1, "passed": 1 },
                })
            }))
        };
        App::new().default_service(web::to(answer))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
    tokio::spawn(server);
    base
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_decides_after_the_import() {
    for (verdict, code) in [("READY", 0), ("AT RISK", 0), ("NOT READY", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.xml");
        std::fs::write(&file, SECOND).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        command
            .args(["import", "--url", &service_with_a_gate(verdict)])
            .args([
                "--project",
                "SHOP",
                "--token",
                "tst_x",
                "--gate",
                "version:1.4",
            ])
            .arg(&file)
            .stdin(Stdio::null());
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        let (seen, out, err) = said(&running.await.unwrap());
        assert_eq!(seen, code, "{err}");
        let end = format!("SHOP-E1 http://x/E1\n{verdict}: So it is.\n");
        assert!(out.ends_with(&end), "{out}");
    }
}

/// A service that is busy `times` times before it takes a file; tells how often it was asked.
fn busy_service(times: usize) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let counter = Arc::clone(&asked);
    let server = HttpServer::new(move || {
        let counter = Arc::clone(&counter);
        let answer = move || {
            let is_busy = counter.fetch_add(1, Ordering::SeqCst) < times;
            std::future::ready(if is_busy {
                let mut busy = HttpResponse::TooManyRequests();
                busy.insert_header(("Retry-After", "0")).finish()
            } else {
                HttpResponse::Ok().json(serde_json::json!({
                    "execution": { "key": "SHOP-E1", "url": "http://x/E1" },
                    "counts": { "tests": 1, "passed": 1 },
                }))
            })
        };
        App::new().default_service(web::to(answer))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
    tokio::spawn(server);
    (base, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_service_is_asked_again_but_not_forever() {
    for (times, code, asks) in [(2, 0, 3), (100, 1, 6)] {
        let (base, asked) = busy_service(times);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.xml");
        std::fs::write(&file, SECOND).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        command.args([
            "import",
            "--url",
            &base,
            "--project",
            "SHOP",
            "--token",
            "tst_x",
        ]);
        command.arg(&file).stdin(Stdio::null());
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        let (seen, _, err) = said(&running.await.unwrap());
        assert_eq!((seen, asked.load(Ordering::SeqCst)), (code, asks), "{err}");
    }
}
