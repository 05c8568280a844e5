//! Calls over real sockets, to a server that is written by hand so that it can misbehave.

mod calls;
mod dialects;
mod login;
mod server;
mod tls;

use std::sync::Mutex;
use std::time::Duration;

use super::{
    Auth, CallError, ClientCertificate, Credential, Exchange, Limits, Masks, Observer, Proxies, Repeat, Request,
    Response, Secret, ServiceConfig, Services,
};
use crate::deadline::{Deadline, Stop};

/// Long enough for every test that is not about time.
const LONG: Duration = Duration::from_mins(1);

const USER_AGENT: &str = "stepwise/test";

fn config(url: &str) -> ServiceConfig {
    ServiceConfig {
        name: "wml".to_owned(),
        url: url.to_owned(),
        dialect: None,
        platform_url: None,
        auth: Auth::Token(Secret::new("ready.made.token")),
        ca_file: None,
        client_certificate: None,
        insecure: false,
        proxies: Proxies::default(),
    }
}

fn user(credential: Credential) -> Auth {
    Auth::Cp4d { username: "data \"scientist\"".to_owned(), credential }
}

fn open(config: ServiceConfig) -> Services {
    Services::open(vec![config], USER_AGENT, &Masks::new()).unwrap()
}

fn limits(time: Duration) -> Limits {
    Limits { deadline: Deadline::after(time), stop: Stop::new(), max_request: 1024, max_response: 1024 }
}

fn request(method: &str, path: &str, repeat: Repeat) -> Request {
    let body = (method == "POST").then(|| b"{}".to_vec());
    Request::new(method, path, &[], Vec::new(), body, repeat).unwrap()
}

fn call(services: &Services, method: &str, path: &str) -> Result<Response, CallError> {
    let request = request(method, path, Repeat::ByMethod);
    services.call("wml", &request, &limits(LONG), &())
}

/// Writes down each exchange as `POST /path #attempt status`.
#[derive(Default)]
struct Notes {
    lines: Mutex<Vec<String>>,
    transaction_ids: Mutex<Vec<String>>,
}

impl Notes {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn transaction_ids(&self) -> Vec<String> {
        let mut ids = self.transaction_ids.lock().unwrap().clone();
        ids.dedup();
        ids
    }
}

impl Observer for Notes {
    fn exchanged(&self, exchange: &Exchange<'_>) {
        let outcome = match exchange.outcome {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.lines
            .lock()
            .unwrap()
            .push(format!("{} {} #{} {outcome}", exchange.method, exchange.path, exchange.attempt));
        self.transaction_ids.lock().unwrap().push(exchange.transaction_id.to_owned());
    }
}
