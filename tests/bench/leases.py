"""DHCP beside dnsmasq and Kea: perfdhcp asks from a network namespace of its own, over one cable.

Each run has a server answer at one rate for a while; one that is started anew is asked by many clients at once, and
then faster and faster. perfdhcp speaks as a relay does: discover, offer, request, acknowledgement, four packets a lease.
"""

import json
import pathlib
import re
import subprocess
import tempfile

from servers import Server, row, unpacked, version, wait_until

ADDRESS, LOAD_ADDRESS = "10.77.0.1", "10.77.0.2"
POOL = ("10.77.16.0", "10.77.255.254")
LEASE_S = 3600
STEADY_RATE, STEADY_S = 500, 4
RATES_FROM, RATES_TO, RATE_S = 250, 16000, 1
# The search ends when the highest rate is known this well.
RATE_STEP = 1.2
AVALANCHE_CLIENTS = 1000
# What is not answered after this counts as dropped.
PATIENCE_S = 0.5
PEERS = ["dnsmasq-base", "kea-dhcp4-server"]
METRICS = {
    ("steady", "leases"): ("leases/s", "higher"),
    ("steady", "drops"): ("packets", "lower"),
    ("steady", "cpu"): ("s per 1,000 leases", "lower"),
    ("highest", "rate"): ("leases/s", "higher"),
    ("avalanche", "time"): ("s", "lower"),
    ("avalanche", "drops"): ("packets", "lower"),
    ("avalanche", "cpu"): ("s per 1,000 leases", "lower"),
    ("whole run", "peak memory"): ("MiB", "lower"),
}
NAMES = {
    "steady": f"dhcp, {STEADY_RATE} new clients a second for {STEADY_S} s",
    "highest": "dhcp, highest rate without a drop",
    "avalanche": f"dhcp, {AVALANCHE_CLIENTS} new clients at once",
    "whole run": "dhcp, all of it",
}
NOTE = (
    "before an answer leaves, ours has its lease in SQLite and on the disk (fsync), dnsmasq has written its whole lease file "
    "(fsync), Kea has added a line to its memfile (no fsync); dnsmasq runs without its ping before an offer"
)


def run(*argv):
    subprocess.run([str(word) for word in argv], check=True)


def make_network():
    """A cable from here to a namespace for clients."""
    run("ip", "netns", "add", "load")
    run("ip", "link", "add", "rack0", "type", "veth", "peer", "name", "eth0", "netns", "load")
    run("ip", "address", "add", f"{ADDRESS}/16", "dev", "rack0")
    run("ip", "link", "set", "rack0", "up")
    inside = ["ip", "-n", "load"]
    run(*inside, "address", "add", f"{LOAD_ADDRESS}/16", "dev", "eth0")
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "link", "set", "eth0", "up")


class Client:
    """perfdhcp, from the other end of the cable."""

    def __init__(self):
        self.kind = 0

    def ask(self, clients, *arguments, new=True):
        """With clients that were never there before, or with those of the call before."""
        self.kind += new
        argv = ["ip", "netns", "exec", "load", "perfdhcp", "-4", "-b", f"mac=52:54:{self.kind:02x}:00:00:00"]
        argv += ["-R", str(clients), *map(str, arguments), "-l", "eth0", ADDRESS]
        done = subprocess.run(argv, capture_output=True, text=True)
        # 3: some exchanges had no end.
        if done.returncode not in (0, 3):
            raise RuntimeError(f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
        return Said(done.stdout)

    def steadily(self, rate, seconds, new=True):
        after = int(PATIENCE_S * 1e6)
        return self.ask(rate * seconds, "-r", rate, "-p", seconds, "-d", PATIENCE_S, "-W", after, new=new)


class Said:
    """What perfdhcp counted: first discovers and offers, then requests and acknowledgements."""

    def __init__(self, text):
        numbers = lambda name: [int(value) for value in re.findall(rf"^{name}: (\d+)", text, re.MULTILINE)]
        (discovers, _), (_, self.leases) = numbers("sent packets"), numbers("received packets")
        self.exchanges, self.drops = discovers, sum(numbers("drops"))
        # An avalanche asks again until it has its answer: what it repeated was dropped.
        self.repeated = sum(numbers("Requests resent"))
        took = re.search(r"It took (\d+):(\d+):([\d.]+) to provision", text)
        self.seconds = int(took[1]) * 3600 + int(took[2]) * 60 + float(took[3]) if took else None


def highest_rate(client):
    """The last rate that was served without a drop; at its own limit perfdhcp asks no faster."""
    def is_served(rate):
        for _ in range(2):
            said = client.steadily(round(rate), RATE_S, new=False)
            if said.exchanges < 0.95 * rate * RATE_S:
                return None
            if said.drops == 0:
                return True
        return False

    client.kind += 1
    good, bad = 0, RATES_FROM
    while bad < RATES_TO and is_served(bad):
        good, bad = bad, bad * 2
    while good and bad / good > RATE_STEP:
        middle = (good * bad) ** 0.5
        good, bad = (middle, bad) if is_served(middle) else (good, middle)
    return good


class Ours:
    name = "ours"

    def __init__(self, understudy):
        self.understudy = understudy

    def start(self, work):
        key = pathlib.Path(work) / "signing.key"
        subprocess.run([self.understudy, "key", "new", key], check=True, capture_output=True)
        site = pathlib.Path(work) / "site.toml"
        site.write_text(
            'name = "bench"\nstate = "state"\nimages = "images"\nimage = "mail"\nimage_keys = ["signing.key.pub"]\n'
            f'[[networks]]\ninterface = "rack0"\naddress = "{ADDRESS}/16"\ndhcp = "own"\n'
            f'pool = "{POOL[0]}-{POOL[1]}"\nlease_s = {LEASE_S}\n'
        )
        log = open(pathlib.Path(work) / "log", "wb")
        return Server(self.name, [self.understudy, "serve", "--site", site], stdout=log, stderr=log)


class Dnsmasq:
    name = "dnsmasq"

    def start(self, work):
        argv = [unpacked("dnsmasq-base") / "usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null"]
        argv += ["--port=0", "--interface=rack0", "--bind-interfaces", "--user=root", "--pid-file"]
        argv += [f"--dhcp-range={POOL[0]},{POOL[1]},255.255.0.0,{LEASE_S}", "--no-ping", "--dhcp-lease-max=65536"]
        argv += [f"--dhcp-leasefile={work}/leases", f"--log-facility={work}/log"]
        return Server(self.name, argv, stdout=subprocess.DEVNULL)


class Kea:
    name = "kea"

    def start(self, work):
        pools = [{"pool": f"{POOL[0]} - {POOL[1]}"}]
        config = {
            "interfaces-config": {"interfaces": ["rack0"]},
            "lease-database": {"type": "memfile", "persist": True, "name": f"{work}/leases.csv"},
            "valid-lifetime": LEASE_S,
            "subnet4": [{"id": 1, "subnet": "10.77.0.0/16", "pools": pools}],
            "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": f"{work}/log"}]}],
        }
        path = pathlib.Path(work) / "kea.conf"
        path.write_text(json.dumps({"Dhcp4": config}))
        folders = {"KEA_PIDFILE_DIR": work, "KEA_LOCKFILE_DIR": work}
        argv = [unpacked("kea-dhcp4-server") / "usr/sbin/kea-dhcp4", "-c", path]
        return Server(self.name, argv, env=folders, stdout=subprocess.DEVNULL)


def run_once(side, results, folder):
    """One server, started twice, without leases; its numbers go to `results`."""
    def note(case, metric, value):
        results.setdefault((case, metric), {}).setdefault(side.name, []).append(value)

    def steady(server, client):
        before, said = server.cpu(), client.steadily(STEADY_RATE, STEADY_S)
        note("steady", "leases", said.leases / STEADY_S)
        note("steady", "drops", said.drops)
        note("steady", "cpu", (server.cpu() - before) / said.leases * 1000)

    def avalanche(server, client):
        before, said = server.cpu(), client.ask(AVALANCHE_CLIENTS, "--scenario", "avalanche")
        note("avalanche", "time", said.seconds)
        note("avalanche", "drops", said.repeated)
        note("avalanche", "cpu", (server.cpu() - before) / said.leases * 1000)

        note("highest", "rate", highest_rate(client))

    peaks = []
    for case in (steady, avalanche):
        with tempfile.TemporaryDirectory(dir=folder) as work:
            server, client = side.start(work), Client()
            try:
                wait_until(side.name, lambda: client.ask(1, "-r", 10, "-p", 1, "-W", 100_000).leases > 0)
                case(server, client)
                peaks.append(server.peak_mebibytes())
            finally:
                server.stop()
    note("whole run", "peak memory", max(peaks))


def prepare():
    """What needs the network of this machine."""
    for package in PEERS:
        unpacked(package)


def versions():
    return {package: version(package) for package in [*PEERS, "kea-admin"]}


def measure(arguments, quiet, folder):
    make_network()
    sides, results = [Ours(arguments.understudy), Dnsmasq(), Kea()], {}
    for number in range(arguments.runs + 1):
        with quiet(number):
            counted = results if number > 0 else {}
            for side in sides:
                run_once(side, counted, folder)
    rows = METRICS.items()
    return [[row(NAMES[case], metric, *how, results[case, metric], NOTE) for (case, metric), how in rows]]
