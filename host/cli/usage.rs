//! What is wrong with the arguments, for a machine: people are told by clap itself.

use std::ffi::OsString;

use crate::error::Error;

/// The error, if the arguments are wrong and ask for JSON. They could not be read, so they are looked through.
pub fn as_json(error: &clap::Error) -> Option<Error> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let in_one = arguments.iter().any(|argument| argument == "--log-format=json");
    let in_two = arguments.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    (error.use_stderr() && (in_one || in_two)).then(|| Error::Usage(message(&error.render().to_string())))
}

/// What clap says without what it adds to every error: how the command is used, and where help is.
fn message(rendered: &str) -> String {
    let end = ["\n\nUsage:", "\n\nFor more"].iter().filter_map(|tail| rendered.find(tail)).min();
    let text = &rendered[..end.unwrap_or(rendered.len())];
    text.strip_prefix("error: ").unwrap_or(text).trim().to_owned()
}
