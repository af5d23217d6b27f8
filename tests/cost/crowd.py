# Many processes with descriptors and sockets, forked from one: they share their memory, and are there in seconds.
# Arguments: PROCESSES FILES ESTABLISHED CLOSE_WAIT; FILES is of each, its sockets included, the others are of all
# together. Whatever follows only marks the command line. Prints "ready", and ends with its standard input.
import gc, os, resource, socket, struct, sys, time

processes, files, established, close_wait = map(int, sys.argv[1:5])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
# A crowd has its own part of 127.0.0.0/8, and each member an address, so that ports are never short.
part = 64 + os.getpid() % 128
LISTENER, FIRST = 19999, 20000
RESET = struct.pack("ii", 1, 0)


def share(whole, number):
    return whole // processes + (number < whole % processes)


def connect(address, number, listener):
    near = socket.socket()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    near.bind((address, FIRST + number))
    near.connect((address, LISTENER))
    far = listener.accept()[0]
    # Closed at the end without TIME_WAIT, which would be in the way of the next crowd.
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return near, far


def wait_for_state(one, state):
    while one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != state:
        time.sleep(0.0005)


def half_close(near, far):
    # Closed only when the other side has heard of it: a close under way may end in a reset.
    near.shutdown(socket.SHUT_WR)
    wait_for_state(far, 8)
    wait_for_state(near, 5)
    near.close()


def fill(number):
    address = f"127.{part}.{number // 240}.{1 + number % 240}"
    kept, pairs = [], share(established // 2, number)
    if established or close_wait:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, LISTENER))
            listener.listen(64)
            for count in range(pairs + share(close_wait, number)):
                near, far = connect(address, count, listener)
                if count < pairs:
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    kept += [near.detach(), far.detach()]
                else:
                    half_close(near, far)
                    kept.append(far.detach())
    null = os.open(os.devnull, os.O_RDONLY)
    # The listing counts itself.
    for _ in range(files + 1 - len(os.listdir("/proc/self/fd"))):
        os.dup(null)


gc.disable()
lives, ends = os.pipe()
waits, is_ready = os.pipe()
for number in range(1, processes):
    if os.fork() == 0:
        os.close(ends)
        fill(number)
        os.write(is_ready, b".")
        os.read(lives, 1)
        os._exit(0)
fill(0)
left = processes - 1
while left:
    left -= len(os.read(waits, left))
print("ready", flush=True)
sys.stdin.read()
os.close(ends)
for _ in range(1, processes):
    os.wait()
