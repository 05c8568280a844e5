//! All services of a run: who they are, and a call to one of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use crate::spec::{Dialect, size_text};

use super::client::{Client, Outgoing};
use super::config::Base;
use super::delivery::Delivery;
use super::probe::Probe;
use super::proxy::Way;
use super::session::{Asker, Session};
use super::tls::Trust;
use super::{
    CallError, Limits, Masks, Observer, Repeat, Request, RequestPath, Response, Secret, ServiceConfig, ServiceError,
    platform, redirect,
};

/// All services of a run. Threads share it; connections and tokens are kept and shared between services.
#[derive(Debug)]
pub struct Services {
    services: BTreeMap<String, Service>,
    clients: Clients,
    masks: Masks,
}

#[derive(Debug)]
struct Service {
    own: Place,
    platform: Platform,
    session: Arc<Session>,
    /// Whether it is known to speak one of the dialects, or has been asked why it does not seem to.
    is_known: AtomicBool,
}

/// An address, and the connections to it.
#[derive(Debug)]
struct Place {
    base: Base,
    client: Arc<Client>,
}

/// Where requests below `/v2` go.
#[derive(Debug)]
enum Platform {
    /// To the service itself, as on every cluster.
    Same,
    /// To an address of its own.
    At(Place),
    /// To an address that nobody has named.
    Unknown,
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
            let platform = match Base::of_platform(&config)? {
                Some(base) => Platform::At(clients.place(&config, trust.clone(), base, masks)?),
                None if config.dialect == Some(Dialect::IbmCloud) => Platform::Unknown,
                None => Platform::Same,
            };
            let own = clients.place(&config, trust, base, masks)?;
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
            let is_known = AtomicBool::new(config.dialect == Some(Dialect::IbmCloud));
            if services.insert(name.clone(), Service { own, platform, session, is_known }).is_some() {
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
    ///
    /// Neither the answer nor the error has a secret in it, whatever the service repeats: what a step does not have, it
    /// cannot tell.
    pub fn call(
        &self,
        name: &str,
        request: &Request,
        limits: &Limits,
        observer: &dyn Observer,
    ) -> Result<Response, CallError> {
        match self.answer(name, request, limits, observer) {
            Ok(answer) => Ok(self.masked(answer)),
            Err(error) => Err(error.retold(|text| self.masks.mask(text).into_owned())),
        }
    }

    fn answer(
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
        let (place, part) = service.place(name, request.path())?;
        let mut delivery = Delivery {
            client: &place.client,
            service: name,
            part,
            shown: (request.path().as_str(), request.query()),
            transaction_id: &transaction_id,
            limits,
            observer,
            repeat: request.repeat(),
            attempts: 0,
        };
        let url = place.base.url(request);
        let mut authorization = service.session.authorization(&asker)?;
        let mut answer = send(&mut delivery, &url, request, authorization.expose())?;
        if answer.status == 401 && service.session.renew(&authorization) && request.repeat() != Repeat::Never {
            authorization = service.session.authorization(&asker)?;
            answer = send(&mut delivery, &url, request, authorization.expose())?;
        }
        service.check_age(request, &answer, &authorization, &asker)?;
        Ok(answer)
    }

    /// The request that an answer redirects to, if the caller may follow. Whether it may send that one is the caller's to
    /// check. A redirect out of the service is an error: the token is for its origin alone.
    pub fn redirected(&self, name: &str, request: &Request, answer: &Response) -> Result<Option<Request>, CallError> {
        match self.services.get(name) {
            Some(service) => service.redirected(name, request, answer),
            None => Ok(None),
        }
    }

    fn masked(&self, mut answer: Response) -> Response {
        for text in answer.headers.iter_mut().flat_map(|(name, value)| [name, value]) {
            if let Cow::Owned(masked) = self.masks.mask(text) {
                *text = masked;
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

impl Service {
    /// Where a request goes, and which part of the service that is.
    fn place(&self, name: &str, path: &RequestPath) -> Result<(&Place, &'static str), CallError> {
        match &self.platform {
            Platform::At(place) if platform::is_of_platform(path) => Ok((place, "the platform of ")),
            Platform::Unknown if platform::is_of_platform(path) => Err(CallError::Denied(format!(
                "where the platform of `{name}` is does not follow from its `url`\n\
                 hint: name the address of `{path}` as its `platform_url`"
            ))),
            _ => Ok((&self.own, "")),
        }
    }

    fn redirected(&self, name: &str, request: &Request, answer: &Response) -> Result<Option<Request>, CallError> {
        let (from, _) = self.place(name, request.path())?;
        let Some(next) = redirect::next(name, &from.base, request, answer)? else { return Ok(None) };
        let (to, _) = self.place(name, next.path())?;
        if std::ptr::eq(from, to) {
            return Ok(Some(next));
        }
        // Sent on, it would reach the same path of another host.
        Err(CallError::Denied(format!(
            "`{name}` redirects `{} {}` to `{}`, which is served at its other address",
            request.method(),
            request.path(),
            next.path()
        )))
    }

    /// An old cluster has none of the paths that are asked for. Whether it is one is asked once, when the first request
    /// for something of WML finds nothing.
    fn check_age(
        &self,
        request: &Request,
        answer: &Response,
        authorization: &Secret,
        asker: &Asker<'_>,
    ) -> Result<(), CallError> {
        let mut segments = request.path().segments();
        if !matches!((segments.next(), segments.next()), (Some("v2"), _) | (Some("ml"), Some("v4"))) {
            return Ok(());
        }
        if answer.status != 404 {
            self.is_known.fetch_or(answer.status < 400, Ordering::Relaxed);
            return Ok(());
        }
        if self.is_known.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let Base { origin, prefix } = &self.own.base;
        let probe = Probe { client: &self.own.client, address: &format!("{origin}{prefix}"), asker };
        probe.too_old(authorization).map_or(Ok(()), |text| Err(CallError::Denied(text)))
    }
}

/// Connections by whom they trust and which way they go.
#[derive(Debug)]
struct Clients {
    user_agent: String,
    known: Vec<(Trust, Way, Arc<Client>)>,
}

impl Clients {
    fn place(
        &mut self,
        config: &ServiceConfig,
        trust: Trust,
        base: Base,
        masks: &Masks,
    ) -> Result<Place, ServiceError> {
        Ok(Place { client: self.client(config, trust, &base, masks)?, base })
    }

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
