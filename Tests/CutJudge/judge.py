#!/usr/bin/env python3
"""Judges the disks that a loss of power may leave: does the machine boot a slot that verifies completely?

Shares no code with what wrote them. The tools are sgdisk, sfdisk, mtools and veritysetup; which table Linux uses, which
entry systemd-boot selects and what a UKI says is implemented here, from these texts:
- block/partitions/efi.c of Linux: the backup is used only with the word "gpt" on the command line;
- Boot Loader Specification (type #2, sorting, boot counting), systemd-boot(7), Automatic Boot Assessment;
- Discoverable Partitions Specification: PARTUUIDs are the halves of the root hash.

Usage: judge.py FOLDER. FOLDER has layout.json, states.txt (one state a line: gpt esp slot-a slot-b, names of files) and
the files; a slot is a list of "place number" of pages of 4096 bytes in the file "pages". Parts are judged once each. A
line that ends with "firmware" is a state that a firmware's renaming was cut in: what boots must verify, but one kernel
image may have two names. Prints a line for each bad state, and at the end a summary as JSON; writes menus.txt, a line a
state: whether both copies of the table are sound, and the files of the menu in its order.
"""
import concurrent.futures, functools, hashlib, json, os, re, struct, subprocess, sys, tempfile, zlib

folder = sys.argv[1]
layout = json.load(open(os.path.join(folder, "layout.json")))
SECTOR = 512
SECTORS = layout["diskSize"] // SECTOR
HEAD, TAIL = 34 * SECTOR, 33 * SECTOR


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def copy_is_valid(read, lba, entries_limit):
    """The checks of is_gpt_valid() in Linux."""
    header = read(lba)
    if header[:8] != b"EFI PART":
        return False
    size, stored = struct.unpack_from("<I I", header, 12)
    if not 92 <= size <= SECTOR or zlib.crc32(header[:16] + bytes(4) + header[20:size]) != stored:
        return False
    my, _, first, last = struct.unpack_from("<Q Q Q Q", header, 24)
    entries, count, entry_size, crc = struct.unpack_from("<Q I I I", header, 72)
    if my != lba or first > last or last >= SECTORS or entry_size != 128 or count * 128 > entries_limit:
        return False
    data = b"".join(read(entries + i) for i in range(count * 128 // SECTOR))
    return zlib.crc32(data) == crc


@functools.lru_cache(maxsize=None)
def table(name):
    """The partitions by PARTUUID, and whether the primary copy is valid; None if no copy is."""
    data = open(os.path.join(folder, name), "rb").read()

    def read(lba):
        if lba < 34:
            return data[lba * SECTOR:(lba + 1) * SECTOR]
        place = HEAD + (lba - (SECTORS - 33)) * SECTOR
        return data[place:place + SECTOR] if place >= HEAD else bytes(SECTOR)

    if not any(read(0)[446 + 16 * i + 4] == 0xEE for i in range(4)):
        return None
    primary = copy_is_valid(read, 1, 16384)
    backup = copy_is_valid(read, SECTORS - 1, 16384)
    if not primary and not backup:
        return None
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(layout["diskSize"])
        os.pwrite(disk.fileno(), data[:HEAD], 0)
        os.pwrite(disk.fileno(), data[HEAD:], layout["diskSize"] - TAIL)
        verdict = run("sgdisk", "-v", disk.name)
        listing = subprocess.run(["sfdisk", "--json", disk.name], stdin=subprocess.DEVNULL, capture_output=True)
        if listing.returncode != 0:
            return None
    partitions = {}
    for part in json.loads(listing.stdout)["partitiontable"]["partitions"]:
        partitions[part["uuid"].lower()] = (part["start"] * SECTOR, part["size"] * SECTOR, part.get("name"))
    return partitions, primary, b"No problems found" in verdict.stdout


def sections(data):
    """The sections of a PE file by name; None if it is not one."""
    try:
        if data[:2] != b"MZ":
            return None
        pe = struct.unpack_from("<I", data, 60)[0]
        if data[pe:pe + 4] != b"PE\0\0":
            return None
        count, optional = struct.unpack_from("<H", data, pe + 6)[0], struct.unpack_from("<H", data, pe + 20)[0]
        found = {}
        for i in range(count):
            at = pe + 24 + optional + 40 * i
            size, _, _, offset = struct.unpack_from("<I I I I", data, at + 8)
            found[data[at:at + 8].rstrip(b"\0").decode()] = data[offset:offset + size]
        return found
    except (struct.error, UnicodeDecodeError):
        return None


@functools.lru_cache(maxsize=None)
def entries(name):
    """The menu of systemd-boot in its order, the first entry is booted; a text if the ESP cannot be read."""
    image = os.path.join(folder, name)
    with tempfile.TemporaryDirectory() as out:
        got = run("mcopy", "-s", "-n", "-Q", "-i", image, "::/EFI/Linux", "::/EFI/BOOT", out)
        if got.returncode != 0:
            return "mcopy: " + got.stdout.decode(errors="replace").strip()
        try:
            loader = open(os.path.join(out, "BOOT", "BOOTX64.EFI"), "rb").read()
        except OSError as error:
            return "no boot loader: " + str(error)
        if hashlib.sha256(loader).hexdigest() != layout["loader"]:
            return "the boot loader is not what it was"
        menu = []
        for file in sorted(os.listdir(os.path.join(out, "Linux"))):
            match = re.fullmatch(r"(.*?)(?:\+(\d+)(?:-(\d+))?)?\.efi", file, re.IGNORECASE)
            if not match or file.lower().startswith("auto-") or file.startswith("."):
                continue
            data = open(os.path.join(out, "Linux", file), "rb").read()
            parts = sections(data)
            if not parts or ".osrel" not in parts:
                # systemd-boot does not list it; but nothing of ours writes such a file where it looks.
                return "'%s' is no whole kernel image" % file
            release = dict(
                line.split("=", 1) for line in parts[".osrel"].rstrip(b"\0").decode().splitlines() if "=" in line
            )
            left = None if match[2] is None else int(match[2])
            menu.append({
                "file": file, "name": match[1], "left": left, "done": int(match[3] or 0),
                "key": release.get("IMAGE_ID", release.get("ID")),
                "version": [int(x) for x in release.get("IMAGE_VERSION", "0").split(".")],
                "command": parts.get(".cmdline", b"").rstrip(b"\0").decode().split(),
                "whole": hashlib.sha256(data).hexdigest() in layout["kernels"],
            })
        # Stable sorts, the least significant key first.
        menu.sort(key=lambda e: (-(e["left"] if e["left"] is not None else -1), e["done"]))
        menu.sort(key=lambda e: e["name"], reverse=True)
        menu.sort(key=lambda e: e["version"], reverse=True)
        menu.sort(key=lambda e: e["key"] or "~")
        menu.sort(key=lambda e: e["left"] == 0)
        return menu


@functools.lru_cache(maxsize=None)
def verifies(name, root_hash, root_size):
    """Whether a slot's bytes (root partition, then hash tree) are those of a root hash, every one of them."""
    with tempfile.TemporaryDirectory() as temporary:
        root, tree = os.path.join(temporary, "root"), os.path.join(temporary, "tree")
        with open(os.path.join(folder, "pages"), "rb") as pages, open(root, "wb") as first, open(tree, "wb") as second:
            first.truncate(root_size)
            second.truncate(layout["slots"][0]["verity"][1])
            for line in open(os.path.join(folder, name)):
                place, number = map(int, line.split())
                page = os.pread(pages.fileno(), 4096, number * 4096)
                if place < root_size:
                    os.pwrite(first.fileno(), page, place)
                else:
                    os.pwrite(second.fileno(), page, place - root_size)
        return run("veritysetup", "verify", root, tree, root_hash).returncode == 0


def boots(entry, partitions, primary, slots):
    """None if the entry boots a slot that verifies; else the reason why not."""
    if not entry["whole"]:
        return "'%s' is cut short" % entry["file"]
    if not primary and "gpt" not in entry["command"]:
        return "Linux does not look at the backup table"
    value = [word[9:] for word in entry["command"] if word.startswith("roothash=")]
    if len(value) != 1:
        return "'%s' has no root hash" % entry["file"]
    uuids = ["%s-%s-%s-%s-%s" % (h[:8], h[8:12], h[12:16], h[16:20], h[20:]) for h in (value[0][:32], value[0][32:])]
    if any(uuid not in partitions for uuid in uuids):
        return "no partitions for '%s'" % entry["file"]
    root, tree = (partitions[uuid][:2] for uuid in uuids)
    for place, name in zip(layout["slots"], slots):
        if (tuple(place["root"]), tuple(place["verity"])) == (root, tree):
            return None if verifies(name, value[0], place["root"][1]) else "the slot of '%s' is wrong" % entry["file"]
    return "the partitions for '%s' are not those of a slot" % entry["file"]


def judge(state):
    gpt, esp, *slots = state[:4]
    found = table(gpt)
    if found is None:
        return "no copy of the partition table is valid"
    partitions, primary, _ = found
    menu = entries(esp)
    if isinstance(menu, str):
        return menu
    if not menu:
        return "there is no boot entry"
    # What is booted now, and what would be booted after each failed trial.
    reason = boots(menu[0], partitions, primary, slots)
    if reason:
        return reason
    good = [entry for entry in menu if entry["left"] is None]
    if not good:
        return "there is no entry without a counter to fall back to"
    for entry in good:
        reason = boots(entry, partitions, primary, slots)
        if reason:
            return reason
    names = [entry["name"] for entry in menu]
    if len(set(names)) != len(names) and "firmware" not in state:
        return "one kernel image has two names: %s" % [entry["file"] for entry in menu]
    return None


states = [line.split() for line in open(os.path.join(folder, "states.txt"))]
unique = sorted(set(map(tuple, states)))
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(table, sorted({state[0] for state in unique})))
    list(pool.map(entries, sorted({state[1] for state in unique})))
verdicts = {state: judge(state) for state in unique}
bad = 0
for number, state in enumerate(states):
    if verdicts[tuple(state)]:
        bad += 1
        if bad <= 20:
            print("state", number, verdicts[tuple(state)])
with open(os.path.join(folder, "menus.txt"), "w") as file:
    for state in states:
        found, menu = table(state[0]), entries(state[1])
        sound = "sound" if found and found[2] else "damaged"
        print(sound, *([] if isinstance(menu, str) else [entry["file"] for entry in menu]), file=file)
last = table(states[-1][0])
menu = entries(states[-1][1])
print(json.dumps({
    "states": len(states), "distinct": len(unique), "bad": bad,
    "tables": len({s[0] for s in unique}), "systems": len({s[1] for s in unique}),
    "lastTableIsClean": bool(last and last[2]),
    "lastMenu": menu if isinstance(menu, str) else [entry["file"] for entry in menu],
    "lastSelected": "" if isinstance(menu, str) or not menu else menu[0]["file"],
}))
