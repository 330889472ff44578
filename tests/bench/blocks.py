"""The EBS direct API for one full snapshot that is the same block again and again, with connections that stay open.

The local AWS ends a connection after each answer and EBS does not; this is what tells the two costs apart.
"""
import base64
import hashlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = 512 * 1024


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(blocks: int) -> str:
    """Starts it in the background, to end with this process; returns its endpoint."""
    data = os.urandom(BLOCK)
    checked = {"x-amz-Data-Length": str(BLOCK), "x-amz-Checksum-Algorithm": "SHA256",
               "x-amz-Checksum": base64.b64encode(hashlib.sha256(data).digest()).decode()}
    listed = {"BlockSize": BLOCK, "VolumeSize": 1, "ExpiryTime": 4e9,
              "Blocks": [{"BlockIndex": index, "BlockToken": f"token-{index}"} for index in range(blocks)]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are separate writes.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            one = "/blocks/" in self.path
            body = data if one else json.dumps(listed).encode()
            self.send_response(200)
            for name, value in (checked if one else {"Content-Type": "application/json"}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
