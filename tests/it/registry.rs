//! An OCI registry in this process, with or without the referrers API, that fails on request.
#![allow(dead_code, reason = "each of its users needs another part")]

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};

/// A running registry; it listens until the process ends.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:PORT`, the registry part of a reference.
    pub host: String,
    rules: Arc<Rules>,
}

/// What a request must look like, and what happens to it then.
#[derive(Debug, Clone)]
struct Rule {
    method: Option<Method>,
    path: String,
    status: StatusCode,
    body: Vec<u8>,
    once: bool,
}

#[derive(Debug, Default)]
struct Rules {
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<String>>,
    door: Door,
}

/// What must be shown to get in.
#[derive(Debug, Default)]
enum Door {
    #[default]
    Open,
    /// A token, which is handed out there.
    Token { realm: String },
    /// The password of `user`, which is `secret`.
    Password,
}

const TOKEN: &str = "a-token-for-tests";
const PASSWORD: &str = "Basic dXNlcjpzZWNyZXQ=";

impl Registry {
    /// Starts a registry that has the referrers API.
    pub fn start() -> Self {
        Self::listen(|_| Door::Open)
    }

    /// Starts a registry that has no referrers API, as many do.
    pub fn without_referrers() -> Self {
        let registry = Self::start();
        registry.answer(None, "/referrers/", StatusCode::NOT_FOUND);
        registry
    }

    /// Starts a registry that gives everybody a token and lets nobody in without.
    pub fn with_tokens() -> Self {
        Self::listen(|address| Door::Token { realm: format!("http://{address}/token") })
    }

    /// Starts a registry that lets in `user` with the password `secret`.
    pub fn with_password() -> Self {
        Self::listen(|_| Door::Password)
    }

    fn listen(door: impl FnOnce(SocketAddr) -> Door) -> Self {
        let state = AppState::new(Arc::new(InMemoryBlobStore::new()), Arc::new(InMemoryRegistryMeta::new()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let rules = Arc::new(Rules { door: door(address), ..Rules::default() });
        serve(listener, router(state).layer(middleware::from_fn_with_state(Arc::clone(&rules), obey)));
        Self { host: address.to_string(), rules }
    }

    /// From now on, requests with `path` in their path are answered with `status`.
    pub fn answer(&self, method: Option<Method>, path: &str, status: StatusCode) {
        self.rule(Rule { method, path: path.to_owned(), status, body: Vec::new(), once: false });
    }

    /// The next request with `path` in its path is answered with `status`.
    pub fn answer_once(&self, path: &str, status: StatusCode) {
        self.rule(Rule { method: None, path: path.to_owned(), status, body: Vec::new(), once: true });
    }

    /// From now on, GET requests with `path` in their path get these bytes.
    pub fn say(&self, path: &str, body: Vec<u8>) {
        let method = Some(Method::GET);
        self.rule(Rule { method, path: path.to_owned(), status: StatusCode::OK, body, once: false });
    }

    fn rule(&self, rule: Rule) {
        self.rules.rules.lock().expect("rules").push(rule);
    }

    /// Takes back the last rule.
    pub fn relent(&self) {
        self.rules.rules.lock().expect("rules").pop();
    }

    /// Returns the requests so far, as `METHOD /path`, and forgets them.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.rules.requests.lock().expect("requests"))
    }
}

/// Serves plain http in a thread of its own.
fn serve(listener: TcpListener, app: Router) {
    listener.set_nonblocking(true).expect("a socket");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, app).await.expect("it serves");
        });
    });
}

async fn obey(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    rules.requests.lock().expect("requests").push(format!("{} {path}", request.method()));
    let (wanted, challenge) = match &rules.door {
        Door::Open => (None, String::new()),
        Door::Token { .. } if path == "/token" => return Json(serde_json::json!({ "token": TOKEN })).into_response(),
        Door::Token { realm } => {
            (Some(format!("Bearer {TOKEN}")), format!("Bearer realm=\"{realm}\",service=\"tests\""))
        }
        Door::Password => (Some(PASSWORD.to_owned()), "Basic realm=\"tests\"".to_owned()),
    };
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if wanted.is_some() && shown != wanted.as_deref() {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    match rules.take(request.method(), &path) {
        Some(rule) => (rule.status, rule.body).into_response(),
        None => next.run(request).await,
    }
}

impl Rules {
    /// Returns the last rule that fits, and drops it if it was for once.
    fn take(&self, method: &Method, path: &str) -> Option<Rule> {
        let mut rules = self.rules.lock().expect("rules");
        let fits =
            |rule: &Rule| path.contains(&rule.path) && rule.method.as_ref().is_none_or(|wanted| wanted == method);
        let found = rules.iter().rposition(fits)?;
        let rule = rules[found].clone();
        if rule.once {
            rules.remove(found);
        }
        Some(rule)
    }
}
