use super::*;
use crate::scratch::Folder;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot};

/// A folder that is there.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    std::fs::create_dir(&folder.0).unwrap();
    folder
}

#[derive(Default)]
struct Site {
    hung_up: Notify,
}

impl Obey for Site {
    async fn obey(&self, request: ControlRequest, events: Events) -> ControlAnswer {
        if request.passphrase.as_str() != PASSPHRASE {
            let (id, text) = ("wrong-passphrase".to_owned(), "the passphrase is wrong".to_owned());
            return ControlAnswer::Error { code: 3, id, text, args: json!({}) };
        }
        match request.command.as_str() {
            "import" => {
                for done in 0..1_000 {
                    events.progress("import", done, Some(1_000));
                }
                for warning in 0..40 {
                    events.warning(format!("torn file {warning}")).await;
                }
                ControlAnswer::Result { code: 1, value: request.args }
            }
            "wait" => {
                events.hung_up().await;
                self.hung_up.notify_one();
                ControlAnswer::Result { code: 0, value: Value::Null }
            }
            "huge" => ControlAnswer::Result { code: 0, value: "x".repeat(EVENT_BYTES_MAX).into() },
            _ => ControlAnswer::Result { code: 0, value: json!({}) },
        }
    }
}

const PASSPHRASE: &str = "قمح وزيت \"and\" \\ a line\n";

fn request(command: &str) -> ControlRequest {
    let passphrase = Zeroizing::new(PASSPHRASE.to_owned());
    ControlRequest { passphrase, command: command.to_owned(), args: json!({ "files": ["a", "b"] }) }
}

fn start(dir: &Path) -> (Arc<Site>, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (site, socket) = (Arc::new(Site::default()), ControlSocket::bind(dir).unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    (site.clone(), stop, tokio::spawn(serve_control(socket, site, stopped)))
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.unwrap()
}

#[tokio::test]
async fn a_command_is_carried_out_and_heard_about() {
    let folder = folder("site");
    let (_site, stop, task) = start(&folder.0);
    let mode = std::fs::metadata(folder.0.join(SOCKET_NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left in the folder");
    let (mut moved, mut warnings) = (0, 0);
    let import = request("import");
    let answer = soon(ask(&folder.0, &import, |event| match event {
        ControlEvent::Progress { of, .. } => {
            assert_eq!(of, Some(1_000));
            moved += 1;
        }
        ControlEvent::Warning(text) => {
            assert_eq!(text, format!("torn file {warnings}"));
            warnings += 1;
        }
    }));
    let value = json!({ "files": ["a", "b"] });
    assert_eq!(answer.await.unwrap(), ControlAnswer::Result { code: 1, value });
    assert!((1..=1_000).contains(&moved) && warnings == 40, "{moved} {warnings}");

    let mut wrong = request("import");
    wrong.passphrase.push('x');
    let answer = soon(ask(&folder.0, &wrong, |_| ())).await.unwrap();
    assert!(matches!(answer, ControlAnswer::Error { code: 3, .. }));
    let answer = soon(ask(&folder.0, &request("huge"), |_| ())).await.unwrap();
    assert!(matches!(answer, ControlAnswer::Error { code: 1, .. }));

    stop.send(()).unwrap();
    soon(task).await.unwrap();
    assert!(!folder.0.join(SOCKET_NAME).exists());
    assert!(matches!(ask(&folder.0, &request("status"), |_| ()).await, Err(ControlError::NotRunning)));
}

#[tokio::test]
async fn a_long_path_is_no_obstacle() {
    let folder = folder(&"a".repeat(120));
    let (_site, _stop, _task) = start(&folder.0);
    assert!(soon(ask(&folder.0, &request("status"), |_| ())).await.is_ok());
    assert!(matches!(ControlSocket::bind(&folder.0), Err(ControlError::InUse)));
}

#[tokio::test]
async fn a_socket_left_by_a_crash_is_replaced_and_a_living_one_is_not() {
    let folder = folder("site");
    // What a killed process leaves: a socket that nobody listens to, perhaps half made.
    drop(std::os::unix::net::UnixListener::bind(folder.0.join(SOCKET_NAME)).unwrap());
    std::fs::create_dir(folder.0.join(".control-new")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.0.join(".control-new").join(SOCKET_NAME)).unwrap());
    assert!(matches!(ask(&folder.0, &request("status"), |_| ()).await, Err(ControlError::NotRunning)));
    let socket = ControlSocket::bind(&folder.0).unwrap();
    assert!(matches!(ControlSocket::bind(&folder.0), Err(ControlError::InUse)));
    // One that was replaced meanwhile is not taken away by its predecessor.
    std::fs::remove_file(folder.0.join(SOCKET_NAME)).unwrap();
    let second = ControlSocket::bind(&folder.0).unwrap();
    drop(socket);
    assert!(folder.0.join(SOCKET_NAME).exists());
    drop(second);
    assert!(!folder.0.join(SOCKET_NAME).exists());
}

#[tokio::test]
async fn a_caller_that_hangs_up_is_noticed() {
    let folder = folder("site");
    let (site, _stop, _task) = start(&folder.0);
    let mut stream = UnixStream::connect(folder.0.join(SOCKET_NAME)).await.unwrap();
    stream.write_all(&request("wait").to_line().unwrap()).await.unwrap();
    drop(stream);
    soon(site.hung_up.notified()).await;
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let folder = folder("site");
    let (_site, _stop, _task) = start(&folder.0);
    let long = [vec![b'x'; REQUEST_BYTES_MAX + 1], vec![b'\n']].concat();
    let bad: [&[u8]; 5] = [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"{\"passphrase\":\"!\",\"command\":\"status\",\"args\":{}}\n",
        b"{\"passphrase\":\"/w==\",\"command\":\"status\",\"args\":{}}\n",
        &long,
    ];
    for line in bad {
        let mut stream = UnixStream::connect(folder.0.join(SOCKET_NAME)).await.unwrap();
        let _ = stream.write_all(line).await;
        let mut answer = Vec::new();
        // A line that was not read to its end is followed by an error: the answer has come before.
        let _ = soon(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("bad-request"), "{answer}");
    }
    let mut long = request("import");
    long.args = "x".repeat(REQUEST_BYTES_MAX).into();
    assert!(matches!(ask(&folder.0, &long, |_| ()).await, Err(ControlError::TooLong)));
}

#[test]
fn a_request_shows_no_passphrase_and_its_line_never_grows() {
    let request = request("status");
    assert!(!format!("{request:?}").contains("قمح"));
    let line = request.to_line().unwrap();
    assert_eq!(line.capacity(), REQUEST_BYTES_MAX);
    assert_eq!(ControlRequest::from_line(&line).unwrap(), request);
}
