//! Against an IMDS in this process, with the manners of the real one and with bad ones.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

use super::*;

/// Long enough for everything but silence.
const PATIENCE: Duration = Duration::from_secs(20);

/// Room for one try, and for no second one.
const ONE_TRY: Duration = Duration::from_millis(1_200);

/// How a request is answered that is not answered as IMDS does.
#[derive(Debug, Clone)]
enum Manner {
    Status(u16),
    Body(Vec<u8>),
    Redirect,
    Silence,
    /// The token is taken from now on for one that was never given.
    Forget,
}

#[derive(Debug, Default)]
struct Site {
    /// To be used up, first those of PUT and then those of GET.
    puts: Mutex<VecDeque<Manner>>,
    gets: Mutex<VecDeque<Manner>>,
    /// The token that is valid.
    token: Mutex<String>,
    /// What was asked.
    seen: Mutex<Vec<String>>,
}

struct Server {
    site: Arc<Site>,
    address: String,
}

impl Server {
    async fn start(puts: impl IntoIterator<Item = Manner>, gets: impl IntoIterator<Item = Manner>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), puts, gets)
    }

    fn on(
        listener: TcpListener,
        puts: impl IntoIterator<Item = Manner>,
        gets: impl IntoIterator<Item = Manner>,
    ) -> Self {
        let site = Arc::new(Site {
            puts: Mutex::new(puts.into_iter().collect()),
            gets: Mutex::new(gets.into_iter().collect()),
            ..Site::default()
        });
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&site));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { site, address }
    }

    async fn ask(&self, patience: Duration) -> Result<Vec<u8>, PortError> {
        Imds::new(&self.address, Instant::now() + patience).unwrap().identity().await
    }

    /// Asks, and returns the kind of failure, its words and what was asked of the server.
    async fn fails(&self, patience: Duration) -> (PortErrorKind, String, Vec<String>) {
        let error = self.ask(patience).await.unwrap_err();
        (error.kind, error.chain(), self.seen())
    }

    fn seen(&self) -> Vec<String> {
        self.site.seen.lock().unwrap().clone()
    }
}

async fn answer(State(site): State<Arc<Site>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    site.seen.lock().unwrap().push(format!("{method} {}", uri.path()));
    let manners = if method == Method::PUT { &site.puts } else { &site.gets };
    let manner = manners.lock().unwrap().pop_front();
    match manner {
        Some(Manner::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Manner::Body(body)) => return body.into_response(),
        Some(Manner::Redirect) => return (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
        Some(Manner::Silence) => return std::future::pending().await,
        Some(Manner::Forget) => *site.token.lock().unwrap() = "another".to_owned(),
        None => {}
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (method, uri.path()) {
        (Method::PUT, TOKEN) => {
            let life = text(LIFE_HEADER).and_then(|life| life.parse::<u32>().ok());
            if !life.is_some_and(|life| (1..=21_600).contains(&life)) || headers.contains_key("X-Forwarded-For") {
                return StatusCode::BAD_REQUEST.into_response();
            }
            let token = format!("AQAE-{}==", site.seen.lock().unwrap().len());
            site.token.lock().unwrap().clone_from(&token);
            token.into_response()
        }
        (Method::GET, DOCUMENT) if text(TOKEN_HEADER) == Some(&site.token.lock().unwrap()) => "signed".into_response(),
        (Method::GET, DOCUMENT) => StatusCode::UNAUTHORIZED.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn asked(requests: &str) -> Vec<String> {
    let path = |letter| if letter == 'P' { format!("PUT {TOKEN}") } else { format!("GET {DOCUMENT}") };
    requests.chars().map(path).collect()
}

#[tokio::test]
async fn the_document_is_got_with_a_token() {
    let server = Server::start([], []).await;
    assert_eq!(server.ask(PATIENCE).await.unwrap(), b"signed");
    assert_eq!(server.seen(), asked("PG"));
    let slash = Imds::new(&format!("{}/", server.address), Instant::now() + PATIENCE).unwrap();
    assert_eq!(slash.identity().await.unwrap(), b"signed");
}

#[test]
fn proxies_of_the_environment_are_not_asked() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "adapters::imds::tests::the_document_is_got_with_a_token"]).env_remove("NO_PROXY");
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        child.env(name, "http://127.0.0.1:9");
    }
    let output = child.env_remove("no_proxy").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_once() {
    let server = Server::start([], [Manner::Forget]).await;
    assert_eq!(server.ask(PATIENCE).await.unwrap(), b"signed");
    assert_eq!(server.seen(), asked("PGPG"));

    let server = Server::start([], [Manner::Forget, Manner::Forget, Manner::Forget]).await;
    let (kind, words, seen) = server.fails(PATIENCE).await;
    assert_eq!((kind, seen), (PortErrorKind::Denied, asked("PGPG")));
    assert!(words.contains("does not take the token that it has just given"), "{words}");
}

#[tokio::test]
async fn what_passes_is_asked_for_again_and_the_token_is_kept() {
    let server = Server::start(
        [429, 503, 500, 408].map(Manner::Status),
        [429, 503, 502].map(Manner::Status).into_iter().chain([Manner::Forget]),
    )
    .await;
    assert_eq!(server.ask(PATIENCE).await.unwrap(), b"signed");
    assert_eq!(server.seen(), asked("PPPPPGGGGPG"));
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_the_deadline() {
    for (status, kind, word) in
        [(429, PortErrorKind::Throttled, "too often"), (503, PortErrorKind::Unavailable, "answered 503")]
    {
        let server = Server::start(vec![Manner::Status(status); 10_000], []).await;
        let start = Instant::now();
        let (found, words, seen) = server.fails(Duration::from_millis(800)).await;
        assert_eq!(found, kind);
        assert!(words.contains(word), "{words}");
        assert!(seen.len() > 2 && start.elapsed() < Duration::from_millis(1_500), "{} tries", seen.len());
    }
}

#[tokio::test]
async fn what_will_not_change_is_told_at_once() {
    for (puts, gets, kind, word) in [
        (vec![404], vec![], PortErrorKind::Refused, "speaks IMDSv1 only"),
        (vec![405], vec![], PortErrorKind::Refused, "speaks IMDSv1 only"),
        (vec![501], vec![], PortErrorKind::Refused, "speaks IMDSv1 only"),
        (vec![403], vec![], PortErrorKind::Denied, "it is disabled for this instance (HttpEndpoint)"),
        (vec![400], vec![], PortErrorKind::Refused, "answered 400 Bad Request"),
        (vec![401], vec![], PortErrorKind::Refused, "answered 401 Unauthorized"),
        (vec![], vec![404], PortErrorKind::NotFound, "has no signed identity document"),
        (vec![], vec![403], PortErrorKind::Denied, "it is disabled for this instance (HttpEndpoint)"),
        (vec![], vec![400], PortErrorKind::Refused, "answered 400 Bad Request"),
    ] {
        let expected = asked(if gets.is_empty() { "P" } else { "PG" });
        let server = Server::start(puts.into_iter().map(Manner::Status), gets.into_iter().map(Manner::Status)).await;
        let (found, words, seen) = server.fails(PATIENCE).await;
        assert_eq!((found, seen), (kind, expected), "{words}");
        assert!(words.contains(word) && words.contains(&server.address), "{words}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    for (puts, gets, expected) in [(vec![Manner::Redirect], vec![], "P"), (vec![], vec![Manner::Redirect], "PG")] {
        let server = Server::start(puts, gets).await;
        let (kind, words, seen) = server.fails(PATIENCE).await;
        assert_eq!((kind, seen), (PortErrorKind::Refused, asked(expected)));
        assert!(words.contains("answered 302 Found"), "{words}");
    }
}

#[tokio::test]
async fn nothing_large_and_no_token_of_other_characters_is_taken() {
    let body = |length: usize| Manner::Body(vec![b'x'; length]);
    for (puts, gets, word) in [
        (vec![body(TOKEN_LIMIT + 1)], vec![], "more than the 4096 bytes allowed"),
        (vec![Manner::Body(b"a\nb".to_vec())], vec![], "header value"),
        (vec![], vec![body(identity::LIMIT + 1)], "more than the 16384 bytes allowed"),
    ] {
        let server = Server::start(puts, gets).await;
        let (kind, words, _) = server.fails(PATIENCE).await;
        assert_eq!(kind, PortErrorKind::Malformed, "{words}");
        assert!(words.contains(word), "{words}");
    }
    let server = Server::start([], [body(identity::LIMIT)]).await;
    assert_eq!(server.ask(PATIENCE).await.unwrap().len(), identity::LIMIT);
}

#[tokio::test]
async fn an_answer_that_never_arrives_is_told_as_the_hop_limit() {
    let server = Server::start([Manner::Silence], []).await;
    let (kind, words, seen) = server.fails(ONE_TRY).await;
    assert_eq!((kind, seen), (PortErrorKind::Unavailable, asked("P")));
    assert!(words.contains("HttpPutResponseHopLimit") && words.contains("operation timed out"), "{words}");

    // The next answer may arrive: silence is asked again.
    let server = Server::start([Manner::Silence], [Manner::Silence]).await;
    assert_eq!(server.ask(PATIENCE).await.unwrap(), b"signed");
    assert_eq!(server.seen(), asked("PPGG"));
}

#[tokio::test]
async fn the_network_may_come_up_while_it_is_asked() {
    let address: SocketAddr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = Imds::new(&format!("http://{address}"), Instant::now() + ONE_TRY).unwrap();
    let error = refused.identity().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    let words = error.chain();
    assert!(words.contains("nothing answers there") && words.contains("Connection refused"), "{words}");

    let asking = Imds::new(&format!("http://{address}"), Instant::now() + PATIENCE).unwrap();
    let asking = tokio::spawn(async move { asking.identity().await });
    sleep(Duration::from_millis(60)).await;
    assert!(!asking.is_finished());
    let server = Server::on(TcpListener::bind(address).await.unwrap(), [], []);
    assert_eq!(asking.await.unwrap().unwrap(), b"signed");
    assert_eq!(server.seen(), asked("PG"));
}

#[test]
fn the_address_is_link_local_and_the_document_the_one_that_is_verified() {
    let imds = Imds::new(ADDRESS, Instant::now()).unwrap();
    assert_eq!(imds.url(DOCUMENT), "http://169.254.169.254/latest/dynamic/instance-identity/rsa2048");
}

#[tokio::test]
async fn a_deadline_that_is_over_is_an_answer() {
    let server = Server::start([], []).await;
    let error = server.ask(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(error.chain().contains("no time was left"), "{}", error.chain());
}
