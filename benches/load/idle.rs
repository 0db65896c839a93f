//! G7 and G8: memory of a service nobody uses, and how long it takes to be there.

use std::time::Duration;

use super::database::{Database, Kind};
use super::ingest::Installed;
use super::machine;
use super::process::Program;
use super::report::{Goal, judge, median};

const STARTS: usize = 11;

pub async fn idle(kind: Kind) {
    let Some(installed) = Installed::new(kind).await else {
        return;
    };
    let Installed {
        program,
        database,
        keys,
        ..
    } = installed;
    drop(program);
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let program = Program::product(&database, &keys, None).await;
        starts.push(program.start.as_secs_f64());
        tokio::time::sleep(Duration::from_millis(300)).await;
        memory.push(machine::memory(program.pid()).0);
    }
    judge(
        "G7",
        &format!("memory, idle, {kind}"),
        median(&memory),
        "MB",
        Goal::AtMost(22.0),
    );
    judge(
        "G8",
        &format!("start to first answer, schema present, {kind}"),
        median(&starts),
        "s",
        Goal::AtMost(0.1),
    );
    Database::remove(database).await;
}
