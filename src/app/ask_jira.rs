//! Asks Jira for issues that events told of in part, through the outbox: nobody waits for it here.
//!
//! A reading answers every question that was open when it began, so questions about one issue share a
//! piece of work until that begins. Only a change of status that waits for the answer has its own.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::issue::IssueTransition;
use crate::domain::work::{Priority, Work};
use crate::store::outbox::{self, NewWork};
use crate::store::{Conn, SiteId, StoreError};

/// What only Jira can tell.
#[derive(Debug)]
pub struct Question {
    /// The site.
    pub site: SiteId,
    /// Jira's id of the issue.
    pub issue_jira_id: i64,
    /// The event that left it open.
    pub event_id: Uuid,
    /// The change of status that waits for the answer.
    pub undecided: Option<IssueTransition>,
}

impl Question {
    fn key(&self) -> String {
        match self.undecided {
            Some(_) => format!("read:{}:{}", self.issue_jira_id, self.event_id),
            None => format!("read:{}", self.issue_jira_id),
        }
    }
}

/// Puts the readings that answer `questions` into the outbox, in the caller's transaction.
pub async fn ask_jira(
    on: &impl Conn,
    questions: Vec<Question>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut asked = BTreeSet::new();
    for question in questions {
        let key = question.key();
        if !asked.insert((question.site, key.clone())) {
            continue;
        }
        let priority = match question.undecided {
            Some(_) => Priority::Normal,
            None => Priority::Background,
        };
        let work = Work::ReadIssue {
            issue_jira_id: question.issue_jira_id,
            undecided: question.undecided.into_iter().collect(),
        };
        let new = NewWork::new(&work, format!("event:{}", question.event_id), now_ms)
            .once(key)
            .with_priority(priority);
        outbox::put(on, question.site, &new).await?;
    }
    Ok(())
}
