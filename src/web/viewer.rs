//! The person who looks at a page of ours, whichever host framed it, and what they may do.
//!
//! Under Connect the context token proves who looks and which issue Jira shows them. Under Forge the
//! invocation proves who looks and nothing more: the issue it names was supplied by the page. Every
//! other right is asked of Jira (`connect.md` 4.5, `forge.md` 3.3), under Forge with the person's own
//! token, and remembered for a minute. When Jira does not answer, the answer is no, and says why.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use secrecy::SecretString;

use crate::app::App;
use crate::connect::auth::{FrameCaller, PageCaller};
use crate::domain::issue::is_project_key;
use crate::domain::site::Site;
use crate::forge::auth::{UiCaller, is_from_forge};
use crate::jira::JiraError;
use crate::jira::permissions::{Asker, Permission};
use crate::problem::Problem;

/// The person behind a request of our pages.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The site they are on.
    pub site: Arc<Site>,
    /// Who they are; absent when nobody is logged in.
    pub account_id: Option<String>,
    /// The issue Jira shows them, where that is proof that they see it.
    pub issue_jira_id: Option<i64>,
    /// Acts as the person in Jira, for this request only; under Forge.
    pub user_token: Option<SecretString>,
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if is_from_forge(request.headers()) {
            let caller = UiCaller::from_request(request, payload);
            return Box::pin(async move { Ok(Self::under_forge(caller.await?)) });
        }
        let caller = PageCaller::from_request(request, payload);
        Box::pin(async move { Ok(Self::under_connect(caller.await?)) })
    }
}

impl Viewer {
    fn under_connect(caller: PageCaller) -> Self {
        Self {
            issue_jira_id: caller.page.issue_jira_id(),
            account_id: caller.page.account_id,
            site: caller.site,
            user_token: None,
        }
    }

    fn under_forge(caller: UiCaller) -> Self {
        Self {
            site: caller.site,
            account_id: Some(caller.account_id),
            issue_jira_id: None,
            user_token: Some(caller.user_token),
        }
    }

    /// Who looks at a page that a Connect frame loads.
    #[must_use]
    pub fn of_frame(caller: FrameCaller) -> Self {
        Self {
            site: caller.site,
            account_id: caller.account_id,
            issue_jira_id: None,
            user_token: None,
        }
    }

    /// Whether they may see an issue: the one Jira shows them, or one Jira says they may browse.
    /// Nobody in particular sees nothing, as in the frame itself.
    pub async fn demand_sight(&self, app: &App, issue: i64) -> Result<(), Problem> {
        if self.account_id.is_some() && self.issue_jira_id == Some(issue) {
            return Ok(());
        }
        if self.may(app, Permission::BrowseIssue(issue)).await? {
            return Ok(());
        }
        Err(Problem::not_found(
            "There is no such issue, or you may not see it.",
        ))
    }

    /// Whether they may change what hangs on an issue; returns who they are.
    pub async fn demand_edit(&self, app: &App, issue: i64) -> Result<&str, Problem> {
        let refused = || {
            Problem::forbidden("You may not edit this issue.")
                .detail("Links and defects follow the permission Edit Issues in Jira.")
        };
        let account = self.account_id.as_deref().ok_or_else(refused)?;
        if self.may(app, Permission::EditIssue(issue)).await? {
            Ok(account)
        } else {
            Err(refused())
        }
    }

    /// Whether they may see a project; returns how Jira is asked for them.
    pub async fn demand_project(&self, app: &App, key: &str) -> Result<Asker<'_>, Problem> {
        let asker = self.asker().ok_or_else(|| {
            Problem::forbidden("Log in to see tests.")
                .detail("Results are shown to people who are logged in to Jira.")
        })?;
        if is_project_key(key) && app.jira.sees_project(&self.site, &asker, key).await? {
            return Ok(asker);
        }
        Err(
            Problem::not_found("There is no such project, or you may not see it.")
                .detail("A project's key looks like SHOP."),
        )
    }

    /// Whether they administer the site; returns who they are.
    pub async fn demand_administration(&self, app: &App) -> Result<&str, Problem> {
        let refused = || {
            Problem::forbidden("Only Jira administrators can change these settings.")
                .detail("Ask someone with the global permission Administer Jira.")
        };
        let account = self.account_id.as_deref().ok_or_else(refused)?;
        if self.may(app, Permission::Administer).await? {
            Ok(account)
        } else {
            Err(refused())
        }
    }

    /// Whose rights are asked for; nobody's when nobody is logged in.
    #[must_use]
    pub fn asker(&self) -> Option<Asker<'_>> {
        Some(Asker {
            account_id: self.account_id.as_deref()?,
            user_token: self.user_token.as_ref(),
        })
    }

    async fn may(&self, app: &App, permission: Permission) -> Result<bool, Problem> {
        match self.asker() {
            Some(asker) => Ok(app.jira.may(&self.site, &asker, permission).await?),
            None => Ok(false),
        }
    }
}

impl From<JiraError> for Problem {
    fn from(why: JiraError) -> Self {
        let problem = match &why {
            JiraError::RateLimited { after, .. } => {
                let seconds = after.as_secs().max(1);
                let mut problem = Self::jira("Jira asks for a pause.")
                    .detail(format!("Nothing was changed. Try again in {seconds} s."));
                problem.retry_after_s = u32::try_from(seconds).ok();
                problem
            }
            JiraError::Conflict => Self::jira("Someone changed the same thing in Jira just now.")
                .detail("Nothing was changed here. Try again."),
            JiraError::Unreachable(_) => Self::jira("Jira cannot be reached.")
                .detail("Nothing was changed. Try again in a moment."),
            JiraError::Unanswered(_) | JiraError::Unreadable(_) => {
                Self::jira("Jira gave no usable answer.")
                    .detail("It may or may not have done it. Look at the issue, then try again.")
            }
            JiraError::NoToken => Self::jira("Jira cannot be called for a while.").detail(
                "Nothing was changed. Forge hands the app a new token every hour; try again then.",
            ),
            JiraError::Gone(gone) => Self::jira("Jira does not let Touchstone do this.").detail(
                format!("Reason: {gone}. A Jira administrator can change that."),
            ),
            JiraError::Refused(refusal) => {
                let said = refusal.messages.iter().chain(refusal.fields.values());
                let said: Vec<&str> = said.map(String::as_str).collect();
                Self::jira("Jira refused the request.")
                    .detail(format!("Jira says: {}", said.join(" ")))
            }
        };
        problem.because(why)
    }
}
