//! A nats-server with JetStream on loopback, or three of them, which can be killed and started again; and a way to one
//! that can be cut.

use crate::support::running::until;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use tempfile::TempDir;

pub(crate) struct Broker {
    folder: TempDir,
    port: u16,
    child: Mutex<Option<Child>>,
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let mut programs = folders.into_iter().map(|folder| folder.join("nats-server"));
    let found = programs.find(|program| program.exists());
    found.expect("no nats-server: install Debian's, or run tests/run, which gets it")
}

/// Ports that nobody listens on now.
fn ports<const COUNT: usize>() -> [u16; COUNT] {
    let listening = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listening.map(|one| one.local_addr().unwrap().port())
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// One with more in its configuration.
    pub(crate) fn with(more: &str) -> Self {
        let [port] = ports();
        let broker = Self::configured(port, more);
        broker.again();
        broker
    }

    fn configured(port: u16, more: &str) -> Self {
        let broker = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
            child: Mutex::default(),
        };
        let store = broker.folder.path().join("store");
        let config = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\" }}\n{more}",
            store.display()
        );
        std::fs::write(broker.folder.path().join("nats.conf"), config).unwrap();
        broker
    }

    /// Three that are one cluster, named b0, b1 and b2.
    pub(crate) fn three() -> Vec<Self> {
        let (clients, routes) = (ports::<3>(), ports::<3>());
        let all = routes.map(|port| format!("nats-route://127.0.0.1:{port}"));
        let brokers = (0..3).map(|number| {
            let more = format!(
                "server_name: b{number}\ncluster {{ name: fleet\n listen: 127.0.0.1:{}\n routes: [{}] }}\n",
                routes[number],
                all.join(", ")
            );
            Self::configured(clients[number], &more)
        });
        let brokers: Vec<_> = brokers.collect();
        brokers.iter().for_each(Self::again);
        brokers
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its address for somebody.
    pub(crate) fn address_of(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Starts it again, with what it has on the disk.
    pub(crate) fn again(&self) {
        let child = Command::new(program())
            .arg("-c")
            .arg(self.folder.path().join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        until("the server listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// Kills it.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A way to a server. While it is cut nothing that is sent arrives, and nobody is told.
pub(crate) struct Relay {
    port: u16,
    cut: Arc<(Mutex<bool>, Condvar)>,
}

impl Relay {
    pub(crate) fn start(to: &Broker) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::<(Mutex<bool>, Condvar)>::default();
        let (server, is_cut) = (to.port, cut.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", server)));
                let Ok(server) = server else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let is_cut = is_cut.clone();
                    std::thread::spawn(move || pass(from, to, &is_cut));
                }
            }
        });
        Self { port, cut }
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn cut(&self) {
        *self.cut.0.lock().unwrap() = true;
    }

    pub(crate) fn join(&self) {
        *self.cut.0.lock().unwrap() = false;
        self.cut.1.notify_all();
    }
}

/// Passes octets on, while it is not cut.
fn pass(mut from: TcpStream, mut to: TcpStream, cut: &(Mutex<bool>, Condvar)) {
    let mut octets = [0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut octets) {
        drop(
            cut.1
                .wait_while(cut.0.lock().unwrap(), |is_cut| *is_cut)
                .unwrap(),
        );
        if to.write_all(&octets[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
