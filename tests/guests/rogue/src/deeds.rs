//! One function per deed.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;
use std::{env, fs, hint};

use serde_json::json;
use step_sdk::ledger::Lookup;
use step_sdk::{Artifact, DataSet, Failure, Host, Level, Repeat, Request, Resource, services};

use crate::{Input, Output};

/// What it finds of the world beyond its inputs.
pub(crate) fn look_around(host: &dyn Host, data: Option<&DataSet>, address: &str) -> Output {
    let mut found = BTreeMap::new();
    let mut note = |what: &str, came: String| found.insert(what.to_owned(), came);
    note("variables", env::vars_os().count().to_string());
    note("arguments", env::args_os().count().to_string());
    note("list /", listed("/"));
    note("list /data", listed("/data"));
    note("list /artifacts", listed("/artifacts"));
    note("read /etc/passwd", came(fs::read("/etc/passwd")));
    note("read /data/../run.json", came(fs::read("/data/../run.json")));
    note("read /artifacts/../../run.json", came(fs::read("/artifacts/../../run.json")));
    note("write /data/new", came(fs::write("/data/new", "new")));
    if let Some(data) = data {
        let file = data.path(host);
        note("read the data set", came(fs::read(&file)));
        note("change the data set", came(fs::OpenOptions::new().append(true).open(&file)));
        note("cut the data set", came(fs::File::create(&file)));
        note("remove the data set", came(fs::remove_file(&file)));
        note("link the data set", came(fs::hard_link(&file, host.artifacts().join("mine"))));
    }
    note("connect", came(TcpStream::connect(address)));
    note("bind", came(UdpSocket::bind("127.0.0.1:0")));
    note("look a name up", came(("localhost", 80).to_socket_addrs()));
    Output { found, ..Output::default() }
}

fn listed(folder: &str) -> String {
    let names = |entries: fs::ReadDir| {
        let mut names: Vec<_> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names.join(", ")
    };
    fs::read_dir(folder).map_or_else(|error| error.kind().to_string(), names)
}

fn came<T>(result: io::Result<T>) -> String {
    result.map_or_else(|error| error.kind().to_string(), |_| "done".to_owned())
}

/// Sends a request as it is told to.
pub(crate) fn send(host: &dyn Host, line: &str, header: Option<(String, String)>) -> Result<Output, Failure> {
    let mut words = line.splitn(3, ' ');
    let (Some(service), Some(method), Some(path)) = (words.next(), words.next(), words.next()) else {
        return Err(Failure::invalid_input("`request` is a service, a method and a path"));
    };
    let mut request = Request::new(method, service, path);
    if let Some((name, value)) = header {
        request = request.header(&name, value);
    }
    let status = request.send(host)?.status();
    Ok(Output { found: BTreeMap::from([("status".to_owned(), status.to_string())]), ..Output::default() })
}

/// Logs a text, and fails over a request with a hint.
pub(crate) fn complain(host: &dyn Host, text: &str, line: &str) -> Result<Output, Failure> {
    host.log(Level::Info, text);
    host.log(Level::Warn, "this will not go well");
    send(host, line, None)?;
    let (_, line) = line.split_once(' ').unwrap_or_default();
    Err(Failure::refused(format!("`{line}` was in vain")).hint("ask somebody else"))
}

/// What it was given to tell, or else all that a service answers: headers, their names, and the body.
pub(crate) fn heard(host: &dyn Host, input: Input) -> Result<String, Failure> {
    if let Some(text) = input.text {
        return Ok(text);
    }
    let line = input.request.unwrap_or_default();
    let mut words = line.splitn(3, ' ');
    let (Some(service), Some(method), Some(path)) = (words.next(), words.next(), words.next()) else {
        return Err(Failure::invalid_input("`request` is a service, a method and a path"));
    };
    let request = services::Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        repeat: Repeat::ByMethod,
    };
    let answer = host.send(service, &request).map_err(|error| Failure::from_error("asking", error))?;
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    Ok(headers.concat() + &String::from_utf8_lossy(&answer.body))
}

/// Tells a text in every way that a step has: whole, line by line, and each line cut in two.
pub(crate) fn tell(host: &dyn Host, text: &str) -> Result<Output, Failure> {
    println!("{text}");
    host.log(Level::Warn, text);
    for line in text.lines() {
        let middle = (0..=line.len() / 2).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        let (first, second) = line.split_at(middle);
        eprintln!("{first}\n{second}");
        host.log(Level::Debug, first);
        host.log(Level::Debug, second);
        host.progress(1, None, first);
        host.progress(2, None, second);
        if let Ok(number) = line.parse() {
            host.progress(number, Some(number), "rows");
        }
        print_in_pieces(line)?;
    }
    ask_for(host, text);
    let file = host.artifacts().join("told.txt");
    fs::write(&file, text).map_err(|error| Failure::refused(format!("no artifact: {}", error.kind())))?;
    let mut found = BTreeMap::from([("value".to_owned(), text.to_owned()), (text.to_owned(), "key".to_owned())]);
    // The ledger is what cleanup goes by; whether it takes the text is told.
    let find = Lookup::list("/ml/v4/models", "/resources").matching("/metadata/tags", "{tag}");
    let model = Resource::new("wml", "model", text, find).removed_by("/v2/assets/{id}");
    let created = step_sdk::create(host, &model, |_| Request::post("wml", "/ml/v4/models").json(&json!({})));
    let announced = created.map_or_else(|failure| failure.message, |created| created.id);
    found.insert("ledger".to_owned(), announced);
    Ok(Output { found, file: Some(Artifact("told.txt".to_owned())), ..Output::default() })
}

/// Prints a line in two, cut within its first character of several bytes.
fn print_in_pieces(line: &str) -> Result<(), Failure> {
    let Some(within) = line.char_indices().find(|(_, c)| c.len_utf8() > 1).map(|(at, _)| at + 1) else { return Ok(()) };
    let (first, second) = line.as_bytes().split_at(within);
    let printed = io::stdout().write_all(&[first, b"\n", second, b"\n"].concat());
    printed.map_err(|error| Failure::refused(format!("not printed: {}", error.kind())))
}

/// Asks for spaces that are called as the lines of a text, as they are and encoded. What is no path is not sent.
fn ask_for(host: &dyn Host, text: &str) {
    for line in text.lines() {
        for name in [line, &step_sdk::segment(line)] {
            let _ = Request::get("wml", format!("/v2/spaces/{name}")).send(host);
        }
    }
}

/// Fails with a text in every part of the failure, after requests that fail over it.
pub(crate) fn fail(host: &dyn Host, text: &str) -> Failure {
    ask_for(host, text);
    let found = BTreeMap::from([("value", text), (text, "key")]);
    let outputs = json!({"found": found});
    Failure::refused(text.to_owned()).hint(text.to_owned()).with_outputs(&outputs)
}

/// Announces a model, creates it and confirms it.
pub(crate) fn create(host: &dyn Host, name: &str) -> Result<Output, Failure> {
    let find = Lookup::list("/ml/v4/models", "/resources").matching("/metadata/tags", "{tag}");
    let model = Resource::new("wml", "model", name, find).removed_by("/v2/assets/{id}");
    let created = step_sdk::create(host, &model, |tag| {
        Request::post("wml", "/ml/v4/models").json(&json!({"name": name, "tags": [tag]}))
    })?;
    Ok(Output { found: BTreeMap::from([("id".to_owned(), created.id)]), ..Output::default() })
}

/// Wants to see the whole run's ledger.
pub(crate) fn read_ledger(host: &dyn Host) -> Result<Output, Failure> {
    let entries = host.entries().map_err(|error| Failure::from_error("reading the ledger", error))?;
    Ok(Output { found: BTreeMap::from([("entries".to_owned(), entries.len().to_string())]), ..Output::default() })
}

/// Names a file as its own that it only reaches through a link out of its folder.
pub(crate) fn link_out(host: &dyn Host) -> Result<Output, Failure> {
    #[expect(deprecated, reason = "the new name is not stable for WASI")]
    let linked = fs::soft_link("../..", host.artifacts().join("out"));
    linked.map_err(|error| Failure::refused(format!("no link: {}", error.kind())))?;
    Ok(Output { file: Some(Artifact("out/run.json".to_owned())), ..Output::default() })
}

/// Prints to both streams, a last line without an end.
pub(crate) fn print() -> Output {
    println!("a line on stdout\nand another");
    eprintln!("a line on stderr");
    print!("a line without an end");
    // Nobody else does: a component has no end at which std could.
    io::stdout().flush().unwrap_or_default();
    Output::default()
}

/// Takes all memory that there is, in pieces of 16 MiB.
pub(crate) fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(hint::black_box(vec![1_u8; 16 << 20]));
    }
}

pub(crate) fn run_in_circles() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = hint::black_box(rounds.wrapping_add(1));
    }
}

/// Calls itself until the stack is used up.
pub(crate) fn overflow(depth: u64) -> u64 {
    eprint!("{}", if depth == 1 { "going down\n" } else { "" });
    let frame = hint::black_box([depth; 64]);
    if frame[0] == 0 { 0 } else { overflow(hint::black_box(depth + 1)) + frame[63] }
}

/// Sleeps for an hour, and says so before.
pub(crate) fn sleep(host: &dyn Host) -> Output {
    host.log(Level::Info, "sleeping");
    sleep_silently();
    Output::default()
}

pub(crate) fn sleep_silently() {
    std::thread::sleep(Duration::from_hours(1));
}
