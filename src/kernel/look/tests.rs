use super::lines::{NetLine, UnixLine};
use super::*;
use crate::kernel::Proc;
use crate::kernel::tests::Victim;

fn look(victim: &Victim) -> Look {
    Proc::live().unwrap().entry(victim.pid()).unwrap().look().unwrap()
}

#[test]
fn every_descriptor_is_told_with_what_is_behind_it() {
    let victim = Victim::python(
        "import os, socket, tempfile\n\
         gone = tempfile.NamedTemporaryFile(delete=False)\n\
         gone.write(b'x' * 1000); gone.flush(); os.unlink(gone.name)\n\
         pipe = os.pipe()\n\
         listening = socket.create_server(('127.0.0.1', 0))",
    );
    let mut found = Vec::new();
    look(&victim)
        .descriptors(100, &mut |one| {
            found.push(one);
            true
        })
        .unwrap();
    let deleted = found.iter().find(|one| one.target.ends_with(b"(deleted)")).unwrap();
    assert_eq!(deleted.behind, Some(Behind { kind: "file", size: 1000, links: 0 }));
    assert!(deleted.info.starts_with(b"pos:\t1000\n"), "{}", String::from_utf8_lossy(&deleted.info));
    let kinds: Vec<_> = found.iter().filter_map(|one| one.behind.map(|behind| behind.kind)).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "socket").count(), 1);
    assert!(kinds.iter().filter(|kind| **kind == "pipe").count() >= 2);

    let mut listening = Vec::new();
    let socket = found.iter().find(|one| one.target.starts_with(b"socket:[")).unwrap();
    look(&victim)
        .table(Table::Tcp, &mut |line| {
            let line = NetLine::parse(line).unwrap();
            listening.extend((format!("socket:[{}]", line.inode).as_bytes() == socket.target).then_some(line));
            true
        })
        .unwrap();
    assert_eq!(listening.len(), 1);
    assert_eq!((listening[0].state, listening[0].unread), (10, 0));
}

#[test]
fn what_was_not_asked_for_is_not_read_and_a_no_ends_it() {
    let victim = Victim::python("held = [open('/dev/null') for _ in range(50)]");
    let (mut told, mut seen) = (0, 0);
    look(&victim)
        .descriptors(10, &mut |one| {
            told += usize::from(one.behind.is_some());
            seen += 1;
            seen < 20
        })
        .unwrap();
    assert_eq!((told, seen), (10, 20));
}

#[test]
fn threads_are_told_and_bounds_are_kept() {
    let victim =
        Victim::python("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()");
    let mut tasks = Vec::new();
    look(&victim)
        .tasks(&mut |task| {
            tasks.push(task.tid);
            true
        })
        .unwrap();
    assert_eq!(tasks.len(), 2);
    assert!(tasks.contains(&u64::try_from(victim.pid().get()).unwrap()));
    assert_eq!(look(&victim).page(Page::Status, 10).unwrap().len(), 10);
    assert!(look(&victim).pointer(Pointer::Exe).unwrap().windows(6).any(|part| part == b"python"));
}

#[test]
fn whoever_is_gone_says_so() {
    let victim = Victim::python("pass");
    let look = look(&victim);
    drop(victim);
    assert_eq!(look.page(Page::Status, 100), Err(Error::Gone));
    assert_eq!(look.pointer(Pointer::Exe), Err(Error::Gone));
    assert!(look.descriptors(1, &mut |_| true).is_err());
}

#[test]
fn lines_of_sockets_are_read() {
    let line = b"   1: 0100007F:1F90 0200A8C0:C350 08 0000000A:00000014 00:00000000 00000000  1000        0 4242 1 0 20 4 30 10 -1";
    let found = NetLine::parse(line).unwrap();
    assert_eq!((found.local.address.to_string(), found.local.port), ("127.0.0.1".to_owned(), 8080));
    assert_eq!((found.remote.address.to_string(), found.remote.port), ("192.168.0.2".to_owned(), 50000));
    assert_eq!((found.state, found.unsent, found.unread, found.inode), (8, 10, 20, 4242));
    assert!(NetLine::parse(b"  sl  local_address rem_address").is_err());

    let line = b"0000000000000000: 00000002 00000000 00010000 0001 01 16175 /run/a b";
    let found = UnixLine::parse(line).unwrap();
    assert_eq!(
        (found.kind, found.state, found.listens, found.inode, found.path),
        (1, 1, true, 16175, &b"/run/a b"[..])
    );
    let line = b"0000000000000000: 00000003 00000000 00000000 0001 03 16176";
    assert_eq!(UnixLine::parse(line).unwrap().path, b"");
    assert!(UnixLine::parse(b"Num RefCount").is_err());
}
