# SPDX-License-Identifier: BSL-1.0
"""service_load.py PORT SERVER KILLS SEED: clients that count, each by a key of its own, while workers are killed at random.

Every request is answered rightly, or its connection closed: a client's number goes up by one for each reply, and by one at most for each
request whose connection was closed instead. In the end all workers are there again."""
import os
import random
import signal
import socket
import sys
import threading
import time

port, server, kills, seed = map(int, sys.argv[1:])
over = threading.Event()
complaints = []


class connection:
    """None of its functions raises but OSError, also where the stream ends."""

    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.read()

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the connection was closed")
        return line.decode().rstrip("\n")

    def close(self):
        self.stream.close()
        self.socket.close()


def patiently(what):
    """Its result, as soon as it is not closed: the service has it in the end."""
    until = time.monotonic() + 60
    while True:
        try:
            one = connection()
            try:
                return what(one)
            finally:
                one.close()
        except OSError as error:
            if time.monotonic() > until:
                raise error
            time.sleep(0.01)


def status(one):
    lines = [one.ask("status")]
    while lines[-1] != "end":
        lines.append(one.read())
    return [{"process": int(w[3]), "restarts": int(w[5]), "served": int(w[7])} for w in (line.split() for line in lines[:-1])]


class client(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.key = f"client{number}"
        self.value = self.replies = self.closed = self.unsure = 0

    def take(self, reply):
        value = int(reply)
        if not self.value + 1 <= value <= self.value + 1 + self.unsure:
            complaints.append(f"{self.key}: {value} after {self.value}, with {self.unsure} requests unanswered")
        self.value, self.unsure = value, 0
        self.replies += 1

    def run(self):
        while not over.is_set():
            try:
                one = connection()
            except OSError:
                continue
            try:
                for _ in range(random.randrange(1, 100)):
                    if over.is_set():
                        break
                    self.unsure += 1
                    reply = one.ask("add " + self.key)
                    self.unsure -= 1
                    self.take(reply)
            except OSError:
                self.closed += 1
            finally:
                one.close()


random.seed(seed)
clients = [client(i) for i in range(4)]
for one in clients:
    one.start()
done = hung = 0
victims = {0, server}  # each once: one that is dead, or hangs, may be there still
while done < kills:
    victim = random.choice(patiently(status))["process"]
    if victim in victims:
        continue
    try:
        with open(f"/proc/{victim}/status") as known:
            if f"PPid:\t{server}\n" not in known.read():
                continue
        stop = done % 20 == 19  # one that hangs, now and then
        os.kill(victim, signal.SIGSTOP if stop else signal.SIGKILL)
    except OSError:
        continue
    victims.add(victim)
    done += 1
    hung += stop
    time.sleep(random.random() / 20)
over.set()
for one in clients:
    one.join()

until = time.monotonic() + 60
while True:  # who hangs last is found a heartbeat later
    workers = patiently(status)
    if sum(w["restarts"] for w in workers) >= done and all(w["process"] != 0 for w in workers):
        break
    if time.monotonic() > until:
        complaints.append(f"after {done} kills the workers are {workers}")
        break
    time.sleep(0.05)
for one in clients:
    value = int(patiently(lambda c: c.ask("get " + one.key)))
    if not one.value <= value <= one.value + one.unsure:
        complaints.append(f"{one.key} is {value} in the end, after {one.value}, with {one.unsure} unanswered")
if sum(one.closed for one in clients) == 0:
    complaints.append("no connection was closed: nobody was killed")
print(f"seed {seed}: {done} kills, {hung} of them SIGSTOP; {sum(c.replies for c in clients)} replies, "
      f"{sum(c.closed for c in clients)} connections closed")
for text in complaints:
    print(text)
sys.exit(1 if complaints else 0)
