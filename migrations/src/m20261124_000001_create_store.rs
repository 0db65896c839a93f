//! The first schema: sites, queues, the mirror of issues, tests and their results, rules.
//!
//! Every key begins with the site. Rows of our own carry version 7 UUIDs; instants are integers,
//! milliseconds since the Unix epoch; documents that are only ever read whole are JSON text.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// Creates every table of the store.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, SCHEMA).await?;
        let connection = manager.get_connection();
        if connection.get_database_backend() == DatabaseBackend::Postgres {
            // Runs are parted by the month their execution was made in, which its id tells; the parts
            // themselves are the service's to make and to drop (`store::partitions`). This one takes
            // what none of them does.
            connection
                .execute_unprepared("CREATE TABLE run_other PARTITION OF run DEFAULT")
                .await?;
            // pglz, the default, takes half of the CPU of an ingest; a server built without lz4
            // refuses the word and keeps its default.
            connection.execute_unprepared("SAVEPOINT lz4").await?;
            match connection
                .execute_unprepared("ALTER TABLE inbox ALTER COLUMN body SET COMPRESSION lz4")
                .await
            {
                Ok(_) => {
                    connection
                        .execute_unprepared("RELEASE SAVEPOINT lz4")
                        .await?
                }
                Err(_) => {
                    connection
                        .execute_unprepared("ROLLBACK TO SAVEPOINT lz4")
                        .await?
                }
            };
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            crate::ddl::run(manager, &format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}

const TABLES: [&str; 24] = [
    "site",
    "installation",
    "project",
    "issue",
    "issue_alias",
    "inbox",
    "waiting_event",
    "lane",
    "outbox",
    "expectation",
    "environment",
    "test_case",
    "test_link",
    "execution",
    "run",
    "test_latest",
    "stale_test",
    "defect_link",
    "defect_claim",
    "mark",
    "rule_effect",
    "audit",
    "setting",
    "api_client",
];

const SCHEMA: &str = "
CREATE TABLE site (
    id SERIAL_KEY,
    client_key text UNIQUE,
    base_url text,
    display_url text,
    site_url text,
    shared_secret BYTES,
    oauth_client_id text,
    app_account_id text,
    cloud_id text,
    environment text NOT NULL DEFAULT 'PRODUCTION',
    merged_into bigint,
    state smallint NOT NULL,
    is_enabled boolean NOT NULL,
    created_ms bigint NOT NULL,
    installed_ms bigint NOT NULL,
    secret_changed_ms bigint,
    uninstalled_ms bigint,
    purge_after_ms bigint,
    unreachable_since_ms bigint,
    paused_until_ms bigint NOT NULL DEFAULT 0,
    pause_reason text,
    last_event_ms bigint
);
CREATE INDEX site_by_base_url ON site (base_url);
CREATE INDEX site_by_cloud_id ON site (cloud_id);

CREATE TABLE installation (
    site_id bigint NOT NULL,
    id text NOT NULL,
    state smallint NOT NULL,
    cloud_id text,
    environment text,
    environment_id text,
    api_base_url text,
    app_version text,
    account_id text,
    token BYTES,
    token_expires_ms bigint,
    first_seen_ms bigint NOT NULL,
    last_seen_ms bigint NOT NULL,
    last_hourly_ms bigint,
    refused_ms bigint,
    ended_ms bigint,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX installation_by_id ON installation (id);
CREATE UNIQUE INDEX installation_live ON installation (site_id) WHERE state = 0;

CREATE TABLE project (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    key text NOT NULL,
    jira_id bigint,
    name text,
    is_gone boolean NOT NULL DEFAULT false,
    event_ms bigint NOT NULL DEFAULT 0,
    next_test bigint NOT NULL DEFAULT 1,
    next_execution bigint NOT NULL DEFAULT 1,
    next_plan bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX project_by_key ON project (site_id, key);
CREATE INDEX project_by_jira_id ON project (site_id, jira_id);

CREATE TABLE issue (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    jira_id bigint,
    key text NOT NULL,
    project_key text NOT NULL,
    type_id text NOT NULL,
    type_name text NOT NULL,
    is_subtask boolean NOT NULL,
    status_id text NOT NULL,
    status_name text NOT NULL,
    status_category smallint NOT NULL,
    category_changed_ms bigint,
    summary text NOT NULL,
    parent_jira_id bigint,
    fix_versions text NOT NULL,
    sprints text NOT NULL,
    resolution text,
    priority text,
    labels text NOT NULL,
    updated_ms bigint NOT NULL,
    event_ms bigint NOT NULL,
    changelog_id bigint NOT NULL,
    behind text,
    seen_ms bigint NOT NULL,
    deleted_ms bigint,
    is_gone_with_project boolean NOT NULL DEFAULT false,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX issue_by_jira_id ON issue (site_id, jira_id);
CREATE INDEX issue_by_key ON issue (site_id, key);

CREATE TABLE issue_alias (
    site_id bigint NOT NULL,
    key text NOT NULL,
    issue_id UUID NOT NULL,
    PRIMARY KEY (site_id, key)
) CLUSTERED;

CREATE TABLE inbox (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    lane text NOT NULL,
    channel smallint NOT NULL,
    event text NOT NULL,
    event_ms bigint NOT NULL,
    delivery_key BYTES,
    content_key BYTES NOT NULL,
    trace text,
    body BYTES NOT NULL,
    received_ms bigint NOT NULL,
    note text,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX inbox_by_content ON inbox (site_id, content_key);
CREATE UNIQUE INDEX inbox_by_delivery ON inbox (site_id, delivery_key) WHERE delivery_key IS NOT NULL;

CREATE TABLE waiting_event (
    site_id bigint NOT NULL,
    lane text NOT NULL,
    event_ms bigint NOT NULL,
    id UUID NOT NULL,
    received_ms bigint NOT NULL,
    body_length bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    parked_ms bigint,
    note text,
    PRIMARY KEY (site_id, lane, event_ms, id)
) CLUSTERED;
CREATE INDEX waiting_event_parked ON waiting_event (site_id, received_ms) WHERE parked_ms IS NOT NULL;

CREATE TABLE lane (
    site_id bigint NOT NULL,
    lane text NOT NULL,
    ready_ms bigint NOT NULL,
    lease_until_ms bigint NOT NULL,
    lease_owner UUID,
    version bigint NOT NULL,
    PRIMARY KEY (site_id, lane)
) CLUSTERED;
CREATE INDEX lane_by_ready ON lane (ready_ms);

CREATE TABLE outbox (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    lane text NOT NULL,
    kind text NOT NULL,
    payload text NOT NULL,
    dedupe_key text,
    priority smallint NOT NULL,
    state smallint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    ready_ms bigint NOT NULL,
    lease_until_ms bigint NOT NULL DEFAULT 0,
    lease_owner UUID,
    cause text NOT NULL,
    created_ms bigint NOT NULL,
    done_ms bigint,
    note text,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX outbox_by_dedupe ON outbox (site_id, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX outbox_open ON outbox (ready_ms) WHERE state = 0;
CREATE INDEX outbox_open_lane ON outbox (site_id, lane) WHERE state = 0;
CREATE INDEX outbox_parked ON outbox (site_id, created_ms) WHERE state = 2;

CREATE TABLE expectation (
    site_id bigint NOT NULL,
    issue_id UUID NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    outbox_id UUID NOT NULL,
    expires_ms bigint NOT NULL,
    PRIMARY KEY (site_id, issue_id, field, value)
) CLUSTERED;

CREATE TABLE environment (
    site_id bigint NOT NULL,
    project_id UUID NOT NULL,
    name text NOT NULL,
    first_seen_ms bigint NOT NULL,
    PRIMARY KEY (site_id, project_id, name)
) CLUSTERED;

CREATE TABLE test_case (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    number bigint NOT NULL,
    identity BYTES,
    name text NOT NULL,
    class_name text NOT NULL,
    suite text NOT NULL,
    kind smallint NOT NULL,
    description text,
    labels text NOT NULL,
    version integer NOT NULL,
    created_ms bigint NOT NULL,
    archived_ms bigint,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX test_case_by_number ON test_case (site_id, project_id, number);
CREATE UNIQUE INDEX test_case_by_identity ON test_case (site_id, project_id, identity);

CREATE TABLE test_link (
    site_id bigint NOT NULL,
    issue_id UUID NOT NULL,
    test_id UUID NOT NULL,
    source smallint NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    removed_by text,
    removed_ms bigint,
    PRIMARY KEY (site_id, issue_id, test_id)
) CLUSTERED;
CREATE INDEX test_link_by_test ON test_link (site_id, test_id);

CREATE TABLE execution (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    environments text NOT NULL,
    fix_version text,
    plan text,
    sprint text,
    revision text,
    branch text,
    source text NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    started_ms bigint,
    finished_ms bigint NOT NULL,
    incomplete text,
    next_run bigint NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX execution_by_number ON execution (site_id, project_id, number);
CREATE INDEX execution_by_version ON execution (site_id, fix_version) WHERE fix_version IS NOT NULL;
CREATE INDEX execution_by_plan ON execution (site_id, plan) WHERE plan IS NOT NULL;
CREATE INDEX execution_by_sprint ON execution (site_id, sprint) WHERE sprint IS NOT NULL;

CREATE TABLE run (
    site_id bigint NOT NULL,
    execution_id UUID NOT NULL,
    number bigint NOT NULL,
    test_id UUID NOT NULL,
    status smallint NOT NULL,
    is_flaky boolean NOT NULL,
    started_ms bigint,
    finished_ms bigint NOT NULL,
    arrived_ms bigint NOT NULL,
    duration_ms bigint,
    message text,
    detail text,
    PRIMARY KEY (site_id, execution_id, number)
) PARTITIONED;
CREATE INDEX run_by_test ON run (site_id, test_id, execution_id);

CREATE TABLE stale_test (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    PRIMARY KEY (site_id, test_id)
) CLUSTERED;

CREATE TABLE test_latest (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    latest text NOT NULL,
    PRIMARY KEY (site_id, test_id)
) CLUSTERED;

CREATE TABLE defect_link (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    execution_id UUID,
    run_number bigint,
    signature BYTES,
    created_by text,
    created_ms bigint NOT NULL,
    removed_ms bigint,
    PRIMARY KEY (site_id, test_id, issue_id)
) CLUSTERED;
CREATE INDEX defect_link_by_issue ON defect_link (site_id, issue_id);

CREATE TABLE defect_claim (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    signature BYTES NOT NULL,
    marker UUID NOT NULL,
    state smallint NOT NULL,
    issue_key text,
    created_by text,
    created_ms bigint NOT NULL,
    note text,
    PRIMARY KEY (site_id, test_id, signature)
) CLUSTERED;

CREATE TABLE mark (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    kind smallint NOT NULL,
    since_ms bigint NOT NULL,
    environments text NOT NULL,
    rule text NOT NULL,
    PRIMARY KEY (site_id, test_id, issue_id, kind)
) CLUSTERED;
CREATE INDEX mark_by_issue ON mark (site_id, issue_id);

CREATE TABLE rule_effect (
    site_id bigint NOT NULL,
    cause text NOT NULL,
    rule text NOT NULL,
    target text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (site_id, cause, rule, target)
) CLUSTERED;
CREATE INDEX rule_effect_by_target ON rule_effect (site_id, rule, target, at_ms);
CREATE INDEX rule_effect_by_time ON rule_effect (site_id, at_ms);

CREATE TABLE audit (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    at_ms bigint NOT NULL,
    rule text NOT NULL,
    actor text,
    issue_id UUID,
    test_id UUID,
    action text NOT NULL,
    is_done boolean NOT NULL,
    reason text NOT NULL,
    cause text NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE INDEX audit_by_issue ON audit (site_id, issue_id, at_ms);

CREATE TABLE setting (
    site_id bigint NOT NULL,
    scope text NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    changed_by text,
    changed_ms bigint NOT NULL,
    PRIMARY KEY (site_id, scope, name)
) CLUSTERED;

CREATE TABLE api_client (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    name text NOT NULL,
    token_hash BYTES NOT NULL UNIQUE,
    projects text NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    last_used_ms bigint,
    revoked_ms bigint,
    PRIMARY KEY (site_id, id)
);
";
