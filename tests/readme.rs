//! What the README shows is true: its commands run, its spec checks, its targets and files exist.

use std::fs;
use std::path::Path;
use std::time::Duration;

use stepwise::engine::{Limits, RULES};

use crate::harness::{Bench, ROOT, guest};

fn readme() -> String {
    read("README.md")
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The blocks of a language.
pub(crate) fn blocks(language: &str) -> Vec<String> {
    blocks_of(&readme(), language)
}

fn blocks_of(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_runs() {
    let files = ["model/pipeline.yaml", "model/model.onnx", "model/data/training.csv", "model/data/target.csv"];
    let bench = Bench::new().copies(".", &files);

    let mut commands = 0;
    for line in blocks("console").concat().lines() {
        let Some(command) = line.strip_prefix("$ stepwise ") else { continue };
        let arguments: Vec<_> = command.split_whitespace().collect();
        bench.stepwise(&arguments).succeeds();
        commands += 1;
    }

    assert!(commands >= 5);
    bench.leaves_nothing();
}

#[test]
fn the_scikit_learn_way_is_what_its_files_are() {
    // The blocks are parts of a list, and so indented.
    let blocks = |language: &str| {
        let readme = read("model/README.md").replace("\n   ", "\n");
        let section = readme.split("## Bringing a scikit-learn pipeline").nth(1).unwrap().to_owned();
        blocks_of(&section, language)
    };
    let folder = "model/scikit-learn";
    assert_eq!(blocks("python"), [read(&format!("{folder}/train.py"))]);
    let spec = read(&format!("{folder}/pipeline.yaml"));
    for lines in blocks("yaml") {
        assert!(spec.contains(&lines), "{lines}");
    }

    let files = ["pipeline.yaml", "model.tar.gz", "twin.onnx"].map(|file| format!("{folder}/{file}"));
    let files = files.iter().map(String::as_str).chain(["model/data/training.csv", "model/data/target.csv"]);
    let bench = Bench::new().copies(".", &files.collect::<Vec<_>>());
    let mut commands = 0;
    for line in blocks("console").concat().lines() {
        let Some(command) = line.strip_prefix("$ stepwise ") else { continue };
        bench.stepwise(&command.split_whitespace().collect::<Vec<_>>()).succeeds();
        commands += 1;
    }
    assert_eq!(commands, 2);
}

#[test]
fn every_make_target_exists() {
    let makefile = fs::read_to_string(Path::new(ROOT).join("Makefile")).unwrap();
    let readme = readme();
    let targets: Vec<_> =
        readme.lines().filter_map(|line| line.strip_prefix("$ make ")?.split_whitespace().next()).collect();

    assert!(!targets.is_empty());
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "no target `{target}`");
    }
}

#[test]
fn every_file_that_is_named_exists() {
    let readme = readme();
    let links = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for link in links.filter(|link| !link.starts_with("http")) {
        let is_there = match link.strip_prefix('#') {
            Some(title) => {
                readme.lines().any(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-") == title)
            }
            None => Path::new(ROOT).join(link).exists(),
        };
        assert!(is_there, "`{link}` is not there");
    }
}

#[test]
fn every_spec_is_sound() {
    let made = rcgen::generate_simple_self_signed(["cpd.example.com".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let specs: Vec<_> = blocks("yaml").into_iter().filter(|block| block.starts_with("version: 1\n")).collect();
    for spec in &specs {
        let bench = Bench::sample()
            .file("pipeline.yaml", spec)
            .file("cluster-ca.pem", &certificate)
            .file("ci.pem", &certificate)
            .file("ci-key.pem", made.signing_key.serialize_pem())
            .file("run/cpd-token", "a.token.x\n")
            .variable("CPD_PASSWORD", "some-password")
            .variable("S3_KEY", "some-key")
            .variable("S3_SECRET", "some-secret-key")
            .file("run/ibm-cloud-key", "some-api-key\n")
            .file("greet.wasm", guest("greet"));

        bench.stepwise(&["check", "pipeline.yaml"]).succeeds();
        if spec.contains("  prod:") {
            bench.stepwise(&["run", "pipeline.yaml", "--profile", "prod", "--set", "params.limit=100"]).succeeds();
        }
        if spec.contains("  old:") {
            bench.stepwise(&["check", "pipeline.yaml", "--profile", "old"]).succeeds();
        }
    }

    assert!(specs.len() >= 2);
}

#[test]
fn its_configuration_of_jenkins_is_sound() {
    let blocks = blocks("yaml");
    let block = blocks.iter().find(|block| block.starts_with("unclassified:\n")).unwrap();
    let configuration: serde_yaml::Value = serde_yaml::from_str(block).unwrap();

    assert_eq!(configuration["unclassified"]["globalUntrustedLibraries"]["libraries"][0]["name"], "stepwise");
    let secret = &configuration["credentials"]["system"]["domainCredentials"][0]["credentials"][0]["string"];
    let plan = Bench::sample().without("CPD_API_KEY");
    let plan = plan.stepwise(&["plan", "pipeline.yaml", "--format", "json", "--allow-unset"]).succeeds().stdout();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["unset_secrets"], serde_json::json!([secret["id"].as_str().unwrap()]));
    let set = configuration["jenkins"]["globalNodeProperties"][0]["envVars"]["env"].as_sequence().unwrap();
    let mut set: Vec<_> = set.iter().map(|variable| variable["key"].as_str().unwrap()).collect();
    set.sort_unstable();
    assert_eq!(plan["env"], serde_json::json!(set));
}

#[test]
fn its_faults_strike() {
    let blocks = blocks("yaml");
    let faults = blocks.iter().find(|block| block.contains("\nfaults:\n")).unwrap();
    let bench = Bench::sample().file("faults.yaml", faults);

    bench.stepwise(&["run", "--dry-run", "pipeline.yaml", "--faults", "faults.yaml", "--run", "r"]).succeeds();

    let events = fs::read_to_string(bench.folder.path().join(".stepwise/r/events.jsonl")).unwrap();
    assert!(events.contains("looking for model `tumour-screening`"));
    assert!(events.contains("\"status\":503"));
}

#[test]
fn every_limit_has_its_row() {
    let readme = readme();
    let section = readme.split("### Limits").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();

    let rules = RULES.each_ref().map(|rule| format!("| `{}` | {} | {} |", rule.key, rule.text(rule.default), rule.doc));
    assert_eq!(rows, rules);
    assert!(section.contains("Each try may take 30 minutes"));
    assert_eq!(Limits::default().time, Duration::from_mins(30));
}

#[test]
fn every_direct_dependency_has_a_line() {
    let readme = readme();
    let section = readme.split("## Dependencies").nth(1).unwrap();
    for manifest in [
        "Cargo.toml",
        "host/stub/Cargo.toml",
        "host/scoring/Cargo.toml",
        "host/spec/Cargo.toml",
        "wasm-steps/sdk/Cargo.toml",
        "wasm-steps/store/Cargo.toml",
    ] {
        let text = fs::read_to_string(Path::new(ROOT).join(manifest)).unwrap();
        let tables = ["[dependencies]", "[dev-dependencies]"].map(|table| text.split(table).nth(1).unwrap_or_default());
        for line in tables.iter().flat_map(|table| table.lines().take_while(|line| !line.starts_with('['))) {
            let Some(name) =
                line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty() && !name.starts_with('#'))
            else {
                continue;
            };
            let own = ["step-sdk", "stepwise-scoring", "stepwise-spec", "stepwise-stub"].contains(&name);
            assert!(own || section.contains(&format!("`{name}`")), "`{name}` of {manifest} has no line");
        }
    }
}
