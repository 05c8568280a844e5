//! How many requests a step sent: counted by service and by what became of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::services::Exchange;

/// Requests by service, then by the class of the answer's status, `2xx` to `5xx`, or `unanswered`. One that is sent again
/// counts again, and logins count for the service that needed them.
pub type Requests = BTreeMap<String, BTreeMap<String, u64>>;

/// Counts the requests of a try, whose threads share it.
#[derive(Debug, Default)]
pub struct Counted(Mutex<Requests>);

impl Counted {
    /// Counts an exchange.
    pub fn add(&self, exchange: &Exchange<'_>) {
        let class = match exchange.outcome {
            Ok(status) => format!("{}xx", status / 100),
            Err(_) => "unanswered".to_owned(),
        };
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(exchange.service.to_owned()).or_default().entry(class).or_default() += 1;
    }

    /// Adds all that was counted to those of earlier tries.
    pub(super) fn add_to(&self, sum: &mut Requests) {
        for (service, classes) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let all = sum.entry(service.clone()).or_default();
            for (class, count) in classes {
                *all.entry(class.clone()).or_default() += count;
            }
        }
    }
}
