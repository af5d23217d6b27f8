use std::net::{SocketAddr, TcpListener, TcpStream};

use proptest::prelude::*;

use super::*;
use crate::kernel::{Proc, own_pid};

/// As Linux 6.18 printed them.
const FOUR: &[u8] =
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n\
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 217 1 000000004db8d916 100 0 0 10 0                       \n\
   1: 0100007F:A2C1 0100007F:BB94 06 00000000:00000000 03:0000075B 00000000     0        0 0 3 00000000dc3f1918                                      \n\
  12: 0500000A:C350 0A05000A:1538 08 00000000:00000001 00:00000000 00000000  1001        0 4012345 1 0000000000000000 20 4 30 10 -1                  \n";
const SIX: &[u8] =
    b"  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
   0: B80D0120000000000000000001000000:01BB 0000000000000000FFFF00000A05000A:D431 01 00000000:00000000 02:000A7E66 00000000 65534        0 88 2 0000000000000000 20 4 0 10 -1\n\
   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0C 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 0\n";

fn parsed(pieces: &[&[u8]]) -> Result<Vec<Socket>, Error> {
    let (mut lines, mut found) = (TcpLines::default(), Vec::new());
    for piece in pieces {
        lines.take(piece, &mut |socket| found.push(*socket))?;
    }
    lines.end().map(|()| found)
}

fn at(text: &str) -> Endpoint {
    let address: SocketAddr = text.parse().unwrap();
    Endpoint { address: address.ip(), port: address.port() }
}

#[test]
#[cfg(target_endian = "little")]
fn lines_of_the_kernel_are_sockets() {
    let four = parsed(&[FOUR]).unwrap();
    let seen: Vec<_> = four.iter().map(|s| (s.state, s.inode, s.uid, s.local, s.remote)).collect();
    assert_eq!(
        seen,
        [
            (TcpState::Listen, 217, 0, at("0.0.0.0:2024"), at("0.0.0.0:0")),
            (TcpState::TimeWait, 0, 0, at("127.0.0.1:41665"), at("127.0.0.1:48020")),
            (TcpState::CloseWait, 4_012_345, 1001, at("10.0.0.5:50000"), at("10.0.5.10:5432")),
        ]
    );
    // The second has a state of its own (TCP_NEW_SYN_RECV), which nobody asks for.
    let six = parsed(&[SIX]).unwrap();
    let seen: Vec<_> = six.iter().map(|s| (s.state, s.inode, s.uid, s.local, s.remote)).collect();
    assert_eq!(seen, [(TcpState::Established, 88, 65534, at("[2001:db8::1]:443"), at("10.0.5.10:54321"))]);
}

#[test]
fn what_is_no_table_is_an_error_and_never_an_empty_one() {
    let without = |from: &str, to: &str| String::from_utf8(FOUR.to_vec()).unwrap().replace(from, to);
    for text in [
        String::new(),
        "\n".into(),
        without("  sl ", "  xx "),
        without(" 0A ", " "),
        without("00000000:07E8", "0000000:07E8"),
        without("00000000:07E8", "00000000-07E8"),
        without(":07E8", ":107E8"),
        without(" 217 ", " 4294967296 "),
        without(" 217 ", " -1 "),
        without("     0        0 217", "     x        0 217"),
        String::from_utf8(FOUR[..FOUR.len() - 1].to_vec()).unwrap(),
        format!("{}{}", String::from_utf8_lossy(FOUR), "0".repeat(5000)),
    ] {
        assert_eq!(parsed(&[text.as_bytes()]), Err(EXPECTED), "{text}");
    }
    assert_eq!(parsed(&[&FOUR[..FOUR.iter().position(|byte| *byte == b'\n').unwrap() + 1]]), Ok(vec![]));
    assert_eq!(parsed(&[&FOUR[..40]]), Err(EXPECTED));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(mut cuts in proptest::collection::vec(0..FOUR.len(), 0..20)) {
        cuts.sort_unstable();
        cuts.push(FOUR.len());
        let mut from = 0;
        let pieces: Vec<&[u8]> = cuts.into_iter().map(|to| &FOUR[std::mem::replace(&mut from, to)..to]).collect();
        prop_assert_eq!(parsed(&pieces), parsed(&[FOUR]));
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let _ = parsed(&pieces);
    }

    #[test]
    fn whatever_is_in_a_line_is_read_from_it(
        local: (u32, u16), remote in any::<(u128, u16)>(), raw in 1_u8..12, uid: u32, inode: u32,
    ) {
        let words = |address: u128| address.to_be_bytes().chunks(4).map(|w| format!("{:08X}", u32::from_ne_bytes(w.try_into().unwrap()))).collect::<String>();
        let line = format!(
            " 9999: {:08X}:{:04X} {}:{:04X} {raw:02X} 00000000:00000000 00:00000000 00000000 {uid:5} {:8} {inode} 1 0\n",
            u32::from_ne_bytes(local.0.to_be_bytes()), local.1, words(remote.0), remote.1, 0,
        );
        let found = parsed(&[b"  sl local\n", line.as_bytes()]).unwrap();
        prop_assert_eq!((found[0].uid, found[0].inode, found[0].state), (uid, inode, TcpState::from_raw(raw).unwrap()));
        prop_assert_eq!(found[0].local, Endpoint { address: Ipv4Addr::from(local.0).into(), port: local.1 });
        prop_assert_eq!(found[0].remote, Endpoint { address: IpAddr::V6(remote.0.into()).to_canonical(), port: remote.1 });
    }
}

#[test]
fn the_table_of_our_own_namespace_is_what_procfs_reads_and_netlink_says() {
    let server = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (accepted, _) = server.accept().unwrap();
    drop(accepted);
    let own = Proc::live().unwrap().entry(own_pid()).unwrap();
    let (mut found, mut buffer) = (Vec::new(), Vec::new());
    let port = client.local_addr().unwrap().port();
    let ours = |socket: &Socket| {
        socket.local.port == port || socket.local == Endpoint { address: address.ip(), port: address.port() }
    };
    own.tcp_sockets(&mut buffer, &mut |socket| found.extend(Some(*socket).filter(ours))).unwrap();
    let closing = found.iter().find(|socket| socket.local.port == port).unwrap();
    assert_eq!((closing.state, closing.remote.port), (TcpState::CloseWait, address.port()));

    let oracle = if address.is_ipv6() { procfs::net::tcp6() } else { procfs::net::tcp() }.unwrap();
    for socket in found.iter().filter(|socket| socket.inode != 0) {
        let same = oracle.iter().find(|entry| entry.inode == u64::from(socket.inode)).expect("procfs has it too");
        assert_eq!((same.local_address.ip(), same.local_address.port()), (socket.local.address, socket.local.port));
        assert_eq!((same.remote_address.ip(), same.remote_address.port()), (socket.remote.address, socket.remote.port));
        assert_eq!((same.state.to_u8(), same.uid), (socket.state as u8, socket.uid));
    }

    let mut dump = Vec::new();
    let states = crate::kernel::sock_diag::States::of(&[TcpState::CloseWait]);
    crate::kernel::sock_diag::SockDiag::new().dump(states, &mut dump).unwrap();
    let same = dump.iter().find(|socket| socket.local.port == port).unwrap();
    assert_eq!(Socket { cookie: 0, cgroup: None, ..*same }, *closing);
}
