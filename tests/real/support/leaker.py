# A process that does as the lines on its standard input say, and answers each with its count of descriptors.
# Arguments: a file to log signals to, then SIGNAL or SIGNAL=exit for each signal to handle.
import mmap, os, select, signal, socket, subprocess, sys, threading

log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
files, memory, threads, faults, children, connections, half_closed = [], bytearray(), [], [], [], {}, []
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(4096)


def handle(name, leave):
    def note(number, frame):
        # One system call: a second signal may come in the middle of the first one's handler.
        os.write(log, (signal.Signals(number).name + "\n").encode())
        if leave:
            os._exit(0)

    signal.signal(getattr(signal, name), note)


for argument in sys.argv[2:]:
    if argument.startswith("SIG"):
        handle(argument.split("=")[0], argument.endswith("=exit"))


def hold(held, count, more, less):
    while len(held) < count:
        held.append(more())
    while len(held) > count:
        less(held.pop())


def half_close():
    near = socket.create_connection(listener.getsockname())
    listener.accept()[0].close()
    return near


def idle_thread():
    end = threading.Event()
    threading.Thread(target=end.wait, daemon=True).start()
    return end


def faulting():
    # Has to wait for the disk again and again: its pages are dropped as soon as they were read.
    end = threading.Event()
    path = os.path.join(os.path.dirname(sys.argv[1]), "faulting")
    with open(path, "wb") as file:
        file.write(os.urandom(256 * 4096))
        os.fsync(file.fileno())
    file = open(path, "rb")
    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    pages.madvise(mmap.MADV_RANDOM)

    def run():
        while not end.wait(0.02):
            pages.madvise(mmap.MADV_DONTNEED)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for page in range(0, len(pages), 4096 * 16):
                pages[page]

    threading.Thread(target=run, daemon=True).start()
    return end


def child():
    return subprocess.Popen(["sleep", "600"])


def end_child(process):
    process.kill()
    process.wait()


# A signal that comes just before a read would have its handler run only after that read.
woken, wake = os.pipe()
os.set_blocking(woken, False)
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake, warn_on_full_buffer=False)


def lines():
    while True:
        if woken in select.select([sys.stdin, woken], [], [])[0]:
            os.read(woken, 4096)
        elif line := sys.stdin.readline():
            yield line
        else:
            return


print("ready", os.getpid(), flush=True)
for line in lines():
    what, number, *rest = line.split(None, 2)
    if what == "files":
        hold(files, int(number), lambda: open("/dev/null"), lambda f: f.close())
    elif what == "cw":
        hold(half_closed, int(number), half_close, lambda s: s.close())
    elif what == "connect":
        peer = ("127.0.0.1", int(rest[0]))
        hold(connections.setdefault(peer, []), int(number), lambda: socket.create_connection(peer), lambda s: s.close())
    elif what == "threads":
        hold(threads, int(number), idle_thread, lambda end: end.set())
    elif what == "faulting":
        hold(faults, int(number), faulting, lambda end: end.set())
    elif what == "children":
        hold(children, int(number), child, end_child)
    elif what == "mem":
        memory = bytearray(int(number))
        memory[::4096] = b"x" * len(memory[::4096])
    elif what == "comm":
        with open("/proc/self/comm", "wb") as comm:
            comm.write(bytes.fromhex(number))
    elif what == "exec":
        # Another program in the same process, with the same files and none of the handlers.
        for held in files:
            os.set_inheritable(held.fileno(), True)
        print("fds 0", flush=True)
        os.execv("/bin/sleep", [rest[0].strip(), number])
    # The descriptor that lists is itself among those listed.
    print("fds", len(os.listdir("/proc/self/fd")) - 1, *[c.pid for c in children], flush=True)
