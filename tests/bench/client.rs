//! HTTP to the stub, with its token.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use crate::place::Place;

pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

impl Client {
    pub(crate) fn log_in(place: &Place) -> Result<Self> {
        let mut client = Self { agent: Agent::new_with_defaults(), url: place.url.clone(), token: String::new() };
        let login = json!({"username": place.username, "api_key": place.api_key});
        client.token = text(&client.post("/icp4d-api/v1/authorize", &login)?, "/token")?;
        Ok(client)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        json(self.request("GET", path, "", &[])?)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        json(self.request("POST", path, "application/json", &serde_json::to_vec(body)?)?)
    }

    pub(crate) fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Response<Body>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let answer = if kind.is_empty() {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.header("content-type", kind).body(body)?)
        };
        answer.with_context(|| format!("{method} {path}"))
    }

    /// Polls as the steps do.
    pub(crate) fn until(&self, path: &str, pointer: &str, wanted: &str) -> Result<Value> {
        self.poll(path, |answer| answer.pointer(pointer).is_some_and(|state| state == wanted))
    }

    /// Waits until no listed resource has this id.
    pub(crate) fn until_gone(&self, list: &str, id: &str) -> Result<()> {
        let is_it = |one: &Value| one["metadata"]["id"] == id;
        let lists_it = |answer: &Value| {
            let lists = answer.as_object().into_iter().flat_map(|members| members.values().filter_map(Value::as_array));
            lists.flatten().any(is_it)
        };
        self.poll(list, |answer| !lists_it(answer))?;
        Ok(())
    }

    fn poll(&self, path: &str, done: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut pause = Duration::from_millis(100);
        loop {
            let answer = self.get(path)?;
            if done(&answer) {
                return Ok(answer);
            }
            sleep(pause);
            pause *= 2;
        }
    }
}

fn json(mut answer: Response<Body>) -> Result<Value> {
    Ok(serde_json::from_slice(&answer.body_mut().read_to_vec()?)?)
}

/// The text at a JSON pointer.
pub(crate) fn text(value: &Value, pointer: &str) -> Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no `{pointer}` in {value}"))?.to_owned())
}
