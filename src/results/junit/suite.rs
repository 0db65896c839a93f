//! What `testsuite` elements and their properties say, handed on to [`Suites`].

use super::super::annotations::labels_of;
use super::super::error::ReadError;
use super::super::limits::Limits;
use super::super::suites::{SuiteStart, Suites};
use super::super::warnings::Warnings;
use super::super::when::instant_ms;
use super::super::xml::Element;
use super::property::Property;

/// Reads the start tag of a suite.
pub fn start(element: &Element<'_>, warnings: &mut Warnings<'_>) -> Result<SuiteStart, ReadError> {
    let mut suite = SuiteStart {
        at: element.at,
        ..SuiteStart::default()
    };
    let mut timestamp = None;
    element.each_attribute(|attribute| match attribute.name {
        "name" => attribute.value.trim().clone_into(&mut suite.name),
        "tests" => suite.declared = attribute.value.trim().parse().unwrap_or(0),
        "timestamp" => timestamp = Some(attribute.value.into_owned()),
        _ => {}
    })?;
    if let Some(text) = timestamp.filter(|text| !text.trim().is_empty()) {
        suite.started_ms = instant_ms(&text);
        if suite.started_ms.is_none() {
            warnings.at(element.at, || {
                "the suite's timestamp cannot be read; write it as 2026-01-31T12:00:00Z".into()
            });
        }
    }
    Ok(suite)
}

/// A property of the innermost suite. Only those that are there to say so hand down issue keys:
/// system properties, such as a branch's name, would link every case of the suite.
pub fn take_property(
    suites: &mut Suites,
    property: &Property,
    limits: &Limits,
    warnings: &mut Warnings<'_>,
) {
    match property.name.as_str() {
        "requirement" | "requirements" => {
            property.requirements(warnings, |found| suites.add_requirement(found, limits));
        }
        "tags" => {
            for label in labels_of(property.text(), limits) {
                suites.add_tag(label, limits);
            }
        }
        _ => {}
    }
}
