//! A series that is read by a thread of its own, some rows ahead of who plays them: two cores are used. What is
//! ahead is bounded, and its buffers go back and forth, so that nothing is allocated for a row.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::replay::{Column, Fault, Row, Series};

/// Cells that are handed over together ...
const CELLS: usize = 1 << 14;
/// ... and most rows.
const MOST_ROWS: usize = 1024;
/// Batches that wait for being played.
const BATCHES: usize = 2;

/// Rows that were read, and what came behind them.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    /// How many of them are filled.
    count: usize,
    /// Why these are the last: the end of the series, or what is wrong with it.
    end: Option<Result<(), Fault>>,
}

/// A series, and the thread that reads it.
pub(super) struct Ahead {
    columns: Vec<Column>,
    names_targets: bool,
    batch: Batch,
    /// The next of its rows.
    at: usize,
    /// None once nobody wants to hear of it any more.
    pipe: Option<Pipe>,
    thread: Option<JoinHandle<()>>,
}

/// Where full batches come from, and where empty ones go.
struct Pipe {
    full: Receiver<Batch>,
    empty: Sender<Batch>,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn new(mut series: Box<dyn Series + Send>) -> io::Result<Self> {
        let (columns, names_targets) = (series.columns().to_vec(), series.names_targets());
        let (to, full) = sync_channel(BATCHES);
        let (empty, from) = channel();
        let work = move || read(&mut *series, &to, &from);
        let thread = Builder::new().name("series".to_owned()).spawn(work)?;
        let pipe = Some(Pipe { full, empty });
        Ok(Self { columns, names_targets, batch: Batch::default(), at: 0, pipe, thread: Some(thread) })
    }

    /// Takes the next batch, and gives back the one that was read.
    fn turn(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        // A thread that has ended without a word has panicked, which is told where that happens.
        let lost = || Batch { end: Some(Err(interrupted())), ..Batch::default() };
        let next = pipe.full.recv().unwrap_or_else(|_| lost());
        let read = std::mem::replace(&mut self.batch, next);
        // It may have come to the end, and want no more.
        let _ = pipe.empty.send(read);
        self.at = 0;
    }
}

impl Series for Ahead {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn names_targets(&self) -> bool {
        self.names_targets
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, Fault> {
        while self.at >= self.batch.count {
            match &self.batch.end {
                Some(Ok(())) => return Ok(false),
                Some(Err(fault)) => return Err(fault.clone()),
                None => self.turn(),
            }
        }
        if let Some(next) = self.batch.rows.get_mut(self.at) {
            std::mem::swap(row, next);
        }
        self.at += 1;
        Ok(true)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Whoever waits for room is woken, and ends.
        self.pipe = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads until the series ends, or nobody wants any more.
fn read(series: &mut dyn Series, to: &SyncSender<Batch>, from: &Receiver<Batch>) {
    let most = (CELLS / series.columns().len().max(1)).clamp(1, MOST_ROWS);
    loop {
        let mut batch = from.try_recv().unwrap_or_default();
        batch.fill(series, most);
        let last = batch.end.is_some();
        if to.send(batch).is_err() || last {
            return;
        }
    }
}

impl Batch {
    fn fill(&mut self, series: &mut dyn Series, most: usize) {
        self.rows.resize_with(most, Row::default);
        self.count = 0;
        for row in &mut self.rows {
            match series.read(row) {
                Ok(true) => self.count += 1,
                Ok(false) => self.end = Some(Ok(())),
                Err(fault) => self.end = Some(Err(fault)),
            }
            if self.end.is_some() {
                return;
            }
        }
    }
}

fn interrupted() -> Fault {
    Fault {
        place: "the series".to_owned(),
        what: "the thread that reads it has ended".to_owned(),
        help: "run it again, and report what it said before".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Csv;

    fn lines(count: u32) -> String {
        let line = |at: u32| format!("{at},{}\n", at * 7 % 31);
        std::iter::once("time,open_fds\n".to_owned()).chain((0..count).map(line)).collect()
    }

    fn csv(text: String) -> Box<dyn Series + Send> {
        Box::new(Csv::new("leak.csv", io::Cursor::new(text)).unwrap())
    }

    fn all(series: &mut dyn Series) -> (Vec<Row>, Option<Fault>) {
        let (mut rows, mut row) = (Vec::new(), Row::default());
        loop {
            match series.read(&mut row) {
                Ok(true) => rows.push(row.clone()),
                Ok(false) => return (rows, None),
                Err(fault) => return (rows, Some(fault)),
            }
        }
    }

    #[test]
    fn it_is_the_same_series() {
        for count in [0, 1, 1023, 1024, 1025, 10_000] {
            let mut ahead = Ahead::new(csv(lines(count))).unwrap();
            assert_eq!(ahead.columns().len(), 1);
            let (rows, fault) = all(&mut ahead);
            assert_eq!((rows.len(), fault), (usize::try_from(count).unwrap(), None));
            assert_eq!(rows, all(&mut *csv(lines(count))).0);
            assert!(!ahead.read(&mut Row::default()).unwrap(), "the end stays the end");
        }
    }

    #[test]
    fn what_is_wrong_comes_behind_what_was_read_before() {
        let text = lines(3000) + "x,1\n" + &lines(10);
        let (rows, fault) = all(&mut Ahead::new(csv(text)).unwrap());
        assert_eq!(rows.len(), 3000);
        assert!(fault.unwrap().place.contains("line 3002"));
    }

    #[test]
    fn who_wants_no_more_leaves_no_thread_behind() {
        let mut ahead = Ahead::new(csv(lines(100_000))).unwrap();
        assert!(ahead.read(&mut Row::default()).unwrap());
        drop(ahead);
    }
}
