"""A service manager that has a file descriptor store, and starts its program again whatever ends it.

service_manager.py DIRECTORY SECONDS PROGRAM ARGUMENT...

DIRECTORY gets `pid`, the number of the running program; `store`, the names in the store, a line each; and the socket
`notify`. SECONDS is how long it waits before it starts the program again.
"""

import array
import ctypes
import fcntl
import os
import select
import signal
import socket
import sys
import time

FIRST = 3
DEATH = 1  # PR_SET_PDEATHSIG


def write(directory, name, text):
    """Whole, or not at all."""
    path = os.path.join(directory, name)
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def start(command, address, store):
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(DEATH, signal.SIGKILL)
    above = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, FIRST + len(store)) for _, file in store]
    for number, file in enumerate(above, FIRST):
        os.dup2(file, number, inheritable=True)
    names = ":".join(name for name, _ in store)
    listen = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(store)), "LISTEN_FDNAMES": names}
    os.execve(command[0], command, os.environ | {"NOTIFY_SOCKET": address} | (listen if store else {}))


def read(notices, store):
    """One notice; whether it has changed the store."""
    text, beside, _, _ = notices.recvmsg(4096, socket.CMSG_SPACE(4 * 16))
    files = array.array("i")
    for _, kind, data in beside:
        if kind == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    lines = dict(line.split("=", 1) for line in text.decode().splitlines())
    print("notice", lines, len(files), flush=True)
    name = lines.get("FDNAME", "stored")
    if "FDSTORE" in lines:
        assert len(files) == 1 and lines["FDPOLL"] == "0" and ":" not in name
        store.append((name, files[0]))
    elif "FDSTOREREMOVE" in lines:
        for stored in [stored for stored in store if stored[0] == name]:
            store.remove(stored)
            os.close(stored[1])
    else:
        return False
    return True


def main():
    directory, pause, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    address = os.path.join(directory, "notify")
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(address)
    store = []
    while True:
        pid = start(command, address, store)
        print("started", pid, flush=True)
        write(directory, "pid", str(pid))
        ended = os.pidfd_open(pid)
        while True:
            ready, _, _ = select.select([notices, ended], [], [])
            if notices in ready:
                if read(notices, store):
                    write(directory, "store", "".join(name + "\n" for name, _ in store))
            elif ended in ready:
                break
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
        time.sleep(pause)


main()
