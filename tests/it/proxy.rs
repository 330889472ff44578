//! Something between the executable and the local AWS that writes down what is said, steps in just before a call, or
//! changes an answer: what another caller, or a lying service, would do at the worst moment.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;

use crate::cloud::cloud;

/// A running proxy; it listens until the process ends.
pub struct Proxy {
    /// What `AWS_ENDPOINT_URL` is set to.
    pub endpoint: String,
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    said: Mutex<Vec<(String, Vec<u8>)>>,
    steps: Mutex<Vec<Step>>,
    halt: Mutex<Option<(usize, Deed)>>,
}

struct Step {
    call: String,
    does: Does,
}

type Deed = Box<dyn FnOnce() + Send>;
type Change = Box<dyn FnOnce(Vec<u8>) -> Vec<u8> + Send>;

enum Does {
    Before(Deed),
    Answer(Change),
    Lose,
}

impl Proxy {
    /// Starts a proxy before the local AWS.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::new();
        let inner = Arc::new(Inner { http, said: Mutex::default(), steps: Mutex::default(), halt: Mutex::default() });
        let app = Router::new().fallback(pass).with_state(Arc::clone(&inner));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { endpoint, inner }
    }

    /// Does something before the next call whose name (`Sign`, `CreateTags`, `PUT /bucket/…`) has `call` in it.
    pub fn before(&self, call: &str, does: impl FnOnce() + Send + 'static) {
        self.step(call, Does::Before(Box::new(does)));
    }

    /// Changes the body of the answer to the next such call.
    pub fn answer(&self, call: &str, does: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.step(call, Does::Answer(Box::new(does)));
    }

    /// Passes the next such call on, and tells the caller that something broke.
    pub fn lose(&self, call: &str) {
        self.step(call, Does::Lose);
    }

    /// Does something at the call with this number, from 0, and passes neither it nor any later one on.
    pub fn halt_at(&self, number: usize, does: impl FnOnce() + Send + 'static) {
        *self.inner.halt.lock().unwrap() = Some((number, Box::new(does)));
    }

    /// Returns the names of all calls so far.
    pub fn calls(&self) -> Vec<String> {
        self.inner.said.lock().unwrap().iter().map(|(call, _)| call.clone()).collect()
    }

    /// Returns the JSON bodies of the calls with this name.
    pub fn bodies(&self, call: &str) -> Vec<Value> {
        let said = self.inner.said.lock().unwrap();
        said.iter().filter(|(name, _)| name == call).map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    /// Insists that every step was taken.
    #[track_caller]
    pub fn is_done(&self) {
        let left: Vec<String> = self.inner.steps.lock().unwrap().iter().map(|step| step.call.clone()).collect();
        assert!(left.is_empty(), "nobody called {left:?}");
    }

    fn step(&self, call: &str, does: Does) {
        self.inner.steps.lock().unwrap().push(Step { call: call.to_owned(), does });
    }
}

impl Inner {
    /// Says whether a call is not passed on, and what is done at the first of these.
    fn halts(&self, number: usize) -> Option<Deed> {
        let mut halt = self.halt.lock().unwrap();
        let at = halt.as_ref().map(|(at, _)| *at)?;
        let does = if number < at { None } else { halt.replace((at, Box::new(|| {}))) };
        does.map(|(_, does)| does)
    }
}

async fn pass(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let call = name(head.method.as_str(), head.uri.path(), &head.headers, &body);
    let number = {
        let mut said = inner.said.lock().unwrap();
        said.push((call.clone(), body.to_vec()));
        said.len() - 1
    };
    if let Some(does) = inner.halts(number) {
        tokio::task::spawn_blocking(does).await.unwrap();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let step = {
        let mut steps = inner.steps.lock().unwrap();
        let found = steps.iter().position(|step| call.contains(&step.call));
        found.map(|index| steps.remove(index).does)
    };
    let (mut change, mut lost): (Option<Change>, _) = (None, false);
    match step {
        None => {}
        Some(Does::Answer(does)) => change = Some(does),
        Some(Does::Lose) => lost = true,
        // It may wait for the SDK, which the thread of a server may not.
        Some(Does::Before(does)) => tokio::task::spawn_blocking(does).await.unwrap(),
    }
    let path = head.uri.path_and_query().unwrap();
    let call = inner.http.request(head.method, format!("{}{path}", cloud().endpoint));
    let answer = call.headers(without(head.headers, &[header::HOST, header::CONTENT_LENGTH])).body(body);
    let answer = answer.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut bytes = answer.bytes().await.unwrap().to_vec();
    if lost {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if let Some(change) = change {
        bytes = change(bytes);
    }
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    *response.headers_mut() = without(headers, &[header::CONTENT_LENGTH, header::TRANSFER_ENCODING]);
    response
}

fn without(mut headers: HeaderMap, names: &[HeaderName]) -> HeaderMap {
    for name in names {
        headers.remove(name);
    }
    headers
}

/// JSON services name the action in a header, EC2 in the form; with S3 and EBS it is the method and the path.
fn name(method: &str, path: &str, headers: &HeaderMap, body: &Bytes) -> String {
    if let Some(target) = headers.get("x-amz-target") {
        return target.to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    }
    let form = std::str::from_utf8(body).unwrap_or_default();
    let action = form.split('&').find_map(|field| field.strip_prefix("Action="));
    action.map_or_else(|| format!("{method} {path}"), str::to_owned)
}
