//! The bytes of the proc connector: a request built, messages walked in place, the filter that the
//! kernel runs for us.
//!
//! Pure functions of byte slices, so that they can be tested and fuzzed without a kernel. Layouts:
//! `struct nlmsghdr` (linux/netlink.h), `struct cn_msg` (linux/connector.h), `struct proc_input` and
//! `struct proc_event` (linux/cn_proc.h), all in the byte order of the host.

use crate::model::Pid;

/// What happened to a process. What happens to a thread alone is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcEvent {
    /// It was made.
    Forked(Pid),
    /// It became another program.
    Execed(Pid),
    /// Its users or its name changed.
    Changed(Pid),
    /// Its main thread ended. Others may live on; then it is still there.
    Exited(Pid),
}

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// News of a process.
    Event(ProcEvent),
    /// A thread of that number was named, as ours is when it asks for a sign.
    Named(i32),
    /// The answer to a request.
    Answer {
        /// That of the request.
        sequence: u32,
        /// That of the request plus one.
        ack: u32,
        /// 0 where it was granted.
        errno: u32,
    },
    /// The kernel says that something was lost.
    Lost,
}

const HEADER: usize = 16;
const CN_MSG: usize = 20;
/// `what`, `cpu`, `timestamp_ns`, of which only the first is read.
const EVENT: usize = HEADER + CN_MSG;
const DATA: usize = EVENT + 16;

const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
const PROC_CN_MCAST_LISTEN: u32 = 1;
const PROC_CN_MCAST_IGNORE: u32 = 2;

const NONE: u32 = 0;
const FORK: u32 = 0x1;
const EXEC: u32 = 0x2;
const UID: u32 = 0x4;
const COMM: u32 = 0x200;
const EXIT: u32 = 0x8000_0000;
/// What is asked for.
const MASK: u32 = FORK | EXEC | UID | COMM | EXIT;

/// The multicast group to join.
pub(super) const GROUP: u32 = 1 << (CN_IDX_PROC - 1);

/// How the kernel is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Only what [`MASK`] names (Linux 6.6; an older one does not answer).
    ListenMasked,
    /// Everything.
    ListenAll,
    /// No more.
    Ignore,
}

/// The bytes of `request`. The kernel answers with `sequence`, and with `ack` plus one.
pub(super) fn request(request: Request, sequence: u32, ack: u32) -> Vec<u8> {
    let input: &[u32] = match request {
        Request::ListenMasked => &[PROC_CN_MCAST_LISTEN, MASK],
        Request::ListenAll => &[PROC_CN_MCAST_LISTEN],
        Request::Ignore => &[PROC_CN_MCAST_IGNORE],
    };
    // Two numbers at most.
    let payload = u16::try_from(input.len() * 4).unwrap_or(0);
    let length = u32::try_from(EVENT).unwrap_or(0) + u32::from(payload);
    let mut out = Vec::with_capacity(EVENT + 8);
    out.extend(length.to_ne_bytes());
    out.extend(NLMSG_DONE.to_ne_bytes());
    out.extend([0; 2 + 4 + 4]);
    for number in [CN_IDX_PROC, CN_VAL_PROC, sequence, ack] {
        out.extend(number.to_ne_bytes());
    }
    out.extend(payload.to_ne_bytes());
    out.extend([0; 2]);
    input.iter().for_each(|number| out.extend(number.to_ne_bytes()));
    out
}

/// Calls `visit` with what each message of one datagram means. What does not parse is
/// [`Told::Lost`]: it may have been anything.
pub fn walk(mut datagram: &[u8], visit: &mut dyn FnMut(Told)) {
    while !datagram.is_empty() {
        let length = number(datagram, 0).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let Some(message) = datagram.get(..length).filter(|message| message.len() >= HEADER) else {
            return visit(Told::Lost);
        };
        match half(message, 4) {
            Some(NLMSG_DONE) => match told(message) {
                Some(Some(told)) => visit(told),
                Some(None) => {}
                None => visit(Told::Lost),
            },
            Some(NLMSG_OVERRUN) => visit(Told::Lost),
            // Errors and noops are answers to what was never asked.
            _ => {}
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
}

/// None where it does not parse, none inside where it concerns nobody.
fn told(message: &[u8]) -> Option<Option<Told>> {
    if (number(message, HEADER)?, number(message, HEADER + 4)?) != (CN_IDX_PROC, CN_VAL_PROC) {
        return Some(None);
    }
    let at = |index: usize| number(message, DATA + 4 * index);
    let event = |of: fn(Pid) -> ProcEvent, pid: u32| process(pid).map(|pid| Some(Told::Event(of(pid))));
    match number(message, EVENT)? {
        NONE => {
            let (sequence, ack) = (number(message, HEADER + 8)?, number(message, HEADER + 12)?);
            Some(Some(Told::Answer { sequence, ack, errno: at(0)? }))
        }
        FORK if at(2)? == at(3)? => event(ProcEvent::Forked, at(3)?),
        // Whichever thread calls it, the process goes on as that one alone.
        EXEC => event(ProcEvent::Execed, at(1)?),
        UID | COMM if at(0)? == at(1)? => event(ProcEvent::Changed, at(1)?),
        EXIT if at(0)? == at(1)? => event(ProcEvent::Exited, at(1)?),
        COMM => process(at(0)?).map(|thread| Some(Told::Named(thread.get()))),
        _ => Some(None),
    }
}

fn process(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::new)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes)
}

/// A step of a filter as `struct sock_filter` (linux/filter.h) has it: code, jumps, constant.
pub(super) type Step = (u16, u8, u8, u32);

/// What the kernel asks before it queues a message: whether [`walk`] would tell of it, but of the
/// names of threads only that of `own`, a thread's number. So threads that come and go fill no queue
/// and cost us no call.
pub(super) fn filter(own: i32) -> Vec<Step> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUALS: u32 = libc::BPF_JMP | libc::BPF_JEQ;
    const TO_X: u32 = libc::BPF_MISC | libc::BPF_TAX;
    // Positions in the program.
    const ONE: u8 = 7;
    const FORKED: u8 = 12;
    const DROP: u8 = 16;
    const PASS: u8 = 17;
    let step = |code: u32, yes: u8, no: u8, k: u32| (u16::try_from(code).unwrap_or(0), yes, no, k);
    let load = |at: usize| step(LOAD, 0, 0, u32::try_from(at).unwrap_or(0));
    // Jumps count from the next step; loads are in network order, whatever the host's is.
    let is = |at: u8, what: u32, yes: u8| step(EQUALS | libc::BPF_K, yes - at - 1, 0, what.to_be());
    let same = |at: u8| step(EQUALS | libc::BPF_X, PASS - at - 1, DROP - at - 1, 0);
    vec![
        load(EVENT),
        is(1, FORK, FORKED),
        is(2, EXEC, PASS),
        is(3, NONE, PASS),
        is(4, EXIT, ONE),
        is(5, COMM, ONE),
        step(EQUALS | libc::BPF_K, ONE - 7, DROP - 7, UID.to_be()),
        load(DATA),
        is(8, own.unsigned_abs(), PASS),
        step(TO_X, 0, 0, 0),
        load(DATA + 4),
        same(11),
        load(DATA + 8),
        step(TO_X, 0, 0, 0),
        load(DATA + 12),
        same(15),
        step(libc::BPF_RET, 0, 0, 0),
        step(libc::BPF_RET, 0, 0, u32::MAX),
    ]
}
