"""python -m localaws: starts the local AWS and says where it is."""
import argparse
import os
import re
import signal
import stat
import sys
import threading
import time

from . import settings


def main() -> None:
    options = _options()
    if options.exit_with_parent:
        _follow_parent()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    settings.prepare(options.account)
    from . import server

    listening = server.bind(options.port)
    url = f"http://127.0.0.1:{listening.server_port}"
    os.environ["MOTO_PORT"] = str(listening.server_port)  # moto builds URLs from it
    if options.ready_file:
        _write_whole(options.ready_file, url)
    print(f"localaws: {url} account {options.account}", flush=True)
    server.serve(listening)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="localaws", description="A local AWS for goldseal's tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
    parser.add_argument("--ready-file", metavar="F", help="written with the endpoint URL once it answers")
    parser.add_argument("--account", default="123456789012", help="account of callers with unknown keys")
    parser.add_argument("--exit-with-parent", action="store_true",
                        help="exit when stdin, if a pipe, closes, or when the parent process dies")
    options = parser.parse_args()
    if not re.fullmatch("[0-9]{12}", options.account):
        parser.error("--account must be 12 digits")
    return options


def _write_whole(path: str, text: str) -> None:
    # A reader polls for the file, so it must never see half of it.
    draft = f"{path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, path)


def _follow_parent() -> None:
    # Not PR_SET_PDEATHSIG: that fires when the parent's starting *thread* ends,
    # and a test harness runs each test in a thread of its own.
    parent = os.getppid()

    def parent_gone() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(0)

    def stdin_closed() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=parent_gone, daemon=True).start()
    try:
        mode = os.fstat(0).st_mode
    except OSError:  # started without a stdin
        return
    # /dev/null and files are at their end at once; that says nothing of the parent.
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        threading.Thread(target=stdin_closed, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
