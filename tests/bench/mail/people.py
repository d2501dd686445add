"""Who has a mailbox: accounts that `mailctl` makes, whose passwords the peer takes over as they are kept."""

import sqlite3
import subprocess

PASSWORD = "correct horse 7"
COUNT = 64


class People:
    domain = "bench.example.org"

    def __init__(self, mailctl, folder, ports):
        """`ports` are those of the pair on which the mailboxes are."""
        self.directory = folder / "directory.db"
        settings = folder / "mailctl.toml"
        settings.write_text(f'[directory]\nsqlite = "{self.directory}"\n')
        self.argv = [mailctl, "--config", settings]
        self.tell("schema", "upgrade")
        self.tell("pair", "add", "store-1", *(word for name, port in ports.items()
                                              for word in (f"--{name}", f"127.0.0.1:{port}")))
        self.tell("domain", "add", self.domain)
        self.names = [f"user{number}@{self.domain}" for number in range(COUNT)]
        for name in self.names:
            self.tell("account", "add", name, "--pair", "store-1", "--password-stdin", input=PASSWORD)
        with sqlite3.connect(self.directory) as records:
            self.hashes = dict(records.execute("SELECT name, password_hash FROM accounts"))

    def tell(self, *words, input=""):
        subprocess.run([*self.argv, *words], input=input, text=True, check=True, stderr=subprocess.DEVNULL)
