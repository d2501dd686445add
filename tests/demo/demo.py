"""From empty disks to a takeover, before your eyes: what `make demo` runs after the image is built.

usage: demo.py UNDERSTUDY IMAGE KEY.pub REPORT [--nodes N] [--build-s SECONDS] [--keep]

Boots a lab rack from empty disks over the network, waits until two DNS identities serve, asks both all the time,
cuts the power of one holder and watches a spare take its place. Writes REPORT (JSON); exit code 1 if nobody does.
"""

import json
import os
import time
from pathlib import Path

from lab import Lab, demo_parser, ended_takeover, held, say, seconds_since_epoch, wait
from queries import Queries, warm_up

HERE = Path(__file__).resolve().parent
NAME = "hello.demo"
# Machines under emulation on a computer with two cores.
BOOT_MAX_S, SERVE_MAX_S, TAKEOVER_MAX_S = 900, 300, 180


def arguments():
    parser = demo_parser(__doc__)
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--build-s", type=float)
    return parser.parse_args()


def boot(lab, options):
    """Empty disks, power, and nothing else; seconds from power-on for each machine."""
    started = time.time()
    site = HERE / "site.toml"
    lab.up("--nodes", str(options.nodes), "--firmware", "mixed", "--site-image", options.image,
           "--key", options.key, "--site-settings", str(site))
    say(f"{options.nodes} machines with empty disks have power; the network tells them what to do")
    ready = {}

    def all_ready():
        for node in lab.site("nodes"):
            if node["state"] in ("spare", "assigned") and node["serial"] not in ready:
                ready[node["serial"]] = time.time() - started
                say(f"  {ready[node['serial']]:6.1f} s  {node['serial']} runs {node['image']} from its own disk")
        return len(ready) == options.nodes

    wait("all machines run from their disks", BOOT_MAX_S, all_ready)
    return ready


def cut(lab, victim):
    """The cut, and the takeover that follows: seconds since the cut."""
    moment = time.time()
    lab.verb("cut", victim["serial"])
    say(f"\n   0.0 s  the power of {victim['serial']} is cut; it held {victim['name']} ({victim['address']})")

    what = f"{victim['name']} has another holder"
    takeover = wait(what, TAKEOVER_MAX_S, lambda: ended_takeover(lab, victim), pause=0.2)
    return moment, takeover


def steps(moment, takeover):
    """The takeover's own steps, each counted from the cut."""
    at = seconds_since_epoch(takeover["begun"]) - moment
    times = {"detected": at}
    for step in ("fenced", "assigned", "serving"):
        took = takeover[f"{step}_s"]
        if took is None:
            break
        at += took
        times[step] = at
    return times


def tell(lab, times, takeover, answered):
    serials = {node["id"]: node["serial"] for node in lab.site("nodes")}
    to = serials.get(takeover["to"], "nobody")
    words = {
        "detected": f"detected: {named(takeover['reason'], serials)}",
        "fenced": f"fenced: {serials.get(takeover['from'])} is proven to have no power",
        "assigned": f"assigned: {to} gets {takeover['identity']} at epoch {takeover['epoch'] + 1}",
        "serving": f"serving: {to} passes the health check of its role",
    }
    lines = [(at, words[step]) for step, at in times.items()]
    if answered is not None:
        lines.append((answered, f"a client's question to {takeover['identity']} is answered again"))
    for at, text in sorted(lines):
        say(f"{at:6.1f} s  {text}")


def named(text, serials):
    """The text with machines' serials in place of their ids."""
    for node, serial in serials.items():
        text = text.replace(f"node {node}", serial)
    return text


def main():
    options = arguments()
    name = f"demo-{os.getpid()}"
    with Lab(options.understudy, name, stays=options.keep) as lab:
        ready = boot(lab, options)
        identities = wait("both identities are held", SERVE_MAX_S, lambda: held(lab))
        for identity in identities:
            say(f"{identity['name']} ({identity['address']}) is held by {identity['serial']}, epoch {identity['epoch']}")
        queries = [Queries(lab, identity["address"], NAME) for identity in identities]
        warm_up(queries, SERVE_MAX_S)
        time.sleep(3)
        victim = identities[0]
        moment, takeover = cut(lab, victim)
        asked = queries[0]
        first_lost = asked.first_unanswered_since(moment - 1)
        answered = first_lost and wait("a client is answered", 60, lambda: asked.answered_since(first_lost))
        times = steps(moment, takeover)
        tell(lab, times, takeover, answered and answered - moment)
        time.sleep(2)
        for each in queries:
            each.stop()
        report = {
            "build_s": options.build_s,
            "image_bytes": (Path(options.image) / "disk.raw.zst").stat().st_size,
            "nodes": [{"serial": node["node"], "firmware": node["firmware"],
                       "power_on_to_spare_s": round(ready[node["node"]], 1)} for node in lab.status()["nodes"]],
            "takeover": {step: round(at, 2) for step, at in times.items()},
            "answered_again_s": answered and round(answered - moment, 2),
            "queries": [each.report() for each in queries],
        }
        Path(options.report).write_text(json.dumps(report, indent=2) + "\n")
        for each in report["queries"]:
            say(f"{each['address']}: {each['sent']} questions, {each['unanswered']} without an answer")
        say(f"report: {options.report}")
        if options.keep:
            keep(lab, options)
        if takeover["outcome"] != "serving":
            raise SystemExit(f"the takeover ended as {takeover['outcome']}")


def keep(lab, options):
    site, command = f"{lab.folder}/site.toml", options.understudy
    say(f"""
the lab stays; try
  {command} nodes --site {site}
  {command} events --site {site}
  {command} takeovers --site {site}
  {command} lab exec --name {lab.name} -- dig @10.77.0.21 {NAME} TXT
  {command} lab power LAB-1 on --name {lab.name}      # a node that comes back is a spare
  {command} lab down --name {lab.name}""")


if __name__ == "__main__":
    main()
