"""Events that say where to call back: a server on this machine is told what became of each."""

import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import anyio
from attrs import frozen

from eventrouter import Router
from eventrouter.integrations.callbacks import Callbacks
from eventrouter.signatures import StandardWebhooks

logging.basicConfig(format="log: %(message)s", stream=sys.stdout, level=logging.WARNING)
scheme = StandardWebhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Partner(BaseHTTPRequestHandler):
    """The other side, which checks who calls."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        scheme.verify(body, dict(self.headers))
        print(f"{self.path} {body.decode()}")
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@frozen
class ReportWanted:
    pages: int


router = Router()


@router.on("report.wanted")
async def write_report(wanted: ReportWanted) -> None:
    if wanted.pages > 100:
        raise ValueError("the printer at 10.0.0.7 is out of paper")


async def main(port: int) -> None:
    # The partner's host alone; this one is named by its address, and so may be private.
    callbacks = Callbacks(hosts=[f"127.0.0.1:{port}"], signature=scheme, concurrency=1)
    router.after(callbacks)
    partner = f"http://127.0.0.1:{port}"
    secrets = "http://169.254.169.254/latest/meta-data"
    async with callbacks:
        for pages, url in ((7, partner), (700, partner), ("many", partner), (7, secrets)):
            urls = {"success_url": f"{url}/done", "fail_url": f"{url}/failed"}
            event = {"event_type": "report.wanted", "payload": {"pages": pages}, "callback": urls}
            await router.process(event)


with HTTPServer(("127.0.0.1", 0), Partner) as server:
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    anyio.run(main, server.server_port)
    server.shutdown()

# Output:
# /done {"event_type":"report.wanted","id":null,"status":"handled"}
# /failed {"event_type":"report.wanted","id":null,"status":"failed"}
# /failed {"event_type":"report.wanted","id":null,"status":"invalid","error":"InvalidPayload"}
# log: the callback of "report.wanted" was refused: "169.254.169.254" is not among the hosts listed
