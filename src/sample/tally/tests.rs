use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn end(text: &str) -> Endpoint {
    let (address, port) = text.rsplit_once(' ').unwrap();
    Endpoint { address: address.parse().unwrap(), port: port.parse().unwrap() }
}

fn socket(state: TcpState, local: &str, remote: &str) -> Socket {
    Socket { cookie: 1, inode: 1, uid: 0, state, local: end(local), remote: end(remote), cgroup: None }
}

fn peer(end: End, address: &str, port: Option<u16>) -> Peer {
    let address = match address.split_once('/') {
        None => Address::Any,
        Some((address, prefix)) => {
            Address::Network(Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() })
        }
    };
    Peer { name: "peer".into(), end, address, port }
}

fn is_with(peer: &Peer, socket: &Socket) -> bool {
    Party::new(peer).is_with(socket)
}

#[test]
fn a_peer_is_matched_by_the_end_the_address_and_the_port_it_names() {
    let ours = socket(TcpState::Established, "10.0.0.1 40000", "10.0.5.10 5432");
    let six = socket(TcpState::CloseWait, "::1 40000", "2001:db8::7 443");
    let table = [
        (peer(End::Remote, "10.0.5.10/32", Some(5432)), true, false),
        (peer(End::Remote, "10.0.5.10/32", Some(5433)), false, false),
        (peer(End::Remote, "10.0.5.11/32", Some(5432)), false, false),
        (peer(End::Remote, "10.0.0.0/8", None), true, false),
        (peer(End::Remote, "10.0.4.0/24", None), false, false),
        (peer(End::Remote, "0.0.0.0/0", None), true, false),
        (peer(End::Remote, "*", Some(5432)), true, false),
        (peer(End::Remote, "*", None), true, true),
        (peer(End::Local, "*", Some(40000)), true, true),
        (peer(End::Local, "10.0.0.1/32", None), true, false),
        (peer(End::Local, "*", Some(5432)), false, false),
        (peer(End::Remote, "2001:db8::/32", Some(443)), false, true),
        (peer(End::Remote, "2001:db8::8/128", Some(443)), false, false),
        (peer(End::Remote, "::/0", None), false, true),
    ];
    for (peer, four, both) in table {
        assert_eq!((is_with(&peer, &ours), is_with(&peer, &six)), (four, both), "{peer:?}");
    }
}

#[test]
fn sockets_count_for_each_holder_and_each_peer_and_listening_for_no_peer() {
    let peers =
        vec![peer(End::Remote, "*", Some(5432)), peer(End::Local, "*", Some(8443)), peer(End::Remote, "*", None)];
    let mut tally = Tally::new(&peers);
    tally.open(2);
    tally.add(&[0, 1], &socket(TcpState::CloseWait, "10.0.0.1 8443", "10.0.0.2 5432"));
    tally.add(&[1], &socket(TcpState::Established, "10.0.0.1 40000", "10.0.0.2 5432"));
    tally.add(&[1], &socket(TcpState::Listen, "0.0.0.0 8443", "0.0.0.0 0"));
    tally.add_unclear(&socket(TcpState::CloseWait, "10.0.0.1 8443", "10.0.0.2 1"));
    let of = |slot, base| [None, Some(0), Some(1), Some(2)].map(|peer| tally.get(slot, base, peer).unwrap());
    assert_eq!(of(0, Base::CloseWait), [1, 1, 1, 1]);
    assert_eq!(of(1, Base::CloseWait), [1, 1, 1, 1]);
    assert_eq!(of(0, Base::Established), [0; 4]);
    assert_eq!(of(1, Base::Established), [1, 1, 0, 1]);
    assert_eq!(of(1, Base::Listen), [1, 0, 0, 0]);
    assert_eq!(of(1, Base::Sockets), [3, 2, 1, 2]);
    assert_eq!(tally.get(1, Base::Sockets, Some(3)), None, "nobody counts a peer that is not configured");
    assert_eq!(tally.get(2, Base::Sockets, None), None);
    assert_eq!(tally.get(0, Base::Rss, None), None);
    assert_eq!(tally.unclear().find(|(base, _)| *base == Base::CloseWait), Some((Base::CloseWait, 1)));
    tally.open(1);
    assert_eq!((tally.get(0, Base::Sockets, None), tally.get(1, Base::Sockets, None)), (Some(0), None));
    assert_eq!(tally.unclear().map(|(_, count)| count).sum::<u64>(), 0);
}

#[test]
fn time_wait_is_the_hosts_and_no_part_of_what_a_process_holds() {
    let mut tally = Tally::new(&[peer(End::Remote, "*", Some(5432))]);
    tally.open(1);
    tally.add(&[0], &socket(TcpState::TimeWait, "10.0.0.1 40000", "10.0.0.2 5432"));
    tally.add(&[0], &socket(TcpState::TimeWait, "10.0.0.1 40001", "10.0.0.2 443"));
    tally.add_unclear(&socket(TcpState::TimeWait, "10.0.0.1 40002", "10.0.0.2 443"));
    tally.grow(3);
    tally.add(&[2, 0], &socket(TcpState::Established, "10.0.0.1 40003", "10.0.0.2 5432"));
    let of = |slot, base| [None, Some(0)].map(|peer| tally.get(slot, base, peer).unwrap());
    assert_eq!(of(0, Base::HostTimeWait), [2, 1]);
    assert_eq!(of(0, Base::HostEstablished), [1, 1]);
    assert_eq!(of(0, Base::Sockets), [1, 1]);
    assert_eq!((of(2, Base::HostTimeWait), of(2, Base::Established)), ([0, 0], [1, 1]));
    assert_eq!(of(1, Base::Sockets), [0, 0]);
    assert_eq!(tally.unclear().map(|(_, count)| count).sum::<u64>(), 0);
}

proptest! {
    #[test]
    fn a_network_is_its_leading_bits(a: u128, flip in 0_u32..129, prefix in 0_u8..=128, four: bool) {
        let bits = if four { 32 } else { 128 };
        let prefix = prefix.min(bits);
        // An address that differs from `a` in its bit number `flip` alone, counted from the left.
        let b = if flip < u32::from(bits) { a ^ (1 << (u32::from(bits) - 1 - flip)) } else { a };
        let address = |bits: u128| -> IpAddr {
            if four { std::net::Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap()).into() }
            else { std::net::Ipv6Addr::from_bits(bits).into() }
        };
        let network = Network { address: address(a), prefix };
        prop_assert_eq!(contains(network, address(b)), flip >= u32::from(prefix));
    }
}
