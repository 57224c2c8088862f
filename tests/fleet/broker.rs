//! A nats-server with JetStream on loopback, which can be killed and started again.

use crate::support::running::until;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
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

impl Broker {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let broker = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
            child: Mutex::default(),
        };
        let store = broker.folder.path().join("store");
        let config = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\" }}\n",
            store.display()
        );
        std::fs::write(broker.folder.path().join("nats.conf"), config).unwrap();
        broker.again();
        broker
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
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
