//! Which format a file has, by its content; names and media types are not believed.

use super::detect_json;
use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::tap::is_tap;
use super::text::shortened;
use super::xml::{Source, Token, Xml};

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JUnit XML in any dialect.
    JUnit,
    /// `NUnit` 2 or 3.
    NUnit,
    /// xUnit.net v1 to v3.
    XUnit,
    /// `TestNG`.
    TestNg,
    /// Visual Studio and `dotnet test`.
    Trx,
    /// Robot Framework's `output.xml`.
    Robot,
    /// Robot Framework's `output.json`.
    RobotJson,
    /// Cucumber's JSON.
    Cucumber,
    /// Behave's JSON.
    Behave,
    /// The Common Test Report Format.
    Ctrf,
    /// One Allure 2 result, or a list of them.
    Allure,
    /// What upload clients of Xray send.
    XrayJson,
    /// The Test Anything Protocol.
    Tap,
}

impl Format {
    /// What people call it; an execution's source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JUnit => "JUnit",
            Self::NUnit => "NUnit",
            Self::XUnit => "xUnit.net",
            Self::TestNg => "TestNG",
            Self::Trx => "TRX",
            Self::Robot | Self::RobotJson => "Robot Framework",
            Self::Cucumber => "Cucumber",
            Self::Behave => "Behave",
            Self::Ctrf => "CTRF",
            Self::Allure => "Allure",
            Self::XrayJson => "Xray JSON",
            Self::Tap => "TAP",
        }
    }
}

/// The format of `text`, or the refusal that says what it is instead.
pub fn detect(text: &str, limits: &Limits) -> Result<Format, ReadError> {
    let body = text.trim_start();
    match body.chars().next() {
        None => Err(ReadError::whole(Fault::Empty)),
        Some('<') => by_root(text, limits),
        Some('{' | '[') => detect_json::detect(text),
        _ if is_tap(text) => Ok(Format::Tap),
        _ => Err(ReadError::at(
            text,
            text.len() - body.len(),
            Fault::NotAResultFile,
        )),
    }
}

fn by_root(text: &str, limits: &Limits) -> Result<Format, ReadError> {
    let source = Source::new(text, limits);
    let Token::Open(root) = Xml::new(&source).next()? else {
        return Err(ReadError::whole(Fault::Empty));
    };
    match root.name() {
        "testsuites" | "testsuite" | "testrun" => Ok(Format::JUnit),
        "test-run" | "test-results" => Ok(Format::NUnit),
        "assemblies" | "assembly" => Ok(Format::XUnit),
        "testng-results" => Ok(Format::TestNg),
        "TestRun" => Ok(Format::Trx),
        "robot" => Ok(Format::Robot),
        name => Err(source.fault(root.at, Fault::UnknownRoot(shortened(name, 60)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        detect(text, &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn junit_is_known_by_its_root() {
        for text in [
            "<testsuites/>",
            "<?xml version='1.0'?>\n<!-- made by x --><testsuite name='a'>",
            "<!DOCTYPE testsuite><testsuite/>",
            "<j:testsuite xmlns:j='urn:x'/>",
            "<testrun name='Eclipse'/>",
        ] {
            assert_eq!(
                detect(text, &Limits::default()),
                Ok(Format::JUnit),
                "{text}"
            );
        }
    }

    #[test]
    fn every_xml_format_is_known_by_its_root() {
        for (text, format) in [
            ("<test-run id='2'/>", Format::NUnit),
            ("<test-results/>", Format::NUnit),
            ("<assemblies/>", Format::XUnit),
            ("<assembly name='a'/>", Format::XUnit),
            ("<testng-results/>", Format::TestNg),
            ("<TestRun xmlns='urn:x'/>", Format::Trx),
            ("<robot generator='r'/>", Format::Robot),
        ] {
            assert_eq!(detect(text, &Limits::default()), Ok(format), "{text}");
        }
    }

    #[test]
    fn tap_is_known_by_its_lines() {
        for text in [
            "TAP version 13\n1..1",
            "> npm test\n\n1..2\nok 1\n",
            "# a comment\nnot ok 1 - adds",
            "ok",
        ] {
            assert_eq!(detect(text, &Limits::default()), Ok(Format::Tap), "{text}");
        }
        for text in ["okay 1", "it is\nok with me", "  ok 1", "1..x"] {
            assert!(detect(text, &Limits::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_called_by_its_name() {
        assert!(refusal("[{\"id\": 1}]").contains("this JSON is no report that is known"));
        assert_eq!(
            refusal("<html>"),
            "line 1, column 1: no known report has the root element <html>; JUnit has <testsuites> or \
             <testsuite>, NUnit <test-run>, xUnit.net <assemblies>, TestNG <testng-results>, TRX \
             <TestRun>, Robot Framework <robot>"
        );
        assert!(refusal("\n hello").starts_with("line 2, column 2: this is not a result file"));
        assert!(refusal(" \n").starts_with("the file is empty"));
        assert!(refusal("<!-- only -->").contains("there is no element"));
    }
}
