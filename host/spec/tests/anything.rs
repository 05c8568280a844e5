//! Whatever a spec holds: it is read, or its problems are told. Nothing panics.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use stepwise_spec::{Overrides, Problems, Spec, Template, parse_duration, parse_size};

/// The specs of the goldens.
fn specs() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/specs");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Reads a spec and shows what is wrong with it. Every place that is told lies in the text.
fn read(bytes: Vec<u8>, overrides: &Overrides) {
    let file = Path::new("spec.yaml");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let problems = match Spec::parse(file, bytes, overrides) {
        Ok(spec) => spec.problems,
        Err(problems) => {
            assert!(problems.count() > 0);
            let _ = problems.render(true);
            return;
        }
    };
    let lines = text.lines().count().max(1);
    assert!(problems.iter().filter_map(|problem| problem.place).all(|place| (1..=lines + 1).contains(&place.line)));
    let _ = Problems::new(file, &text, problems).render(false);
}

fn overrides() -> impl Strategy<Value = Overrides> {
    let set = prop_oneof![
        "[a-z.=0-9]{0,20}",
        "(params|steps|services|data|name|timeout)(\\.[a-z]{1,8}){0,4}=.{0,12}",
        "steps\\.(deploy|store)\\.(timeout|inputs|retry)(\\.[a-z]{1,6}){0,2}=(1|null|[a-z]|\\[\\]|\\{\\})",
    ];
    (proptest::option::of("[a-z]{1,5}"), proptest::collection::vec(set, 0..3))
        .prop_map(|(profile, set)| Overrides { profile, set })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_explained(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(bytes, &Overrides::default());
    }

    #[test]
    fn any_text_of_yaml_is_read_or_explained(text in "([-:#&*!|>'\"%@`{}\\[\\],?~<]|[ \n\t]|[a-z]{1,4}|[0-9.]|\\$\\{\\{|\\}\\}|é){0,120}") {
        read(text.into_bytes(), &Overrides::default());
    }

    #[test]
    fn a_changed_spec_is_read_or_explained(
        n in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        removed in 0..8_usize,
        put in "([-:#&*!|>'\"{}\\[\\],]|[ \n]|[a-z]{1,3}|[0-9]|é|null|<<|\\$\\{\\{ params\\.a \\}\\}){0,4}",
        overrides in overrides(),
    ) {
        let specs = specs();
        let mut spec = n.get(&specs).clone();
        let at = at.index(spec.len() + 1);
        let end = (at + removed).min(spec.len());
        spec.splice(at..end, put.into_bytes());
        read(spec, &overrides);
    }

    #[test]
    fn any_quantity_or_reference_is_read_or_explained(text in ".{0,30}") {
        let _ = (parse_duration(&text), parse_size(&text), Template::parse(&text));
    }
}
