//! JUnit XML in all its dialects (`reference/test-management.md` sections 10.5 and 11).
//!
//! One pass over the tokens with an explicit stack of places; no tree is built. Totals that suites
//! declare are never believed, the cases are counted. An element that no dialect is known for is
//! looked through where suites and cases may stand in it, so that no case is lost silently.

mod case;
mod outcome;
mod property;
mod suite;

use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::model::{Counts, Report};
use super::repeats::Repeats;
use super::suites::Suites;
use super::warnings::Warnings;
use super::xml::{Element, Source, Token, Xml};
use case::CaseDraft;
use outcome::Outcome;
use property::{Item, Property};

/// Reads a document whose root is known to be JUnit's; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut xml = Xml::new(&source);
    let mut reading = Reading::new(&source);
    for warning in warnings {
        reading.warnings.whole(warning);
    }
    loop {
        match xml.next()? {
            Token::Open(element) => reading.open(&element)?,
            Token::Text(text) => reading.text(&text),
            Token::Close => reading.close()?,
            Token::End => return Ok(reading.finish()),
        }
    }
}

/// Where in the document we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Around suites: the root, or an element that we look through.
    Around,
    Suite,
    Case,
    /// `failure`, `error`, `skipped`, `rerunFailure`, …
    Outcome,
    /// The text inside an outcome's own children, such as `stackTrace`.
    Trace,
    /// `system-out` or `system-err` of an attempt or of the case.
    Output,
    Properties,
    Property,
    Item,
    /// Something that holds nothing for us.
    Other,
}

/// The state of one reading.
#[derive(Debug)]
struct Reading<'a> {
    source: &'a Source<'a>,
    limits: &'a Limits,
    warnings: Warnings<'a>,
    places: Vec<Place>,
    suites: Suites,
    case: Option<CaseDraft>,
    property: Option<Property>,
    /// Properties seen since the last suite or case began.
    properties: usize,
    evidence_bytes: usize,
    counts: Counts,
    runs: Repeats,
}

impl<'a> Reading<'a> {
    fn new(source: &'a Source<'a>) -> Self {
        // A guess, so that a large report is not moved about while it grows.
        let expected = source.text.matches("<testcase").count();
        Self {
            source,
            limits: source.limits,
            warnings: Warnings::new(source.text, source.limits.warnings),
            places: Vec::new(),
            suites: Suites::default(),
            case: None,
            property: None,
            properties: 0,
            evidence_bytes: 0,
            counts: Counts::default(),
            runs: Repeats::with_capacity(expected.min(source.limits.cases)),
        }
    }

    fn open(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let place = match self.places.last() {
            None => self.open_around(element)?,
            Some(Place::Around | Place::Suite) => self.open_in_suite(element)?,
            Some(Place::Case) => self.open_in_case(element)?,
            Some(Place::Outcome) if is_output(element.name()) => self.open_output(element)?,
            Some(Place::Outcome | Place::Trace) => checked(element, Place::Trace)?,
            Some(Place::Properties) if element.name() == "property" => {
                self.open_property(element)?
            }
            Some(Place::Property) if element.name() == "item" => {
                let item = Item::open(element)?;
                if let Some(property) = &mut self.property {
                    property.item = Some(item);
                }
                Place::Item
            }
            Some(_) => checked(element, Place::Other)?,
        };
        self.places.push(place);
        Ok(())
    }

    /// The root, which may be a suite itself.
    fn open_around(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        if element.name() == "testsuite" {
            return self.open_suite(element);
        }
        checked(element, Place::Around)
    }

    fn open_in_suite(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        match element.name() {
            "testsuite" => self.open_suite(element),
            "testcase" => self.open_case(element),
            "properties" => checked(element, Place::Properties),
            "property" => self.open_property(element),
            name if is_output(name) => checked(element, Place::Other),
            "failure" | "error" => {
                let suite = self.suites.name();
                self.warnings.at(element.at, || {
                    format!("the suite {suite:?} reports a fault of its own, outside its cases")
                });
                checked(element, Place::Other)
            }
            _ => checked(element, Place::Around),
        }
    }

    fn open_suite(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        self.properties = 0;
        let start = suite::start(element, &mut self.warnings)?;
        self.suites.enter(start, self.source)?;
        Ok(Place::Suite)
    }

    fn open_case(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let limit = self.limits.cases;
        if self.counts.tests >= limit {
            let what = "test cases in one file";
            return Err(self.source.fault(element.at, Fault::Limit { what, limit }));
        }
        self.properties = 0;
        self.case = Some(CaseDraft::open(element, self.limits, &mut self.warnings)?);
        Ok(Place::Case)
    }

    fn open_in_case(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let Some(case) = &mut self.case else {
            return checked(element, Place::Other);
        };
        let name = element.name();
        if let Some(outcome) = Outcome::of(name) {
            case.open_outcome(outcome, element, self.limits)?;
            return Ok(Place::Outcome);
        }
        match name {
            "properties" => checked(element, Place::Properties),
            "property" => self.open_property(element),
            "testcase" => Err(self.source.fault(element.at, Fault::NestedCase)),
            name if is_output(name) => self.open_output(element),
            _ => checked(element, Place::Other),
        }
    }

    fn open_output(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        if let Some(case) = &mut self.case {
            case.open_output(self.limits);
        }
        checked(element, Place::Output)
    }

    fn open_property(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        self.properties += 1;
        let limit = self.limits.properties;
        if self.properties > limit {
            let what = "properties of one suite or case";
            return Err(self.source.fault(element.at, Fault::Limit { what, limit }));
        }
        self.property = Some(Property::open(element)?);
        Ok(Place::Property)
    }

    fn text(&mut self, text: &str) {
        let limits = self.limits;
        match self.places.last() {
            Some(Place::Outcome | Place::Trace) => {
                if let Some(case) = &mut self.case {
                    case.explain(text, limits);
                }
            }
            Some(Place::Output) => {
                if let Some(case) = &mut self.case {
                    case.print(text, limits);
                }
            }
            Some(Place::Property | Place::Item) => {
                if let Some(property) = &mut self.property {
                    property.push(text, limits);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self) -> Result<(), ReadError> {
        match self.places.pop() {
            Some(Place::Suite) => self.suites.close(&mut self.warnings),
            Some(Place::Case) => self.close_case()?,
            Some(Place::Outcome) => {
                if let Some(case) = &mut self.case {
                    case.close_outcome(self.limits);
                }
            }
            Some(Place::Item) => self.close_item(),
            Some(Place::Property) => self.close_property(),
            _ => {}
        }
        Ok(())
    }

    fn close_case(&mut self) -> Result<(), ReadError> {
        let Some(case) = self.case.take() else {
            return Ok(());
        };
        self.counts.add(case.status(), case.is_marked_flaky());
        let place = self.suites.place_case(case.at, self.source)?;
        self.runs.add(
            case.finish(place, self.limits, &mut self.warnings),
            self.limits,
        );
        Ok(())
    }

    fn close_item(&mut self) {
        let item = self.property.as_mut().and_then(|property| {
            property
                .item
                .take()
                .map(|item| (property.name.clone(), property.at, item))
        });
        let (Some((property, at, item)), Some(case)) = (item, &mut self.case) else {
            return;
        };
        match property.as_str() {
            "testrun_evidence" => {
                let room = self
                    .limits
                    .evidence_bytes
                    .saturating_sub(self.evidence_bytes);
                match item.evidence(room) {
                    Ok(evidence) => {
                        self.evidence_bytes += evidence.content.len();
                        case.evidence.push(evidence);
                    }
                    Err(why) => self.warnings.at(at, || why),
                }
            }
            "testrun_customfields" if case.custom_fields.len() < self.limits.annotations => {
                case.custom_fields.push(item.custom_field());
            }
            "testrun_customfields" => {
                let limit = self.limits.annotations;
                self.warnings.at(at, || {
                    format!("only {limit} custom fields of a case are kept")
                });
            }
            _ => {}
        }
    }

    fn close_property(&mut self) {
        let Some(property) = self.property.take() else {
            return;
        };
        match &mut self.case {
            Some(case) => case.take_property(property, self.limits, &mut self.warnings),
            None => {
                suite::take_property(&mut self.suites, &property, self.limits, &mut self.warnings);
            }
        }
    }

    fn finish(mut self) -> Report {
        let replaced = self.source.replaced_references();
        if replaced > 0 {
            self.warnings.whole(format!(
                "references to characters that XML forbids were read as U+FFFD, {replaced} in all"
            ));
        }
        Report {
            runs: self.runs.finish(),
            counts: self.counts,
            warnings: self.warnings.finish(),
            ..Report::default()
        }
    }
}

fn is_output(name: &str) -> bool {
    matches!(name, "system-out" | "system-err")
}

fn checked(element: &Element<'_>, place: Place) -> Result<Place, ReadError> {
    element.check().map(|()| place)
}
