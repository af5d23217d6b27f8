#!/usr/bin/python3
"""A trader that leaks what it is told to: sockets that its broker has closed, and it has not.

Its admin port takes one command a connection: "leak N", "stubborn", "pause", "resume", "how".
SIGUSR1 closes what was leaked, unless it is stubborn. SIGTERM is its end, flat and in order.
"""
import os
import signal
import socket
import sys
import time

ADMIN = ("127.0.0.1", 9000)
state = {"leak": 0, "stubborn": False, "paused": False}
leaked = []


def say(text):
    print(text, flush=True)


def reset(*_):
    if state["stubborn"]:
        say("SIGUSR1: not now")
        return
    say(f"SIGUSR1: {len(leaked)} sockets closed")
    state["leak"] = 0


def end(*_):
    say("SIGTERM: flat, goodbye")
    sys.exit(0)


def answer(line):
    word, _, rest = line.partition(" ")
    if word == "leak":
        state["leak"], state["stubborn"] = int(rest.split()[0]), "stubborn" in rest
    elif word in ("pause", "resume"):
        state["paused"] = word == "pause"
        say("paused" if state["paused"] else "resumed")
    files = len(os.listdir("/proc/self/fd")) - 1
    return f"pid {os.getpid()}, {files} files, {'paused' if state['paused'] else 'trading'}\n"


def serve(admin):
    try:
        client, _ = admin.accept()
    except (BlockingIOError, socket.timeout):
        return
    with client:
        client.settimeout(2)
        line = client.recv(200).decode().strip()
        client.sendall(answer(line).encode())


def keep_up(broker):
    while len(leaked) > state["leak"]:
        leaked.pop().close()
    while len(leaked) < state["leak"]:
        leaked.append(socket.create_connection(broker.getsockname()))
        broker.accept()[0].close()


def main():
    signal.signal(signal.SIGUSR1, reset)
    signal.signal(signal.SIGTERM, end)
    broker = socket.create_server(("127.0.0.1", 0), backlog=64)
    admin = socket.create_server(ADMIN)
    admin.settimeout(0.05)
    say("trading")
    while True:
        serve(admin)
        keep_up(broker)


main()
