"""Our side: inbound takes mail and hands it by LMTP to the mailstore; access logs clients in for the mailstore.

One machine and one copy of each message, as at the peer. inbound always asks DNS about SPF and DMARC; a dnsmasq beside
it, which counts as ours, says that there is no such name. TLS is off, there is no greylisting and no list of clients, and
the limits of one client are out of the way, as there is only one. All log what they log by default.
"""

from mail import place
from mail.side import Side

SMTP_PORT, LMTP_PORT, IMAP_PORT, STORE_IMAP_PORT, STORE_POP3_PORT = 2625, 2624, 2643, 2644, 2645
# Where the people's mailboxes are.
PAIR = {"lmtp": LMTP_PORT, "imap": STORE_IMAP_PORT, "pop3": STORE_POP3_PORT}
INBOUND = """\
host = "mx.example.org"
folder = "{folder}/inbound"
[directory]
sqlite = "{directory}"
[smtp]
listen = ["127.0.0.1:{SMTP_PORT}"]
[dns]
servers = ["127.0.0.1:53"]
[limits]
sessions_per_client_max = 1000
connections = {{ burst = 100000, per_minute = 100000 }}
exempt = ["127.0.0.0/8"]
"""
MAILSTORE = """\
host = "store-1.example.org"
own_names = ["mx.example.org"]
folder = "{folder}/store"
pair = "store-1"
[lmtp]
listen = ["127.0.0.1:{LMTP_PORT}"]
[imap]
listen = ["127.0.0.1:{STORE_IMAP_PORT}"]
tls = "off"
[directory]
sqlite = "{directory}"
[proxy]
name = "access"
secret_file = "{folder}/secret"
"""
ACCESS = """\
[[imap]]
listen = ["127.0.0.1:{IMAP_PORT}"]
tls = "off"
[directory]
sqlite = "{directory}"
[proxy]
name = "access"
secret_file = "{folder}/secret"
[backend]
tls = "off"
[limits]
sessions_per_client_max = 1000
connections_per_client_burst = 100000
connections_per_client_and_minute = 100000
"""
DNS = ["--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--no-resolv", "--no-hosts",
       "--listen-address=127.0.0.1", "--bind-interfaces", "--address=/#/"]
FILES = {"inbound.toml": INBOUND, "mailstore.toml": MAILSTORE, "access.toml": ACCESS}


class Ours(Side):
    name = "ours"
    ports = {"smtp": SMTP_PORT, "lmtp": LMTP_PORT, "imap": IMAP_PORT, "store imap": STORE_IMAP_PORT}
    # Where the daemons are.
    programs = None

    def make(self):
        for name, text in self.configuration().items():
            (self.folder / name).write_text(text)
        for name in ("inbound", "store"):
            (self.folder / name).mkdir(mode=0o700)
        secret = self.folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text("a secret that both of them have\n")

    def start(self):
        self.run("dns", ["/usr/sbin/dnsmasq", *DNS])
        self.run("inbound", [self.programs / "inbound", "--config", self.folder / "inbound.toml"])
        self.run("access", [self.programs / "access", "--config", self.folder / "access.toml"])
        self.run("mailstore", [self.programs / "mailstore", "serve", "--config", self.folder / "mailstore.toml"])

    def configuration(self):
        ports = {name: port for name, port in globals().items() if name.endswith("_PORT")}
        return {name: text.format(folder=self.folder, directory=self.people.directory, **ports)
                for name, text in FILES.items()}

    def is_delivered(self):
        """It is, before it is answered."""
        return True
