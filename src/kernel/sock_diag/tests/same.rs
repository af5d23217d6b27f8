//! Whether a list is the one before.

use super::*;

fn said(replies: &[Reply]) -> Vec<Act> {
    let sockets = (!replies.is_empty()).then(|| Act::Say(replies.to_vec()));
    sockets.into_iter().chain([Act::Say(vec![Reply::done()])]).collect()
}

/// What becomes of a list after one of `before`, and whether it is said to be the same.
fn after(before: &[Reply], now: Vec<Act>) -> (Vec<u64>, Option<bool>) {
    let mut diag = Script::new([said(before), now]);
    let mut sockets = Vec::new();
    diag.dump(ALL, &mut sockets).unwrap();
    let same = diag.dump(ALL, &mut sockets).ok();
    (cookies(&sockets), same)
}

#[test]
fn only_the_same_sockets_in_the_same_order_are_the_same_list() {
    let [one, two, three] = [1, 2, 3].map(|number| Reply::socket(number, 10 + u32::try_from(number).unwrap()));
    let both = [one.clone(), two.clone()];
    assert_eq!(after(&both, said(&both)), (vec![1, 2], Some(true)));
    assert_eq!(after(&[], said(&[])), (vec![], Some(true)));
    assert_eq!(after(&both, said(&[two.clone(), one.clone()])), (vec![2, 1], Some(false)));
    assert_eq!(after(&both, said(std::slice::from_ref(&one))), (vec![1], Some(false)), "one has gone");
    assert_eq!(after(&both, said(&[])), (vec![], Some(false)));
    assert_eq!(after(&both, said(&[one.clone(), two.clone(), three.clone()])), (vec![1, 2, 3], Some(false)));
    assert_eq!(after(&both, said(&[three, one, two])), (vec![3, 1, 2], Some(false)));
}

#[test]
fn whatever_else_of_a_socket_has_changed_it_is_another_list() {
    let was = Reply::socket(1, 11).attribute(21, &7_u64.to_ne_bytes());
    // The state, a port, the addresses, the interface (which is not read), the uid, the inode.
    let at = [(1, true), (4, true), (6, true), (8, true), (24, true), (40, false), (64, true), (68, true)];
    for (byte, matters) in at {
        let mut now = was.clone();
        now.body[byte] ^= 1;
        let mut diag = Script::new([said(std::slice::from_ref(&was)), said(std::slice::from_ref(&now))]);
        let mut sockets = Vec::new();
        diag.dump(ALL, &mut sockets).unwrap();
        assert_eq!(diag.dump(ALL, &mut sockets).unwrap(), !matters, "byte {byte}");
        let mut anew = Vec::new();
        Script::new([said(&[now])]).dump(ALL, &mut anew).unwrap();
        assert_eq!(sockets, anew, "byte {byte}");
        assert_eq!(sockets[0].cgroup, Some(7));
    }
}

#[test]
fn after_a_dump_that_failed_or_was_repeated_nothing_is_the_same() {
    let both = [Reply::socket(1, 11), Reply::socket(2, 12)];
    let failed = vec![Act::Say(both.to_vec()), Act::Fail(Errno::PERM)];
    assert_eq!(after(&both, failed), (vec![], None));
    let mut diag = Script::new([said(&both), vec![Act::Say(both.to_vec()), Act::Fail(Errno::NOBUFS)], said(&both)]);
    let mut sockets = Vec::new();
    diag.dump(ALL, &mut sockets).unwrap();
    assert!(!diag.dump(ALL, &mut sockets).unwrap());
    assert_eq!(cookies(&sockets), [1, 2]);
}
