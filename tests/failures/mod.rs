//! How each step can fail: the category, the whole message, the hint; and that nothing stays behind.

use crate::harness::{Bench, each, hide_ids};

mod anywhere;
mod cleanup;
mod deploy;
mod evaluate;
pub(crate) mod repeat;
mod score;
mod store;
mod subscribe;

/// One way to fail.
struct Case {
    /// What is wrong, for the test's own output.
    name: &'static str,
    bench: fn() -> Bench,
    category: &'static str,
    message: &'static str,
    hint: Option<&'static str>,
}

/// Every case ends the run in this step with exit code 3, is told on stdout, and leaves nothing.
fn fails(step: &str, cases: &[Case]) {
    each(
        cases,
        |case| case.name,
        |case| {
            let bench = (case.bench)();

            let ran = bench.run().exits_with(3).fails_in(step, case.category, case.message);

            let record = bench.step(step);
            assert_eq!(record["outcome"], "failed");
            assert_eq!(record["failure"]["hint"].as_str().map(hide_ids).as_deref(), case.hint);
            let told = case.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            let told = format!("step `{step}` failed: {}\n{told}run r of tumour-screening: failed\n", case.message);
            let stdout = hide_ids(&ran.stdout());
            assert!(stdout.ends_with(&told), "stdout:\n{stdout}\nshould end with:\n{told}");
            assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
            bench.leaves_nothing();
        },
    );
}
