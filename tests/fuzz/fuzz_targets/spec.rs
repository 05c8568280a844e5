//! Whatever a spec holds, reading it and telling what is wrong with it ends without a panic.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use stepwise_spec::{Overrides, Problems, Spec};

fuzz_target!(|bytes: &[u8]| {
    let file = Path::new("spec.yaml");
    let overrides = Overrides { profile: Some("prod".to_owned()), set: vec!["steps.deploy.timeout=1m".to_owned()] };
    match Spec::parse(file, bytes.to_vec(), &overrides) {
        Ok(spec) => drop(Problems::new(file, &spec.text, spec.problems).render(false)),
        Err(problems) => drop(problems.render(true)),
    }
});
