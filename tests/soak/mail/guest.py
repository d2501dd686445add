"""A machine under emulation in which the mail daemons run, made of Debian's kernel, busybox and a disk that can lose its power.

The initrd has busybox, the C library and the modules that the disk and the network need; programs, settings and mail are on the disk,
an ext4 file system as mkfs makes it (data=ordered, with barriers). QEMU translates every instruction: no virtualization of the
processor is asked for, so that a run is the same wherever it happens.
"""

import json
import pathlib
import re
import subprocess
import sys

from mail.initrd import Initrd
from mail.office import wrong_in
from servers import unpack, unpacked

DISK = pathlib.Path(__file__).with_name("disk.py")
DISK_OCTETS = 2 << 30
MEMORY_MEBIOCTETS = 1024
# In the guest, as QEMU's user network has it.
GUEST, HOST = "10.0.2.15", "10.0.2.2"
SMTP_PORT, IMAP_PORT, LMTP_PORT, STORE_IMAP_PORT = 25, 143, 24, 144
INSIDE = pathlib.Path("/disk/mail")
PROGRAMS = ("inbound", "mailstore", "access")
MODULES = ("crc32c_generic", "ext4", "virtio_pci", "virtio_blk", "virtio_net")
# A daemon that ends is started again at once, as systemd would.
INIT = """\
#!/bin/busybox sh
# As their units have it.
export MALLOC_MMAP_THRESHOLD_=131072
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
mount -t ext4 -o data=ordered /dev/vda /disk || echo "soak wrong: the file system cannot be mounted"
ip link set lo up
ip addr add {guest}/24 dev eth0
ip link set eth0 up
ip route add default via {host}
if grep -q soak.check /proc/cmdline && [ -d {inside}/store-1/journal ]; then
    echo "soak check $(/disk/programs/mailstore check --json {inside}/store-1 2>&1)"
fi
preload=
grep -q soak.forgetful /proc/cmdline && preload=/disk/programs/libeatmydata.so
keep() {{
    name=$1
    shift
    while true; do
        "$@" >/log/$name 2>&1
        echo "soak wrong: $name ended with $?: $(tail -n 2 /log/$name)" >/dev/console
        sleep 1
    done
}}
keep mailstore env LD_PRELOAD=$preload /disk/programs/mailstore serve --config {inside}/store-1.toml &
keep inbound /disk/programs/inbound --config {inside}/inbound.toml &
keep access /disk/programs/access --config {inside}/access.toml &
while true; do sleep 1000; done
"""


class Parts:
    """What every boot needs: a kernel and an initrd."""

    def __init__(self, folder, programs):
        package = kernel_package()
        root = unpack(package)
        self.version = package.removeprefix("linux-image-")
        self.kernel = root / "boot" / f"vmlinuz-{self.version}"
        self.initrd = folder / "initrd"
        init = INIT.format(guest=GUEST, host=HOST, inside=INSIDE)
        executables = [pathlib.Path("/bin/busybox"), *(programs / name for name in PROGRAMS)]
        self.initrd.write_bytes(Initrd(init, executables).with_modules(root, self.version, MODULES))


def kernel_package():
    """Debian's kernel for virtual machines has what these need, and is small."""
    depends = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True, check=True)
    return re.search(r"Depends: (linux-image-\S+)", depends.stdout).group(1)


def make_disk(folder, office):
    """An image with everything that the daemons need, of an office that was made in that folder."""
    (folder / "programs").mkdir()
    preload = unpacked("libeatmydata1") / "usr/lib/x86_64-linux-gnu/libeatmydata.so"
    for file in (*(office.programs / name for name in PROGRAMS), preload):
        subprocess.run(["cp", "--dereference", file, folder / "programs"], check=True)
    image = folder.with_suffix(".disk")
    with open(image, "wb") as file:
        file.truncate(DISK_OCTETS)
    owner = "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["mkfs.ext4", "-q", "-E", owner, "-d", folder, image], check=True)
    return image


class Machine:
    """From power on to a power cut. `words` go onto the kernel's command line."""

    def __init__(self, parts, image, folder, number, ports, words):
        self.console, self.socket = folder / f"console-{number}.log", folder / f"disk-{number}.socket"
        self.disk = subprocess.Popen([sys.executable, DISK, image, self.socket], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.disk.stdout.readline()
        self.qemu = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.argv(parts, ports, words)],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def argv(self, parts, ports, words):
        forward = ",".join(f"hostfwd=tcp:127.0.0.1:{ours}-{GUEST}:{theirs}" for ours, theirs in ports.items())
        # 4096 octets are one sector: the disk keeps or loses them together.
        device = "virtio-blk-pci,drive=disk,logical_block_size=4096,physical_block_size=4096"
        return ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
                "-m", f"{MEMORY_MEBIOCTETS}M", "-nodefaults", "-display", "none", "-no-reboot",
                "-kernel", parts.kernel, "-initrd", parts.initrd,
                "-append", " ".join(["console=ttyS0 quiet no_timer_check panic=-1", *words]), "-serial", f"file:{self.console}",
                "-drive", f"if=none,id=disk,format=raw,cache=writeback,file=nbd:unix:{self.socket}", "-device", device,
                "-netdev", f"user,id=net,{forward}", "-device", "virtio-net-pci,netdev=net,romfile="]

    def cut(self, seed):
        """What the disk did not flush may be gone. The disk is without power before the machine is."""
        is_on = self.qemu.poll() is None
        self.disk.stdin.write(f"cut {seed}\n")
        self.disk.stdin.flush()
        self.qemu.kill()
        self.qemu.wait()
        left = json.loads(self.disk.stdout.readline())
        self.disk.wait()
        return left, [] if is_on else [f"the machine went off by itself; see {self.console}"]

    def complaints(self):
        """What the console has that must not be there."""
        text = self.console.read_text(errors="replace")
        wrong = re.findall(r"soak wrong: .*|.*EXT4-fs error.*|.*Kernel panic.*", text)
        for report in re.findall(r"soak check (.*)", text):
            wrong += wrong_in(report) if report.startswith("{") else [report]
        return [f"{self.console.name}: {line.strip()}" for line in wrong]
