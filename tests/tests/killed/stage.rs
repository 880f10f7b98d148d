//! A ledger, a gateway and an API that can be held, each in its own process or thread.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use placet_ledger::service::Config;
use placet_softkey::SoftKey;
use serde_json::Value;

use super::LONG;
use super::process::{Place, Service, program_without_dir};

const TOKEN: &str = "RQ2Vh0kq1n3t6w9yBdEfGhJkMnPqRtUv";

/// Everything around one gateway.
pub struct Stage {
    pub place: Place,
    pub api: Api,
    ledger: Option<Service>,
    /// Where the ledger is, in each of its lives.
    address: String,
    _key: SoftKey,
}

impl Stage {
    /// A ledger that waits so many seconds for an outcome before it records `unknown`.
    pub fn new(outcome_s: u64) -> Self {
        let place = Place::new();
        let config = Config { outcome_s, ..Config::load(place.dir()).unwrap() };
        config.save(place.dir()).unwrap();
        let ledger = place.start();
        let address = ledger.url.rsplit('/').next().unwrap().replace("localhost", "127.0.0.1");
        let key = place.enrol(&ledger);
        let api = Api::start();
        let stage = Self { place, api, ledger: Some(ledger), address, _key: key };
        stage.write_files();
        stage
    }

    fn write_files(&self) {
        let sha256 = hex::encode(placet_proto::sha256(TOKEN.as_bytes()));
        let row =
            format!("[[token]]\nsha256 = \"{sha256}\"\ntype = \"agent\"\nid = \"support-bot\"\n");
        let tokens = self.place.beside("tokens.toml");
        std::fs::write(&tokens, row).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let owner = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&tokens, owner).unwrap();
        }
        let table = format!(
            r#"tokens = "tokens.toml"
[upstream]
url = "http://{}"
[[route]]
methods = ["GET"]
path = "/users/{{id}}"
action = "read_user"
resource = {{ type = "user", id = "{{path.id}}" }}
body = "none"
[[route]]
methods = ["POST"]
path = "/users/{{id}}/disable"
action = "disable_user"
resource = {{ type = "user", id = "{{path.id}}" }}
"#,
            self.api.address
        );
        std::fs::write(self.place.beside("gateway.toml"), table).unwrap();
    }

    pub fn gateway(&self) -> Gateway {
        let mut command = program_without_dir(&["gateway", "http", "--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(self.place.beside("gateway.toml"));
        let ledger = self.address.replace("127.0.0.1", "localhost");
        command.arg("--ledger").arg(format!("http://{ledger}"));
        command.arg("--token-file").arg(self.place.dir().join("keys/pep-token"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap().to_owned();
        assert!(line.starts_with("placet: listening on "), "the gateway did not start: {line:?}");
        Gateway { child, _stdout: stdout, address: format!("127.0.0.1:{port}") }
    }

    /// SIGKILL.
    pub fn kill_ledger(&mut self) {
        self.ledger.take().expect("it runs").kill();
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop_ledger(&mut self) {
        self.ledger.take().expect("it runs").terminate();
    }

    /// The next life, at the same address.
    pub fn start_ledger(&mut self) {
        self.ledger = Some(self.place.start_at(&self.address));
    }

    /// A person approves with a passkey.
    pub fn approve(&self, request: &str) {
        let url = &self.ledger.as_ref().expect("it runs").url;
        let mut command = program_without_dir(&["approve", "--url", url, request, "--yes"]);
        let output = command.arg("--key").arg(self.place.beside("softkey")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// What the ledger says about a request.
    pub fn view(&self, request: &str) -> Value {
        let client = self.place.client(self.ledger.as_ref().expect("it runs"));
        let (status, view) = client.get(&format!("/v1/requests/{request}")).unwrap();
        assert_eq!(status, 200, "{view}");
        view
    }
}

/// A gateway's process. Killed (SIGKILL) when dropped.
pub struct Gateway {
    child: Child,
    // Kept open: a server must not find its output closed.
    _stdout: BufReader<ChildStdout>,
    address: String,
}

impl Gateway {
    /// One call of the agent, to its end.
    pub fn call(&self, line: &str, request: Option<&str>) -> Said {
        self.calling(line, request).join().unwrap()
    }

    /// One call of the agent, under way when this returns.
    pub fn calling(&self, line: &str, request: Option<&str>) -> JoinHandle<Said> {
        let named = request.map(|id| format!("Placet-Request: {id}\r\n")).unwrap_or_default();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
             {named}\r\n"
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        thread::spawn(move || {
            let mut all = Vec::new();
            // A process that is killed may reset the connection.
            let _ = stream.read_to_end(&mut all);
            Said::read(&String::from_utf8_lossy(&all))
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer; status 0 where there was none.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub body: String,
    request: Option<String>,
}

impl Said {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let request = head.lines().find_map(|line| line.strip_prefix("placet-request: "));
        Self { status, body: body.to_owned(), request: request.map(str::to_owned) }
    }

    /// Status and code of a refusal.
    pub fn code(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        (self.status, body["code"].as_str().unwrap_or_default().to_owned())
    }

    /// The request that persons are asked about.
    pub fn request(&self) -> String {
        assert_eq!(self.status, 401, "{self:?}");
        self.request.clone().unwrap()
    }
}

/// An API that counts what comes, and answers once it is let.
pub struct Api {
    pub address: String,
    count: Arc<AtomicUsize>,
    came: Arc<Gate>,
    answers: Arc<Gate>,
}

/// Opened once, for all who wait and will wait.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        let closed = self.0.lock().unwrap();
        let (open, _) = self.1.wait_timeout_while(closed, LONG, |open| !*open).unwrap();
        assert!(*open, "it never came");
    }
}

impl Api {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let api =
            Self { address, count: Arc::default(), came: Arc::default(), answers: Arc::default() };
        let (count, came) = (Arc::clone(&api.count), Arc::clone(&api.came));
        let answers = Arc::clone(&api.answers);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, came) = (Arc::clone(&count), Arc::clone(&came));
                let answers = Arc::clone(&answers);
                thread::spawn(move || answer(stream, &count, &came, &answers));
            }
        });
        api
    }

    /// How many calls came.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until a call is at work.
    pub fn wait(&self) {
        self.came.wait();
    }

    /// Lets all calls be answered, those that come later too.
    pub fn open(&self) {
        self.answers.open();
    }
}

fn answer(mut stream: TcpStream, count: &AtomicUsize, came: &Gate, answers: &Gate) {
    let mut head = [0; 8192];
    // A connection on which nothing is sent is no call.
    if !matches!(stream.read(&mut head), Ok(read) if read > 0) {
        return;
    }
    count.fetch_add(1, Ordering::SeqCst);
    came.open();
    answers.wait();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone";
    let _ = stream.write_all(answer.as_bytes());
}
