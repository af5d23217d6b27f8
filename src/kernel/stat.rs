//! `/proc/PID/stat`: one line, whose second field may hold anything (proc_pid_stat(5)).

use super::Error;
use super::digits::{number, words};

/// What `/proc/PID/stat` says that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Field 1.
    pub pid: i32,
    /// Field 2: the name, as the process or its maker chose it.
    pub comm: Comm,
    /// Field 3: `R`, `S`, `D`, `T`, `Z` ...
    pub state: u8,
    /// Field 4; 0 for a process without a parent in this pid namespace.
    pub ppid: i32,
    /// Field 9, `PF_*` of the kernel's `include/linux/sched.h`.
    pub flags: u32,
    /// Field 12: pages that had to be read from disk, by all its threads since it was forked.
    pub major_faults: u64,
    /// Field 20.
    pub threads: u64,
    /// Field 22: clock ticks from boot to its start.
    pub start_ticks: u64,
    /// A number that every exec changes, made of where the program was put (fields 26 to 28). None
    /// where the kernel hides them: without the right to trace the process it prints 0 and 1.
    pub exec_generation: Option<u64>,
    /// Field 38 is -1: a thread beside the first of its process, of whose end no signal tells (`copy_process` in
    /// kernel/fork.c). `/proc` leads to it by its number, though it does not list it.
    pub is_thread: bool,
}

const PF_EXITING: u32 = 0x0000_0004;
const PF_KTHREAD: u32 = 0x0020_0000;

impl Stat {
    /// Reads the line. A line without its newline was cut, and its last number may have been too.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        Self::fields(text).ok_or(Error::Malformed("/proc/PID/stat with 52 fields"))
    }

    fn fields(text: &[u8]) -> Option<Self> {
        let line = text.strip_suffix(b"\n")?;
        let open = line.iter().position(|byte| *byte == b'(')?;
        // The name may hold `) R 1 (`; behind the last bracket there are only letters and numbers.
        let close = line.iter().rposition(|byte| *byte == b')').filter(|close| *close > open)?;
        let pid = i32::try_from(number(line.get(..open)?.trim_ascii_end())?).ok()?;
        let mut rest = words(line.get(close + 1..)?);
        // `skip(n)` is counted from the field before.
        let mut field = |skip: usize| rest.nth(skip);
        let state = match field(0)? {
            [state] => *state,
            _ => return None,
        };
        let ppid = i32::try_from(number(field(0)?)?).ok()?;
        let flags = u32::try_from(number(field(4)?)?).ok()?;
        let major_faults = number(field(2)?)?;
        let threads = number(field(7)?)?;
        let start_ticks = number(field(1)?)?;
        let start_code = number(field(3)?)?;
        let end_code = number(field(0)?)?;
        let start_stack = number(field(0)?)?;
        let is_thread = field(9)? == b"-1";
        // The last of the 52 fields (exit_code) must be there, else the line was cut.
        field(13)?;
        let comm = Comm::new(line.get(open + 1..close)?);
        let exec_generation = generation([start_code, end_code, start_stack]);
        Some(Self { pid, comm, state, ppid, flags, major_faults, threads, start_ticks, exec_generation, is_thread })
    }

    /// Dead but not yet reaped, or on the way there.
    pub const fn is_exiting(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') || self.flags & PF_EXITING != 0
    }

    /// A thread of the kernel itself: no descriptors, no memory, deaf to signals.
    pub const fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }
}

/// Fields 26 to 28 as one number (FNV-1a); none when they are the kernel's stand-ins for "hidden".
fn generation(places: [u64; 3]) -> Option<u64> {
    if places[0] <= 1 || places[2] == 0 {
        return None;
    }
    let bytes = places.iter().flat_map(|place| place.to_le_bytes());
    Some(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// The kernel's name of a process: 15 bytes, up to 63 for kernel threads, none of them to be trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Comm {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Comm {
    const MAX: usize = 63;

    /// The first 63 bytes of `name`.
    pub fn new(name: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = *from;
            len += 1;
        }
        Self { bytes, len }
    }

    /// As the kernel has it: any byte but 0.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Default for Comm {
    fn default() -> Self {
        Self::new(b"")
    }
}

impl std::fmt::Debug for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}
