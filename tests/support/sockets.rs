//! TCP connections from an address of one's choice: all of 127.0.0.0/8 is this machine's.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;

/// So many connections from an address, in the order in which they were made.
pub(crate) fn connect(from: &str, to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let from = SocketAddr::new(from.parse().unwrap(), 0);
    let connect = |_| {
        let connected = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(from).unwrap();
            socket.connect(to).await.unwrap().into_std().unwrap()
        });
        connected.set_nonblocking(false).unwrap();
        let patience = Some(Duration::from_secs(20));
        connected.set_read_timeout(patience).unwrap();
        connected
    };
    (0..count).map(connect).collect()
}
