"""Where it happens: namespaces in which the peers are installed and have their users, while the machine has neither.

`/usr` gets the peers' packages on top, `/etc/passwd` and `/etc/group` get their users, WORK is a folder of the disk by a
short name. All of that is gone with the last process. It takes root, as Postfix and Dovecot switch between users.
"""

import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

from servers import TREE, unpacked, version

# Has the folder with all packages.
INSIDE = "UNDERSTUDY_BENCH_INSIDE"
WORK = pathlib.Path("/mnt")
PEERS = ["postfix", "dovecot-core", "dovecot-imapd", "dovecot-lmtpd"]
# With what they need that is not on every Debian.
LIBRARIES = ["dnsmasq-base", "libapparmor1", "libexttextcat-2.0-0", "libicu72", "liblua5.4-0", "libnsl2", "libsasl2-2",
             "libsodium23", "libstemmer0d", "libtirpc3", "libunwind8", "libwrap0"]
# Nobody else's on a Debian system (policy, section 9.2.2: allocated on demand).
USERS = {"postfix": 64701, "postdrop": 64702, "dovecot": 64703, "dovenull": 64704, "vmail": 64705}
VMAIL = USERS["vmail"]
KILL_AT_PARENTS_DEATH = 1


def enter():
    """Starts this program again as the first process of new namespaces."""
    argv = ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # Another run has one of its own.
    with tempfile.TemporaryDirectory(dir=TREE / "target/peers", prefix=".mail-") as together:
        put_together(pathlib.Path(together))
        environment = dict(os.environ, **{INSIDE: together})
        return subprocess.run([*argv, sys.executable, *sys.argv], env=environment).returncode


def prepare():
    """What needs the network of this machine."""
    if os.geteuid() != 0:
        sys.exit("run it as root: Postfix and Dovecot switch between users, in namespaces of their own")
    for package in [*PEERS, *LIBRARIES]:
        unpacked(package)


def put_together(together):
    """All packages in one folder, by links."""
    (together / "usr/lib").mkdir(parents=True)
    for package in map(unpacked, [*PEERS, *LIBRARIES]):
        subprocess.run(["cp", "-al", f"{package}/usr/.", together / "usr"], check=True)
        if (package / "lib").is_dir():
            # Where it is, on a merged /usr.
            subprocess.run(["cp", "-al", f"{package}/lib/.", together / "usr/lib"], check=True)


def versions():
    return {package: version(package) for package in ["postfix", "dovecot-core"]}


def make(folder):
    """Inside: mounts, users, loopback. WORK is on the disk of this folder."""
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={os.environ[INSIDE]}/usr:/usr", "/usr")
    for name, line in (("passwd", "{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"),
                       ("group", "{user}:x:{number}:\n")):
        text = pathlib.Path(f"/etc/{name}").read_text()
        text = "".join(each for each in text.splitlines(True) if each.split(":")[0] not in USERS)
        file = folder / name
        file.write_text(text + "".join(line.format(user=user, number=number) for user, number in USERS.items()))
        mount("--bind", file, f"/etc/{name}")
    mount("--bind", folder, WORK)
    mount("-t", "tmpfs", "tmpfs", "/run")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def end_with_parent():
    """In a child before it runs its program: it must not outlive this benchmark (prctl(2))."""
    ctypes.CDLL(None).prctl(KILL_AT_PARENTS_DEATH, 15)
