# Runs a command and is asked by the kernel before some of its system calls (seccomp_unotify(2)): so that a test can stop
# it between two of them, or have them fail as they do on a host that has no file left. Arguments: a folder, the numbers of
# seccomp(2), of the calls that open something and of all others to be asked about, and the command.
#
# The test talks to it through a Unix socket in the folder, a line each:
#   at NUMBER PID   hold the command at its so manieth call since it has opened that process: says "held CALL" and waits
#                   for "go"; or not to hold it any more, if it was not reached
#   full            as on a host without a file left: nothing is opened but in the place of what the command has closed
#   greedy          the same, and others on the host are quicker to take what it closes
#   free            there are files again; all three say how much was refused
import array, ctypes, errno, fcntl, os, select, socket, struct, sys

(folder, seccomp, opening, others), command = sys.argv[1:5], sys.argv[5:]
opening, others = ([int(number) for number in numbers.split(",")] for numbers in (opening, others))
pidfd_open, pipe2 = opening[:2]
ASK, ALLOW = 0x7FC00000, 0x7FFF0000
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
# Those that find, judge and signal.
THREADS = ("tradedog", "discovery")


def install():
    numbers = opening + others
    code = [struct.pack("HBBI", 0x20, 0, 0, 0)]
    code += [struct.pack("HBBI", 0x15, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    code += [struct.pack("HBBI", 0x06, 0, 0, ALLOW), struct.pack("HBBI", 0x06, 0, 0, ASK)]
    text = ctypes.create_string_buffer(b"".join(code))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    libc.syscall.restype = ctypes.c_long
    listener = libc.syscall(int(seccomp), 1, 8, ctypes.c_char_p(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


class Overseer:
    def __init__(self, listener, server, pid):
        self.listener, self.server, self.pid = listener, server, pid
        self.test, self.said = None, b""
        self.names, self.armed, self.passed, self.held = {}, None, 0, None
        self.room, self.greedy, self.refused = None, False, 0

    def run(self):
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        poll.register(self.server, select.POLLIN)
        while True:
            for number, events in poll.poll():
                if number == self.listener:
                    if events & select.POLLHUP:
                        return
                    self.asked()
                elif number == self.server.fileno():
                    self.test = self.server.accept()[0]
                    poll.register(self.test, select.POLLIN)
                elif not self.told():
                    poll.unregister(self.test)

    def told(self):
        more = self.test.recv(4096)
        *lines, self.said = (self.said + more).split(b"\n")
        for line in lines:
            word, *rest = line.decode().split()
            if word == "at":
                self.armed, self.passed = (int(rest[0]), int(rest[1])), 0
            elif word == "go":
                held, self.held, self.armed = self.held, None, None
                if held is not None:
                    self.answer(held)
                self.test.sendall(b"gone\n")
            else:
                self.room, self.greedy = None if word == "free" else self.open_files(), word == "greedy"
                self.test.sendall(f"{self.refused}\n".encode())
        return bool(more)

    def asked(self):
        question = bytearray(80)
        try:
            fcntl.ioctl(self.listener, RECEIVE, question)
        except OSError as error:
            # It was ended while it asked.
            if error.errno in (errno.ENOENT, errno.EINTR):
                return
            raise
        ident, thread, _, call, _, _, first = struct.unpack_from("QIIiIQQ", question)
        if self.room is not None and call in opening and not self.is_room(2 if call == pipe2 else 1):
            self.refused += 1
            self.answer(ident, -errno.ENFILE)
        elif self.is_the_one(thread, call, first):
            self.held = ident
            self.test.sendall(f"held {call}\n".encode())
        else:
            self.answer(ident)

    def is_room(self, wanted):
        there = self.open_files()
        if self.greedy:
            self.room = min(self.room, there)
        return there + wanted <= self.room

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def is_the_one(self, thread, call, first):
        if self.armed is None or self.held is not None or self.name(thread) not in THREADS:
            return False
        number, pid = self.armed
        if self.passed or (call == pidfd_open and first == pid):
            self.passed += 1
        return self.passed == number

    def name(self, thread):
        if thread not in self.names:
            try:
                with open(f"/proc/{thread}/comm") as comm:
                    self.names[thread] = comm.read().strip()
            except OSError:
                return ""
        return self.names[thread]

    def answer(self, ident, error=0):
        try:
            fcntl.ioctl(self.listener, SEND, struct.pack("QqiI", ident, 0, error, 0 if error else CONTINUE))
        except OSError as failed:
            if failed.errno != errno.ENOENT:
                raise


command_pid = os.getpid()
ours, theirs = socket.socketpair()
child = os.fork()
if child == 0:
    # A grandchild: the command has no child that it does not know.
    if os.fork():
        os._exit(0)
    ours.close()
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.join(folder, "overseer"))
    server.listen(1)
    theirs.sendall(b"ready")
    _, [listener], _, _ = socket.recv_fds(theirs, 1, 1)
    theirs.close()
    Overseer(listener, server, command_pid).run()
    os._exit(0)
theirs.close()
os.waitpid(child, 0)
assert ours.recv(5) == b"ready"
# Sent without opening anything, for nobody listens before it has come.
listener = install()
socket.send_fds(ours, [b"x"], [listener])
os.execv(command[0], command)
