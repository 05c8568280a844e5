//! One builder for every end-to-end test: the real binary, the real components, a real stub.
//!
//! A test writes a spec and its files into a folder of its own, runs `stepwise` there and asserts on stdout, stderr and
//! the exit code; then it asks the stub what was sent and what is left.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::LazyLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stepwise_stub::{Fault, FaultKind, Nth, Options, Stub};
use tempfile::TempDir;

/// The repository.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folder of built components.
pub(crate) fn components() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_stepwise")).parent().and_then(Path::parent).unwrap().join("steps");
    assert!(folder.join("store.wasm").is_file(), "there are no components in `{}`: run `make steps`", folder.display());
    folder
}

/// The same with what is compiled of them beside them, for tests with a cache of their own.
pub(crate) fn compiled_components() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("steps");
        let _ = fs::remove_dir_all(&folder);
        // Whatever the umask is: what others may write to is refused.
        fs::DirBuilder::new().mode(0o755).create(&folder).unwrap();
        for component in fs::read_dir(components()).unwrap().map(Result::unwrap) {
            fs::copy(component.path(), folder.join(component.file_name())).unwrap();
        }
        let compile = ["compile", "--steps", folder.to_str().unwrap()];
        assert!(Command::new(env!("CARGO_BIN_EXE_stepwise")).args(compile).output().unwrap().status.success());
        folder
    });
    &FOLDER
}

/// A component that only the tests use.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let folder = components().with_file_name("guests");
    let file = folder.join(format!("{name}.wasm"));
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}: run `make guests`", file.display()))
}

/// A folder with a spec and its files, a stub, and the variables that `stepwise` gets.
#[must_use]
pub(crate) struct Bench {
    pub(crate) stub: Stub,
    pub(crate) folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Bench {
    /// An empty folder, and a stub whose asynchronous states take no longer than they must to be seen.
    pub(crate) fn new() -> Self {
        Self::with(Options { settle: std::time::Duration::from_millis(20), ..Options::default() })
    }

    /// The same with a stub of one's own.
    pub(crate) fn with(options: Options) -> Self {
        let stub = Stub::start(options).unwrap();
        let variables = [
            ("CPD_URL", stub.url()),
            ("CPD_USERNAME", stub.username()),
            ("CPD_API_KEY", stub.api_key()),
            ("CPD_SPACE", stub.space_id()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { stub, folder: TempDir::new().unwrap(), variables }
    }

    /// The sample: all of `model/`.
    pub(crate) fn sample() -> Self {
        Self::new().model()
    }

    /// Copies `model/` into the folder.
    pub(crate) fn model(self) -> Self {
        self.copies("model", &["pipeline.yaml", "model.onnx", "data/training.csv", "data/target.csv"])
    }

    /// Copies files of a folder of the repository, keeping their names.
    pub(crate) fn copies(self, from: &str, files: &[&str]) -> Self {
        for file in files {
            self.write(file, &fs::read(Path::new(ROOT).join(from).join(file)).unwrap());
        }
        self
    }

    /// Writes a file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content.as_ref());
        self
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Changes a file: `from` must occur in it.
    pub(crate) fn change(self, name: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.folder.path().join(name)).unwrap();
        assert!(text.contains(from), "`{from}` is not in `{name}`");
        self.write(name, text.replace(from, to).as_bytes());
        self
    }

    /// Changes the spec.
    pub(crate) fn spec(self, from: &str, to: &str) -> Self {
        self.change("pipeline.yaml", from, to)
    }

    /// Sets a variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Unsets a variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// Has the stub fail.
    pub(crate) fn fails(self, fault: Fault) -> Self {
        self.stub.fail(fault);
        self
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwise"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("STEPWISE_STEPS", components())
            // One cache for all tests, so that each component is compiled once.
            .env("STEPWISE_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs `stepwise` with these arguments.
    #[must_use = "how it ended is to be asserted"]
    pub(crate) fn stepwise(&self, arguments: &[&str]) -> Ran<'_> {
        Ran { bench: self, output: self.command(arguments).output().unwrap() }
    }

    /// The same with so much memory, in KiB, and so many seconds of the processor at the most: a process that wants more
    /// ends by a signal. How busy the machine is does not matter.
    #[must_use = "how it ended is to be asserted"]
    pub(crate) fn stepwise_within(&self, memory: usize, seconds: usize, arguments: &[&str]) -> Ran<'_> {
        self.limited(&format!("ulimit -d {memory}; ulimit -t {seconds}"), arguments)
    }

    /// The same with limits that a shell lays on itself before.
    #[must_use = "how it ended is to be asserted"]
    pub(crate) fn limited(&self, limits: &str, arguments: &[&str]) -> Ran<'_> {
        let stepwise = self.command(arguments);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{limits}; exec \"$0\" \"$@\"")).arg(stepwise.get_program());
        shell.args(stepwise.get_args()).current_dir(self.folder.path()).env_clear();
        shell.envs(stepwise.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran { bench: self, output: shell.output().unwrap() }
    }

    /// Starts `stepwise` with these arguments, to interrupt it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Started<'_> {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Started { bench: self, child, stderr, said: String::new() }
    }

    /// Runs the pipeline as run `r`.
    #[must_use = "how it ended is to be asserted"]
    pub(crate) fn run(&self) -> Ran<'_> {
        self.stepwise(&["run", "pipeline.yaml", "--run", "r"])
    }

    /// The record of run `r`.
    pub(crate) fn record(&self) -> Value {
        json(&self.folder.path().join(".stepwise/r/run.json"))
    }

    /// What is known of a step of run `r`.
    pub(crate) fn step(&self, id: &str) -> Value {
        let record = self.record();
        let steps = record["steps"].as_array().unwrap();
        steps.iter().find(|step| step["id"] == id).unwrap_or_else(|| panic!("no step `{id}` in the record")).clone()
    }

    /// What a step of run `r` answered.
    pub(crate) fn outputs(&self, id: &str) -> Value {
        self.step(id)["outputs"].clone()
    }

    /// Method and path of all that the stub was asked, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.stub.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// The metrics of run `r` are those of `tests/expected/<name>.json`. What has no value there is not compared.
    pub(crate) fn metrics_are(&self, name: &str) {
        let expected = json(&Path::new(ROOT).join(format!("tests/expected/{name}.json")));
        let outputs = self.outputs("evaluate");
        for (id, value) in expected["metrics"].as_object().unwrap() {
            let (Some(wanted), found) = (value.as_f64(), &outputs["metrics"][id]) else { continue };
            let close = found.as_f64().is_some_and(|found| (found - wanted).abs() < 1e-6);
            assert!(close, "{id}: expected {wanted}, found {found}");
        }
        let counts = |of: &Value| of["confusion_matrix"]["values"].to_string().replace(".0", "");
        assert_eq!(counts(&outputs), counts(&expected));
    }

    /// The predictions of run `r` are those of `tests/expected/<name>.csv`.
    pub(crate) fn predictions_are(&self, name: &str) {
        let expected = fs::read_to_string(Path::new(ROOT).join(format!("tests/expected/{name}.csv"))).unwrap();
        let found = fs::read_to_string(self.folder.path().join(".stepwise/r/artifacts/score/predictions.csv")).unwrap();
        assert_eq!(found.lines().count(), expected.lines().count());
        assert_eq!(found.lines().next(), expected.lines().next());
        let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
        for (found, expected) in found.lines().zip(expected.lines()).skip(1) {
            let (found_numbers, wanted) = (numbers(found), numbers(expected));
            assert_eq!(found_numbers.len(), wanted.len(), "`{found}` should be `{expected}`");
            // Single precision, in which the models compute, has seven digits.
            let close = |(found, wanted): (&f64, &f64)| (found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0);
            assert!(found_numbers.iter().zip(&wanted).all(close), "`{found}` should be `{expected}`");
        }
    }

    /// Nothing that was not there at the start is there now, and all that was there is.
    pub(crate) fn leaves_nothing(&self) {
        assert_eq!((self.stub.leftovers(), self.stub.missing()), (Vec::new(), Vec::new()));
    }
}

/// A command that is under way.
#[must_use]
pub(crate) struct Started<'a> {
    bench: &'a Bench,
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl<'a> Started<'a> {
    /// Waits until stderr has a line that ends so.
    pub(crate) fn says(mut self, end: &str) -> Self {
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "no line ends in `{end}`:\n{}", self.said);
            self.said += &line;
            if line.trim_end().ends_with(end) {
                return self;
            }
        }
    }

    /// Waits until stderr has a line with this in it.
    pub(crate) fn says_part(mut self, part: &str) -> Self {
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "no line has `{part}`:\n{}", self.said);
            self.said += &line;
            if line.contains(part) {
                return self;
            }
        }
    }

    /// Waits until `reached`, which must be before it ends.
    pub(crate) fn reaches(mut self, reached: impl Fn() -> bool) -> Self {
        loop {
            let ended = self.child.try_wait().unwrap();
            if reached() {
                return self;
            }
            if let Some(status) = ended {
                self.stderr.read_to_string(&mut self.said).unwrap();
                panic!("it has ended before: {status}\n{}", self.said);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Kills it as soon as `reached`, unless it has ended by then.
    pub(crate) fn kill_when(mut self, reached: impl Fn() -> bool) {
        while self.child.try_wait().unwrap().is_none() && !reached() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(self, signal: Signal) -> Self {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self
    }

    /// Waits until it has ended.
    pub(crate) fn ends(mut self) -> Ran<'a> {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stderr = self.said.into_bytes();
        Ran { bench: self.bench, output }
    }
}

/// How a command ended.
pub(crate) struct Ran<'a> {
    bench: &'a Bench,
    output: Output,
}

impl Ran<'_> {
    /// Everything went well.
    pub(crate) fn succeeds(self) -> Self {
        self.exits_with(0)
    }

    /// The exit code.
    pub(crate) fn exits_with(self, code: u8) -> Self {
        assert_eq!(
            self.output.status.code(),
            Some(i32::from(code)),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout(),
            self.stderr()
        );
        assert!(!self.stderr().contains("panicked at host"), "the host panicked:\n{}", self.stderr());
        self
    }

    /// The whole stderr, with the folder's name left out.
    pub(crate) fn says(self, text: &str) -> Self {
        assert_eq!(self.stderr(), text);
        self
    }

    /// All errors of the spec, each as `file:line:column: message`, its hint on a line of its own. The lines shown between
    /// are for the goldens of `tests/specs`.
    pub(crate) fn finds_in_spec(self, expected: &str) -> Self {
        let stderr = self.stderr();
        let mut found = String::new();
        for block in stderr.split("\n\n").filter_map(|block| block.strip_prefix("error: ")) {
            let Some((message, rest)) = block.split_once("--> ") else { continue };
            let hint = rest.split_once("= hint: ").map(|(_, hint)| format!("hint: {}\n", hint.trim_end()));
            let place = rest.lines().next().unwrap_or_default();
            found = format!("{found}{place}: {}\n{}", message.trim_end(), hint.unwrap_or_default());
        }
        assert_eq!(found, expected, "{stderr}");
        self
    }

    /// A line of stdout or stderr, whole.
    pub(crate) fn has_line(self, line: &str) -> Self {
        let found = self.stdout().lines().chain(self.stderr().lines()).any(|known| known.trim() == line);
        assert!(found, "no line `{line}`\nstdout:\n{}\nstderr:\n{}", self.stdout(), self.stderr());
        self
    }

    /// The end of stdout, whole: all that stands after the tables.
    pub(crate) fn verdict(self, text: &str) -> Self {
        let stdout = self.stdout();
        assert_eq!(stdout.rsplit("\n\n").next().unwrap_or_default(), text, "stderr:\n{}", self.stderr());
        self
    }

    /// The run failed in this step, with this category and message; ids in the message are written `ID`.
    pub(crate) fn fails_in(self, step: &str, category: &str, message: &str) -> Self {
        let record = self.bench.step(step);
        let found = record["failure"]["message"].as_str().map(|found| hide_ids(&self.hide_folder(found)));
        let failure = (record["failure"]["category"].as_str(), found.as_deref());
        assert_eq!(failure, (Some(category), Some(message)), "{record:#}\n{}", self.stderr());
        self
    }

    /// Whether a signal ended it, not the program itself.
    pub(crate) fn was_killed(&self) -> bool {
        self.output.status.code().is_none()
    }

    pub(crate) fn stdout(&self) -> String {
        self.text(&self.output.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        self.text(&self.output.stderr)
    }

    fn text(&self, bytes: &[u8]) -> String {
        self.hide_folder(std::str::from_utf8(bytes).unwrap())
    }

    fn hide_folder(&self, text: &str) -> String {
        let text = text.replace(&self.bench.folder.path().display().to_string(), "FOLDER");
        text.replace(&components().display().to_string(), "STEPS")
    }
}

/// Waits for what happens by itself in a moment.
pub(crate) fn until(happened: impl Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !happened() {
        assert!(std::time::Instant::now() < end, "it does not happen");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Ids are new in every run: each UUID becomes `ID`.
pub(crate) fn hide_ids(text: &str) -> String {
    let is_id = |text: &str| {
        let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_hexdigit());
        text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(digits)
    };
    let (mut hidden, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        let length = if rest.get(..36).is_some_and(is_id) { 36 } else { next.len_utf8() };
        hidden.push_str(if length == 36 { "ID" } else { &rest[..length] });
        rest = &rest[length..];
    }
    hidden
}

/// A path with a star for each segment that is an id.
pub(crate) fn without_ids(path: &str) -> String {
    path.split('/').map(|part| if hide_ids(part) == "ID" { "*" } else { part }).collect::<Vec<_>>().join("/")
}

/// Checks all cases of a table at the same time, each on a thread of its name, which a failure tells.
pub(crate) fn each<C: Sync>(cases: &[C], name: impl Fn(&C) -> &str, check: impl Fn(&C) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let thread = std::thread::Builder::new().name(name(case).to_owned());
            thread.spawn_scoped(scope, || check(case)).unwrap();
        }
    });
}

/// A SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A JSON file.
pub(crate) fn json(file: &Path) -> Value {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).unwrap()
}

/// A status for one call.
pub(crate) fn status(method: &str, path: &str, code: u16) -> Fault {
    Fault::status(method, path, code)
}

/// A status for every call.
pub(crate) fn always(method: &str, path: &str, code: u16) -> Fault {
    Fault::status(method, path, code).on(Nth::Every)
}

/// Another answer for every call.
pub(crate) fn answers(method: &str, path: &str, json: Value) -> Fault {
    Fault::new(method, path, FaultKind::Body { status: 200, json }).on(Nth::Every)
}

/// The address of a service that is not there: of a port that was free a moment ago.
pub(crate) fn nobody() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", free.local_addr().unwrap())
}

/// Compares with `tests/golden/<name>`; `BLESS=1` rewrites it.
pub(crate) fn golden(name: &str, found: &str) {
    document(&format!("golden/{name}"), found);
}

/// The same with `tests/<name>`, which people read.
pub(crate) fn document(name: &str, found: &str) {
    let file = Path::new(ROOT).join("tests").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&file).unwrap_or_default());
}
