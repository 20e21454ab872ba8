#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Use gupx from a script, with nothing but python3's standard library."""
import os, signal, struct, sys
from array import array
from fcntl import ioctl

# Number, layout and fields of each struct in <linux/gupx.h>.
INFO = 0xE900, "=10IQQ32sQQII", "size flags abi page a b c d e f limit used version most extents kernel g"
PIN = 0xE901, "=IIiiQQQQIHHQQQ", "size flags mem pin addr len done at error stage reason a b c"
POPULATE = 0xE902, "=IIiIQQQQIHH", "size flags mem a addr len done at error stage reason"
READ = 0xE903, "=IIiIQQQQQIHH", "size flags mem a addr len buf done at error stage reason"
EXTENTS = 0xE940, "=IIQQIIQQQQII", "size flags first buf room count total bytes charged length entry seals"
WRITE, PAGE = 1 << 0, os.sysconf("SC_PAGESIZE")
REASONS = {0: "all was done", 1: "nothing is mapped there", 10: "the mapping is not writable"}


def send_ioctl(fd, verb, **fields):
    """Send one ioctl. Missing fields are zero. Return the resulting struct as a dict."""
    number, layout, names = verb
    size = struct.calcsize(layout)
    request = dict(zip(names.split(), struct.unpack(layout, bytes(size)))) | fields
    data = bytearray(struct.pack(layout, *(request | {"size": size}).values()))
    ioctl(fd, number, data)
    return dict(zip(request, struct.unpack(layout, data)))


def print_result(number, good, what):
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
it = send_ioctl(gupx, INFO)
good = print_result(1, (it["abi"], it["page"]) == (2, PAGE), f"INFO: abi {it['abi']}, {it['page']}-byte pages")
it = send_ioctl(gupx, POPULATE, flags=WRITE, **whole)
good &= print_result(2, it["done"] == it["len"], f"POPULATE: {it['done']} bytes are mapped")
it = send_ioctl(gupx, PIN, flags=WRITE, pin=-1, **whole)
good &= print_result(3, it["done"] == it["len"], f"PIN: fd {it['pin']} holds {it['done']} bytes")
it = send_ioctl(it["pin"], EXTENTS, entry=40)
good &= print_result(4, it["bytes"] == end - first, f"EXTENTS: {it['total']} runs, {it['bytes']} bytes")
copy = array("B", bytes(size))
it = send_ioctl(gupx, READ, mem=mem, addr=addr, len=size, buf=copy.buffer_info()[0])
good &= print_result(5, copy == known, f"READ: {it['done']} bytes: {copy[:11].tobytes().decode()}...")
it = send_ioctl(gupx, POPULATE, mem=mem, addr=0, len=PAGE)
why = f"stopped at {it['at']:#x}: {REASONS[it['reason']]} ({os.strerror(it['error'])})"
good &= print_result(6, it["done"] == 0 and it["reason"] == 1, why)
os.kill(target, signal.SIGKILL)
sys.exit(not good)
