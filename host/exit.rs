//! The process's exit codes: an interface that Jenkins and scripts rely on.

/// Everything ran, every gate passed.
pub const DONE: u8 = 0;
/// Something happened that nobody foresaw, a bug or the machine; or another process holds the run.
pub const UNEXPECTED: u8 = 1;
/// Wrong usage or a wrong spec; nothing was run.
pub const USAGE: u8 = 2;
/// A step failed.
pub const STEP_FAILED: u8 = 3;
/// A gate was missed; everything worked.
pub const GATE_MISSED: u8 = 4;
/// Interrupted by SIGINT; `always` steps have run.
pub const INTERRUPTED: u8 = 130;
/// Interrupted by SIGTERM; `always` steps have run.
pub const TERMINATED: u8 = 143;
