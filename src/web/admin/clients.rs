//! API clients: made here, with a token that is shown once; listed with their last use; revoked.

use actix_web::web::{Data, Path};
use askama::Template;
use uuid::Uuid;

use super::base;
use crate::app::App;
use crate::app::create_api_client::{CreateApiClientError, create_api_client};
use crate::domain::site::Site;
use crate::problem::Problem;
use crate::store::api_clients;
use crate::web::fields::SentForm;
use crate::web::fragment::Fragment;
use crate::web::times::When;
use crate::web::viewer::Viewer;

/// Every client of a site.
#[derive(Debug, Template)]
#[template(path = "admin/clients.html")]
pub(super) struct List {
    base: String,
    clients: Vec<Client>,
    made: Option<Made>,
    say: String,
}

#[derive(Debug)]
struct Client {
    id: Uuid,
    name: String,
    projects: String,
    created: When,
    last_used: Option<When>,
}

/// A client that was made just now, with its token.
#[derive(Debug)]
struct Made {
    name: String,
    token: String,
}

impl List {
    pub(super) async fn of(app: &App, site: &Site) -> Result<Self, Problem> {
        let now_ms = app.clock.now_ms();
        let found = api_clients::of_site(app.store.read(), site.id).await?;
        let clients = found.into_iter().map(|client| Client {
            id: client.id,
            name: client.name,
            projects: if client.projects.is_empty() {
                "All projects".to_owned()
            } else {
                client.projects.join(", ")
            },
            created: When::new(client.created_ms, now_ms),
            last_used: client.last_used_ms.map(|at_ms| When::new(at_ms, now_ms)),
        });
        Ok(Self {
            base: base(app),
            clients: clients.collect(),
            made: None,
            say: String::new(),
        })
    }
}

/// `POST /ui/admin/clients` with `name` and `projects`, keys separated by commas or spaces.
pub(super) async fn create(
    viewer: Viewer,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_administration(&app).await?;
    let fields = sent.fields()?;
    let projects = fields.chosen("projects").unwrap_or_default();
    let projects = projects
        .split([',', ' '])
        .filter(|key| !key.is_empty())
        .map(str::to_ascii_uppercase)
        .collect();
    let name = fields.chosen("name").unwrap_or_default();
    let (site, now_ms) = (viewer.site.id, app.clock.now_ms());
    let (client, token) =
        create_api_client(&app.store, site, name, projects, Some(account), now_ms).await?;
    let mut list = List::of(&app, &viewer.site).await?;
    list.say = format!("{} created. Its token is shown once.", client.name);
    list.made = Some(Made {
        name: client.name,
        token,
    });
    Fragment::of(&list)
}

/// `POST /ui/admin/clients/{client}/revoke`
pub(super) async fn revoke(
    viewer: Viewer,
    client: Path<Uuid>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let txn = app.store.write().await?;
    let was_there = api_clients::revoke(&*txn, viewer.site.id, *client, app.clock.now_ms()).await?;
    txn.commit().await?;
    let mut list = List::of(&app, &viewer.site).await?;
    list.say = if was_there {
        "Revoked. Its token is worth nothing any more.".to_owned()
    } else {
        "It was revoked before.".to_owned()
    };
    Fragment::of(&list)
}

impl From<CreateApiClientError> for Problem {
    fn from(why: CreateApiClientError) -> Self {
        match why {
            CreateApiClientError::Name => {
                Self::unprocessable("An API client needs a name of 1 to 100 characters.")
            }
            CreateApiClientError::Project(key) => {
                Self::unprocessable(format!("{key} is not a project key."))
                    .detail("A key looks like SHOP; separate several with commas.")
            }
            CreateApiClientError::Random => Self::internal().because(why),
            CreateApiClientError::Store(why) => why.into(),
        }
    }
}
