//! What stands for the trader's own control program: `demo ctl ADDRESS pause`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};

use super::super::Failure;

/// Time for each step.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom to tell what.
#[derive(Args, Debug)]
pub(in super::super) struct Arguments {
    /// The trader's admin port
    address: SocketAddr,
    #[arg(value_enum)]
    wish: Wish,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wish {
    Pause,
    Resume,
}

pub(in super::super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = match arguments.wish {
        Wish::Pause => "/admin/pause",
        Wish::Resume => "/admin/resume",
    };
    post(arguments.address, path).map_err(Failure::Runtime)
}

/// Asks the trader; it must answer with a status of success.
pub(super) fn post(trader: SocketAddr, path: &str) -> anyhow::Result<()> {
    let mut connection = TcpStream::connect_timeout(&trader, PATIENCE).context("the trader cannot be reached")?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    write!(connection, "POST {path} HTTP/1.1\r\nHost: {trader}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).context("the trader does not answer")?;
    ensure!(answer.starts_with(b"HTTP/1.1 2"), "the trader refuses: {}", String::from_utf8_lossy(&answer));
    Ok(())
}
