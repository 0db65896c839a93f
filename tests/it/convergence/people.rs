//! What people do in Jira, the same for the same seed: chosen by what Jira shows at the moment.

use jira_standin::{IssueView, Standin, accounts};
use serde_json::json;

use super::town::{BUGS, STORIES};
use crate::model::Dice;

/// Who works there.
const WHO: [&str; 2] = [accounts::DEVELOPER, accounts::ADMIN];
const LABELS: [&str; 4] = ["pay", "cart", "mail", "search"];
const PRIORITIES: [&str; 3] = ["High", "Medium", "Low"];
/// Stories that are only looked after by their tests: never deleted, so that there is always work.
const KEPT: usize = STORIES / 2;

/// People at work.
pub struct People {
    dice: Dice,
    /// Issues that there are, by key.
    keys: Vec<String>,
    /// Keys of the stories that may be deleted.
    spare: Vec<String>,
    links: Vec<u64>,
    pub changes: usize,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Rename,
    Label,
    Weigh,
    Move,
    Say,
    Create,
    Link,
    Unlink,
    Relocate,
    Delete,
}

impl People {
    pub fn new(seed: u64, jira: &Standin) -> Self {
        let issues = jira.read(|state| state.issues_of("SHOP"));
        let mut keys: Vec<String> = issues.into_iter().map(|issue| issue.key).collect();
        keys.truncate(STORIES + BUGS);
        Self {
            dice: Dice::new(seed),
            spare: keys.iter().take(STORIES).skip(KEPT).cloned().collect(),
            keys,
            links: vec![],
            changes: 0,
        }
    }

    /// Somebody changes something.
    pub fn change(&mut self, jira: &Standin) {
        let act = self.dice.weighed(&[
            (20, Act::Rename),
            (12, Act::Label),
            (6, Act::Weigh),
            (40, Act::Move),
            (8, Act::Say),
            (4, Act::Create),
            (3, Act::Link),
            (2, Act::Unlink),
            (2, Act::Relocate),
            (1, Act::Delete),
        ]);
        let (who, key) = (*self.dice.pick(&WHO), self.dice.pick(&self.keys).clone());
        self.changes += 1;
        let number = self.changes;
        match act {
            Act::Rename => {
                let fields = json!({ "summary": format!("{key}, thought of {number} times") });
                jira.edit(&key, &fields, who).unwrap();
            }
            Act::Label => {
                let labels = [*self.dice.pick(&LABELS), *self.dice.pick(&LABELS)];
                jira.edit(&key, &json!({ "labels": labels }), who).unwrap();
            }
            Act::Weigh => {
                let name = *self.dice.pick(&PRIORITIES);
                let fields = json!({ "priority": { "name": name } });
                jira.edit(&key, &fields, who).unwrap();
            }
            Act::Move => self.moves(jira, &jira.issue(&key).unwrap(), who),
            Act::Say => {
                jira.comment(&key, &format!("thought {number}"), who)
                    .unwrap();
            }
            Act::Create => {
                let summary = format!("new {number}");
                let made = jira.create_issue(who, "SHOP", "Task", &summary, &json!({}));
                self.keys.push(made.unwrap().key);
            }
            Act::Link => {
                let other = self.dice.pick(&self.keys).clone();
                if other != key {
                    self.links
                        .push(jira.link("Relates", &key, &other, who).unwrap());
                }
            }
            Act::Unlink => {
                if let Some(link) = self.links.pop() {
                    // Gone with an issue, perhaps.
                    drop(jira.unlink(link, who));
                }
            }
            Act::Relocate => self.relocate(jira, &key),
            Act::Delete => self.delete(jira),
        }
    }

    fn moves(&mut self, jira: &Standin, issue: &IssueView, who: &str) {
        let to: &[&str] = match issue.status.as_str() {
            "To Do" => &["In Progress", "Done"],
            "In Progress" => &["In Review", "Done", "To Do"],
            "In Review" => &["Done", "In Progress"],
            _ => &["To Do"],
        };
        let to = *self.dice.pick(to);
        if to == "Done" && self.dice.happens(15) {
            jira.resolve(&issue.key, "Won't Do", who).unwrap();
        } else {
            jira.transition(&issue.key, to, who).unwrap();
        }
    }

    /// Moves an issue to the other project, and its key with it.
    fn relocate(&mut self, jira: &Standin, key: &str) {
        let to = if key.starts_with("SHOP") {
            "OPS"
        } else {
            "SHOP"
        };
        let new = jira.move_issue(key, to, accounts::ADMIN).unwrap();
        for held in self.keys.iter_mut().chain(&mut self.spare) {
            if held == key {
                held.clone_from(&new);
            }
        }
    }

    fn delete(&mut self, jira: &Standin) {
        if let Some(key) = self.spare.pop() {
            jira.delete(&key, accounts::ADMIN).unwrap();
            self.keys.retain(|held| *held != key);
        }
    }
}
