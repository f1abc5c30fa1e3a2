//! For programs that collect test results.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Report, ReportError, terminal};
use crate::run::{Record, Verdict};

/// The report as JUnit XML: a suite for each area, a test for each case. JUnit knows no verdict
/// "not strict", so that is a skipped test whose message says so, as is a known deviation.
///
/// # Errors
///
/// It cannot be XML.
pub fn junit(report: &Report) -> Result<String, ReportError> {
    let mut junit = quick_junit::Report::new(format!("conformance of {}", report.target));
    junit.set_time(Duration::from_millis(report.elapsed_ms));
    for records in report.records.chunk_by(|a, b| area(a) == area(b)) {
        let mut suite = TestSuite::new(area(&records[0]));
        for record in records {
            suite.add_test_case(test(report, record));
        }
        suite.set_time(Duration::from_millis(records.iter().map(|record| record.ms).sum()));
        junit.add_test_suite(suite);
    }
    if !report.troubles.is_empty() {
        let mut suite = TestSuite::new("target");
        for trouble in &report.troubles {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(trouble.as_str());
            suite.add_test_case(TestCase::new("target goes on running", status));
        }
        junit.add_test_suite(suite);
    }
    junit.to_string().map_err(|error| ReportError(format!("cannot be JUnit XML: {error}")))
}

fn test(report: &Report, record: &Record) -> TestCase {
    let status = match record.verdict {
        _ if record.fails_the_run() => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(record.summary()).set_type(record.verdict.to_string());
            status.set_description(
                anstream::adapter::strip_str(&terminal::failure(
                    record,
                    &report.rerun(&record.case),
                    usize::MAX,
                ))
                .to_string(),
            );
            status
        }
        Verdict::Pass => TestCaseStatus::success(),
        verdict => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(match verdict {
                Verdict::Skipped => record.summary(),
                _ => format!("{verdict}: {}", record.summary()),
            });
            status
        }
    };
    let mut test = TestCase::new(record.case.as_str(), status);
    test.set_classname(record.clause.as_str()).set_time(Duration::from_millis(record.ms));
    test
}

fn area(record: &Record) -> &str {
    record.case.split('/').next().unwrap_or_default()
}
