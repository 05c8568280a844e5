//! What a person sees on a terminal: screens of 80 and 200 columns, while a run is under way and after it.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use stepwise_stub::{Fault, FaultKind, Nth};

use crate::custom::{rogue, spec};
use crate::harness::{self, Bench, always, guest, hide_ids};

/// Lines of every screen here: enough for all that a run writes.
const ROWS: u16 = 100;
const HOUR: Duration = Duration::from_hours(1);
const PREDICTIONS: &str = "/ml/v4/deployments/*/predictions";

/// `stepwise` with a terminal as its stderr, and as its stdout if that is wanted.
struct Terminal {
    screen: vt100::Parser,
    written: Vec<u8>,
    master: File,
    child: Child,
}

impl Terminal {
    fn start(bench: &Bench, arguments: &[&str], (rows, columns): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave: OwnedFd = OpenOptions::new().read(true).write(true).open(name).unwrap().into();
        let mut command = bench.command(arguments);
        command.stdin(Stdio::null()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = command.spawn().unwrap();
        // The command holds the terminal's own end; with it goes the end of what can be read here.
        drop(command);
        Self {
            screen: vt100::Parser::new(ROWS.try_into().unwrap(), columns.try_into().unwrap(), 0),
            written: Vec::new(),
            master: master.into(),
            child,
        }
    }

    /// More of what is written; nothing at its end.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.master.read(&mut bytes).unwrap_or(0);
        self.screen.process(&bytes[..count]);
        self.written.extend_from_slice(&bytes[..count]);
        count > 0
    }

    /// Reads until the screen has this text.
    fn shows(mut self, text: &str) -> Self {
        while !self.lines().contains(text) {
            assert!(self.read(), "`{text}` is not shown:\n{}", self.lines());
        }
        self
    }

    fn signal(self, signal: Signal) -> Self {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self
    }

    /// Reads all, and asserts on the exit code.
    fn ends(mut self, code: i32) -> Self {
        while self.read() {}
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{}", self.lines());
        self
    }

    /// The screen's lines as they are seen: each is as long as the terminal is wide at the most.
    fn lines(&self) -> String {
        let (_, columns) = self.screen.screen().size();
        let lines = self.screen.screen().rows(0, columns.get()).map(|line| line.trim_end().to_owned() + "\n");
        lines.collect::<String>().trim_end().to_owned() + "\n"
    }

    /// The same with the escapes that colour, their first sign written `<`.
    fn coloured(&self) -> String {
        let (_, columns) = self.screen.screen().size();
        let lines = self.screen.screen().rows_formatted(0, columns.get());
        let lines = lines.map(|line| line.replace('\u{1b}', "<").trim_end().to_owned() + "\n");
        lines.collect::<String>().trim_end().to_owned() + "\n"
    }
}

/// Compares with a golden screen, in which times, ids and traces are hidden.
fn golden(name: &str, screen: &str) {
    harness::golden(name, &hide_times(&hide_traces(&hide_ids(screen))));
}

/// The stub's errors have a trace, which is another in every run.
fn hide_traces(text: &str) -> String {
    let mut parts = text.split("\"trace\":\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |text, part| text + "\"trace\":\"TRACE" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

/// Times and rates are others in every run: their digits become `#`, in as many columns.
fn hide_times(text: &str) -> String {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(rest.len(), |end| at + end);
        let is_time = [" s", "/s", " ms"].iter().any(|unit| {
            rest[end..].strip_prefix(unit).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        });
        hidden.push_str(&rest[..at]);
        if is_time && rest[end..].starts_with("/s") {
            hidden.push('#');
        } else if is_time {
            // Set right, the field is as wide with fewer digits and more spaces.
            hidden += &" ".repeat((end - at).saturating_sub(1));
            hidden.push('#');
        } else {
            hidden.push_str(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    hidden + rest
}

/// The sample, of whose batches the second never gets an answer.
fn halfway() -> Bench {
    on_terminal(Bench::sample())
        .spec("inputs:\n      data: target", "inputs:\n      batch_rows: 50\n      data: target")
        .fails(Fault::new("POST", PREDICTIONS, FaultKind::Delay(HOUR)).on(Nth::From(2)))
}

fn on_terminal(bench: Bench) -> Bench {
    bench.variable("TERM", "xterm-256color")
}

#[test]
fn while_scoring_the_steps_the_bar_the_rows_and_the_rate_are_shown() {
    for (columns, name) in [(80, "terminal-scoring-80.txt"), (200, "terminal-scoring-200.txt")] {
        let bench = halfway();

        let terminal = Terminal::start(&bench, &RUN, (ROWS, columns)).shows("50 of 171 rows");
        golden(name, &terminal.lines());

        let ended = terminal.signal(Signal::INT).ends(130);
        golden(&name.replace("scoring", "interrupted"), &ended.lines());
        bench.leaves_nothing();
    }
}

#[test]
fn the_end_state_stays_above_the_result() {
    for (columns, name) in [(80, "terminal-done-80.txt"), (200, "terminal-done-200.txt")] {
        let bench = on_terminal(Bench::sample());

        let terminal = Terminal::start(&bench, &RUN, (ROWS, columns)).ends(0);
        golden(name, &terminal.lines());
        // Lines that are cleared before they are written again flicker.
        let written = String::from_utf8_lossy(&terminal.written);
        assert!(!["\u{1b}[2K", "\u{1b}[2J", "\u{1b}[J"].iter().any(|clear| written.contains(clear)), "{written:?}");
    }
}

#[test]
fn a_failed_step_shows_its_log_the_request_and_the_message() {
    for (columns, name) in [(80, "terminal-failed-80.txt"), (200, "terminal-failed-200.txt")] {
        let bench = on_terminal(Bench::sample()).fails(always("POST", "/ml/v4/deployments", 403));

        golden(name, &Terminal::start(&bench, &RUN, (ROWS, columns)).ends(3).lines());
    }
}

#[test]
fn tabs_in_a_log_do_not_move_the_steps_and_a_story_has_log_request_and_hint() {
    let grant = "    grant: {wml: [\"GET /v2/spaces/*\"]}\n";
    for (columns, name) in [(80, "terminal-story-80.txt"), (200, "terminal-story-200.txt")] {
        let text = format!("a\\tb\\n\\tindented\\n{}\\tend", "word\\t".repeat(12));
        let inputs = format!("{{do: complain, request: wml GET /v2/spaces/s, text: \"{text}\"}}");
        let bench = on_terminal(rogue(&inputs, grant));

        golden(name, &Terminal::start(&bench, &RUN, (ROWS, columns)).ends(3).lines());
    }
}

#[test]
fn colours_are_on_by_themselves_and_off_when_the_user_says_so() {
    let screen = |bench: &Bench, arguments: &[&str]| {
        Terminal::start(bench, &[&RUN, arguments].concat(), (ROWS, 80)).ends(3).coloured()
    };
    let refused = || on_terminal(Bench::sample()).fails(always("POST", "/ml/v4/deployments", 403));

    golden("terminal-failed-colour.txt", &screen(&refused(), &[]));
    let plain = screen(&refused(), &["--color", "never"]);
    assert!(!plain.contains('<'), "{plain}");
    let plain = screen(&refused().variable("NO_COLOR", "1"), &[]);
    assert!(!plain.contains('<'), "{plain}");
    let forced = screen(&refused().variable("NO_COLOR", "1"), &["--color", "always"]);
    assert!(forced.contains('<'), "{forced}");
}

#[test]
fn long_ids_are_cut_and_a_low_terminal_has_only_the_step_that_runs_at_its_end() {
    let step =
        |n: usize| format!("  - {{module: rogue.wasm, id: a-step-with-a-very-long-name-{n}, inputs: {{do: print}}}}\n");
    let steps: String = (1..=3).map(step).collect();
    for (rows, name) in [(ROWS, "terminal-long-ids.txt"), (8, "terminal-low.txt")] {
        let bench = on_terminal(Bench::new()).file("rogue.wasm", guest("rogue")).file("pipeline.yaml", spec(&steps));

        golden(name, &Terminal::start(&bench, &RUN, (rows, 80)).ends(0).lines());
    }
}

#[test]
fn a_build_and_a_quiet_run_have_plain_lines_on_a_terminal_too() {
    let bench = on_terminal(Bench::sample()).variable("CI", "true");
    let screen = Terminal::start(&bench, &RUN, (ROWS, 80)).ends(0).lines();
    assert!(screen.starts_with("store      started\n"), "{screen}");
    assert!(!screen.contains("waiting"), "{screen}");

    let bench = on_terminal(Bench::sample());
    let screen = Terminal::start(&bench, &[&RUN[..], &["-q"]].concat(), (ROWS, 80)).ends(0).lines();
    assert!(screen.starts_with("store\n  model_id"), "{screen}");
}

const RUN: [&str; 4] = ["run", "pipeline.yaml", "--run", "r"];
