//! Taking up what several runs share: while one looks, another may create it or remove it.

use serde_json::Value;

use crate::openscale::stays;
use crate::{Deadline, Failure, FailureCategory, Host, Level};

/// Takes up the first of the `known` resources that stays, or makes one. Where that fails because another run was quicker,
/// it is tried again with what there is now.
pub(super) fn take_up<T>(
    host: &dyn Host,
    deadline: &Deadline,
    known: &dyn Fn() -> Result<Vec<Value>, Failure>,
    take: &dyn Fn(Option<&Value>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut before = known()?;
    loop {
        let failure = match take(before.iter().find(|one| stays(one))) {
            Ok(taken) => return Ok(taken),
            Err(failure) => failure,
        };
        let now = known()?;
        let going = now.iter().any(|one| !stays(one));
        let is_refused = failure.category == FailureCategory::Refused;
        if !is_refused || !(going || ids(&before) != ids(&now)) || deadline.pause(host).is_none() {
            return Err(failure);
        }
        host.log(Level::Info, &format!("{}; another run was quicker, once more", failure.message));
        before = known()?;
    }
}

/// Whether one of the resources has the id, and stays.
pub(super) fn is_among(known: &[Value], id: &str) -> bool {
    known.iter().any(|one| one["metadata"]["id"] == id && stays(one))
}

fn ids(resources: &[Value]) -> Vec<&str> {
    resources.iter().filter(|one| stays(one)).filter_map(|one| one["metadata"]["id"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    fn one(id: &str, state: &str) -> Value {
        json!({"metadata": {"id": id}, "entity": {"status": {"state": state}}})
    }

    /// Takes up what is listed, look after look; what is taken is refused but for the last time.
    fn taken(looks: &[Vec<Value>]) -> (Result<String, Failure>, usize) {
        let host = Fake::new();
        let (look, tries) = (Cell::new(0), Cell::new(0));
        let known = || Ok(looks[look.replace(look.get() + 1).min(looks.len() - 1)].clone());
        let take = |first: Option<&Value>| {
            tries.set(tries.get() + 1);
            match first {
                Some(one) if one["entity"]["status"]["state"] == "active" => Ok(one["metadata"]["id"].to_string()),
                _ => Err(Failure::refused("409")),
            }
        };
        (take_up(&host, &Deadline::after_seconds(&host, 2), &known, &take), tries.get())
    }

    #[test]
    fn what_another_run_has_made_meanwhile_is_taken_up() {
        let (id, tries) = taken(&[vec![], vec![one("a", "active")]]);
        assert_eq!((id.as_deref(), tries), (Ok("\"a\""), 2));
    }

    #[test]
    fn what_is_being_removed_is_waited_out() {
        let (id, tries) =
            taken(&[vec![one("a", "deleting")], vec![one("a", "deleting")], vec![], vec![one("b", "active")]]);
        assert_eq!((id.as_deref(), tries), (Ok("\"b\""), 3));
    }

    #[test]
    fn a_refusal_that_nobody_else_has_caused_is_told() {
        let (id, tries) = taken(&[vec![]]);
        assert_eq!((id.unwrap_err().message.as_str(), tries), ("409", 1));
        let (id, _) = taken(&[vec![one("a", "deleting")]]);
        assert_eq!(id.unwrap_err().message, "409", "in the end");
    }
}
