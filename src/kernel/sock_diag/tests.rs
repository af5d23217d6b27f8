use std::collections::VecDeque;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use proptest::prelude::*;

use super::*;

mod same;
mod ways;

const ALL: States = States::of(&[
    TcpState::Established,
    TcpState::SynSent,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::LastAck,
    TcpState::Listen,
    TcpState::Closing,
]);

/// A reply as the kernel writes it.
#[derive(Clone)]
struct Reply {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Reply {
    fn socket(cookie: u64, inode: u32) -> Self {
        let mut body = vec![0; 72];
        body[0] = 2;
        body[1] = TcpState::CloseWait as u8;
        body[4..6].copy_from_slice(&1234_u16.to_be_bytes());
        body[6..8].copy_from_slice(&5432_u16.to_be_bytes());
        body[8..12].copy_from_slice(&[127, 0, 0, 1]);
        body[24..28].copy_from_slice(&[10, 0, 5, 10]);
        body[44..52].copy_from_slice(&cookie.to_ne_bytes());
        body[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
        body[68..72].copy_from_slice(&inode.to_ne_bytes());
        Self { kind: 18, flags: 2, body }
    }

    fn done() -> Self {
        Self { kind: 3, flags: 2, body: 0_i32.to_ne_bytes().to_vec() }
    }

    fn error(errno: Errno) -> Self {
        Self { kind: 2, flags: 0, body: (-errno.raw_os_error()).to_ne_bytes().to_vec() }
    }

    fn interrupted(self) -> Self {
        Self { flags: self.flags | 0x10, ..self }
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.body.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
        self.body.extend(kind.to_ne_bytes());
        self.body.extend(value);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }

    fn bytes(&self, sequence: u32) -> Vec<u8> {
        let mut out = u32::try_from(16 + self.body.len()).unwrap().to_ne_bytes().to_vec();
        out.extend(self.kind.to_ne_bytes());
        out.extend(self.flags.to_ne_bytes());
        out.extend(sequence.to_ne_bytes());
        out.extend([0; 4]);
        out.extend(&self.body);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }
}

fn datagram(sequence: u32, replies: &[Reply]) -> Vec<u8> {
    replies.iter().flat_map(|reply| reply.bytes(sequence)).collect()
}

/// What the scripted kernel does at one receive.
#[derive(Clone)]
enum Act {
    Say(Vec<Reply>),
    Fail(Errno),
}

/// Answers each request with the next of its dumps; an empty script is an empty queue.
#[derive(Default)]
struct Script {
    dumps: VecDeque<Vec<Act>>,
    queue: VecDeque<Act>,
    sequence: u32,
    kinds: Vec<u16>,
    resets: usize,
    /// What `/proc/net` says; none where it is not to be read.
    table: Option<Vec<Socket>>,
    tables: usize,
}

impl Script {
    fn new(dumps: impl IntoIterator<Item = Vec<Act>>) -> SockDiag<Self> {
        SockDiag::over(Self { dumps: dumps.into_iter().collect(), ..Self::default() })
    }
}

impl Link for Script {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        assert_eq!(request.len(), u32::from_ne_bytes(*request.first_chunk().unwrap()) as usize);
        self.kinds.push(u16::from_ne_bytes([request[4], request[5]]));
        self.sequence = u32::from_ne_bytes(request[8..12].try_into().unwrap());
        assert!(self.queue.is_empty(), "a second dump while the first is under way is EBUSY");
        self.queue = self.dumps.pop_front().unwrap_or_default().into();
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self.queue.pop_front() {
            None => Err(Errno::AGAIN),
            Some(Act::Fail(errno)) => Err(errno),
            Some(Act::Say(replies)) => {
                let bytes = datagram(self.sequence, &replies);
                let fits = bytes.len().min(buffer.len());
                buffer[..fits].copy_from_slice(&bytes[..fits]);
                Ok(bytes.len())
            }
        }
    }

    fn reset(&mut self) {
        self.resets += 1;
        self.queue.clear();
    }

    fn table(&mut self, visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
        self.tables += 1;
        self.table.as_ref().ok_or(Error::Denied)?.iter().for_each(visit);
        Ok(())
    }
}

fn whole() -> Vec<Act> {
    vec![Act::Say(vec![Reply::socket(1, 11), Reply::socket(2, 12)]), Act::Say(vec![Reply::done()])]
}

fn cookies(sockets: &[Socket]) -> Vec<u64> {
    sockets.iter().map(|socket| socket.cookie).collect()
}

#[test]
fn a_socket_is_read_field_by_field() {
    let reply = Reply::socket(0x1_0000_0002, 77).attribute(8, &[0]).attribute(21, &9_u64.to_ne_bytes());
    let mut seen = Vec::new();
    let progress = walk(&datagram(5, &[reply, Reply::done()]), 5, &mut |s| seen.push(s)).unwrap();
    assert_eq!(progress, Progress { done: true, interrupted: false });
    let wanted = Socket {
        cookie: 0x1_0000_0002,
        inode: 77,
        uid: 1000,
        state: TcpState::CloseWait,
        local: Endpoint { address: "127.0.0.1".parse().unwrap(), port: 1234 },
        remote: Endpoint { address: "10.0.5.10".parse().unwrap(), port: 5432 },
        cgroup: Some(9),
    };
    assert_eq!(seen, [wanted]);
}

#[test]
fn an_ipv4_address_in_ipv6_notation_is_ipv4() {
    let mut reply = Reply::socket(1, 1);
    reply.body[0] = 10;
    reply.body[24..40].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 5, 11]);
    reply.body[8..24].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut seen = Vec::new();
    walk(&datagram(1, &[reply]), 1, &mut |s| seen.push(s)).unwrap();
    assert_eq!(seen[0].remote.address, "10.0.5.11".parse::<std::net::IpAddr>().unwrap());
    assert_eq!(seen[0].local.address, "::1".parse::<std::net::IpAddr>().unwrap());
}

#[test]
fn states_and_families_of_the_future_are_passed_over() {
    let (mut state, mut family) = (Reply::socket(1, 1), Reply::socket(2, 2));
    state.body[1] = 13;
    family.body[0] = 40;
    let mut seen = Vec::new();
    walk(&datagram(1, &[state, family, Reply::socket(3, 3)]), 1, &mut |s| seen.push(s)).unwrap();
    assert_eq!(cookies(&seen), [3]);
}

#[test]
fn a_cut_datagram_is_never_an_end() {
    let bytes = datagram(1, &[Reply::socket(1, 1), Reply::done()]);
    for end in 0..bytes.len() {
        let progress = walk(&bytes[..end], 1, &mut |_| {});
        assert!(!matches!(progress, Ok(Progress { done: true, .. })), "cut at {end}: {progress:?}");
    }
}

#[test]
fn a_dump_is_whole_or_nothing() {
    let mut sockets = vec![];
    let mut diag = Script::new([whole()]);
    diag.dump(ALL, &mut sockets).unwrap();
    assert_eq!(cookies(&sockets), [1, 2]);
    assert_eq!((diag.link.kinds.as_slice(), diag.link.resets), ([18].as_slice(), 0));
    for (failure, reason) in [
        (Act::Fail(Errno::NOMEM), "system"),
        (Act::Fail(Errno::PERM), "denied"),
        (Act::Say(vec![Reply::error(Errno::IO)]), "system"),
        (Act::Say(vec![Reply { kind: 3, flags: 2, body: (-5_i32).to_ne_bytes().to_vec() }]), "system"),
        (Act::Say(vec![Reply { kind: 99, flags: 0, body: vec![] }]), "malformed"),
        (Act::Say(vec![]), "malformed"),
    ] {
        let half = vec![Act::Say(vec![Reply::socket(1, 11)]), failure];
        let mut diag = Script::new([half, whole()]);
        assert_eq!(diag.dump(ALL, &mut sockets).unwrap_err().reason(), reason);
        assert!(sockets.is_empty(), "half a list is no list");
        diag.dump(ALL, &mut sockets).unwrap();
        assert_eq!(cookies(&sockets), [1, 2], "the next dump starts afresh");
    }
}

#[test]
fn a_disturbed_dump_is_repeated_then_given_up() {
    let disturbed = [
        (
            vec![Act::Say(vec![Reply::socket(9, 9).interrupted()]), Act::Say(vec![Reply::done()])],
            DumpError::Interrupted,
        ),
        (vec![Act::Say(vec![Reply::socket(9, 9), Reply::done().interrupted()])], DumpError::Interrupted),
        (vec![Act::Say(vec![Reply::socket(9, 9)]), Act::Fail(Errno::NOBUFS)], DumpError::Overrun),
        (vec![Act::Say(vec![Reply { kind: 4, flags: 0, body: vec![] }])], DumpError::Overrun),
        (vec![Act::Say(vec![Reply::socket(9, 9)])], DumpError::Incomplete),
        (vec![], DumpError::Incomplete),
    ];
    for (dump, error) in disturbed {
        let mut sockets = vec![];
        let mut diag = Script::new([dump.clone(), dump.clone(), whole()]);
        diag.dump(ALL, &mut sockets).unwrap();
        assert_eq!((cookies(&sockets), diag.link.resets), (vec![1, 2], 2), "{error}");
        let mut diag = Script::new(std::iter::repeat_n(dump, 100));
        assert_eq!(diag.dump(ALL, &mut sockets), Err(error));
        assert!(sockets.is_empty());
        assert!(diag.link.resets <= ATTEMPTS);
    }
}

#[test]
fn a_signal_costs_nothing_but_cannot_hang_it() {
    let mut sockets = vec![];
    let mut acts = vec![Act::Fail(Errno::INTR); 5];
    acts.extend(whole());
    Script::new([acts]).dump(ALL, &mut sockets).unwrap();
    assert_eq!(cookies(&sockets), [1, 2]);
    let mut diag = Script::new(std::iter::repeat_n(vec![Act::Fail(Errno::INTR); 1000], 100));
    assert_eq!(diag.dump(ALL, &mut sockets), Err(DumpError::Incomplete));
}

#[test]
fn a_datagram_longer_than_the_buffer_makes_it_grow() {
    let many: Vec<_> = (0..2000).map(|n| Reply::socket(n, 1)).collect();
    let long = vec![Act::Say(many), Act::Say(vec![Reply::done()])];
    let mut sockets = vec![];
    let mut diag = Script::new([long.clone(), long]);
    diag.dump(ALL, &mut sockets).unwrap();
    assert_eq!(sockets.len(), 2000);
    let absurd: Vec<_> = (0..20_000).map(|n| Reply::socket(n, 1)).collect();
    let mut diag = Script::new(std::iter::repeat_n(vec![Act::Say(absurd)], 9));
    assert_eq!(diag.dump(ALL, &mut sockets), Err(DumpError::Truncated));
    assert!(diag.buffer.len() <= LARGEST_BUFFER);
}

#[test]
fn a_kernel_without_the_old_request_is_asked_twice() {
    let mut sockets = vec![];
    let six = vec![Act::Say(vec![Reply { kind: 20, ..Reply::socket(3, 13) }, Reply::done()])];
    let refuse = vec![Act::Say(vec![Reply::error(Errno::OPNOTSUPP)])];
    let mut diag = Script::new([refuse, whole(), six.clone(), whole(), six]);
    for _ in 0..2 {
        diag.dump(ALL, &mut sockets).unwrap();
        assert_eq!(cookies(&sockets), [1, 2, 3]);
    }
    assert_eq!(diag.link.kinds, [18, 20, 20, 20, 20]);
    let refuse = vec![Act::Say(vec![Reply::error(Errno::NOENT)])];
    let error = Script::new(std::iter::repeat_n(refuse, 9)).dump(ALL, &mut sockets).unwrap_err();
    assert_eq!(error, DumpError::Unsupported, "no tcp_diag at all is an error, not an empty list");
}

#[test]
fn replies_to_an_older_question_are_not_taken() {
    let mut seen = Vec::new();
    let progress = walk(&datagram(4, &[Reply::socket(1, 1), Reply::done()]), 5, &mut |s| seen.push(s)).unwrap();
    assert_eq!((progress, seen.len()), (Progress::default(), 0));
}

fn inode_of(socket: &impl AsRawFd) -> u32 {
    let path = std::path::PathBuf::from(format!("/proc/self/fd/{}", socket.as_raw_fd()));
    let link = rustix::fs::readlink(path, Vec::new()).unwrap().into_string().unwrap();
    link.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap()
}

fn find(sockets: &[Socket], inode: u32) -> Vec<&Socket> {
    sockets.iter().filter(|socket| socket.inode == inode).collect()
}

#[test]
fn this_kernel_lists_both_families_in_either_way() {
    let (v4, dual) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::]:0").unwrap());
    let client = TcpStream::connect(v4.local_addr().unwrap()).unwrap();
    let (server, _) = v4.accept().unwrap();
    let mapped = TcpStream::connect(("127.0.0.1", dual.local_addr().unwrap().port())).unwrap();
    let (accepted, _) = dual.accept().unwrap();
    drop((server, mapped));
    for queries in [ONE_WALK, TWO_WALKS] {
        let mut diag = SockDiag::new();
        diag.queries = queries;
        let mut sockets = Vec::new();
        // The peer's FIN takes its way through loopback in no time, but not in none.
        for _ in 0..1000 {
            diag.dump(ALL, &mut sockets).unwrap();
            if find(&sockets, inode_of(&client)).iter().any(|s| s.state == TcpState::CloseWait) {
                break;
            }
        }
        let closing = find(&sockets, inode_of(&client));
        assert_eq!(closing.len(), 1);
        assert_eq!(closing[0].state, TcpState::CloseWait);
        assert_eq!(closing[0].remote.port, v4.local_addr().unwrap().port());
        assert_eq!(closing[0].local.port, client.local_addr().unwrap().port());
        assert_eq!(closing[0].uid, rustix::process::geteuid().as_raw());
        let mapped = find(&sockets, inode_of(&accepted));
        assert!(mapped[0].remote.address.is_ipv4(), "{:?}", mapped[0]);
        assert_eq!(find(&sockets, inode_of(&dual))[0].state, TcpState::Listen);
        diag.dump(States::of(&[TcpState::Listen]), &mut sockets).unwrap();
        assert!(sockets.iter().all(|socket| socket.state == TcpState::Listen));
        assert_eq!(find(&sockets, inode_of(&v4)).len(), 1);
    }
}

#[test]
fn any_number_may_stand_where_an_errno_is_due() {
    for raw in [0, -1, 1, 4095, 4096, 65_536, i32::MAX, i32::MIN] {
        let error = DumpError::from_errno(raw);
        assert_eq!(error.is_refusal(), raw == libc::EPERM, "{raw}");
    }
    assert_eq!(DumpError::from_errno(libc::EINVAL), DumpError::Unsupported);
}

proptest! {
    #[test]
    fn any_bytes_are_walked_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), sequence: u32) {
        let _ = walk(&bytes, sequence, &mut |_| {});
    }

    #[test]
    fn a_reply_with_broken_bytes_is_walked_without_a_panic(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
    ) {
        let reply = Reply::socket(1, 2).attribute(8, &[0]).attribute(21, &[1; 8]);
        let mut bytes = datagram(1, &[reply.clone(), reply, Reply::done()]);
        for (at, value) in hits {
            let length = bytes.len();
            bytes[at.index(length)] = value;
        }
        let end = cut.index(bytes.len() + 1);
        let mut visited = 0;
        let _ = walk(&bytes[..end], 1, &mut |_| visited += 1);
        prop_assert!(visited <= bytes.len() / 72);
    }
}
