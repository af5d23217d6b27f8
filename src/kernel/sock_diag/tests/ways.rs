//! What is done where netlink refuses.

use super::*;

/// A line of `/proc/net/tcp`, read.
fn line(inode: u32, port: u16, state: TcpState) -> Socket {
    let end = |port| Endpoint { address: "127.0.0.1".parse().unwrap(), port };
    Socket { cookie: 0, inode, uid: 0, state, local: end(port), remote: end(443), cgroup: None }
}

#[test]
fn where_netlink_refuses_the_files_are_read_and_it_is_asked_again_each_time() {
    const WAITING: States = States::of(&[TcpState::CloseWait]);
    for (errno, refusal) in [
        (Errno::PERM, DumpError::Denied),
        (Errno::AFNOSUPPORT, DumpError::Denied),
        (Errno::NOENT, DumpError::Unsupported),
        (Errno::OPNOTSUPP, DumpError::Unsupported),
        (Errno::PROTONOSUPPORT, DumpError::Unsupported),
    ] {
        let mut diag = Script::new(std::iter::repeat_n(vec![Act::Fail(errno)], 4));
        let mut sockets = vec![line(9, 9, TcpState::CloseWait)];
        // Nothing was there to be read: that is no list, and certainly not an empty one.
        assert_eq!(diag.dump(WAITING, &mut sockets), Err(refusal));
        assert!(sockets.is_empty() && diag.is_slow());
        let close_wait = TcpState::CloseWait;
        diag.link.table = Some(vec![
            line(11, 1, close_wait),
            line(12, 2, TcpState::Established),
            line(0, 3, close_wait),
            line(11, 1, close_wait),
            line(0, 4, close_wait),
            line(0, 3, close_wait),
        ]);
        diag.dump(WAITING, &mut sockets).unwrap();
        assert_eq!(diag.way(), Way::Table(refusal));
        assert!(sockets.iter().all(|socket| socket.state == close_wait), "{sockets:?}");
        let mut ports: Vec<u16> = sockets.iter().map(|socket| socket.local.port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [1, 3, 4], "each once, those without an inode too");
        let keys = cookies(&sockets);
        assert!(keys.iter().all(|key| key >> 62 != 0), "{keys:x?}");
        let before = diag.link.kinds.len();
        // As soon as netlink answers it is believed.
        diag.link.dumps = [whole()].into();
        diag.dump(ALL, &mut sockets).unwrap();
        assert_eq!((cookies(&sockets), diag.way(), diag.is_slow()), (vec![1, 2], Way::Netlink, false));
        assert_eq!((diag.link.kinds[before..].to_vec(), diag.link.tables), (vec![18], 2), "in one walk");
    }
}

#[test]
fn a_disturbed_netlink_is_no_reason_to_read_the_files() {
    let mut diag = Script::new(std::iter::repeat_n(vec![Act::Fail(Errno::NOBUFS)], 9));
    diag.link.table = Some(vec![line(11, 1, TcpState::CloseWait)]);
    assert_eq!(diag.dump(ALL, &mut Vec::new()), Err(DumpError::Overrun));
    assert_eq!((diag.link.tables, diag.way()), (0, Way::Netlink));
}

/// Everything but netlink.
struct Refusing;

impl Link for Refusing {
    fn send(&mut self, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::AFNOSUPPORT)
    }

    fn receive(&mut self, _: &mut [u8]) -> Result<usize, Errno> {
        Err(Errno::AGAIN)
    }

    fn reset(&mut self) {}

    fn table(&mut self, visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
        table::each_socket(visit)
    }
}

#[test]
fn this_kernel_says_the_same_in_its_files_and_keys_stay() {
    let server = TcpListener::bind("[::]:0").unwrap();
    let port = server.local_addr().unwrap().port();
    // Never accepted: its end has no inode yet.
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let ours = |sockets: &[Socket]| {
        let mut ours: Vec<Socket> =
            sockets.iter().filter(|s| [s.local.port, s.remote.port].contains(&port)).copied().collect();
        ours.sort_by_key(|socket| (socket.local.port, socket.state as u8));
        ours
    };
    let (mut files, mut netlink) = (SockDiag::over(Refusing), SockDiag::new());
    let (mut seen, mut again, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    files.dump(ALL, &mut seen).unwrap();
    files.dump(ALL, &mut again).unwrap();
    netlink.dump(ALL, &mut listed).unwrap();
    assert!(files.is_slow() && !netlink.is_slow());
    assert_eq!(ours(&seen), ours(&again));
    let plain = |sockets: &[Socket]| {
        let without = |socket: &Socket| Socket { cookie: 0, cgroup: None, ..*socket };
        ours(sockets).iter().map(without).collect::<Vec<_>>()
    };
    assert_eq!(plain(&seen), plain(&listed));
    assert_eq!(plain(&seen).len(), 3, "listening, ours, and the one that nobody has accepted");
    let of_inode = ours(&seen).into_iter().find(|socket| socket.inode == inode_of(&client)).unwrap();
    assert_eq!(of_inode.cookie, 1 << 63 | u64::from(of_inode.inode));
    assert!(ours(&seen).iter().any(|socket| socket.inode == 0 && socket.cookie >> 62 == 1));
}

#[test]
fn a_refusal_is_known_without_a_list() {
    assert_eq!(SockDiag::new().refusal(), None);
    assert_eq!(SockDiag::over(Refusing).refusal(), Some(DumpError::Denied));
    let disturbed = std::iter::repeat_n(vec![Act::Fail(Errno::NOBUFS)], 9);
    assert_eq!(Script::new(disturbed).refusal(), None);
    let mut sockets = vec![line(1, 1, TcpState::CloseWait)];
    SockDiag::new().dump(States::of(&[]), &mut sockets).unwrap();
    assert!(sockets.is_empty(), "no state is no socket: {sockets:?}");
}
