#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gupx from a script: python3's standard library is all it takes."""
import os, signal, struct, sys
from array import array
from fcntl import ioctl

# Number, layout and fields of each struct in <linux/gupx.h>.
INFO = 0xE900, "=10IQQ32sQQ", "size flags abi page a b c d e f limit used version most extents"
PIN = 0xE901, "=IIiiQQQQIHHQQQ", "size flags mem pin addr len done at error stage reason a b c"
POPULATE = 0xE902, "=IIiIQQQQIHH", "size flags mem a addr len done at error stage reason"
READ = 0xE903, "=IIiIQQQQQIHH", "size flags mem a addr len buf done at error stage reason"
EXTENTS = 0xE940, "=IIQQIIQQQQII", "size flags first buf room count total bytes charged length entry seals"
WRITE, PAGE = 1 << 0, os.sysconf("SC_PAGESIZE")
REASONS = {0: "all was done", 1: "nothing is mapped there", 10: "the mapping is not writable"}


def ask(fd, verb, **fields):
    """One ioctl: what is not given is zero, and the answer comes as a dict."""
    number, layout, names = verb
    size = struct.calcsize(layout)
    request = dict(zip(names.split(), struct.unpack(layout, bytes(size)))) | fields
    data = bytearray(struct.pack(layout, *(request | {"size": size}).values()))
    ioctl(fd, number, data)
    return dict(zip(request, struct.unpack(layout, data)))


def tell(number, good, what):
    print("ok" if good else "not ok", number, "script -", what, flush=True)
    return good


known = array("B", b"known bytes" * 10000)
addr, size = known.buffer_info()
first, end = addr // PAGE * PAGE, -(-(addr + size) // PAGE) * PAGE
target = os.fork() or signal.pause()  # any live process that you may ptrace will do
gupx = os.open("/dev/gupx", os.O_RDWR)
mem = os.open(f"/proc/{target}/mem", os.O_RDWR)
whole = {"mem": mem, "addr": first, "len": end - first}
print("1..6")
it = ask(gupx, INFO)
good = tell(1, (it["abi"], it["page"]) == (2, PAGE), f"INFO: abi {it['abi']}, {it['page']}-byte pages")
it = ask(gupx, POPULATE, flags=WRITE, **whole)
good &= tell(2, it["done"] == it["len"], f"POPULATE: {it['done']} bytes are mapped")
it = ask(gupx, PIN, flags=WRITE, pin=-1, **whole)
good &= tell(3, it["done"] == it["len"], f"PIN: fd {it['pin']} holds {it['done']} bytes")
it = ask(it["pin"], EXTENTS, entry=40)
good &= tell(4, it["bytes"] == end - first, f"EXTENTS: {it['total']} runs, {it['bytes']} bytes")
copy = array("B", bytes(size))
it = ask(gupx, READ, mem=mem, addr=addr, len=size, buf=copy.buffer_info()[0])
good &= tell(5, copy == known, f"READ: {it['done']} bytes: {copy[:11].tobytes().decode()}...")
it = ask(gupx, POPULATE, mem=mem, addr=0, len=PAGE)
why = f"stopped at {it['at']:#x}: {REASONS[it['reason']]} ({os.strerror(it['error'])})"
good &= tell(6, it["done"] == 0 and it["reason"] == 1, why)
os.kill(target, signal.SIGKILL)
sys.exit(not good)
