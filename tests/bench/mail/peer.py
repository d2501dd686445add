"""The peer: Postfix takes mail and hands it by LMTP to Dovecot, which keeps and serves it.

As many administrators have them, and no slower than that: nobody is asked by DNS, TLS is off, Dovecot's logins are in
its high-performance mode, its passwords are compared by workers, both log each message. Dovecot's maildir is the format
that most have, its mdbox is the faster one. Both sync before they answer, which is their default.
"""

import os
import pathlib

from mail import place
from mail.side import Side

SMTP_PORT, LMTP_PORT, IMAP_PORT = 2525, 2424, 2143
POSTFIX = """\
compatibility_level = 3.6
myhostname = mx.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/postfix/mailboxes
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
lmtp_destination_concurrency_limit = 20
initial_destination_concurrency = 20
in_flow_delay = {in_flow_delay}
"""
SERVICES = """\
127.0.0.1:{smtp} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
# No pauses for clients while LMTP is behind: with them Postfix delivers less.
IN_FLOW_DELAY = "0"
QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]
# Where a message is until it is delivered.
WAITING = ["incoming", "active", "deferred"]
DOVECOT = """\
protocols = imap lmtp
base_dir = {folder}/base
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_cache_size = 10M
auth_cache_verify_password_with_worker = yes
mail_location = {location}
mail_fsync = optimized
mail_max_userip_connections = 1000
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service imap-login {{
  service_count = 0
  process_min_avail = {cores}
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  service_count = 1000
}}
"""


class Peer(Side):
    ports = {"smtp": SMTP_PORT, "lmtp": LMTP_PORT, "imap": IMAP_PORT}
    location = None

    def make(self):
        self.make_postfix()
        self.make_dovecot()

    def start(self):
        self.run("postfix", ["/usr/lib/postfix/sbin/master", "-s"], {"MAIL_CONFIG": str(self.folder / "postfix")})
        self.run("dovecot", ["/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"])

    def make_postfix(self):
        settings = self.folder / "postfix"
        settings.mkdir()
        (settings / "main.cf").write_text(self.main_cf())
        (settings / "master.cf").write_text(SERVICES.format(smtp=SMTP_PORT))
        (settings / "dynamicmaps.cf").write_text("")
        (settings / "mailboxes").write_text("".join(f"{name} here\n" for name in self.people.names))
        postfix, postdrop = place.USERS["postfix"], place.USERS["postdrop"]
        self.make_folder("data", 0o700, postfix)
        self.make_folder("queue", 0o755, 0)
        self.make_folder("queue/pid", 0o755, 0)
        for name in QUEUES:
            self.make_folder(f"queue/{name}", 0o700, postfix)
        self.make_folder("queue/maildrop", 0o730, postfix, postdrop)
        self.make_folder("queue/public", 0o710, postfix, postdrop)

    def make_dovecot(self):
        self.make_folder("mail", 0o755, place.VMAIL)
        users = "".join(f"{name}:{{ARGON2ID}}{hash}:{place.VMAIL}:{place.VMAIL}::{self.folder}/mail/{name}\n"
                        for name, hash in self.people.hashes.items())
        (self.folder / "users").write_text(users)
        (self.folder / "dovecot.conf").write_text(self.dovecot_conf())

    def make_folder(self, path, mode, owner, group=0):
        folder = self.folder / path
        folder.mkdir()
        os.chown(folder, owner, group)
        folder.chmod(mode)

    def main_cf(self):
        return POSTFIX.format(
            folder=self.folder, domain=self.people.domain, lmtp=LMTP_PORT, in_flow_delay=IN_FLOW_DELAY)

    def dovecot_conf(self):
        return DOVECOT.format(folder=self.folder, location=self.location, lmtp=LMTP_PORT, imap=IMAP_PORT,
                              cores=os.cpu_count())

    def configuration(self):
        return {"main.cf": self.main_cf(), "dovecot.conf": self.dovecot_conf()}

    def is_delivered(self):
        """A message leaves the queue when LMTP has said 250."""
        return not any(has_file(self.folder / "queue" / name) for name in WAITING)


def has_file(folder):
    with os.scandir(folder) as entries:
        return any(entry.is_file(follow_symlinks=False) or has_file(pathlib.Path(entry.path)) for entry in entries)


class Maildir(Peer):
    name = "postfix-maildir"
    location = "maildir:~/Maildir"


class Mdbox(Peer):
    name = "postfix-mdbox"
    location = "mdbox:~/mdbox"
