"""A proxy that knows the hosts of IBM Cloud, which the clients have built in, and leads them to a stub."""

import socket
import threading
from contextlib import suppress


class Proxy:
    """Answers `CONNECT` for the hosts it knows; all others do not exist, so that nothing leaves this machine."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def lead(self, host: str, url: str) -> None:
        """From now on the host is the server at the URL."""
        self.ports[host] = int(url.rsplit(":", 1)[1])

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(4096)
                if not more:
                    return
                head += more
            method, target = head.decode("latin-1").split(" ", 2)[:2]
            port = self.ports.get(target.rsplit(":", 1)[0]) if method == "CONNECT" else None
            if port is None:
                client.sendall(b"HTTP/1.1 502 Unknown Host\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=_pass, args=(server, client), daemon=True)
                back.start()
                _pass(client, server)
                back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    """Passes on what comes, and that nothing more will come."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
