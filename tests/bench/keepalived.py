"""Debian's keepalived on two machines of a lab: the peer that moves an address when a machine loses its power.

It is unpacked, copied into each machine's /run over SSH and started there as a unit of its own, with an open door for
VRRP in the machine's packet filter. Two instances run at once: one as keepalived comes, one as fast as it goes. Their
priorities are the two highest, for the shortest skew (RFC 5798, section 6.1).
"""

import io
import subprocess
import tarfile
import time

from lab import wait
from servers import unpacked, version

LIBRARIES = ["libglib2.0-0", "libnl-3-200", "libnl-genl-3-200"]
# Outside of the lab's pool.
ADDRESSES = {"keepalived, advert_int 1": "10.77.0.31", "keepalived, advert_int 0.1": "10.77.0.32"}
PRIORITIES = {"MASTER": 254, "BACKUP": 253}
UNIT = "bench-keepalived"
SETTLE_MAX_S = 60
# Some advertisements long.
PAUSE_S = 5

CONFIGURATION = """
vrrp_instance slow {{
  state {state}
  interface INTERFACE
  virtual_router_id 31
  priority {priority}
  advert_int 1
  virtual_ipaddress {{ 10.77.0.31/24 }}
}}
vrrp_instance fast {{
  version 3
  state {state}
  interface INTERFACE
  virtual_router_id 32
  priority {priority}
  advert_int 0.1
  virtual_ipaddress {{ 10.77.0.32/24 }}
}}
"""

# The machines' libraries are enough for the rest of what it needs.
START = f"""set -e
mkdir -p /run/{UNIT} && cd /run/{UNIT} && tar -xz --no-same-owner
interface=$(ip -o -4 route get 10.77.0.1 | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
sed -i "s/INTERFACE/$interface/" keepalived.conf
nft insert rule inet understudy input ip protocol 112 accept
systemd-run --quiet --collect --unit={UNIT} --setenv=LD_LIBRARY_PATH=$PWD -p StandardError=truncate:$PWD/log \\
  $PWD/keepalived --dont-fork --log-console --vrrp --use-file=$PWD/keepalived.conf
"""


def prepare():
    """What needs the network of this machine."""
    for package in ["keepalived", *LIBRARIES]:
        unpacked(package)


def versions():
    return {"keepalived": version("keepalived")}


def bundle(state):
    """keepalived, the libraries that the image lacks, and its configuration, as a compressed tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", dereference=True) as tar:
        tar.add(unpacked("keepalived") / "usr/sbin/keepalived", "keepalived")
        for package in LIBRARIES:
            # The link has the name by which programs look for it.
            for link in filter(lambda path: path.is_symlink(), unpacked(package).rglob("lib*.so.*")):
                tar.add(link, link.name)
        text = CONFIGURATION.format(state=state, priority=PRIORITIES[state]).encode()
        entry = tarfile.TarInfo("keepalived.conf")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


class Keepalived:
    """Runs on two machines; the first has the addresses."""

    def __init__(self, lab, master, backup):
        self.lab, self.master, self.backup = lab, master, backup
        for serial, state in ((master, "MASTER"), (backup, "BACKUP")):
            self.ssh(serial, START, bundle(state))
        wait(f"{backup} is keepalived's backup", SETTLE_MAX_S, lambda: self.is_backup() and self.is_at(master))
        time.sleep(PAUSE_S)

    def ssh(self, serial, script, standard_input=b""):
        words = [self.lab.understudy, "lab", "ssh", "--name", self.lab.name, serial, "--", script]
        ended = subprocess.run(words, input=standard_input, capture_output=True)
        if ended.returncode != 0:
            raise SystemExit(f"keepalived on {serial}: {ended.stderr.decode().strip()}")
        return ended.stdout.decode()

    def is_backup(self):
        count = self.ssh(self.backup, f"grep -c 'Entering BACKUP STATE' /run/{UNIT}/log || true")
        return int(count) >= len(ADDRESSES)

    def is_at(self, serial):
        """Whether both addresses are on this machine, by its own word."""
        shown = self.ssh(serial, "ip -4 -brief address")
        return all(f" {address}/" in shown for address in ADDRESSES.values())

    def stop(self):
        """On the machine that still has power."""
        self.ssh(self.backup, f"systemctl stop {UNIT}")
