//! `junit.xml`: a suite per step, with a case for the step itself and one per gate.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::run::{StepOutcome, StepRecord};

use super::forms::Gate;
use super::summary::Summary;
use super::words;

/// The file.
pub(super) fn text(summary: &Summary) -> Result<String, SerializeError> {
    let mut report = Report::new(words::pipeline(&summary.record));
    for step in &summary.record.steps {
        report.add_test_suite(suite(summary, step));
    }
    for id in summary.record.not_run() {
        report.add_test_suite(suite_not_run(summary, id));
    }
    report.set_time(time(summary.took()));
    report.to_string()
}

fn suite(summary: &Summary, step: &StepRecord) -> TestSuite {
    let gates: Vec<&Gate> = summary.gates().filter(|(id, _)| *id == step.id).map(|(_, gate)| gate).collect();
    let mut suite = TestSuite::new(step.id.as_str());
    suite.set_time(time(step.duration_ms));
    let class = class(summary, &step.id);
    let mut own = TestCase::new(step.id.as_str(), own_status(step, &gates));
    own.set_classname(class.as_str()).set_time(time(step.duration_ms));
    // The failure itself has the message.
    if let Some(hint) = step.failure.as_ref().and_then(|failure| failure.hint.as_ref()) {
        own.set_system_out(format!("hint: {hint}"));
    }
    suite.add_test_case(own);
    for gate in gates {
        let mut case = TestCase::new(format!("{} {}", gate.metric, gate.wanted()), gate_status(gate));
        case.set_classname(class.as_str()).set_time(Duration::ZERO);
        suite.add_test_case(case);
    }
    suite
}

/// A suite of a step that is to run and has not.
fn suite_not_run(summary: &Summary, id: &str) -> TestSuite {
    let mut status = TestCaseStatus::skipped();
    status.set_message("not run");
    let mut case = TestCase::new(id, status);
    case.set_classname(class(summary, id)).set_time(Duration::ZERO);
    let mut suite = TestSuite::new(id);
    suite.set_time(Duration::ZERO).add_test_case(case);
    suite
}

fn class(summary: &Summary, id: &str) -> String {
    format!("{}.{id}", summary.record.pipeline)
}

/// A gate that was missed fails a case of its own, so the step's own case is well, unless there is none.
fn own_status(step: &StepRecord, gates: &[&Gate]) -> TestCaseStatus {
    let failure = step.failure.as_ref();
    let message = failure.map_or("", |failure| failure.message.as_str());
    let (kind, category) = match step.outcome {
        StepOutcome::Succeeded => return TestCaseStatus::success(),
        StepOutcome::GateMissed if gates.iter().any(|gate| !gate.passed) => return TestCaseStatus::success(),
        StepOutcome::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(step.skipped.as_deref().unwrap_or("skipped"));
            return status;
        }
        StepOutcome::GateMissed => (NonSuccessKind::Failure, "gate"),
        StepOutcome::Failed => (NonSuccessKind::Error, failure.map_or("", |failure| failure.category.as_str())),
        StepOutcome::Interrupted => (NonSuccessKind::Error, "interrupted"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_type(category);
    status
}

fn gate_status(gate: &Gate) -> TestCaseStatus {
    let Some(complaint) = gate.complaint() else { return TestCaseStatus::success() };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(complaint).set_type("gate");
    status
}

fn time(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}
