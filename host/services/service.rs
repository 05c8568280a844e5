//! All services of a run: who they are, and a call to one of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::spec::size_text;

use super::client::{Client, Outgoing};
use super::config::Base;
use super::delivery::Delivery;
use super::proxy::Way;
use super::session::{Asker, Session};
use super::tls::Trust;
use super::{CallError, Limits, Masks, Observer, Repeat, Request, Response, ServiceConfig, ServiceError, redirect};

/// All services of a run. Threads share it; connections and tokens are kept and shared between services.
#[derive(Debug)]
pub struct Services {
    services: BTreeMap<String, Service>,
    clients: Clients,
    masks: Masks,
}

#[derive(Debug)]
struct Service {
    base: Base,
    client: Arc<Client>,
    session: Arc<Session>,
}

impl Services {
    /// Checks the configuration; nothing is sent before the first call. Secrets, tokens too, are added to `masks`.
    pub fn open(configs: Vec<ServiceConfig>, user_agent: &str, masks: &Masks) -> Result<Self, ServiceError> {
        let mut services = BTreeMap::new();
        let mut clients = Clients { user_agent: user_agent.to_owned(), known: Vec::new() };
        let mut sessions: Vec<Arc<Session>> = Vec::new();
        for config in configs {
            config.auth.check(&config.name)?;
            let (base, login) = (Base::of(&config)?, Base::of_login(&config)?);
            let trust = Trust::of(&config)?;
            let login_trust = if config.auth.logs_in_elsewhere() {
                Trust::of_login(&config, config.auth.names_login())
            } else {
                trust.clone()
            };
            let client = clients.client(&config, trust, &base, masks)?;
            let login_client = clients.client(&config, login_trust, &login, masks)?;
            let address = format!("{}{}", login.origin, login.prefix);
            let known = sessions.iter().find(|session| session.serves(&address, &config.auth, &login_client));
            let session = if let Some(session) = known {
                Arc::clone(session)
            } else {
                let session = Arc::new(Session::new(address, config.auth, login_client, masks.clone()));
                sessions.push(Arc::clone(&session));
                session
            };
            let name = config.name;
            if services.insert(name.clone(), Service { base, client, session }).is_some() {
                return Err(ServiceError::Twice { name });
            }
        }
        Ok(Self { services, clients, masks: masks.clone() })
    }

    /// Whether the spec has a service of that name.
    pub fn has(&self, name: &str) -> bool {
        self.services.contains_key(name)
    }

    /// Sends a request and answers what the service says. Whether the caller may is checked before, by its permit.
    ///
    /// A 401 means that the token was withdrawn: the host logs in anew and sends the request once more, unless it may
    /// be sent only once.
    pub fn call(
        &self,
        name: &str,
        request: &Request,
        limits: &Limits,
        observer: &dyn Observer,
    ) -> Result<Response, CallError> {
        let Some(service) = self.services.get(name) else {
            return Err(CallError::Denied(format!("the spec has no service `{name}`")));
        };
        let size = request.body().map_or(0, |body| body.len() as u64);
        if size > limits.max_request {
            return Err(CallError::TooLarge(format!(
                "the request to `{name}` has {size} bytes, the step's limit is {}\n\
                 hint: give the step more under `limits: {{request: …}}`",
                size_text(limits.max_request)
            )));
        }
        let transaction_id = Uuid::new_v4().to_string();
        let asker = Asker { service: name, transaction_id: &transaction_id, limits, observer };
        let mut delivery = Delivery {
            client: &service.client,
            service: name,
            shown: (request.path().as_str(), request.query()),
            transaction_id: &transaction_id,
            limits,
            observer,
            repeat: request.repeat(),
            attempts: 0,
        };
        let url = service.base.url(request);
        let authorization = service.session.authorization(&asker)?;
        let answer = send(&mut delivery, &url, request, authorization.expose())?;
        if answer.status != 401 || !service.session.renew(&authorization) || request.repeat() == Repeat::Never {
            return Ok(self.masked(answer));
        }
        let authorization = service.session.authorization(&asker)?;
        send(&mut delivery, &url, request, authorization.expose()).map(|answer| self.masked(answer))
    }

    /// The request that an answer redirects to, if the caller may follow. Whether it may send that one is the caller's to
    /// check. A redirect out of the service is an error: the token is for its origin alone.
    pub fn redirected(&self, name: &str, request: &Request, answer: &Response) -> Result<Option<Request>, CallError> {
        match self.services.get(name) {
            Some(service) => redirect::next(name, &service.base, request, answer),
            None => Ok(None),
        }
    }

    /// The answer without any secret that the service repeats: what a step does not have, it cannot tell.
    fn masked(&self, mut answer: Response) -> Response {
        for (_, value) in &mut answer.headers {
            if let Cow::Owned(masked) = self.masks.mask(value) {
                *value = masked;
            }
        }
        if let Some(masked) = self.masks.mask_bytes(&answer.body) {
            answer.body = masked;
        }
        answer
    }

    /// Ends every call under way at once, after the callers' `stop` is up; later calls work as ever.
    pub fn interrupt(&self) {
        for (_, _, client) in &self.clients.known {
            client.interrupt();
        }
    }
}

/// Connections by whom they trust and which way they go.
#[derive(Debug)]
struct Clients {
    user_agent: String,
    known: Vec<(Trust, Way, Arc<Client>)>,
}

impl Clients {
    fn client(
        &mut self,
        config: &ServiceConfig,
        trust: Trust,
        base: &Base,
        masks: &Masks,
    ) -> Result<Arc<Client>, ServiceError> {
        let way = config.proxies.way(&config.name, &base.origin)?;
        let known = self.known.iter().find(|(other, other_way, _)| *other == trust && *other_way == way);
        if let Some((_, _, client)) = known {
            return Ok(Arc::clone(client));
        }
        way.secrets().iter().for_each(|secret| masks.add(secret));
        let client = Arc::new(Client::new(trust.settings(&config.name)?, &self.user_agent, &way));
        self.known.push((trust, way, Arc::clone(&client)));
        Ok(client)
    }
}

fn send(delivery: &mut Delivery<'_>, url: &str, request: &Request, authorization: &str) -> Result<Response, CallError> {
    let mut headers = vec![("authorization", authorization), ("x-global-transaction-id", delivery.transaction_id)];
    headers.extend(request.headers().iter().map(|(name, value)| (name.as_str(), value.as_str())));
    delivery.send(&Outgoing { method: request.method(), url, headers: &headers, body: request.body() })
}

impl Base {
    fn url(&self, request: &Request) -> String {
        let mut url = format!("{}{}{}", self.origin, self.prefix, request.path());
        if !request.query().is_empty() {
            url.push('?');
            url.push_str(request.query());
        }
        url
    }
}
