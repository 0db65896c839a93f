//! The document as it is written (`reference/test-management.md` section 10.4).

use serde::Deserialize;

use super::super::json::{List, Text};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    #[serde(borrow, default)]
    pub test_execution_key: Text<'a>,
    #[serde(borrow, default)]
    pub info: Option<Info<'a>>,
    #[serde(borrow, default)]
    pub tests: List<Test<'a>>,
}

/// The execution.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Info<'a> {
    #[serde(borrow, alias = "projectKey")]
    pub project: Text<'a>,
    #[serde(borrow)]
    pub summary: Text<'a>,
    #[serde(borrow)]
    pub description: Text<'a>,
    #[serde(borrow)]
    pub version: Text<'a>,
    #[serde(borrow)]
    pub revision: Text<'a>,
    #[serde(borrow)]
    pub user: Text<'a>,
    #[serde(borrow)]
    pub start_date: Text<'a>,
    #[serde(borrow)]
    pub finish_date: Text<'a>,
    #[serde(borrow)]
    pub test_plan_key: Text<'a>,
    #[serde(borrow)]
    pub test_environments: List<Text<'a>>,
}

/// One result.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Test<'a> {
    #[serde(borrow, rename = "testKey")]
    pub key: Text<'a>,
    #[serde(borrow, rename = "testInfo")]
    pub info: Option<Box<TestInfo<'a>>>,
    #[serde(borrow)]
    pub start: Text<'a>,
    #[serde(borrow)]
    pub finish: Text<'a>,
    #[serde(borrow)]
    pub status: Text<'a>,
    #[serde(borrow)]
    pub comment: Text<'a>,
    #[serde(borrow)]
    pub executed_by: Text<'a>,
    #[serde(borrow)]
    pub assignee: Text<'a>,
    #[serde(borrow)]
    pub evidence: List<File<'a>>,
    #[serde(borrow)]
    pub evidences: List<File<'a>>,
    #[serde(borrow)]
    pub defects: List<Text<'a>>,
    #[serde(borrow)]
    pub examples: List<Text<'a>>,
    #[serde(borrow)]
    pub steps: List<Step<'a>>,
    #[serde(borrow)]
    pub iterations: List<Iteration<'a>>,
    #[serde(borrow)]
    pub custom_fields: List<Field<'a>>,
}

/// The test, so that it can be made.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct TestInfo<'a> {
    #[serde(borrow)]
    pub project_key: Text<'a>,
    #[serde(borrow)]
    pub summary: Text<'a>,
    #[serde(borrow)]
    pub description: Text<'a>,
    #[serde(borrow, rename = "type", alias = "testType")]
    pub test_type: Text<'a>,
    #[serde(borrow)]
    pub definition: Text<'a>,
    #[serde(borrow)]
    pub scenario: Text<'a>,
    #[serde(borrow)]
    pub labels: List<Text<'a>>,
    #[serde(borrow)]
    pub requirement_keys: List<Text<'a>>,
    #[serde(borrow)]
    pub steps: List<PlannedStep<'a>>,
}

/// A step of a test that is made.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub struct PlannedStep<'a> {
    #[serde(borrow)]
    pub action: Text<'a>,
    #[serde(borrow)]
    pub data: Text<'a>,
    #[serde(borrow)]
    pub result: Text<'a>,
}

/// A file that proves something.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct File<'a> {
    #[serde(borrow)]
    pub data: Text<'a>,
    #[serde(borrow)]
    pub filename: Text<'a>,
    #[serde(borrow, alias = "mimeType")]
    pub content_type: Text<'a>,
}

/// How a step went.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Step<'a> {
    #[serde(borrow)]
    pub status: Text<'a>,
    #[serde(borrow)]
    pub actual_result: Text<'a>,
    #[serde(borrow)]
    pub comment: Text<'a>,
    #[serde(borrow)]
    pub evidence: List<File<'a>>,
    #[serde(borrow)]
    pub evidences: List<File<'a>>,
    #[serde(borrow)]
    pub defects: List<Text<'a>>,
}

/// One round with data of its own.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub struct Iteration<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub parameters: List<Field<'a>>,
    #[serde(borrow)]
    pub log: Text<'a>,
    #[serde(borrow)]
    pub duration: Text<'a>,
    #[serde(borrow)]
    pub status: Text<'a>,
    #[serde(borrow)]
    pub steps: List<Step<'a>>,
}

/// A name and a value; the id does when there is no name.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub struct Field<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub value: Text<'a>,
}
