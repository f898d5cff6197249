"""Starts the service on a free loopback port, sends it a real request over HTTP and draws the cards."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

import uvicorn
from rich.console import Console

from mgcds.drawing import draw_cards
from mgcds.language.load import load
from mgcds.service.app import create_app
from mgcds.service.logs import configure
from mgcds.settings import read_settings

REQUEST = "requests/12-ppi-and-thiazide-low-mg.json"


def main(fixtures: Path) -> None:
    """Prints what was asked and the cards that came back."""
    console = Console(highlight=False)
    request = json.loads((fixtures / REQUEST).read_text(encoding="utf-8"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = read_settings(port=port, today=json.loads((fixtures / "expected.json").read_text())["today"])
    configure("ERROR")
    app = create_app(load(settings.rules, products=settings.product_table, site=settings.site), settings)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    url = f"http://127.0.0.1:{port}/cds-services/mgcds-{request['hook']}"
    console.print(f"POST /cds-services/mgcds-{request['hook']}   ({fixtures / REQUEST})\n")
    sent = urllib.request.Request(url, json.dumps(request).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(sent, timeout=30) as answer:  # noqa: S310 - a loopback address made above
        draw_cards(console, json.load(answer))
    server.should_exit = True
    thread.join(timeout=10)
    console.print("\nNext: make serve, then open http://127.0.0.1:8000/rules")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
