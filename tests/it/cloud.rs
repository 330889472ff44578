//! The local AWS (`tests/cloud`): one server for each test process, gone when the process is.
//!
//! Mounted by the unit tests of the adapters and by the integration tests, so it uses nothing but the standard library.
#![allow(dead_code, reason = "each of its users needs another part")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{LazyLock, OnceLock},
    thread,
    time::Duration,
};

/// A running local AWS.
#[derive(Debug)]
pub struct Cloud {
    /// Its address, `http://127.0.0.1:PORT`: what `AWS_ENDPOINT_URL` is set to.
    pub endpoint: String,
    /// Holds the pipe that stops the server when it closes: with this process, however it ends.
    _server: Child,
}

/// Returns the path of the Python that it runs on, which has what tests need too; it is made at the first call on a machine.
pub fn python_path() -> &'static str {
    static MADE: LazyLock<String> = LazyLock::new(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud/venv.sh");
        let made = Command::new(script).stderr(Stdio::inherit()).output().expect("tests/cloud/venv.sh starts");
        assert!(made.status.success(), "tests/cloud/venv.sh failed, see above");
        String::from_utf8(made.stdout).expect("a path").trim().to_owned()
    });
    &MADE
}

/// Returns it as a command that leaves nothing beside what it runs.
pub fn python() -> Command {
    let mut command = Command::new(python_path());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Returns the local AWS of this process, started at the first call. An access key of 12 digits is an account.
pub fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    CLOUD.get_or_init(start)
}

fn start() -> Cloud {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud");
    let folder = std::env::temp_dir().join(format!("goldseal-cloud-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary directory");
    let ready = folder.join("ready");
    let mut server = python()
        .args(["-m", "localaws", "--port", "0", "--exit-with-parent", "--ready-file"])
        .arg(&ready)
        .current_dir(&home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the local AWS starts");
    while !ready.exists() {
        if let Some(status) = server.try_wait().expect("its state") {
            panic!("the local AWS ended at once: {status}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let endpoint = std::fs::read_to_string(&ready).expect("its address");
    std::fs::remove_dir_all(&folder).expect("the temporary directory goes");
    Cloud { endpoint, _server: server }
}

impl Cloud {
    /// Orders an error, as JSON: `{"service":"s3","resource":"bucket/","status":500,"code":"InternalError","times":0}`.
    /// Naming a resource or account of its own keeps a test out of the way of others.
    pub fn order_fault(&self, fault: &str) {
        let (status, body) = self.send("POST", "/localaws/faults", fault);
        assert_eq!(status, 200, "{body}");
    }

    /// Takes the orders of an account back, and those of no other test.
    pub fn clear_faults(&self, account: &str) {
        self.send("DELETE", &format!("/localaws/faults?account={account}"), "");
    }

    /// Returns the calls seen so far as JSON; `query` filters, such as `service=s3&account=111111111111`.
    pub fn calls(&self, query: &str) -> String {
        self.send("GET", &format!("/localaws/calls?{query}"), "").1
    }

    /// Sends a request to the server itself and returns status and body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let host = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("the local AWS listens");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .expect("it reads");
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line).expect("it answers");
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut rest = String::new();
        answer.read_to_string(&mut rest).expect("it ends");
        let body = rest.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        (status, body)
    }
}
