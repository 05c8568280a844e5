//! SIGINT and SIGTERM: the first ends the step at hand and lets `always` steps run, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::console::Console;
use crate::deadline::Stop;
use crate::error::Error;
use crate::exit;

/// Which signal came, if any.
#[derive(Debug, Clone, Default)]
pub struct Signal(Arc<AtomicU8>);

impl Signal {
    /// Watches on a thread of its own. `advice` is printed before a second signal ends the process.
    pub fn watch(stop: Stop, console: Console, advice: String) -> Result<Self, Error> {
        let signal = Self::default();
        let seen = signal.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(Error::Signals)?;
        let watch = move || {
            for number in signals.forever() {
                let code = if number == SIGINT { exit::INTERRUPTED } else { exit::TERMINATED };
                if seen.0.swap(code, Ordering::SeqCst) != 0 {
                    console.end();
                    console.note("interrupted_again", &advice, None);
                    // Twice means now: nothing of the run is only in memory.
                    std::process::exit(i32::from(code));
                }
                console.note("interrupted", "interrupted; what must follow still runs, a second signal ends it", None);
                stop.stop();
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(watch).map_err(Error::Signals)?;
        Ok(signal)
    }

    /// The exit code of the signal that came.
    pub fn exit_code(&self) -> Option<u8> {
        Some(self.0.load(Ordering::SeqCst)).filter(|&code| code != 0)
    }
}
