//! The leaking process.
//!
//! One thread owns what is leaked and takes its orders from one inbox: lines of the standard input,
//! signals, and the ticks of the rates.

use std::fs::File;
use std::io::{BufRead, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::Signal;

/// What may be said on the standard input, for `--help`.
pub(crate) const HELP: &str = "Lines on standard input, each answered by `fds N`:
  files N              hold exactly N files
  cw N                 hold exactly N sockets in CLOSE_WAIT
  established N [PEER] hold exactly N connections to PEER (ADDRESS:PORT);
                       without PEER to itself, which makes two sockets each
  mem BYTES            hold exactly that much memory
  threads N            hold exactly N threads besides its own";

const TICK: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Leak {
    /// Files to open each second and never close
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    files_per_second: f64,
    /// Connections to let end up in CLOSE_WAIT each second
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    close_wait_per_second: f64,
    /// Memory to take each second, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 0.0)]
    memory_per_second: f64,
    /// What a signal does: note, close-files (half of them), close-sockets, slow-down or exit
    #[arg(long = "handle", value_name = "SIGNAL=EFFECT")]
    handlers: Vec<Handler>,
}

#[derive(Clone, Copy)]
struct Handler {
    signal: Signal,
    effect: Effect,
}

#[derive(Clone, Copy)]
enum Effect {
    Note,
    CloseFiles,
    CloseSockets,
    SlowDown,
    Exit,
}

impl FromStr for Handler {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (signal, effect) = text.split_once('=').context("write SIGNAL=EFFECT, as in SIGUSR1=note")?;
        let effect = match effect {
            "note" => Effect::Note,
            "close-files" => Effect::CloseFiles,
            "close-sockets" => Effect::CloseSockets,
            "slow-down" => Effect::SlowDown,
            "exit" => Effect::Exit,
            _ => bail!("there is no effect {effect:?}"),
        };
        Ok(Self { signal: signal.parse().map_err(|_| anyhow::anyhow!("there is no signal {signal:?}"))?, effect })
    }
}

enum Message {
    Line(String),
    Signal(i32),
    EndOfInput,
}

impl Leak {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (sender, inbox) = mpsc::channel();
        self.listen_for_signals(sender.clone())?;
        thread::spawn(move || read_lines(&sender));
        let mut held = Held::new()?;
        say(&format!("ready {}", std::process::id()));
        self.follow(&inbox, &mut held)
    }

    fn listen_for_signals(&self, sender: Sender<Message>) -> anyhow::Result<()> {
        let numbers = self.handlers.iter().map(|handler| handler.signal as i32);
        let mut signals = signal_hook::iterator::Signals::new(numbers).context("cannot handle these signals")?;
        thread::spawn(move || signals.forever().try_for_each(|number| sender.send(Message::Signal(number))));
        Ok(())
    }

    fn follow(&self, inbox: &Receiver<Message>, held: &mut Held) -> anyhow::Result<()> {
        let mut next_tick = Instant::now() + TICK;
        let mut pace = 1.0;
        let mut due = Rates::default();
        loop {
            match inbox.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(Message::Line(line)) => match held.obey(&line) {
                    Ok(()) => say(&format!("fds {}", count_fds()?)),
                    Err(error) => say(&format!("error {error:#}")),
                },
                Ok(Message::Signal(number)) => match self.handle(number, held) {
                    Effect::Exit => return Ok(()),
                    Effect::SlowDown => pace /= 2.0,
                    Effect::Note | Effect::CloseFiles | Effect::CloseSockets => {}
                },
                Err(RecvTimeoutError::Timeout) => {
                    next_tick += TICK;
                    due.grow(self, pace * TICK.as_secs_f64());
                    held.add(&mut due);
                }
                Ok(Message::EndOfInput) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn handle(&self, number: i32, held: &mut Held) -> Effect {
        let Some(handler) = self.handlers.iter().find(|handler| handler.signal as i32 == number) else {
            return Effect::Note;
        };
        let done = match handler.effect {
            Effect::Note => "noted, and nothing done".to_owned(),
            Effect::SlowDown => "leaking half as fast from now on".to_owned(),
            Effect::Exit => "exiting".to_owned(),
            Effect::CloseFiles => {
                held.files.truncate(held.files.len() / 2);
                format!("closed half of the files, {} are left", held.files.len())
            }
            Effect::CloseSockets => {
                let count = held.half_closed.len();
                held.half_closed.clear();
                format!("closed {count} sockets that their peer had closed")
            }
        };
        say(&format!("{}: {done}", handler.signal.as_str()));
        handler.effect
    }
}

/// What a tick owes, in whole and broken pieces.
#[derive(Default)]
struct Rates {
    files: f64,
    close_wait: f64,
    memory: f64,
}

impl Rates {
    fn grow(&mut self, flags: &Leak, seconds: f64) {
        self.files += flags.files_per_second * seconds;
        self.close_wait += flags.close_wait_per_second * seconds;
        self.memory += flags.memory_per_second * seconds;
    }
}

/// Takes one whole piece out of `due`.
fn take(due: &mut f64) -> bool {
    let whole = *due >= 1.0;
    if whole {
        *due -= 1.0;
    }
    whole
}

/// What is leaked.
struct Held {
    listener: TcpListener,
    files: Vec<File>,
    half_closed: Vec<TcpStream>,
    established: Vec<(TcpStream, Option<TcpStream>)>,
    memory: Vec<Vec<u8>>,
    threads: Vec<Sender<()>>,
    full: bool,
}

impl Held {
    fn new() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?;
        Ok(Self {
            listener,
            files: Vec::new(),
            half_closed: Vec::new(),
            established: Vec::new(),
            memory: Vec::new(),
            threads: Vec::new(),
            full: false,
        })
    }

    fn obey(&mut self, line: &str) -> anyhow::Result<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (what, number, peer) = match words[..] {
            [what, number] => (what, number, None),
            [what, number, peer] => (what, number, Some(peer.parse::<SocketAddr>()?)),
            _ => bail!("expected a word and a number"),
        };
        let number: usize = number.parse().with_context(|| format!("{number:?} is not a number"))?;
        match what {
            "files" => hold(&mut self.files, number, open_file),
            "cw" => hold(&mut self.half_closed, number, || half_closed(&self.listener)),
            "established" => hold(&mut self.established, number, || established(&self.listener, peer)),
            "threads" => hold(&mut self.threads, number, idle_thread),
            "mem" => {
                self.memory = vec![touched(number)];
                Ok(())
            }
            _ => bail!("cannot {what:?}"),
        }
    }

    /// Leaks what is due; goes on without, as a trader would, where the kernel refuses.
    fn add(&mut self, due: &mut Rates) {
        let mut result = Ok(());
        while take(&mut due.files) {
            result = result.and(open_file().map(|file| self.files.push(file)));
        }
        while take(&mut due.close_wait) {
            result = result.and(half_closed(&self.listener).map(|socket| self.half_closed.push(socket)));
        }
        while take(&mut due.memory) {
            self.memory.push(touched(1 << 20));
        }
        match result {
            Err(error) if !self.full => {
                say(&format!("{error:#}"));
                self.full = true;
            }
            Err(_) => {}
            Ok(()) => self.full = false,
        }
    }
}

fn hold<T>(held: &mut Vec<T>, count: usize, mut more: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<()> {
    held.truncate(count);
    while held.len() < count {
        held.push(more()?);
    }
    Ok(())
}

fn open_file() -> anyhow::Result<File> {
    File::open("/dev/null").context("cannot open another file")
}

/// A socket whose other side was closed.
fn half_closed(listener: &TcpListener) -> anyhow::Result<TcpStream> {
    established(listener, None).map(|(near, _far_side_closed_here)| near)
}

fn established(listener: &TcpListener, peer: Option<SocketAddr>) -> anyhow::Result<(TcpStream, Option<TcpStream>)> {
    if let Some(peer) = peer {
        return Ok((TcpStream::connect(peer).context("cannot connect")?, None));
    }
    let near = TcpStream::connect(listener.local_addr()?).context("cannot connect to itself")?;
    let (far, _) = listener.accept().context("cannot accept")?;
    Ok((near, Some(far)))
}

/// Memory that is there, not only promised: a byte of each page is written.
fn touched(bytes: usize) -> Vec<u8> {
    let mut memory = vec![0; bytes];
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    memory
}

/// Lives until the sender is dropped.
fn idle_thread() -> anyhow::Result<Sender<()>> {
    let (sender, end) = mpsc::channel();
    thread::Builder::new().spawn(move || end.recv()).context("cannot start another thread")?;
    Ok(sender)
}

fn read_lines(sender: &Sender<Message>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if sender.send(Message::Line(line)).is_err() {
            return;
        }
    }
    // Whoever waits for the answers is gone with the inbox's other end: nobody is left to tell.
    let _ = sender.send(Message::EndOfInput);
}

/// Its own open descriptors, without the one that looks.
fn count_fds() -> anyhow::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd").context("cannot count descriptors")?.count() - 1)
}

/// A line of output; a closed pipe does not end the leak.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
