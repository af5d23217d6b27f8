//! The trader of the demo: a process that leaks as the one of the opening case did, a hundred times
//! as fast, and that handles what it is told.
//!
//! The market turns wild soon after the start. Each stop-loss check then forgets its connection to
//! the database, the market data stream stutters and each new context leaves the old one unclosed,
//! and journals stay open. Once it was paused the market is calm again. What it does it says on
//! stdout, a line each.

mod admin;
mod book;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::super::{Failure, Output};
use super::bound;
use super::peers::Peers;
use admin::Wish;
use book::{Book, Leak};

/// One look at the market.
const TICK: Duration = Duration::from_millis(100);
/// Ticks until the market turns wild: long enough to see the calm before.
const CALM_TICKS: u32 = 20;
/// What is lost in a wild market, in tenths a tick.
const LEAKS: [(Leak, u32); 3] = [(Leak::Context, 14), (Leak::Connection, 8), (Leak::File, 14)];
/// What a tick of a paused trader finds and closes.
const SWEEP: usize = 15;

/// How it is started.
#[derive(Args, Debug)]
pub(in super::super) struct Arguments {
    /// The process whose end is its own
    #[arg(long)]
    parent: i32,
    /// Its admin port
    #[arg(long)]
    admin: SocketAddr,
    #[arg(long)]
    broker: SocketAddr,
    #[arg(long)]
    database: SocketAddr,
    #[arg(long, value_enum)]
    mood: Mood,
}

/// How the trader behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mood {
    /// Leaks in a wild market, and does what it is told.
    Docile,
    /// Leaks, says yes to everything, and does nothing.
    Stubborn,
    /// Was started after the storm.
    Calm,
}

impl Mood {
    /// As the argument is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Docile => "docile",
            Self::Stubborn => "stubborn",
            Self::Calm => "calm",
        }
    }
}

pub(in super::super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    bound::die_with(arguments.parent)?;
    crate::kernel::raise_fd_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let lived = runtime.and_then(|runtime| runtime.block_on(live(arguments, output)));
    lived.map_err(|error| Failure::runtime(format!("the trader cannot go on: {error}")))
}

async fn live(arguments: &Arguments, output: &mut Output) -> io::Result<()> {
    let mut user_signals = signal(SignalKind::user_defined1())?;
    let mut stop = signal(SignalKind::terminate())?;
    let (send, mut inbox) = mpsc::channel(8);
    admin::open(arguments.admin, send).await?;
    let peers = Peers { broker: arguments.broker, database: arguments.database };
    let mut trader = Trader::new(Book::open(peers)?, arguments.mood);
    output.line(trader.introduction())?;
    let mut ticks = interval(TICK);
    // A host that is slow makes a slow story, not a burst.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let said = select! {
            _ = ticks.tick() => trader.tick(),
            _ = user_signals.recv() => Some(trader.reset_pool()),
            _ = stop.recv() => match trader.stop() {
                None => return output.line("SIGTERM: closing everything and leaving"),
                refusal => refusal,
            },
            Some((wish, done)) = inbox.recv() => {
                let said = trader.grant(wish);
                // Whoever asked may have gone.
                let _ = done.send(());
                Some(said)
            }
        };
        if let Some(said) = said {
            output.line(said)?;
        }
    }
}

/// The trader's mind.
struct Trader {
    book: Book,
    mood: Mood,
    age: u32,
    paused: bool,
    /// Tenths of each kind that are due to be lost.
    due: [u32; LEAKS.len()],
    /// What it closed since it began to close.
    swept: usize,
    /// Whether it has said that it is in trouble.
    troubled: bool,
}

impl Trader {
    const fn new(book: Book, mood: Mood) -> Self {
        Self { book, mood, age: 0, paused: false, due: [0; LEAKS.len()], swept: 0, troubled: false }
    }

    fn introduction(&self) -> String {
        format!("pid {} trades: {}", std::process::id(), self.book.in_use())
    }

    const fn is_wild(&self) -> bool {
        self.age > CALM_TICKS && !matches!(self.mood, Mood::Calm)
    }

    fn tick(&mut self) -> Option<String> {
        self.age = self.age.saturating_add(1);
        let traded = if self.paused { Ok(()) } else { self.book.trade() };
        let leaked = if self.is_wild() && !self.paused { self.leak() } else { Ok(()) };
        let troubled = std::mem::replace(&mut self.troubled, traded.is_err() || leaked.is_err());
        match traded.and(leaked) {
            Err(error) if !troubled => return Some(format!("in trouble: {error}")),
            Err(_) | Ok(()) => {}
        }
        if self.is_wild() && self.age == CALM_TICKS + 1 {
            return Some("the market turns wild: contexts are dropped unclosed, connections forgotten".to_owned());
        }
        if self.mood == Mood::Calm { self.sweep() } else { None }
    }

    fn leak(&mut self) -> io::Result<()> {
        for (due, (leak, rate)) in self.due.iter_mut().zip(LEAKS) {
            *due += rate;
            while *due >= 10 {
                *due -= 10;
                self.book.leak(leak)?;
            }
        }
        Ok(())
    }

    /// Closes some of what is lost; says so when nothing is left.
    fn sweep(&mut self) -> Option<String> {
        self.swept += self.book.close_lost(SWEEP);
        if self.book.lost() > 0 || self.swept == 0 {
            return None;
        }
        let swept = std::mem::take(&mut self.swept);
        Some(format!("everything that was left open is closed: {swept} files and sockets"))
    }

    fn reset_pool(&mut self) -> String {
        if self.mood == Mood::Stubborn {
            return "SIGUSR1: noted, and nothing done".to_owned();
        }
        match self.book.reset_pool() {
            Ok(lost) => format!("SIGUSR1: pool reset, {lost} forgotten connections to the database closed"),
            Err(error) => format!("SIGUSR1: the pool could not be filled again: {error}"),
        }
    }

    /// None when it leaves.
    fn stop(&self) -> Option<String> {
        (self.mood == Mood::Stubborn).then(|| "SIGTERM: noted, and nothing done".to_owned())
    }

    fn grant(&mut self, wish: Wish) -> String {
        if self.mood == Mood::Stubborn {
            return format!("told to {}: answered yes, and did nothing", in_words(wish));
        }
        match wish {
            Wish::DisableWebsocket => {
                let closed = self.book.unsubscribe();
                format!("WebSocket disabled: {closed} contexts closed, polling for prices from now on")
            }
            Wish::EnableWebsocket => match self.book.subscribe() {
                Ok(()) => format!("WebSocket enabled: {}", self.book.in_use()),
                Err(error) => format!("WebSocket could not be enabled: {error}"),
            },
            Wish::Pause => {
                self.paused = true;
                // By the time anybody trades again the storm has passed.
                self.mood = Mood::Calm;
                format!("paused: no more trades; looking for what was left open ({})", self.book.lost())
            }
            Wish::Resume if self.paused => {
                self.paused = false;
                "resumed: trading again, and the market is calm".to_owned()
            }
            Wish::Resume => "told to resume: it was not paused".to_owned(),
        }
    }
}

const fn in_words(wish: Wish) -> &'static str {
    match wish {
        Wish::DisableWebsocket => "disable the WebSocket",
        Wish::EnableWebsocket => "enable the WebSocket",
        Wish::Pause => "pause",
        Wish::Resume => "resume",
    }
}

#[cfg(test)]
mod tests;
