//! Who is to know of trouble is told: Alertmanager sends a message to the address that is a secret. A listener of the tests
//! stands in for the receiver. Leaves the site as it is.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use serde_json::Value;

use crate::world::{Lab, project, until};

/// What was told: the status of an alert, its name, and where.
type Told = (String, String, String);

/// Who gets the messages.
struct Receiver {
    told: Arc<Mutex<Vec<Told>>>,
}

impl Receiver {
    /// Listens at the secret address, from now on until the tests end.
    fn listen() -> Self {
        let secret = fs::read_to_string(project().join(".lab/secrets/alert_webhook")).unwrap();
        let (address, path) =
            secret.trim().strip_prefix("http://").unwrap().split_once('/').unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let (path, told) = (format!("POST /{path} "), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&told);
        thread::spawn(move || {
            for connection in listener.incoming() {
                heard.lock().unwrap().extend(message(connection.unwrap(), &path));
            }
        });
        Self { told }
    }

    /// Waits until it was told this.
    fn hears(&self, status: &str, alert: &str, instance: &str) {
        let wanted = (status.to_owned(), alert.to_owned(), instance.to_owned());
        until(&format!("{wanted:?}"), || self.told.lock().unwrap().contains(&wanted));
    }
}

/// What one request tells, which must be for the secret path.
fn message(connection: TcpStream, path: &str) -> Vec<Told> {
    let mut reader = BufReader::new(&connection);
    let mut lines = (&mut reader).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let request = lines.next().unwrap();
    assert!(request.starts_with(path), "{request}");
    let headers: HashMap<_, _> = lines
        .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
        .map(Option::unwrap)
        .collect();
    let mut body = vec![0; headers["Content-Length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    (&connection).write_all(answer.as_bytes()).unwrap();
    let message: Value = serde_json::from_slice(&body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |alert: &Value| {
        let labels = &alert["labels"];
        (text(&alert["status"]), text(&labels["alertname"]), text(&labels["instance"]))
    };
    message["alerts"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn who_knows_the_secret_address_is_told_of_a_dead_host_and_of_what_users_do_not_get() {
    let Some(lab) = Lab::with_site() else { return };
    let receiver = Receiver::listen();

    let began = Instant::now();
    assert_eq!(lab.machine("pause", "api-2").status, 0);
    receiver.hears("firing", "InstanceDown", "api-2");
    eprintln!("a dead host: the message came after {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(lab.machine("unpause", "api-2").status, 0);
    receiver.hears("resolved", "InstanceDown", "api-2");

    // Users of both ways get nothing; nginx answers 502, and counts that.
    lab.by_hand("balancer-1", "systemctl stop haproxy");
    receiver.hears("firing", "EntryPointDown", "balancer-1");
    receiver.hears("firing", "EntryPointDown", "web-1");
    receiver.hears("firing", "UsersFail", "web-1");
    lab.by_hand("balancer-1", "systemctl start haproxy");
    receiver.hears("resolved", "EntryPointDown", "web-1");
}
