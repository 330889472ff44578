//! A web server behind TLS that serves a directory, and misbehaves on request.

use std::{
    convert::Infallible,
    fs::File,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    serve::Listener,
};
use futures::stream;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, rustls, server::TlsStream};

/// A running web server.
pub(super) struct WebServer {
    /// `localhost:PORT`.
    pub host: String,
    /// The file with the authority that signed its certificate.
    pub ca_file: PathBuf,
    site: Arc<Site>,
}

struct Site {
    root: PathBuf,
    mood: Mutex<Mood>,
}

/// How the server answers.
#[derive(Clone)]
pub(super) enum Mood {
    /// With the file.
    Helpful,
    /// With a status.
    Status(u16),
    /// With a redirect there.
    Redirect(String),
    /// With a redirect to itself, so many times, then with the file.
    Hops(usize),
    /// With bytes that do not end, and no length.
    Endless,
    /// With fewer bytes than announced.
    CutOff,
}

impl WebServer {
    /// Starts a server for a directory, on a free port of this machine; the authority is written into `folder`.
    pub(super) fn start(root: &Path, folder: &Path) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        let site = Arc::new(Site { root: root.to_owned(), mood: Mutex::new(Mood::Helpful) });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&site));
        let port = serve(app, TlsAcceptor::from(Arc::new(config))).port();
        Self { host: format!("localhost:{port}"), ca_file, site }
    }

    /// Sets how it answers from now on.
    pub(super) fn mood(&self, mood: Mood) {
        *self.site.mood.lock().unwrap() = mood;
    }
}

async fn answer(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let mood = site.mood.lock().unwrap().clone();
    let seen: usize = uri.query().and_then(|query| query.parse().ok()).unwrap_or_default();
    match mood {
        Mood::Hops(hops) if seen < hops => redirect(&format!("{}?{}", uri.path(), seen + 1)),
        Mood::Helpful | Mood::Hops(_) => file(&site.root.join(uri.path().trim_start_matches('/'))),
        Mood::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mood::Redirect(to) => redirect(&to),
        Mood::Endless => {
            let piece = Bytes::from(vec![b'x'; 1 << 20]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()))).into_response()
        }
        Mood::CutOff => ([(header::CONTENT_LENGTH, "1000")], Body::from_stream(broken())).into_response(),
    }
}

fn broken() -> impl futures::Stream<Item = io::Result<Bytes>> {
    stream::iter([Ok(Bytes::from_static(b"{")), Err(io::Error::other("gone"))])
}

fn redirect(to: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to.to_owned())]).into_response()
}

/// Serves a file with its length, so that a sparse one costs nothing until it is read.
fn file(path: &Path) -> Response {
    let Ok(file) = File::open(path) else { return StatusCode::NOT_FOUND.into_response() };
    let length = file.metadata().unwrap().len();
    let pieces = stream::unfold(file, |mut file| async {
        let mut piece = vec![0; 1 << 16];
        let read = io::Read::read(&mut file, &mut piece).unwrap();
        piece.truncate(read);
        (read > 0).then(|| (Ok::<_, Infallible>(Bytes::from(piece)), file))
    });
    ([(header::CONTENT_LENGTH, length)], Body::from_stream(pieces)).into_response()
}

fn serve(app: Router, acceptor: TlsAcceptor) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let tcp = TcpListener::from_std(listener).unwrap();
            axum::serve(TlsListener { tcp, acceptor }, app).await.unwrap();
        });
    });
    address
}

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else { continue };
            // A client that does not trust the certificate ends here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
