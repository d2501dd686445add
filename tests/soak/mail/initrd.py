"""An initrd: a cpio archive (newc), of a script, programs with the libraries that they need, and kernel modules."""

import pathlib
import re
import stat
import subprocess

FOLDER, FILE, CONSOLE = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o755, stat.S_IFCHR | 0o600
FOLDERS = ("bin", "dev", "disk", "log", "proc", "sys", "modules")
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class Initrd:
    """`executables` are files of this machine; those but the first only say which libraries there must be."""

    def __init__(self, init, executables):
        self.files = {"init": init.encode(), "bin/busybox": executables[0].read_bytes()}
        # inbound's resolver does not start without.
        self.files[AUTHORITIES.lstrip("/")] = pathlib.Path(AUTHORITIES).read_bytes()
        for executable in executables:
            for library in libraries(executable):
                self.files[str(library).lstrip("/")] = library.read_bytes()

    def with_modules(self, root, version, names):
        """The archive, with these modules of an unpacked kernel package."""
        if not (root / "lib/modules" / version / "modules.dep").exists():
            subprocess.run(["depmod", "-b", root, version], check=True)
        shown = subprocess.run(["modprobe", "-d", root, "-S", version, "--show-depends", "-a", *names],
                               capture_output=True, text=True, check=True).stdout
        paths = dict.fromkeys(map(pathlib.Path, re.findall(r"^insmod (\S+)", shown, re.MULTILINE)))
        modules = {f"modules/{path.name}": path.read_bytes() for path in paths}
        order = "\n".join(path.name for path in paths).encode()
        return archive(self.files | modules | {"modules/order": order})


def libraries(executable):
    """With the dynamic loader, as this machine has them."""
    shown = subprocess.run(["ldd", executable], capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", shown)]


def archive(files):
    folders = {str(parent) for name in files for parent in pathlib.PurePath(name).parents if str(parent) != "."}
    entries = [(name, FOLDER, b"", (0, 0)) for name in sorted(folders.union(FOLDERS))]
    # Where the first process says something before it has mounted anything.
    entries.append(("dev/console", CONSOLE, b"", (5, 1)))
    entries += [(name, FILE, octets, (0, 0)) for name, octets in files.items()]
    entries.append(("TRAILER!!!", 0, b"", (0, 0)))
    return b"".join(entry(number, *each) for number, each in enumerate(entries, 1))


def entry(number, name, mode, octets, device):
    """One of them (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel)."""
    links = 2 if mode == FOLDER else 1
    numbers = (number, mode, 0, 0, links, 0, len(octets), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + "".join(f"{value:08x}" for value in numbers).encode() + name.encode() + b"\0"
    return padded(head) + padded(octets)


def padded(octets):
    return octets + bytes(-len(octets) % 4)
