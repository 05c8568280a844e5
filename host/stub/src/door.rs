//! `Door`: where a stub listens, and can refuse every connection for a while without losing its port.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A pause before what the system did not do is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// An address that is listened at.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    /// Keeps a port that the system chose while nobody listens. A port that a user chose is not shared with it: there
    /// a second stub is to be told that it is taken.
    reserved: Option<TcpSocket>,
}

impl Door {
    /// Listens, at any free port if it is 0.
    pub(crate) fn open(wanted: SocketAddr) -> io::Result<Self> {
        let is_chosen = wanted.port() != 0;
        let listener = socket(wanted, !is_chosen)?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let reserved = if is_chosen { None } else { Some(socket(address, true)?) };
        Ok(Self { address, listener: Some(listener), reserved })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection; listens again if it did not.
    pub(crate) async fn accept(&mut self) -> TcpStream {
        loop {
            let Some(listener) = &self.listener else {
                match self.listen() {
                    Ok(listener) => self.listener = Some(listener),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
                continue;
            };
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// From now on every connection is refused, until the next `accept`.
    pub(crate) fn close(&mut self) {
        self.listener = None;
    }

    fn listen(&self) -> io::Result<TcpListener> {
        socket(self.address, self.reserved.is_some())?.listen(BACKLOG)
    }
}

fn socket(address: SocketAddr, is_shared: bool) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(is_shared)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_door_refuses_and_opens_again_at_the_same_port() {
        let mut door = Door::open(([127, 0, 0, 1], 0).into()).unwrap();
        let address = door.address();
        door.close();
        assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let client = tokio::spawn(async move {
            loop {
                if let Ok(stream) = TcpStream::connect(address).await {
                    return stream.peer_addr().unwrap();
                }
            }
        });
        door.accept().await;
        assert_eq!(client.await.unwrap(), address);
    }

    #[tokio::test]
    async fn a_port_that_was_chosen_is_not_shared() {
        let door = Door::open(([127, 0, 0, 1], 0).into()).unwrap();
        assert_eq!(Door::open(door.address()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
