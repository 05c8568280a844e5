//! What the cache keeps is reused only as it was kept: a disk can lie, and a power cut leaves anything.

use std::fs;
use std::path::{Path, PathBuf};

use super::server::{Mishap, Server};
use super::{fails, gzip, parquet, sample, sha256, target};
use crate::harness::{Bench, json};

/// The files of the cache of data whose names end so.
fn cached(bench: &Bench, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(bench.folder.path().join("cache/data")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

fn change(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn dry_run(bench: &Bench, run: &str) {
    bench.stepwise(&["run", "pipeline.yaml", "--dry-run", "--run", run]).succeeds();
}

#[test]
fn a_table_that_is_not_as_it_was_made_is_made_anew() {
    type Change = fn(&Bench);
    let changes: [Change; 5] = [
        |bench| change(&cached(bench, ".csv")[0], |bytes| bytes.extend_from_slice(b"GARBAGE\n")),
        |bench| change(&cached(bench, ".csv")[0], |bytes| bytes.truncate(1000)),
        |bench| change(&cached(bench, ".csv")[0], |bytes| bytes[500] ^= 1),
        |bench| fs::remove_file(&cached(bench, ".csv.json")[0]).unwrap(),
        |bench| change(&cached(bench, ".csv.json")[0], |text| text.truncate(9)),
    ];
    let packed = gzip(&target());
    let server = Server::start(&packed);
    let fetched = format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv.gz"), sha256(&packed));
    let file = "target: {file: t.csv.gz}".to_owned();
    for (entry, bytes) in [(fetched, &packed), (file.clone(), &packed), (file, &parquet(&target()))] {
        let bench = sample(&entry).file("t.csv.gz", bytes);
        dry_run(&bench, "first");
        let made = fs::read(&cached(&bench, ".csv")[0]).unwrap();
        for (n, change) in changes.iter().enumerate() {
            change(&bench);
            let run = format!("r{n}");

            dry_run(&bench, &run);

            let tables = cached(&bench, ".csv");
            assert_eq!((tables.len(), fs::read(&tables[0]).unwrap()), (1, made.clone()), "{entry}, {n}");
            let record = json(&bench.folder.path().join(format!(".stepwise/{run}/steps/score.json")));
            assert_eq!(record["files"][0]["sha256"].as_str(), Some(sha256(&made).as_str()), "{entry}, {n}");
        }
    }
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_part_that_is_not_as_it_was_left_is_fetched_again() {
    type Spoil = fn(&Bench);
    let cases: [(&str, Spoil, Option<u32>); 5] = [
        ("zeros", |bench| change(&cached(bench, ".part")[0], |bytes| bytes.fill(0)), None),
        ("less", |bench| change(&cached(bench, ".part")[0], |bytes| bytes.truncate(300)), None),
        ("no note", |bench| fs::remove_file(&cached(bench, ".part.json")[0]).unwrap(), None),
        ("half a note", |bench| change(&cached(bench, ".part.json")[0], |text| text.truncate(20)), None),
        // What came after the note may be anything.
        ("more", |bench| change(&cached(bench, ".part")[0], |bytes| bytes.extend_from_slice(&[0; 200])), Some(500)),
    ];
    for (name, spoil, goes_on) in cases {
        let bytes = target();
        let server = Server::start(&bytes).fails(vec![Mishap::Drops(100); 5]);
        let bench = sample(&format!("target: {{url: \"{}\"}}", server.url("/t.csv")));
        bench.run().exits_with(1);
        assert_eq!(cached(&bench, ".part").len(), 1);
        spoil(&bench);

        bench.run().succeeds();

        bench.metrics_are("tumour-screening");
        assert_eq!(bench.step("score")["files"][0]["sha256"].as_str(), Some(sha256(&bytes).as_str()), "{name}");
        let rest = |from: u32| format!("GET /t.csv, range: bytes={from}-, if-range: \"one\"");
        let asked = goes_on.map_or("GET /t.csv".to_owned(), rest);
        assert_eq!(server.received().last(), Some(&asked), "{name}");
    }
}

#[test]
fn a_file_that_is_not_what_it_was_is_fetched_again_however_large() {
    let bytes = target();
    let server = Server::start(&bytes);
    let (url, digest) = (server.url("/t.csv"), sha256(&bytes));
    let bench = sample(&format!("target: {{url: \"{url}\", sha256: {digest}, max_size: 1MiB}}"));
    dry_run(&bench, "first");
    change(&cached(&bench, &digest)[0], |bytes| bytes.resize(2 << 20, 0));

    bench.run().succeeds();

    bench.metrics_are("tumour-screening");
    assert_eq!(server.received(), ["GET /t.csv", "GET /t.csv"]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_told() {
    let bytes = target();
    let server = Server::start(&bytes);
    let bench = sample(&format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv"), sha256(&bytes)));
    dry_run(&bench, "first");
    let kept = cached(&bench, &sha256(&bytes)).remove(0);
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    let _ = fs::remove_dir_all(bench.folder.path().join(".stepwise"));

    let kept = format!("FOLDER/cache/data/{}", sha256(&bytes));
    let said = format!("error: data set `target`: `{kept}` is a folder where the cache keeps a file\nhint: remove it");
    fails(&bench, 1, &said);
}

#[test]
fn a_run_that_waits_for_another_one_s_fetch_says_so() {
    let bytes = target();
    let server = Server::start(&bytes).fails(vec![Mishap::Status(503); 4]);
    let bench = sample(&format!("target: {{url: \"{}\", sha256: {}}}", server.url("/t.csv"), sha256(&bytes)));
    let first = bench.start(&["run", "pipeline.yaml", "--dry-run", "--run", "first"]).says_part("; again in ");

    let second = bench.start(&["run", "pipeline.yaml", "--dry-run", "--run", "second"]);
    let waiting = format!("waiting for another run that brings `{}`", server.url("/t.csv"));
    second.says_part(&waiting).ends().succeeds();
    first.ends().succeeds();
}
