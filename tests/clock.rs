//! Clocks that are wrong, and clocks that jump while a run is under way: no run, token or pause is judged by them.

use crate::harness::{Bench, components, each};

impl Bench {
    /// The clock that `stepwise` reads, as libfaketime writes it: an offset, and how fast it goes. Only what is measured
    /// between two moments of a process stays true, as on a machine whose clock is set.
    fn clock(self, time: &str) -> Self {
        let folder = components().with_file_name("faketime");
        let library = folder.join("libfaketime/vendor/libfaketime/src/libfaketime.so.1");
        assert!(library.is_file(), "there is no libfaketime: run `make test`, which installs it");
        self.variable("LD_PRELOAD", library.to_str().unwrap())
            .variable("FAKETIME", time)
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    /// Without it.
    fn true_clock(self) -> Self {
        self.without("LD_PRELOAD")
    }
}

/// Days behind and ahead, years behind; a day forth and a day back in every second.
const CLOCKS: [&str; 6] = ["-3d", "+3d", "+400d", "-30y", "+0 x86400", "+0 x-86400"];

#[test]
fn a_run_succeeds_whatever_the_clock_says() {
    each(
        &CLOCKS,
        |clock| clock,
        |clock| {
            let bench = Bench::sample().clock(clock);

            let stdout = bench.run().succeeds().stdout();

            bench.metrics_are("tumour-screening");
            bench.leaves_nothing();
            // It did not log in again for every request, as if each token had expired.
            let logins = bench.requests().iter().filter(|request| request.ends_with("/authorize")).count();
            assert_eq!(logins, 1, "{:?}", bench.requests());
            for step in bench.record()["steps"].as_array().unwrap() {
                let took = step["duration_ms"].as_f64().unwrap();
                assert!((0.0..60_000.0).contains(&took), "{step}\n{stdout}");
            }
        },
    );
}

#[test]
fn a_run_goes_on_and_is_cleaned_up_after_the_clock_was_set_back() {
    for (then, now) in [("+3d", "-3d"), ("-3d", "+3d")] {
        let bench = Bench::sample().clock(then);
        bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();

        let bench = bench.clock(now);
        bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();

        bench.metrics_are("tumour-screening");
        assert!(!bench.stub.leftovers().is_empty());
        let bench = bench.true_clock();
        bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
        bench.leaves_nothing();
    }
}

#[test]
fn a_clock_that_is_ahead_makes_no_run_stale() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep"]).succeeds();
    std::fs::remove_dir_all(bench.folder.path().join(".stepwise")).unwrap();
    let kept = bench.stub.leftovers();

    // Ages are counted by the clock of the service that keeps them.
    let bench = bench.clock("+400d");
    bench.stepwise(&["cleanup", "--stale", "--older-than", "1d", "pipeline.yaml"]).succeeds();

    assert_eq!(bench.stub.leftovers(), kept);
}
