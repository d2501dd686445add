"""The mail daemons on this machine, for looking at: what `make mail` runs after they are built.

usage: mail.py PROGRAMS FOLDER [--port BASE]

Makes FOLDER with a directory (SQLite), the domain example.org and two accounts, unless it is there, starts mailstore, inbound and access
on 127.0.0.1, and says what to try. Ctrl-C ends them; mail stays in FOLDER.
"""

import argparse
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ACCOUNTS = ("ann", "bob")
# A store is opened, and three processes start.
START_MAX_S = 30
END_MAX_S = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=2500, help="the first of six ports (2500)")
    return parser.parse_args()


class Office:
    """A folder with everything that the daemons need."""

    def __init__(self, options):
        self.programs = options.programs.resolve()
        self.folder = options.folder.resolve()
        names = ("smtp", "lmtp", "imap", "pop3", "store_imap", "store_pop3")
        self.ports = {name: options.port + number for number, name in enumerate(names)}
        self.passwords = {}

    def write(self, name, text, mode=0o640):
        path = self.folder / name
        path.touch(mode=mode)
        path.write_text(text)

    def mailctl(self, *words, given=None):
        command = [self.programs / "mailctl", "--config", self.folder / "mailctl.toml", *words]
        ended = subprocess.run(command, input=given, text=True, capture_output=True)
        if ended.returncode != 0:
            sys.exit(f"mailctl {' '.join(words)} failed:\n{ended.stderr}")

    def prepare(self):
        is_new = not (self.folder / "directory.db").exists()
        for name in ("store", "incoming"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not (self.folder / "proxy-secret").exists():
            self.write("proxy-secret", secrets.token_hex(16) + "\n", 0o600)
        for name, text in self.files().items():
            self.write(name, text)
        self.mailctl("schema", "upgrade")
        places = [f"--{kind}=127.0.0.1:{self.ports[port]}"
                  for kind, port in (("lmtp", "lmtp"), ("imap", "store_imap"), ("pop3", "store_pop3"))]
        if not is_new:
            self.mailctl("pair", "set", "store-1", *places)
            return
        self.mailctl("pair", "add", "store-1", *places)
        self.mailctl("domain", "add", "example.org")
        for name in ACCOUNTS:
            password = self.folder / f"{name}.password"
            self.write(password.name, secrets.token_urlsafe(9) + "\n", 0o600)
            address = f"{name}@example.org"
            self.mailctl("account", "add", address, "--pair", "store-1", "--quota", "1GiB",
                         "--password-stdin", given=password.read_text())

    def files(self):
        ports, folder = self.ports, self.folder
        directory = f'[directory]\nsqlite = "{folder}/directory.db"\n'
        proxy = f'[proxy]\nname = "access"\nsecret_file = "{folder}/proxy-secret"\n'
        return {
            "mailctl.toml": directory,
            "mailstore.toml": f"""host = "store.example.org"
own_names = ["mx.example.org"]
folder = "{folder}/store"
pair = "store-1"
[lmtp]
listen = ["127.0.0.1:{ports['lmtp']}"]
[imap]
listen = ["127.0.0.1:{ports['store_imap']}"]
tls = "off"
[pop3]
listen = ["127.0.0.1:{ports['store_pop3']}"]
tls = "off"
{directory}{proxy}""",
            "inbound.toml": f"""host = "mx.example.org"
folder = "{folder}/incoming"
{directory}[smtp]
listen = ["127.0.0.1:{ports['smtp']}"]
[dns]
servers = ["127.0.0.1:53"]
timeout = "1s"
""",
            "access.toml": f"""[[imap]]
listen = ["127.0.0.1:{ports['imap']}"]
tls = "off"
[[pop3]]
listen = ["127.0.0.1:{ports['pop3']}"]
tls = "off"
[backend]
tls = "off"
{directory}{proxy}""",
        }

    def start(self, name, *words):
        log = (self.folder / f"{name}.log").open("ab")
        command = [self.programs / name, *words, "--config", self.folder / f"{name}.toml"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def tell(self):
        ports = self.ports
        password = (self.folder / "ann.password").read_text().strip()
        print(f"""mailstore, inbound and access serve example.org on 127.0.0.1; Ctrl-C ends them. Try, elsewhere:

  swaks --server 127.0.0.1:{ports['smtp']} --from you@example.net --to ann@example.org
  curl -s imap://127.0.0.1:{ports['imap']}/INBOX -u ann@example.org:{password} -X 'FETCH 1:* (FLAGS ENVELOPE)'
  curl -s pop3://127.0.0.1:{ports['pop3']}/1 -u ann@example.org:{password}
  {self.programs / 'mailctl'} --config {self.folder / 'mailctl.toml'} account list

Logs, settings and passwords (bob has one too) are in {self.folder}.""", flush=True)


def wait_for(ports, processes):
    deadline = time.monotonic() + START_MAX_S
    for port in ports:
        while True:
            for name, process in processes.items():
                if process.poll() is not None:
                    sys.exit(f"{name} ended with {process.returncode}; see its log")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"nobody listens on port {port}; see the logs")
                time.sleep(0.05)


def end(processes):
    for process in processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes.values():
        try:
            process.wait(END_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()


def main():
    office = Office(arguments())
    office.prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    processes = {}
    try:
        processes["mailstore"] = office.start("mailstore", "serve")
        processes["inbound"] = office.start("inbound")
        processes["access"] = office.start("access")
        wait_for(office.ports.values(), processes)
        office.tell()
        while all(process.poll() is None for process in processes.values()):
            time.sleep(0.5)
        ended = [name for name, process in processes.items() if process.poll() is not None]
        sys.exit(f"{', '.join(ended)} ended; see its log in {office.folder}")
    except KeyboardInterrupt:
        print()
    finally:
        end(processes)


if __name__ == "__main__":
    main()
