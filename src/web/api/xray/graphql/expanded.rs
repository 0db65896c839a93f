//! Tests whose steps that call another test are replaced by the steps of that test.

use std::collections::HashMap;

use async_graphql::{Context, Object, SimpleObject};
use uuid::Uuid;

use super::super::ids;
use super::desk::{Answer, Desk, refused};
use super::names::step_id;
use super::test::{Attachment, CustomStepField, Definition};
use super::test_facts::TestFacts;
use crate::domain::test::{TestContent, TestStep};
use crate::store::stored_tests::{self, StoredTest, TestVersion};

/// How deep tests call one another.
const DEEPEST: usize = 5;
/// Most steps of an expanded test.
const STEPS: usize = 1_000;

/// A test with its steps expanded.
#[derive(Debug)]
pub(super) struct ExpandedTest {
    test: StoredTest,
    version: TestVersion,
    steps: Vec<Expanded>,
    warnings: Vec<String>,
}

/// A step of an expanded test.
#[derive(Debug, SimpleObject)]
#[graphql(name = "ExpandedStep")]
struct Expanded {
    /// Its id.
    id: String,
    /// What to do.
    action: String,
    /// With what.
    data: Option<String>,
    /// What should happen.
    result: Option<String>,
    /// The test that is called, for a step that stands for one that cannot be shown.
    called_test_issue_id: Option<String>,
    /// The test that the step is of, when another called it.
    parent_test_issue_id: Option<String>,
    /// Files of the step: none are kept here.
    attachments: Vec<Attachment>,
    /// Fields of one's own: none are kept here.
    custom_fields: Vec<CustomStepField>,
}

#[Object]
impl ExpandedTest {
    #[graphql(flatten)]
    #[expect(clippy::unused_async, reason = "what is merged in is awaited")]
    async fn facts(&self, _context: &Context<'_>) -> TestFacts {
        TestFacts(self.test.clone())
    }

    #[graphql(flatten)]
    #[expect(clippy::unused_async, reason = "what is merged in is awaited")]
    async fn definition(&self, _context: &Context<'_>) -> Definition {
        Definition {
            kind: self.test.kind,
            content: self.version.content.clone(),
        }
    }

    /// The number of the version that is shown.
    async fn version_id(&self) -> i32 {
        self.version.version
    }

    /// What to do, in order.
    async fn steps(&self) -> &[Expanded] {
        &self.steps
    }

    /// Which steps could not be expanded, and why.
    async fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Expands tests, each in the version asked for or the one there is now.
pub(super) async fn expand(
    desk: &Desk,
    wanted: Vec<(StoredTest, Option<i32>)>,
) -> Answer<Vec<ExpandedTest>> {
    let (on, site) = (desk.read(), desk.site());
    let mut chosen = Vec::new();
    for (test, number) in wanted {
        let number = number.unwrap_or(test.version);
        let found = stored_tests::version(on, site, &test, number).await?;
        let version = found.ok_or_else(|| {
            let key = &test.key;
            refused(format!("{key} has no version {number}."))
        })?;
        chosen.push((test, version));
    }
    let called = called(desk, &chosen).await?;
    let one = |(test, version): (StoredTest, TestVersion)| {
        let mut expansion = Expansion {
            called: &called,
            steps: Vec::new(),
            warnings: Vec::new(),
        };
        expansion.add((test.id, &version.content), &mut vec![test.id]);
        ExpandedTest {
            steps: expansion.steps,
            warnings: expansion.warnings,
            test,
            version,
        }
    };
    Ok(chosen.into_iter().map(one).collect())
}

/// Every test that one of these calls, directly or through others, as far as the client may see it.
async fn called(
    desk: &Desk,
    chosen: &[(StoredTest, TestVersion)],
) -> Answer<HashMap<Uuid, StoredTest>> {
    let calls = |content: &TestContent| -> Vec<Uuid> {
        content.steps.iter().filter_map(|step| step.calls).collect()
    };
    let mut known: HashMap<Uuid, StoredTest> = HashMap::new();
    let open = chosen
        .iter()
        .flat_map(|(_, version)| calls(&version.content));
    let mut open: Vec<Uuid> = open.collect();
    for _ in 0..DEEPEST {
        open.retain(|id| !known.contains_key(id));
        if open.is_empty() {
            break;
        }
        let found = stored_tests::by_ids(desk.read(), desk.site(), &open).await?;
        let is_visible =
            |test: &StoredTest| test.archived_ms.is_none() && desk.check(&test.key.project).is_ok();
        let found: Vec<StoredTest> = found.into_values().filter(is_visible).collect();
        open = found.iter().flat_map(|test| calls(&test.content)).collect();
        known.extend(found.into_iter().map(|test| (test.id, test)));
    }
    Ok(known)
}

struct Expansion<'a> {
    called: &'a HashMap<Uuid, StoredTest>,
    steps: Vec<Expanded>,
    warnings: Vec<String>,
}

impl Expansion<'_> {
    /// Adds the steps of a test; `path` are the tests that are being expanded, from the outermost.
    fn add(&mut self, (test, content): (Uuid, &TestContent), path: &mut Vec<Uuid>) {
        for (step, id) in content.steps.iter().zip(content.step_ids()) {
            if self.steps.len() == STEPS {
                self.warnings
                    .push(format!("Only the first {STEPS} steps are shown."));
                return;
            }
            let parent = (path.len() > 1).then(|| ids::of(test));
            let Some(callee) = step.calls else {
                self.steps.push(shown(step, step_id(test, id), parent));
                continue;
            };
            let why = if path.contains(&callee) {
                "calls itself"
            } else if path.len() > DEEPEST {
                "is called too deeply"
            } else if let Some(called) = self.called.get(&callee) {
                path.push(callee);
                self.add((callee, &called.content), path);
                path.pop();
                continue;
            } else {
                "is not there"
            };
            let id_of = ids::of(callee);
            self.warnings.push(format!(
                "The test {id_of} {why}, so the step that calls it stays."
            ));
            self.steps.push(shown(step, step_id(test, id), parent));
        }
    }
}

fn shown(step: &TestStep, id: String, parent: Option<String>) -> Expanded {
    Expanded {
        id,
        action: step.action.clone(),
        data: step.data.clone(),
        result: step.expected.clone(),
        called_test_issue_id: step.calls.map(ids::of),
        parent_test_issue_id: parent,
        attachments: Vec::new(),
        custom_fields: Vec::new(),
    }
}
