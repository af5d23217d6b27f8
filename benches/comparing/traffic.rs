//! Segments on a connection of our own: where TCP is still tradedog need not list sockets in each pass, and
//! a trading host is hardly ever still.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// One of them lies in any pass.
const EVERY: Duration = Duration::from_millis(100);

/// A byte every tenth of a second, until it is dropped.
pub(crate) struct Traffic {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Traffic {
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut from = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut to, _) = listener.accept().unwrap();
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                from.write_all(b"x").unwrap();
                to.read_exact(&mut [0]).unwrap();
                std::thread::sleep(EVERY);
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join).unwrap().unwrap();
    }
}
