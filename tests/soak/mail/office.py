"""A mail service: its files, its people, and its processes, each of which may be killed and started again."""

import json
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time

import nameless

DOMAIN = "example.org"
PASSWORD = "correct horse 7"
START_S_MAX = 60
END_S_MAX = 30
# Below those from which the kernel takes the ports of clients (ip_local_port_range): a port of ours is never one of theirs.
FIRST_PORTS = range(15000, 31000)
INBOUND = """\
host = "mx.example.org"
folder = "{inside}/incoming"
[directory]
sqlite = "{inside}/directory.db"
[smtp]
listen = ["{anywhere}:{smtp}"]
[dns]
servers = ["{resolver}"]
timeout = "2s"
[limits]
sessions_per_client_max = 1000
connections = {{ burst = 100000, per_minute = 100000 }}
exempt = ["127.0.0.0/8", "10.0.2.0/24"]
"""
MAILSTORE = """\
host = "{name}.example.org"
own_names = ["mx.example.org"]
folder = "{inside}/{name}"
pair = "{name}"
[lmtp]
listen = ["127.0.0.1:{lmtp}"]
[imap]
listen = ["127.0.0.1:{store_imap}"]
tls = "off"
[directory]
sqlite = "{inside}/directory.db"
[proxy]
name = "access"
secret_file = "{inside}/proxy-secret"
"""
ACCESS = """\
[[imap]]
listen = ["{anywhere}:{imap}"]
tls = "off"
[directory]
sqlite = "{inside}/directory.db"
[proxy]
name = "access"
secret_file = "{inside}/proxy-secret"
[backend]
tls = "off"
[limits]
connections_per_client_burst = 100000
connections_per_client_and_minute = 100000
"""


def free_ports(count):
    """Ports of this machine on which nobody listens now."""
    found = []
    while len(found) < count:
        port = random.choice(FIRST_PORTS)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


class Resolver(threading.Thread):
    """DNS that knows no name, at once: without it each message would wait for SPF and DMARC."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        nameless.serve(self.socket)


class Office:
    """`inside` is the folder as the daemons see it, `pairs` has the ports of each mailstore."""

    def __init__(self, programs, folder, ports, pairs, accounts, resolver, inside=None, anywhere="127.0.0.1"):
        self.programs, self.folder, self.ports, self.pairs = programs, folder, ports, pairs
        self.inside, self.anywhere, self.resolver = inside or folder, anywhere, resolver
        self.accounts = [f"user{number}@{DOMAIN}" for number in range(accounts)]
        self.processes, self.deaths = {}, []

    def make(self):
        for name in ("incoming", *self.pairs):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        secret = self.folder / "proxy-secret"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(16) + "\n")
        for name, text in self.files().items():
            (self.folder / f"{name}.toml").write_text(text)
        self.fill_directory()

    def files(self):
        shared = {"inside": self.inside, "anywhere": self.anywhere, "resolver": self.resolver, **self.ports}
        files = {"inbound": INBOUND.format(**shared), "access": ACCESS.format(**shared)}
        for name, ports in self.pairs.items():
            files[name] = MAILSTORE.format(name=name, **shared, **ports)
        return files | {"mailctl": f'[directory]\nsqlite = "{self.folder}/directory.db"\n'}

    def fill_directory(self):
        self.mailctl("schema", "upgrade")
        self.mailctl("domain", "add", DOMAIN)
        for name, ports in self.pairs.items():
            # Nobody listens for POP3.
            places = {"lmtp": ports["lmtp"], "imap": ports["store_imap"], "pop3": ports["store_imap"]}
            self.mailctl("pair", "add", name, *(f"--{kind}=127.0.0.1:{port}" for kind, port in places.items()))
        names = list(self.pairs)
        for number, account in enumerate(self.accounts):
            pair = names[number % len(names)]
            self.mailctl("account", "add", account, "--pair", pair, "--password-stdin", given=PASSWORD)

    def mailctl(self, *words, given=""):
        command = [self.programs / "mailctl", "--config", self.folder / "mailctl.toml", *words]
        ended = subprocess.run(command, input=given, text=True, capture_output=True)
        if ended.returncode != 0:
            sys.exit(f"mailctl {' '.join(words)} failed:\n{ended.stderr}")

    def __enter__(self):
        for name in [*self.pairs, "inbound", "access"]:
            self.start(name)
        for port in self.ports.values():
            self.wait_for(port)
        return self

    def __exit__(self, *_):
        for name in ("inbound", "access", *self.pairs):
            if name in self.processes:
                self.end(name)

    def start(self, name):
        words = ["mailstore", "serve"] if name in self.pairs else [name]
        command = [self.programs / words[0], *words[1:], "--config", self.folder / f"{name}.toml"]
        with open(self.log(name), "ab") as log:
            # It must not outlive this program, however that ends.
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, name):
        return self.folder / f"{name}.log"

    def kill(self, name):
        """SIGKILL. One that was dead before has died by itself, which nothing here excuses."""
        process = self.processes[name]
        if process.poll() is not None:
            self.deaths.append(f"{name} ended by itself with {process.returncode}; see {self.log(name)}")
        process.kill()
        process.wait()

    def end(self, name):
        """SIGTERM, and what the daemon says of it."""
        process = self.processes.pop(name)
        is_dead = process.poll() is not None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            code = f"no end in {END_S_MAX} s"
        if is_dead or code != 0:
            self.deaths.append(f"{name} ended with {code}; see {self.log(name)}")

    def wait_for(self, port):
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"nobody listens on port {port}; see the logs in {self.folder}")
                time.sleep(0.05)

    def said(self, name, words):
        """How many lines of a log have these words."""
        with open(self.log(name), errors="replace") as log:
            return sum(words in line for line in log)

    def check(self, name):
        """What `mailstore check` finds wrong in a volume that nobody has open."""
        command = [self.programs / "mailstore", "check", "--json", self.folder / name]
        ended = subprocess.run(command, capture_output=True, text=True)
        return wrong_in(ended.stdout) if ended.stdout else [ended.stderr.strip()]


def wrong_in(report):
    """What is bad in the output of `mailstore check --json`."""
    findings = json.loads(report)["findings"]
    return [finding["text"] for finding in findings if finding["bad"]]


def programs_of(folder):
    """The daemons that a release build left there."""
    folder = pathlib.Path(folder).resolve()
    for name in ("access", "inbound", "mailctl", "mailstore"):
        if not (folder / name).is_file():
            sys.exit(f"{folder} has no {name}: cargo build --release -p {name}")
    return folder
